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

// A call instead of a copy of a long function at each place of the unrolled loops.
template <class F>
struct Outlined {
  F f;
  template <class T>
  __device__ __noinline__ T operator()(T x) const {
    return f(x);
  }
};

// The same for functions so costly that a call is nothing beside them, compiled once for all types that are computed
// in one.
template <template <class> class Functor, DtypeSet Set>
void costly_unary_row(const TensorIterator& iter, const Params& params) {
  visit_dtype<Set>(iter.dtype(0), [&]<class T>() {
    using F = Functor<compute_t<T>>;
    elementwise<T, T>(iter, "an elementwise kernel", Outlined<F>{functors::make<F>(params)});
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
