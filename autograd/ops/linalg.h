// What the operations of linear algebra share.
#pragma once

#include <ember/autograd/ops/common.h>

namespace ember::ops {

// Both defined, on one device, of one dtype; not bool.
void check_product(const char* op, const Tensor& a, const Tensor& b, const char* b_name);

// Square matrices in the last two dimensions.
void check_square(const char* op, const Tensor& A);

inline Tensor times(const Tensor& t, const Scalar& s) { return s.equal(1) ? t : t * s; }

// [m, n] as [1, m, n], outside autograd.
inline Tensor as_batch(const Tensor& m) {
  return detail::alias(m, {1, m.sizes()[0], m.sizes()[1]}, {0, m.strides()[0], m.strides()[1]}, m.storage_offset());
}
// A vector (or a 0-dimensional tensor) as [1, rows, columns], one of which is 1; outside autograd.
inline Tensor as_matrix(const Tensor& v, int64_t rows, int64_t columns) {
  const int64_t stride = v.dim() == 0 ? 1 : v.strides()[0];
  return detail::alias(v, {1, rows, columns}, {0, columns == 1 ? stride : 1, rows == 1 ? stride : 1},
                       v.storage_offset());
}
// out = beta·out + alpha·a·b over [b, m, k] and [b, k, n], or [m, k] and [k, n]
inline void product(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  if (out.numel() != 0) launch(kernels.matmul, out.device(), out, a, b, alpha, beta);
}

// bias[n] + a·b, of matrices; not recorded.
Tensor product_with_bias(const Tensor& a, const Tensor& b, const Tensor& bias);

// The `_out` form of an operation whose result is written in its own dtype or not at all.
template <class F>
Tensor& out_of_dtype(const char* op, Tensor& out, std::initializer_list<const Tensor*> inputs, F&& f) {
  return out_form(op, out, inputs, [&] {
    Tensor y = f();
    EMBER_CHECK(y.dtype() == out.dtype(), op, ": expected out to be ", dtype_name(y.scalar_type()), ", got ",
                describe(out));
    return y;
  });
}

}  // namespace ember::ops
