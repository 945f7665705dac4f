// out[i] = f(a[i], b[i]), a bool: every EMBER_COMPARE row of elementwise.def.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

namespace {

template <template <class> class Functor, DtypeSet Set>
void compare(const TensorIterator& iter, const Params& params) {
  visit_dtype<Set>(input_dtype(iter), [&]<class T>() {
    using F = Functor<compute_t<T>>;
    elementwise<bool, T, T>(iter, "a comparison kernel", functors::make<F>(params));
  });
}

}  // namespace

void register_compare(Kernels& table) {
#define EMBER_COMPARE(name, Functor, Set) table.name.function[kColumn] = compare<functors::Functor, DtypeSet::Set>;
#include <ember/core/elementwise.def>
}

}  // namespace ember::cuda
