// out[i] = f(a[i], b[i]), one dtype for all: every EMBER_BINARY row of elementwise.def.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

namespace {

template <template <class> class Functor, DtypeSet Set>
void binary(const TensorIterator& iter, const Params& params) {
  visit_dtype<Set>(iter.dtype(0), [&]<class T>() {
    using F = Functor<compute_t<T>>;
    elementwise<T, T, T>(iter, "an elementwise kernel", functors::make<F>(params));
  });
}

}  // namespace

void register_binary(Kernels& table) {
#define EMBER_BINARY(name, Functor, Set) table.name.function[kColumn] = binary<functors::Functor, DtypeSet::Set>;
#include <ember/core/elementwise.def>
}

}  // namespace ember::cuda
