#include <ember/cuda/register.h>

namespace ember::cuda {

void register_kernels(Kernels& table) {
  register_unary(table);
  register_math(table);
  register_special(table);
  register_activations(table);
  register_binary(table);
  register_binary_math(table);
  register_binary_bits(table);
  register_compare(table);
  register_ternary(table);
  register_copy(table);
  register_fill(table);
  register_sum(table);
  register_extremes(table);
  register_indexed_extremes(table);
  register_prod(table);
  register_moments(table);
  register_scans(table);
  register_extreme_scans(table);
  register_sorts(table);
  register_search(table);
  register_softmax(table);
  register_matmul(table);
  register_matmul_fused(table);
  register_lu(table);
  register_index(table);
  register_nonzero(table);
  register_random(table);
  register_layer_norm(table);
  register_layer_norm_backward(table);
  register_cross_entropy(table);
  register_mse_loss(table);
  register_optimizers(table);
}

}  // namespace ember::cuda
