// What the generated suites share: drawing inputs, laying them out in memory, reading and comparing results.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include <ember/core/backend.h>

#include "op_table.h"

namespace ember::test {

enum class Layout {
  Contiguous,
  Transposed,  // dense, the dimensions in reverse order
  Sliced,      // every second element of rows that are too long, not at the start of the storage
  Broadcast,   // the first dimension larger than 1 repeated with stride 0
};
extern const std::vector<Layout> kLayouts;
const char* name_of(Layout layout);

// Deterministic values for an input. All are exact in `dtype`, so that the reference sees what the
// operation sees. For gradients (float64) they are all different, and so are those of other inputs.
HostArray draw(const Input& input, size_t which, ScalarType dtype);
ScalarType dtype_of_input(const Input& input, ScalarType dtype);

// A tensor with these values. `base` is the whole allocation, one-dimensional; what does not belong to the
// tensor is filled with a mark.
struct LaidOut {
  Tensor base;
  Tensor tensor;
};
LaidOut lay_out(const HostArray& values, ScalarType dtype, Device device, Layout layout);
Tensor make(const HostArray& values, ScalarType dtype, Device device = kCPU, Layout layout = Layout::Contiguous);
// Makes the values what a Broadcast layout can hold: equal along the repeated dimension.
HostArray repeat_for_broadcast(HostArray values);
// Whether the elements of `base` outside of `tensor` still have the mark.
bool marks_intact(const LaidOut& t);

// The elements, read through the strides.
HostArray read(const Tensor& t);

// Whether `actual` has the dtype, the sizes, and within the tolerance the values that are expected.
::testing::AssertionResult matches(const Tensor& actual, const HostArray& expected, ScalarType dtype,
                                   const Tolerance& tolerance);
::testing::AssertionResult same(const Tensor& a, const Tensor& b);  // bitwise, but for the payload of NaN

// Skips the test that calls it where there is no such device.
#define EMBER_SKIP_WITHOUT(device) \
  do { \
    if (::ember::Device(device).is_cuda() && !::ember::cuda::is_available()) \
      GTEST_SKIP() << ::ember::cuda::why_unavailable(); \
  } while (false)

// "add", "cpu" → a test case of a generated suite.
void register_test(const char* suite, const std::string& name, std::function<void()> body);
void register_forward_tests();
void register_gradient_tests();
void register_error_tests();

}  // namespace ember::test
