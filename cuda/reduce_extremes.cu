// The largest and the smallest element: amax, amin.
#include <ember/core/functors.h>
#include <ember/cuda/register.h>
#include <ember/cuda/extremes.cuh>
#include <ember/cuda/reduce.cuh>

namespace ember::cuda {

template <class T, bool kMax>
struct Extreme {
  using Element = T;
  using Acc = compute_t<T>;
  T* out;

  __device__ Acc identity() const { return worst<Acc, kMax>(); }
  __device__ Acc load(T x, int64_t) const { return static_cast<Acc>(x); }
  __device__ Acc operator()(Acc a, Acc b) const {
    if constexpr (kMax) {
      return functors::Maximum<Acc>{}(a, b);
    } else {
      return functors::Minimum<Acc>{}(a, b);
    }
  }
  __device__ void store(int64_t o, Acc acc) const { out[o] = static_cast<T>(acc); }
};

namespace {

template <bool kMax>
void extreme(const Tensor& out, const Tensor& in, DimMask dims) {
  visit_dtype(in.dtype(), [&]<class T>() { reduce(in, dims, Extreme<T, kMax>{static_cast<T*>(out.data_ptr())}); });
}

}  // namespace

void register_extremes(Kernels& table) {
  table.amax.function[kColumn] = extreme<true>;
  table.amin.function[kColumn] = extreme<false>;
}

}  // namespace ember::cuda
