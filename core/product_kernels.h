// More rows of the kernel table (kernels.h), for what only matrix products need: apart, so that a change to them does
// not recompile every kernel.
#pragma once

#include <ember/core/kernels.h>

namespace ember {

// What follows a product in the same kernel.
enum class Activation : uint8_t {
  Relu,
  GeluTanh,  // gelu in the approximation by tanh
};

// The activation that has made a layer's input, and what its matmul_activation has left.
struct LayerBelow {
  Activation activation;
  const Tensor& result;
  const Tensor& saved;
  Tensor* sums;  // as matmul_activation_backward's
};

struct ProductKernels {
  // As matmul of matrices with alpha = 1 and beta = 0, and sums[m] = Σ a[m,k] over k. Both outputs are contiguous; m, n
  // and k may be 0.
  Kernel<void(const Tensor& out, const Tensor& sums, const Tensor& a, const Tensor& b)> matmul_row_sums{
      "matmul_row_sums"};

  // As matmul_bias, and the activation of that; floating dtypes, `out` is contiguous. `saved`, unless null, comes
  // undefined and becomes what the gradient needs of the device: of Relu a mask that only the device reads, or nothing,
  // since the result tells; of GeluTanh the activation's input, [m, n] in out's dtype with dense rows.
  Kernel<void(const Tensor& out, Tensor* saved, const Tensor& a, const Tensor& b, const Tensor& bias, Activation)>
      matmul_activation{"matmul_activation"};
  // The gradient of an activation's input, which is that of its result, a[m,k]·b[k,n], times the derivative: `result`
  // is the result of Relu (of GeluTanh undefined), `saved` what matmul_activation made. `sums`, unless null, comes
  // undefined and becomes the sums of the columns of `out`, [n], or stays so where they cost the device less elsewhere
  // (matmul_row_sums). `out` is contiguous and of a floating dtype; m, n and k are at least 1.
  Kernel<void(const Tensor& out, Tensor* sums, const Tensor& a, const Tensor& b, const Tensor& result,
              const Tensor& saved, Activation)>
      matmul_activation_backward{"matmul_activation_backward"};

  // The gradients of a linear layer, all of its three, from that of its result, g[N, out]: grad_x[N, in] = g·weight as
  // matmul, or with a layer below, unless that is null, as matmul_activation_backward; grad_weight[out, in] = gᵀ·x and
  // grad_bias[out] as matmul_row_sums. One floating dtype; the outputs are contiguous; sizes are at least 1. Only of
  // devices that have something better than these one by one.
  Kernel<void(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& g,
              const Tensor& x, const Tensor& weight, const LayerBelow* below)>
      linear_backward{"linear_backward"};
};

extern ProductKernels product_kernels;

}  // namespace ember
