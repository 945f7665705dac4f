// Π in.
#include <ember/core/functors.h>
#include <ember/cuda/register.h>
#include <ember/cuda/reduce.cuh>

namespace ember::cuda {

// Integers and bool are multiplied in int64_t (wrapping), 2-byte floats in float.
template <class T>
struct Product {
  using Element = T;
  using Acc = std::conditional_t<is_floating_v<T>, compute_t<T>, int64_t>;
  using Out = std::conditional_t<is_floating_v<T>, T, int64_t>;
  Out* out;

  __device__ Acc identity() const { return Acc(1); }
  __device__ Acc load(T x, int64_t) const { return static_cast<Acc>(x); }
  __device__ Acc operator()(Acc a, Acc b) const { return functors::wrapping_mul(a, b); }
  __device__ void store(int64_t o, Acc acc) const { out[o] = static_cast<Out>(acc); }
};

namespace {

void prod(const Tensor& out, const Tensor& in, DimMask dims) {
  visit_dtype(in.dtype(),
              [&]<class T>() { reduce(in, dims, Product<T>{static_cast<typename Product<T>::Out*>(out.data_ptr())}); });
}

}  // namespace

void register_prod(Kernels& table) { table.prod.function[kColumn] = prod; }

}  // namespace ember::cuda
