// Σ in / divisor.
#include <ember/core/functors.h>
#include <ember/cuda/register.h>
#include <ember/cuda/reduce.cuh>

namespace ember::cuda {

// Integers and bool are counted in int64_t (wrapping), 2-byte floats in float.
template <class T>
struct Sum {
  using Element = T;
  using Acc = std::conditional_t<is_floating_v<T>, compute_t<T>, int64_t>;
  void* out;
  double divisor;
  bool out_is_int64;

  __device__ Acc identity() const { return Acc(0); }
  __device__ Acc load(T x, int64_t) const { return static_cast<Acc>(x); }
  __device__ Acc operator()(Acc a, Acc b) const { return functors::wrapping_add(a, b); }
  __device__ void store(int64_t o, Acc acc) const {
    if constexpr (is_floating_v<T>) {
      static_cast<T*>(out)[o] = static_cast<T>(acc / static_cast<Acc>(divisor));
    } else {
      if (divisor != 1.0) acc = static_cast<Acc>(static_cast<double>(acc) / divisor);
      if (out_is_int64) {
        static_cast<int64_t*>(out)[o] = acc;
      } else {
        static_cast<T*>(out)[o] = static_cast<T>(acc);
      }
    }
  }
};

namespace {

void sum(const Tensor& out, const Tensor& in, DimMask dims, double divisor) {
  visit_dtype(in.dtype(), [&]<class T>() { reduce(in, dims, Sum<T>{out.data_ptr(), divisor, out.dtype() == kInt64}); });
}

}  // namespace

void register_sum(Kernels& table) { table.sum.function[kColumn] = sum; }

}  // namespace ember::cuda
