// out[i] = f(a[i], b[i]), one dtype for all: the EMBER_BINARY rows of elementwise.def.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise_rows.cuh>

namespace ember::cuda {

void register_binary(Kernels& table) {
#define EMBER_BINARY_MATH(name, Functor, Set)
#define EMBER_BINARY_BITS(name, Functor, Set)
#define EMBER_BINARY_ACTIVATION(name, Functor, Set)
#define EMBER_BINARY(name, Functor, Set) table.name.function[kColumn] = binary_row<functors::Functor, DtypeSet::Set>;
#include <ember/core/elementwise.def>
}

}  // namespace ember::cuda
