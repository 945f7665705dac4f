// Products and what comes before or after them in one kernel: by our own where they are small, by the epilogues of
// cuBLASLt where it has one for the problem and, with cuda::benchmark(), where that is measured to be quicker than the
// steps.
#include <optional>

#include <ember/core/cuda_blas.h>
#include <ember/core/launch.h>
#include <ember/core/product_kernels.h>
#include <ember/cuda/product.h>
#include <ember/cuda/register.h>
#include <ember/cuda/small_product.h>

namespace ember::cuda {

namespace {

void copy_to_rows(const Tensor& out, const Tensor& bias) {
  TensorIterator iter(out);
  iter.add_input(bias);
  iter.build();
  launch(kernels.copy, out.device(), iter);
}

void matmul_bias(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  if (out.numel() == 0) return;
  if (!is_floating(out.dtype()) || a.sizes()[1] == 0) {
    copy_to_rows(out, bias);
    return matmul(out, a, b, 1, 1);
  }
  const LaunchScope scope(out.device());
  const Product product(out, a, b);
  // The bias is added on the way, or is in every row of the output first.
  if (bias.sizes()[0] == 1 || bias.strides()[0] == 1) {
    Gemm fused = product.gemm;
    fused.epilogue = Epilogue::Bias;
    fused.vector = bias.data_ptr();
    if (try_small(scope, {fused})) return check_launch("matmul_bias");
    std::optional<ScratchGemm> scratch;
    const auto in_steps = [&] {
      if (!scratch) scratch.emplace(product.gemm, scope);
      copy_to_rows(scratch->matrix(), bias);
      run_product(scope, scratch->gemm(), 1, 1);
    };
    if (for_lt(fused) && lt_gemm(scope, fused, 1, 0, FunctionRef(in_steps))) return check_launch("matmul_bias");
  }
  copy_to_rows(out, bias);
  run_product(scope, product.gemm, 1, 1);
}

void sum_rows(const Tensor& sums, const Tensor& a) { launch(kernels.sum, a.device(), sums, a, DimMask{2}, 1.0); }

// Up to this many multiply-adds a launch that is saved is worth more than what the kernels that make something beside
// the product may lack in speed; beyond it they are taken where they were measured.
bool is_little_work(int64_t outputs, int64_t k) { return outputs <= (int64_t{1} << 27) / k; }
bool worth_it(const Gemm& g) {
  const bool more = has_aux(g.epilogue) || written_vector(g.epilogue, g.m, g.n) != 0;
  return benchmark() || !more || is_little_work(g.m * g.n, g.k);
}
// A mask costs the product that makes it, and may save its gradient something: by one measurement alone that is not to
// be known. Beyond that work none is made. On an H200, 8192 × 4096 × 4096: of bfloat16 some 358 µs with a mask and 341
// without, and the gradient 525 by the mask and 400 by the result; of TF32 974 and 707 with a mask and without.
bool mask_is_worth_it(const Tensor& out, const Tensor& a) { return is_little_work(out.numel(), a.sizes()[1]); }

void matmul_row_sums(const Tensor& out, const Tensor& sums, const Tensor& a, const Tensor& b) {
  if (out.numel() == 0 || a.sizes()[1] == 0 || !is_floating(out.dtype())) {
    sum_rows(sums, a);
    return matmul(out, a, b, 1, 0);
  }
  const LaunchScope scope(out.device());
  const Product product(out, a, b);
  Gemm fused = product.gemm;
  fused.epilogue = Epilogue::RowSums;
  fused.vector = sums.data_ptr();
  if (try_small(scope, {fused})) return check_launch("matmul_row_sums");
  std::optional<ScratchGemm> scratch;
  const auto in_steps = [&] {
    if (!scratch) scratch.emplace(fused, scope);
    sum_rows(scratch->vector(), a);
    Gemm plain = scratch->gemm();
    plain.epilogue = Epilogue::None;
    run_product(scope, plain, 1, 0);
  };
  if (worth_it(fused) && for_lt(fused) && lt_gemm(scope, fused, 1, 0, FunctionRef(in_steps))) {
    return check_launch("matmul_row_sums");
  }
  sum_rows(sums, a);
  run_product(scope, product.gemm, 1, 0);
}

void relu(const Tensor& x) {
  TensorIterator iter(x);
  iter.add_input(x);
  iter.build();
  launch(kernels.relu, x.device(), iter, Params{});
}

void gelu(const Tensor& out, const Tensor& x) {
  TensorIterator iter(out);
  iter.add_input(x);
  iter.build();
  launch(kernels.gelu_tanh, out.device(), iter, Params{});
}

// cuBLASLt's activations are of matrices of float32 and the 2-byte floats.
bool may_fuse(const Tensor& out, const Tensor& a) {
  return out.numel() != 0 && a.sizes()[1] != 0 && out.sizes()[0] != 1 && out.sizes()[1] != 1 && out.dtype() != kFloat64;
}

// Whether cuBLASLt's gradient of the activation is ours. That of relu was not, of 2-byte floats in rows that are not
// whole vectors of 16 bytes, and that of gelu was too far off for float32: seen with cuBLAS 13.1 on an H200 by
// MatmulActivation.EveryDtypeAndLayout.
bool backward_may_fuse(const Tensor& out, const Tensor& a, Activation activation) {
  if (!may_fuse(out, a)) return false;
  const auto element = static_cast<int64_t>(element_size(out.dtype()));
  return activation == Activation::Relu ? out.sizes()[1] * element % 16 == 0 : out.dtype() != kFloat32;
}

// Whether a product is one for our own kernel.
bool is_small(const Tensor& out, const Tensor& a) {
  const int64_t m = out.sizes()[0], n = out.sizes()[1], k = a.sizes()[1];
  return out.numel() != 0 && k != 0 && own_allowed() && small_tile(out.dtype(), 1, m, n, k) != 0;
}

// `aux` is one for the epilogue, if that has one. False, and nothing is done, where it is not to be computed so.
bool activate_on_the_way(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, const Tensor& aux,
                         Epilogue epilogue) {
  const bool small = is_small(out, a);
  if ((!small && !may_fuse(out, a)) || (bias.sizes()[0] != 1 && bias.strides()[0] != 1)) return false;
  const LaunchScope scope(out.device());
  const Product product(out, a, b);
  Gemm fused = product.gemm;
  fused.epilogue = epilogue;
  fused.vector = bias.data_ptr();
  fused.aux = aux.defined() ? aux.data_ptr() : nullptr;
  if (small) {
    (void)try_small(scope, {fused});
    check_launch("matmul_activation");
    return true;
  }
  std::optional<ScratchGemm> scratch;
  const auto in_steps = [&] {
    if (!scratch) scratch.emplace(fused, scope);
    if (epilogue == Epilogue::BiasGeluAux) {
      matmul_bias(scratch->aux(), a, b, bias);
      return gelu(scratch->matrix(), scratch->aux());
    }
    matmul_bias(scratch->matrix(), a, b, bias);
    if (epilogue == Epilogue::BiasGelu) return gelu(scratch->matrix(), scratch->matrix());
    relu(scratch->matrix());
  };
  if (has_mask(epilogue) && !in_vectors(fused)) return false;
  if (!worth_it(fused) || !for_lt(fused) || !lt_gemm(scope, fused, 1, 0, FunctionRef(in_steps))) return false;
  check_launch("matmul_activation");
  return true;
}

void matmul_activation(const Tensor& out, Tensor* saved, const Tensor& a, const Tensor& b, const Tensor& bias,
                       Activation activation) {
  const auto aux_for = [&](Epilogue epilogue) {
    return empty_aux(epilogue, out.sizes()[0], out.sizes()[1], out.scalar_type(), out.device());
  };
  if (activation == Activation::Relu) {
    // Of a small product the gradient has the result.
    if (saved != nullptr && !is_small(out, a) && backward_may_fuse(out, a, activation) && mask_is_worth_it(out, a)) {
      *saved = aux_for(Epilogue::BiasReluAux);
      if (activate_on_the_way(out, a, b, bias, *saved, Epilogue::BiasReluAux)) return;
      *saved = Tensor();  // the result has to do
    }
    if (activate_on_the_way(out, a, b, bias, {}, Epilogue::BiasRelu)) return;
    matmul_bias(out, a, b, bias);
    return relu(out);
  }
  if (saved == nullptr) {
    if (activate_on_the_way(out, a, b, bias, {}, Epilogue::BiasGelu)) return;
    matmul_bias(out, a, b, bias);
    return gelu(out, out);
  }
  *saved = aux_for(Epilogue::BiasGeluAux);
  if (activate_on_the_way(out, a, b, bias, *saved, Epilogue::BiasGeluAux)) return;
  matmul_bias(*saved, a, b, bias);
  gelu(out, *saved);
}

// The gradient of an activation's result becomes that of its input.
void through_activation(const Tensor& g, const Tensor& result, const Tensor& saved, Activation activation) {
  const bool is_relu = activation == Activation::Relu;
  TensorIterator iter(g);
  iter.add_input(g);
  iter.add_input(is_relu ? result : saved);
  iter.build();
  launch(is_relu ? kernels.relu_backward : kernels.gelu_tanh_backward, g.device(), iter, Params{});
}

void sum_columns(const Tensor& sums, const Tensor& a) { launch(kernels.sum, a.device(), sums, a, DimMask{1}, 1.0); }

void through_activation_with_sums(const LaunchScope& scope, const Tensor& g, const Tensor& sums, const Tensor& result,
                                  const Tensor& saved, Activation activation) {
  const Tensor& y = activation == Activation::Relu ? result : saved;
  if (activation_backward_sums(scope, g, sums, y, activation)) return;
  through_activation(g, result, saved, activation);
  sum_columns(sums, g);
}

// By an epilogue of cuBLASLt, with the sums of the columns if they are defined; false, and nothing is done, where it
// has none.
bool backward_on_the_way(const LaunchScope& scope, const Product& product, const Tensor& sums, const Tensor& result,
                         const Tensor& saved, Activation activation) {
  const bool is_relu = activation == Activation::Relu;
  Gemm fused = product.gemm;
  fused.epilogue = is_relu          ? sums.defined() ? Epilogue::ReluBackwardSums : Epilogue::ReluBackward
                   : sums.defined() ? Epilogue::GeluBackwardSums
                                    : Epilogue::GeluBackward;
  fused.vector = sums.defined() ? sums.data_ptr() : nullptr;
  fused.aux = saved.data_ptr();
  if (has_mask(fused.epilogue) && !in_vectors(fused)) return false;
  std::optional<ScratchGemm> scratch;
  const auto in_steps = [&] {
    if (!scratch) scratch.emplace(fused, scope);
    Gemm plain = scratch->gemm();
    plain.epilogue = Epilogue::None;
    // Without the sums it may still be one step, which is measured in its turn.
    if (sums.defined()) {
      Product same = product;
      same.gemm.out = plain.out;
      if (backward_on_the_way(scope, same, {}, result, saved, activation)) {
        return sum_columns(scratch->vector(), scratch->matrix());
      }
      run_product(scope, plain, 1, 0);
      return through_activation_with_sums(scope, scratch->matrix(), scratch->vector(), result, saved, activation);
    }
    run_product(scope, plain, 1, 0);
    through_activation(scratch->matrix(), result, saved, activation);
  };
  return worth_it(fused) && for_lt(fused) && lt_gemm(scope, fused, 1, 0, FunctionRef(in_steps));
}

// The sums of the columns would be those of several blocks: the product that the weight's gradient is has them for
// less.
void to_layer_below(SmallCall& call, Activation activation, const Tensor& result, const Tensor& saved) {
  const bool is_relu = activation == Activation::Relu;
  call.gemm.epilogue = is_relu ? Epilogue::ReluBackward : Epilogue::GeluBackward;
  call.gemm.aux = is_relu ? nullptr : saved.data_ptr();
  call.result = is_relu ? result.data_ptr() : nullptr;
}

void matmul_activation_backward(const Tensor& out, Tensor* sums, const Tensor& a, const Tensor& b, const Tensor& result,
                                const Tensor& saved, Activation activation) {
  const LaunchScope scope(out.device());
  const Product product(out, a, b);
  SmallCall small{product.gemm};
  to_layer_below(small, activation, result, saved);
  if (try_small(scope, small)) return check_launch("matmul_activation_backward");
  if (sums != nullptr) *sums = detail::empty({out.sizes()[1]}, out.scalar_type(), out.device());
  const auto fused = [&](const Tensor& vector) {
    return saved.defined() && backward_may_fuse(out, a, activation) &&
           backward_on_the_way(scope, product, vector, result, saved, activation);
  };
  if (sums != nullptr && fused(*sums)) return check_launch("matmul_activation_backward");
  if (fused({})) {
    if (sums != nullptr) sum_columns(*sums, out);
    return check_launch("matmul_activation_backward");
  }
  run_product(scope, product.gemm, 1, 0);
  if (sums == nullptr) return through_activation(out, result, saved, activation);
  through_activation_with_sums(scope, out, *sums, result, saved, activation);
}

void linear_backward(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& g,
                     const Tensor& x, const Tensor& weight, const LayerBelow* below) {
  const int64_t rows = g.sizes()[0], outputs = g.sizes()[1], inputs = x.sizes()[1];
  const Tensor g_t = detail::alias(g, {outputs, rows}, {g.strides()[1], g.strides()[0]}, g.storage_offset());
  // Two small products in one launch; what is to be measured is measured by itself.
  if (own_allowed() && !benchmark() && small_tile(g.dtype(), 1, rows, inputs, outputs) != 0 &&
      small_tile(g.dtype(), 1, outputs, inputs + 1, rows) != 0) {
    const LaunchScope scope(g.device());
    const Product of_weight(grad_weight, g_t, x), of_x(grad_x, g, weight);
    SmallCall calls[2] = {{of_weight.gemm}, {of_x.gemm}};
    calls[0].gemm.epilogue = Epilogue::RowSums;
    calls[0].gemm.vector = grad_bias.data_ptr();
    if (below != nullptr) to_layer_below(calls[1], below->activation, below->result, below->saved);
    run_small(scope, calls, 2);
    return check_launch("linear_backward");
  }
  matmul_row_sums(grad_weight, grad_bias, g_t, x);
  if (below == nullptr) return matmul(grad_x, g, weight, 1, 0);
  matmul_activation_backward(grad_x, below->sums, g, weight, below->result, below->saved, below->activation);
}

}  // namespace

void register_matmul_fused(Kernels& table) {
  table.matmul_bias.function[kColumn] = matmul_bias;
  product_kernels.matmul_row_sums.function[kColumn] = matmul_row_sums;
  product_kernels.matmul_activation.function[kColumn] = matmul_activation;
  product_kernels.matmul_activation_backward.function[kColumn] = matmul_activation_backward;
  product_kernels.linear_backward.function[kColumn] = linear_backward;
}

}  // namespace ember::cuda
