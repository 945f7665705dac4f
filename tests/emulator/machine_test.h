// PTX as text, run by the machine, for the machine's own tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "machine.h"
#include "memory.h"

namespace emulator::test {

/// An array that kernels can access. It has been written.
template <class T>
class Array {
 public:
  explicit Array(std::vector<T> values) : values_(std::move(values)) { add_range(data(), bytes()); }
  explicit Array(size_t count, T value = T{}) : Array(std::vector<T>(count, value)) {}
  ~Array() { remove_range(data(), bytes()); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  T* data() { return values_.data(); }
  size_t bytes() const { return values_.size() * sizeof(T); }
  const std::vector<T>& values() const { return values_; }
  T operator[](size_t at) const { return values_[at]; }

 private:
  std::vector<T> values_;
};

/// "(.param .u64 p0, .param .u32 p1) { … }" with registers of each kind and the thread's index in %tid: the entry `k`
/// of a module whose other text stands before it.
struct Program {
  explicit Program(const std::string& parameters, const std::string& body, const std::string& before = "");
  const Kernel* kernel;

  /// With arguments as they lie in memory.
  template <class... A>
  void operator()(Dim grid, Dim block, A... arguments) const {
    launch(grid, block, 0, arguments...);
  }
  template <class... A>
  void launch(Dim grid, Dim block, size_t shared, A... arguments) const {
    std::vector<std::byte> bytes(kernel->parameter_bytes);
    size_t n = 0;
    [[maybe_unused]] const auto put = [&](const auto& value) {
      static_assert(std::is_trivially_copyable_v<std::remove_cvref_t<decltype(value)>>);
      std::memcpy(bytes.data() + kernel->parameters.at(n++).offset, &value, sizeof value);
    };
    (put(arguments), ...);
    run(*kernel, grid, block, shared, bytes.data());
  }
};

using Row = std::vector<uint64_t>;  ///< the bits of an instruction's operands

/// What "op d, a, b, …;" gives for each row; types are of the operands, as ".u32". Each thread has a row.
std::vector<uint64_t> compute(const std::string& op, const std::string& result, const std::vector<std::string>& types,
                              const std::vector<Row>& rows);

/// Expects of each row what f, which gets its bits, says.
template <class F>
void expect_each(const std::string& op, const std::string& result, const std::vector<std::string>& types,
                 const std::vector<Row>& rows, F f) {
  const std::vector<uint64_t> results = compute(op, result, types, rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string text;
    for (const uint64_t bits : rows[i]) text += testing::PrintToString(bits) + " ";
    ASSERT_EQ(results[i], static_cast<uint64_t>(f(rows[i]))) << op << " of " << text;
  }
}

/// All rows with an element of each.
std::vector<Row> product(const std::vector<std::vector<uint64_t>>& columns);

template <class T>
T value(uint64_t bits) {
  T result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}
template <class T>
uint64_t bits(T value) {
  uint64_t result = 0;
  std::memcpy(&result, &value, sizeof value);
  return result;
}

/// The Fault's text with which it ends; an empty one if it does not.
template <class F>
std::string fault_of(F&& f, FaultKind kind) {
  try {
    f();
  } catch (const Fault& fault) {
    EXPECT_EQ(fault.kind, kind) << fault.what();
    return fault.what();
  }
  return "";
}

/// `text` contains all of them.
testing::AssertionResult has(const std::string& text, const std::vector<std::string>& parts);

/// Options for a test, which are as they were after it.
class With {
 public:
  explicit With(const Options& wanted) : before_(options()) { options() = wanted; }
  ~With() { options() = before_; }
  With(const With&) = delete;
  With& operator=(const With&) = delete;

 private:
  const Options before_;
};

}  // namespace emulator::test
