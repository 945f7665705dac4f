// Activations and their gradients: the EMBER_UNARY_ACTIVATION and EMBER_BINARY_ACTIVATION rows of elementwise.def.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise_rows.cuh>

namespace ember::cuda {

void register_activations(Kernels& table) {
#define EMBER_UNARY_ACTIVATION(name, Functor, Set) \
  table.name.function[kColumn] = unary_row<functors::Functor, DtypeSet::Set>;
#define EMBER_BINARY_ACTIVATION(name, Functor, Set) \
  table.name.function[kColumn] = binary_row<functors::Functor, DtypeSet::Set>;
#include <ember/core/elementwise.def>
}

}  // namespace ember::cuda
