// out[i] = f(a[i]): the EMBER_UNARY_SPECIAL rows of elementwise.def.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise_rows.cuh>

namespace ember::cuda {

void register_special(Kernels& table) {
#define EMBER_UNARY_SPECIAL(name, Functor, Set) \
  table.name.function[kColumn] = costly_unary_row<functors::Functor, DtypeSet::Set>;
#include <ember/core/elementwise.def>
}

}  // namespace ember::cuda
