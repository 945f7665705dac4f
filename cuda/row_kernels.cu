// Layer norm and cross-entropy: a block for each row, which sweeps it two or three times (it is in the cache after the
// first). Sums over rows have a fixed order: a thread for each column.
#include <cmath>
#include <limits>

#include <cub/block/block_reduce.cuh>

#include <ember/core/functors.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/register.h>
#include <ember/cuda/index.cuh>

namespace ember::cuda {

// A block's reduction, whose result every thread gets.
template <class C>
struct RowBlock {
  using Reduce = cub::BlockReduce<C, kThreads>;
  struct Shared {
    typename Reduce::TempStorage storage;
    C result;
  };
  Shared& shared;

  template <class Op>
  __device__ C operator()(C x, Op op) const {
    x = Reduce(shared.storage).Reduce(x, op);
    if (threadIdx.x == 0) shared.result = x;
    __syncthreads();
    x = shared.result;
    __syncthreads();  // before the next reduction writes `shared`
    return x;
  }
  // Σ f(i) over i < n
  template <class F>
  __device__ C sum(int64_t n, F f) const {
    C total = 0;
    for (int64_t i = threadIdx.x; i < n; i += kThreads) total += f(i);
    return (*this)(total, functors::Add<C>{});
  }
};

// Null pointers where a tensor is not there.
template <class T>
struct LayerNormArguments {
  using C = compute_t<T>;
  const T* in;
  const T* grad_out;
  const T* weight;
  const T* bias;
  T* out;  // or the gradient of the input
  C* mean;
  C* rstd;
  int64_t rows, n;
};

template <class T>
__global__ void __launch_bounds__(kThreads) layer_norm_forward(LayerNormArguments<T> a, compute_t<T> eps) {
  using C = compute_t<T>;
  __shared__ typename RowBlock<C>::Shared shared;
  const RowBlock<C> block{shared};
  const C count = static_cast<C>(a.n);
  for (int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const T* const x = a.in + row * a.n;
    const C mean = block.sum(a.n, [&](int64_t i) { return static_cast<C>(x[i]); }) / count;
    const C variance = block.sum(a.n, [&](int64_t i) {
      const C centred = static_cast<C>(x[i]) - mean;
      return centred * centred;
    }) / count;
    const C rstd = C(1) / std::sqrt(variance + eps);
    if (threadIdx.x == 0) {
      a.mean[row] = mean;
      a.rstd[row] = rstd;
    }
    for (int64_t i = threadIdx.x; i < a.n; i += kThreads) {
      C y = (static_cast<C>(x[i]) - mean) * rstd;
      if (a.weight != nullptr) y *= static_cast<C>(a.weight[i]);
      if (a.bias != nullptr) y += static_cast<C>(a.bias[i]);
      a.out[row * a.n + i] = static_cast<T>(y);
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) layer_norm_input_gradient(LayerNormArguments<T> a) {
  using C = compute_t<T>;
  __shared__ typename RowBlock<C>::Shared shared;
  const RowBlock<C> block{shared};
  const C count = static_cast<C>(a.n);
  for (int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const T* const x = a.in + row * a.n;
    const T* const g = a.grad_out + row * a.n;
    const C mean = a.mean[row], rstd = a.rstd[row];
    const auto h = [&](int64_t i) {
      return a.weight == nullptr ? static_cast<C>(g[i]) : static_cast<C>(g[i]) * static_cast<C>(a.weight[i]);
    };
    const auto y = [&](int64_t i) { return (static_cast<C>(x[i]) - mean) * rstd; };
    const C mean_h = block.sum(a.n, h) / count;
    const C mean_hy = block.sum(a.n, [&](int64_t i) { return h(i) * y(i); }) / count;
    for (int64_t i = threadIdx.x; i < a.n; i += kThreads) {
      a.out[row * a.n + i] = static_cast<T>(rstd * (h(i) - mean_h - y(i) * mean_hy));
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    layer_norm_parameter_gradients(LayerNormArguments<T> a, T* grad_weight, T* grad_bias) {
  using C = compute_t<T>;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < a.n;
       i += static_cast<int64_t>(gridDim.x) * kThreads) {
    C weight = 0, bias = 0;
    for (int64_t row = 0; row < a.rows; ++row) {
      const C g = static_cast<C>(a.grad_out[row * a.n + i]);
      weight += g * ((static_cast<C>(a.in[row * a.n + i]) - a.mean[row]) * a.rstd[row]);
      bias += g;
    }
    if (grad_weight != nullptr) grad_weight[i] = static_cast<T>(weight);
    if (grad_bias != nullptr) grad_bias[i] = static_cast<T>(bias);
  }
}

template <class T>
struct CrossEntropyArguments {
  using C = compute_t<T>;
  const T* in;
  const int64_t* classes;
  C* log_sum;  // [rows, 2]
  int64_t rows, n, ignored;
};

template <class T>
__global__ void __launch_bounds__(kThreads) cross_entropy_forward(CrossEntropyArguments<T> a, T* losses) {
  using C = compute_t<T>;
  __shared__ typename RowBlock<C>::Shared shared;
  const RowBlock<C> block{shared};
  for (int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const T* const x = a.in + row * a.n;
    C largest = -std::numeric_limits<C>::infinity();
    for (int64_t i = threadIdx.x; i < a.n; i += kThreads) {
      largest = functors::Maximum<C>{}(largest, static_cast<C>(x[i]));
    }
    largest = block(largest, functors::Maximum<C>{});
    const C log_total = std::log(block.sum(a.n, [&](int64_t i) { return std::exp(static_cast<C>(x[i]) - largest); }));
    if (threadIdx.x == 0) {
      a.log_sum[2 * row] = largest;
      a.log_sum[2 * row + 1] = log_total;
      const int64_t c = a.classes[row];
      if (c != a.ignored && (c < 0 || c >= a.n)) fail_out_of_range(IndexOp::CrossEntropy, c, a.n);
      losses[row] = static_cast<T>(c == a.ignored ? C(0) : log_total - (static_cast<C>(x[c]) - largest));
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_gradient(CrossEntropyArguments<T> a, const T* grad, T* grad_in) {
  using C = compute_t<T>;
  for (int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const int64_t c = a.classes[row];
    const C scale = static_cast<C>(grad[row]), largest = a.log_sum[2 * row], log_total = a.log_sum[2 * row + 1];
    for (int64_t i = threadIdx.x; i < a.n; i += kThreads) {
      const C p = std::exp((static_cast<C>(a.in[row * a.n + i]) - largest) - log_total);
      grad_in[row * a.n + i] = static_cast<T>(c == a.ignored ? C(0) : scale * p - (i == c ? scale : C(0)));
    }
  }
}

namespace {

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? static_cast<T*>(t.data_ptr()) : nullptr;
}

template <class T>
LayerNormArguments<T> arguments(const Tensor& out, const Tensor& grad_out, const Tensor& in, const Tensor& mean,
                                const Tensor& rstd, const Tensor& weight, const Tensor& bias) {
  using C = compute_t<T>;
  return {data_or_null<T>(in),
          data_or_null<T>(grad_out),
          data_or_null<T>(weight),
          data_or_null<T>(bias),
          data_or_null<T>(out),
          data_or_null<C>(mean),
          data_or_null<C>(rstd),
          in.size(0),
          in.size(1)};
}

void layer_norm(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& in, const Tensor& weight,
                const Tensor& bias, double eps) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    layer_norm_forward<<<scope.blocks(in.size(0), 1), kThreads, 0, scope.stream>>>(
        arguments<T>(out, Tensor(), in, mean, rstd, weight, bias), static_cast<compute_t<T>>(eps));
  });
  check_launch("layer_norm");
}

void layer_norm_backward(const Tensor& grad_in, const Tensor& grad_out, const Tensor& in, const Tensor& mean,
                         const Tensor& rstd, const Tensor& weight) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    layer_norm_input_gradient<<<scope.blocks(in.size(0), 1), kThreads, 0, scope.stream>>>(
        arguments<T>(grad_in, grad_out, in, mean, rstd, weight, Tensor()));
  });
  check_launch("layer_norm_backward");
}

void layer_norm_weight_backward(const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& grad_out,
                                const Tensor& in, const Tensor& mean, const Tensor& rstd) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    layer_norm_parameter_gradients<<<scope.blocks(in.size(1), kThreads), kThreads, 0, scope.stream>>>(
        arguments<T>(Tensor(), grad_out, in, mean, rstd, Tensor(), Tensor()), data_or_null<T>(grad_weight),
        data_or_null<T>(grad_bias));
  });
  check_launch("layer_norm_weight_backward");
}

template <class T>
CrossEntropyArguments<T> arguments(const Tensor& log_sum, const Tensor& in, const Tensor& target, int64_t ignored) {
  return {data_or_null<T>(in),
          data_or_null<int64_t>(target),
          data_or_null<compute_t<T>>(log_sum),
          in.size(0),
          in.size(1),
          ignored};
}

void cross_entropy(const Tensor& losses, const Tensor& log_sum, const Tensor& in, const Tensor& target,
                   int64_t ignored) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    cross_entropy_forward<<<scope.blocks(in.size(0), 1), kThreads, 0, scope.stream>>>(
        arguments<T>(log_sum, in, target, ignored), data_or_null<T>(losses));
  });
  check_launch("cross_entropy");
}

void cross_entropy_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& log_sum, const Tensor& in,
                            const Tensor& target, int64_t ignored) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    cross_entropy_gradient<<<scope.blocks(in.size(0), 1), kThreads, 0, scope.stream>>>(
        arguments<T>(log_sum, in, target, ignored), data_or_null<const T>(grad), data_or_null<T>(grad_in));
  });
  check_launch("cross_entropy_backward");
}

}  // namespace

void register_rows(Kernels& table) {
  table.layer_norm.function[kColumn] = layer_norm;
  table.layer_norm_backward.function[kColumn] = layer_norm_backward;
  table.layer_norm_weight_backward.function[kColumn] = layer_norm_weight_backward;
  table.cross_entropy.function[kColumn] = cross_entropy;
  table.cross_entropy_backward.function[kColumn] = cross_entropy_backward;
}

}  // namespace ember::cuda
