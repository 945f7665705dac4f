// EMBER_ARG(T, name) [= default];  declares an option inside an options struct: a getter `name()`, setters
// `name(value)` that return the struct for chaining, and the member `name_`. What follows the macro is private.
#pragma once

#include <utility>

#define EMBER_ARG(T, name) \
 public: \
  auto name(const T& new_##name)->decltype(*this) { \
    this->name##_ = new_##name; \
    return *this; \
  } \
  auto name(T&& new_##name)->decltype(*this) { \
    this->name##_ = std::move(new_##name); \
    return *this; \
  } \
  const T& name() const noexcept { return this->name##_; } \
  T& name() noexcept { return this->name##_; } \
\
 private: \
  T name##_
