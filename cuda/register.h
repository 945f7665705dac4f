// Each file of kernels registers its own: it fills the CUDA column of its rows of the kernel table.
#pragma once

#include <ember/core/kernels.h>

namespace ember::cuda {

inline constexpr auto kColumn = static_cast<size_t>(kCUDA);

void register_unary(Kernels& table);
void register_math(Kernels& table);
void register_special(Kernels& table);
void register_activations(Kernels& table);
void register_binary(Kernels& table);
void register_binary_math(Kernels& table);
void register_binary_bits(Kernels& table);
void register_compare(Kernels& table);
void register_ternary(Kernels& table);
void register_copy(Kernels& table);
void register_fill(Kernels& table);
void register_sum(Kernels& table);
void register_extremes(Kernels& table);
void register_indexed_extremes(Kernels& table);
void register_prod(Kernels& table);
void register_moments(Kernels& table);
void register_scans(Kernels& table);
void register_extreme_scans(Kernels& table);
void register_sorts(Kernels& table);
void register_search(Kernels& table);
void register_softmax(Kernels& table);
void register_matmul(Kernels& table);
void register_matmul_fused(Kernels& table);
void register_lu(Kernels& table);
void register_index(Kernels& table);
void register_nonzero(Kernels& table);
void register_random(Kernels& table);
void register_layer_norm(Kernels& table);
void register_layer_norm_backward(Kernels& table);
void register_cross_entropy(Kernels& table);
void register_mse_loss(Kernels& table);
void register_optimizers(Kernels& table);

// All of them. Touches no device.
void register_kernels(Kernels& table);

}  // namespace ember::cuda
