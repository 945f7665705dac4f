// What the tests written by hand share: tensors from numbers and numbers from tensors, the message of an
// error, the text of a value.
#pragma once

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>

namespace ember::test {

// AddressSanitizer sees every allocation: no memory is cached for it to miss.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kCachesMemory = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kCachesMemory = false;
#else
inline constexpr bool kCachesMemory = true;
#endif
#else
inline constexpr bool kCachesMemory = true;
#endif
#define EMBER_SKIP_WITHOUT_CACHE() \
  if (!::ember::test::kCachesMemory) GTEST_SKIP() << "under AddressSanitizer nothing is cached"

// A vector in double precision, and the same as a leaf that requires a gradient.
inline Tensor doubles(const std::vector<double>& values) { return tensor(values, kFloat64); }
inline Tensor leaf(const std::vector<double>& values) { return doubles(values).requires_grad_(); }

inline constexpr ScalarType kFloating[] = {kFloat64, kFloat32, kFloat16, kBFloat16};
// Normal numbers, the same for each dtype and device but for rounding.
inline Tensor random(IntArrayRef sizes, ScalarType dtype, uint64_t seed) {
  return randn(sizes, make_generator(seed), kFloat64).to(dtype);
}
inline Tensor random(IntArrayRef sizes, ScalarType dtype, Device device, uint64_t seed) {
  return random(sizes, dtype, seed).to(device);
}

// The elements in order. T must be the tensor's own type.
template <class T>
std::vector<T> elements(const Tensor& t) {
  const Tensor flat = t.detach().cpu().contiguous();
  const T* const data = flat.data_ptr<T>();
  return {data, data + flat.numel()};
}
// Of any dtype, as doubles.
inline std::vector<double> values(const Tensor& t) { return elements<double>(t.detach().to(kFloat64)); }

inline testing::AssertionResult have_values(const Tensor& actual, const std::vector<double>& expected,
                                            double tolerance = 1e-12) {
  if (!actual.defined()) return testing::AssertionFailure() << "the tensor is undefined";
  const std::vector<double> got = values(actual);
  if (got.size() != expected.size()) {
    return testing::AssertionFailure() << got.size() << " elements instead of " << expected.size();
  }
  for (size_t i = 0; i < got.size(); ++i) {
    const bool same = got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]));
    if (!same && !(std::fabs(got[i] - expected[i]) <= tolerance)) {
      return testing::AssertionFailure() << "element " << i << " is " << got[i] << ", expected " << expected[i]
                                         << ", off by " << got[i] - expected[i];
    }
  }
  return testing::AssertionSuccess();
}
// EXPECT_VALUES(tensor, {1, 2, 3, 4}) or (tensor, {…}, tolerance): the elements in order, of any shape;
// EXPECT_VECTOR: of one dimension.
#define EXPECT_VALUES(actual, ...) EXPECT_TRUE(::ember::test::have_values(actual, __VA_ARGS__))
#define EXPECT_VECTOR(actual, ...) EXPECT_TRUE(::ember::test::is_vector(actual, __VA_ARGS__))
inline testing::AssertionResult is_vector(const Tensor& actual, const std::vector<double>& expected) {
  if (actual.defined() && actual.dim() != 1) return testing::AssertionFailure() << describe(actual);
  return have_values(actual, expected);
}

// Every bit, but for the sign of zero: EXPECT_ELEMENTS(float, tensor, {0.5f, 1.5f})
#define EXPECT_ELEMENTS(T, actual, ...) EXPECT_EQ(::ember::test::elements<T>(actual), (std::vector<T> __VA_ARGS__))

// The message of the Error that f throws; records a failure when it throws none or another.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what_without_backtrace();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "threw something else: " << e.what();
    return "";
  }
  ADD_FAILURE() << "threw nothing";
  return "";
}
#define EXPECT_ERROR(expression, part) EXPECT_MENTIONS(::ember::test::error_of([&] { (void)(expression); }), part)
#define EXPECT_MENTIONS(text, part) EXPECT_PRED2(::ember::test::mentions, text, part)
inline bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// As operator<< prints it.
template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

// FNV-1a of the tensor's bytes.
inline uint64_t hash(const Tensor& t) {
  uint64_t h = 0xcbf29ce484222325u;
  const auto* const p = static_cast<const unsigned char*>(t.data_ptr());
  for (size_t i = 0; i < t.nbytes(); ++i) h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}

}  // namespace ember::test
