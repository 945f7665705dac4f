// The largest and the smallest element along one dimension, with its place: max, min.
#include <ember/core/functors.h>
#include <ember/cuda/register.h>
#include <ember/cuda/extremes.cuh>
#include <ember/cuda/reduce.cuh>

namespace ember::cuda {

template <class T, bool kMax>
struct IndexedExtreme {
  using Element = T;
  struct Acc {
    compute_t<T> value;
    int64_t index;
  };
  T* values;
  int64_t* indices;

  __device__ Acc identity() const { return {worst<compute_t<T>, kMax>(), INT64_MAX}; }
  __device__ Acc load(T x, int64_t r) const { return {static_cast<compute_t<T>>(x), r}; }
  // A total order: NaN first, then the better value, then the smaller index.
  __device__ Acc operator()(const Acc& a, const Acc& b) const {
    const bool a_nan = functors::is_nan(a.value), b_nan = functors::is_nan(b.value);
    bool take_a;
    if (a_nan != b_nan) {
      take_a = a_nan;
    } else if (a_nan || a.value == b.value) {
      take_a = a.index < b.index;
    } else {
      take_a = kMax ? a.value > b.value : a.value < b.value;
    }
    return take_a ? a : b;
  }
  __device__ void store(int64_t o, const Acc& acc) const {
    values[o] = static_cast<T>(acc.value);
    indices[o] = acc.index;
  }
};

namespace {

template <bool kMax>
void indexed_extreme(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  const DimMask dims = in.dim() == 0 ? 0u : DimMask{1} << dim;
  visit_dtype(in.dtype(), [&]<class T>() {
    reduce(in, dims,
           IndexedExtreme<T, kMax>{static_cast<T*>(values.data_ptr()), static_cast<int64_t*>(indices.data_ptr())});
  });
}

}  // namespace

void register_indexed_extremes(Kernels& table) {
  table.max.function[kColumn] = indexed_extreme<true>;
  table.min.function[kColumn] = indexed_extreme<false>;
}

}  // namespace ember::cuda
