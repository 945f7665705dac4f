// cummax and cummin, with the places.
#include <ember/cuda/extremes.cuh>
#include <ember/cuda/scan.cuh>

namespace ember::cuda {

template <class T, bool kMax>
struct RunningExtreme {
  using C = compute_t<T>;
  struct Acc {
    C value;
    int64_t index;  // −1 for none
  };
  const T* in;
  T* values;
  int64_t* indices;

  __device__ Acc identity() const { return {worst<C, kMax>(), -1}; }
  __device__ Acc load(int64_t at, int64_t i) const { return {static_cast<C>(in[at]), i}; }
  // The later of equal ones; a NaN wins over all before it, and over all but a NaN after it.
  __device__ Acc operator()(const Acc& a, const Acc& b) const {
    if (b.index < 0) return a;
    if (a.index < 0) return b;
    const bool later =
        functors::is_nan(b.value) || (!functors::is_nan(a.value) && (kMax ? b.value >= a.value : b.value <= a.value));
    return later ? b : a;
  }
  __device__ void store(int64_t at, const Acc& acc) const {
    values[at] = static_cast<T>(acc.value);
    indices[at] = acc.index;
  }
};

namespace {

template <bool kMax>
void running_extreme(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  visit_dtype(in.dtype(), [&]<class E>() {
    // A bool is a byte of 0 or 1.
    using T = std::conditional_t<std::is_same_v<E, bool>, uint8_t, E>;
    launch_scan(in, dim, false,
                RunningExtreme<T, kMax>{static_cast<const T*>(in.data_ptr()), static_cast<T*>(values.data_ptr()),
                                        static_cast<int64_t*>(indices.data_ptr())});
  });
}

}  // namespace

void register_extreme_scans(Kernels& table) {
  table.cummax.function[kColumn] = running_extreme<true>;
  table.cummin.function[kColumn] = running_extreme<false>;
}

}  // namespace ember::cuda
