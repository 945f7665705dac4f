// out[i] = f(a[i]): every EMBER_UNARY row of elementwise.def.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

namespace {

template <template <class> class Functor, DtypeSet Set>
void unary(const TensorIterator& iter, const Params& params) {
  visit_dtype<Set>(iter.dtype(0), [&]<class T>() {
    using F = Functor<compute_t<T>>;
    elementwise<T, T>(iter, "an elementwise kernel", functors::make<F>(params));
  });
}

}  // namespace

void register_unary(Kernels& table) {
#define EMBER_UNARY(name, Functor, Set) table.name.function[kColumn] = unary<functors::Functor, DtypeSet::Set>;
#include <ember/core/elementwise.def>
}

}  // namespace ember::cuda
