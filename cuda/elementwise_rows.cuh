// The kernels that rows of elementwise.def become.
#pragma once

#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

template <template <class> class Functor, DtypeSet Set>
void unary_row(const TensorIterator& iter, const Params& params) {
  visit_dtype<Set>(iter.dtype(0), [&]<class T>() {
    using F = Functor<compute_t<T>>;
    elementwise<T, T>(iter, "an elementwise kernel", functors::make<F>(params));
  });
}

template <template <class> class Functor, DtypeSet Set>
void binary_row(const TensorIterator& iter, const Params& params) {
  visit_dtype<Set>(iter.dtype(0), [&]<class T>() {
    using F = Functor<compute_t<T>>;
    elementwise<T, T, T>(iter, "an elementwise kernel", functors::make<F>(params));
  });
}

}  // namespace ember::cuda
