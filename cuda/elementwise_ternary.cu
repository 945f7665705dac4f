// out[i] = f(a[i], b[i], c[i]): every EMBER_TERNARY row of elementwise.def, and where.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

namespace {

template <template <class> class Functor, DtypeSet Set>
void ternary(const TensorIterator& iter, const Params& params) {
  visit_dtype<Set>(iter.dtype(0), [&]<class T>() {
    using F = Functor<compute_t<T>>;
    elementwise<T, T, T, T>(iter, "an elementwise kernel", functors::make<F>(params));
  });
}

void where(const TensorIterator& iter, const Params&) {
  visit_dtype(iter.dtype(0),
              [&]<class T>() { elementwise<T, bool, T, T>(iter, "where", functors::Where<compute_t<T>>{}); });
}

}  // namespace

void register_ternary(Kernels& table) {
#define EMBER_TERNARY(name, Functor, Set) table.name.function[kColumn] = ternary<functors::Functor, DtypeSet::Set>;
#include <ember/core/elementwise.def>
  table.where.function[kColumn] = where;
}

}  // namespace ember::cuda
