// The EMBER_BINARY_MATH rows of elementwise.def.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise_rows.cuh>

namespace ember::cuda {

void register_binary_math(Kernels& table) {
#define EMBER_BINARY_MATH(name, Functor, Set) \
  table.name.function[kColumn] = binary_row<functors::Functor, DtypeSet::Set>;
#define EMBER_BINARY_BITS(name, Functor, Set)
#include <ember/core/elementwise.def>
}

}  // namespace ember::cuda
