// Products with an activation, and its gradient with one: in steps, each in place over what the one before has just
// written, so that the results are those of the operations one by one to the bit.
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

void activate(const Tensor& out, const Tensor& in, Activation activation) {
  TensorIterator iter(out);
  iter.add_input(in);
  iter.build();
  if (activation == Activation::Relu) return elementwise<&Loops::relu, DtypeSet::Numeric>(iter, Params{});
  elementwise<&Loops::gelu_tanh, DtypeSet::Floating>(iter, Params{});
}

}  // namespace

void matmul_activation(const Tensor& out, Tensor* saved, const Tensor& a, const Tensor& b, const Tensor& bias,
                       Activation activation) {
  Tensor sum = out;
  if (saved != nullptr && activation == Activation::GeluTanh) {
    sum = *saved = detail::empty(out.sizes(), out.scalar_type(), kCPU);
  }
  matmul_bias(sum, a, b, bias);
  activate(out, sum, activation);
}

void matmul_activation_backward(const Tensor& out, Tensor* sums, const Tensor& a, const Tensor& b, const Tensor& result,
                                const Tensor& saved, Activation activation) {
  matmul(out, a, b, 1, 0);
  TensorIterator iter(out);
  iter.add_input(out);
  iter.add_input(activation == Activation::Relu ? result : saved);
  iter.build();
  if (activation == Activation::Relu) {
    elementwise<&Loops::relu_backward, DtypeSet::Floating>(iter, Params{});
  } else {
    elementwise<&Loops::gelu_tanh_backward, DtypeSet::Floating>(iter, Params{});
  }
  if (sums == nullptr) return;
  // As matmul_row_sums has them.
  const Dims &sizes = out.sizes(), &strides = out.strides();
  *sums = detail::empty({sizes[1]}, out.scalar_type(), kCPU);
  sum(*sums, detail::alias(out, {sizes[1], sizes[0]}, {strides[1], strides[0]}, out.storage_offset()), DimMask{2}, 1);
}

}  // namespace ember::cpu
