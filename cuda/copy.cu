// out[i] = in[i], converting between any two dtypes.
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

template <class To, class From>
struct Cast {
  __device__ To operator()(From x) const {
    if constexpr (std::is_same_v<To, bool>) {
      return x != From(0);
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
      // Through int64_t, as Scalar does it: -1.0 to uint8 is 255, as on the CPU, not 0.
      return static_cast<To>(static_cast<int64_t>(x));
    } else {
      return static_cast<To>(x);
    }
  }
};

template <class T>
struct Same {
  __device__ T operator()(T x) const { return x; }
};

namespace {

void copy_same(const TensorIterator& iter) {
  if (iter.is_contiguous()) {
    if (iter.numel() == 0 || iter.data(0) == iter.data(1)) return;
    const LaunchScope scope(iter.device());
    const size_t nbytes = static_cast<size_t>(iter.numel()) * element_size(iter.dtype(0));
    EMBER_CUDA_CHECK(cudaMemcpyAsync(iter.data(0), iter.data(1), nbytes, cudaMemcpyDeviceToDevice, scope.stream));
    return;
  }
  visit_size(element_size(iter.dtype(0)), [&]<class T>() { elementwise<T, T>(iter, "copy", Same<T>{}); });
}

template <class To>
void copy_to(const TensorIterator& iter) {
  visit_dtype(iter.dtype(1), [&]<class From>() {
    if constexpr (!std::is_same_v<To, From>) {  // copy_same
      elementwise<To, From>(iter, "copy", Cast<To, compute_t<From>>{});
    }
  });
}

void copy(const TensorIterator& iter) {
  if (iter.dtype(0) == iter.dtype(1)) return copy_same(iter);
  visit_dtype(iter.dtype(0), [&]<class To>() { copy_to<To>(iter); });
}

}  // namespace

void register_copy(Kernels& table) { table.copy.function[kColumn] = copy; }

}  // namespace ember::cuda
