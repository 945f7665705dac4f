// The exception that every failed check throws, and the check.
#pragma once

#include <exception>
#include <memory>
#include <sstream>
#include <string>

namespace ember {

// Thrown for every misuse and every failure of a device or library underneath. The message says which
// operation failed and what it was given; what() adds the first caller outside this library with its
// file and line where the program carries debug information (looked up only when what() is called).
class Error : public std::exception {
 public:
  explicit Error(std::string message);

  const char* what() const noexcept override;
  const char* what_without_backtrace() const noexcept;
  const std::string& msg() const noexcept { return *message_; }

  // For code that catches, adds what it knows (the operation's name, say) and rethrows.
  void prepend(const std::string& context);

 private:
  struct Trace;
  std::shared_ptr<std::string> message_;
  std::shared_ptr<Trace> trace_;
};

// An index or a dimension out of range (PyTorch's IndexError).
class IndexError : public Error {
 public:
  using Error::Error;
};

// A feature that is not there (PyTorch's NotImplementedError).
class NotImplementedError : public Error {
 public:
  using Error::Error;
};

namespace detail {
template <class... Args>
std::string concat(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return std::move(out).str();
}
[[noreturn]] void throw_error(std::string message);
[[noreturn]] void throw_index_error(std::string message);
}  // namespace detail

// EMBER_CHECK(condition, parts of the message…): throws ember::Error unless the condition holds.
// The parts are streamed, and only when the check fails.
#define EMBER_CHECK(condition, ...) \
  do { \
    if (!(condition)) [[unlikely]] \
      ::ember::detail::throw_error(::ember::detail::concat(__VA_ARGS__)); \
  } while (false)
#define EMBER_CHECK_INDEX(condition, ...) \
  do { \
    if (!(condition)) [[unlikely]] \
      ::ember::detail::throw_index_error(::ember::detail::concat(__VA_ARGS__)); \
  } while (false)

}  // namespace ember
