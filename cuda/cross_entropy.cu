// Cross-entropy of rows of scores and classes. Forward, a row is read once, however long it is; backward, with the sums
// of the forward pass, there is nothing to add up: each score is read once and its gradient written. Launches: one for
// the losses, and for their mean or sum one more, or two for thousands of rows; one for all of it where a block does.
// One for the gradient.
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/index.cuh>
#include <ember/cuda/launch.cuh>
#include <ember/cuda/reduce.cuh>
#include <ember/cuda/row_tile.cuh>

namespace ember::cuda {

template <class T>
struct CrossEntropyArguments {
  using C = compute_t<T>;
  const T* in;
  const int64_t* classes;
  C* log_sum;  // [rows, 2]
  int64_t rows, n, ignored;
  IndexFault fault;
};

// The larger of each of two 2-byte floats; NaN loses.
template <class T>
__device__ uint32_t larger_of_two(uint32_t a, uint32_t b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t most;
  if constexpr (std::is_same_v<T, BFloat16>) {
    asm("max.bf16x2 %0, %1, %2;" : "=r"(most) : "r"(a), "r"(b));
  } else {
    asm("max.f16x2 %0, %1, %2;" : "=r"(most) : "r"(a), "r"(b));
  }
  return most;
#else
  T x[2], y[2];
  memcpy(x, &a, sizeof(a));
  memcpy(y, &b, sizeof(b));
  return pack_two<T>(Largest{}(static_cast<float>(x[0]), static_cast<float>(y[0])),
                     Largest{}(static_cast<float>(x[1]), static_cast<float>(y[1])));
#endif
}

// The largest element of some vectors; NaN loses.
template <class T, int K>
__device__ compute_t<T> largest_element(const uint4 (&raw)[K]) {
  using C = compute_t<T>;
  constexpr int V = kRowVector<T>;
  C x[V];
  if constexpr (sizeof(T) == 2) {
    uint4 most = raw[0];
#pragma unroll
    for (int k = 1; k < K; ++k) {
      most = {larger_of_two<T>(most.x, raw[k].x), larger_of_two<T>(most.y, raw[k].y),
              larger_of_two<T>(most.z, raw[k].z), larger_of_two<T>(most.w, raw[k].w)};
    }
    most.x = larger_of_two<T>(larger_of_two<T>(most.x, most.y), larger_of_two<T>(most.z, most.w));
    unpack<T>(most, x);
    return Largest{}(x[0], x[1]);
  } else {
    C most[V];
    unpack<T>(raw[0], most);
#pragma unroll
    for (int k = 1; k < K; ++k) {
      unpack<T>(raw[k], x);
#pragma unroll
      for (int j = 0; j < V; ++j) most[j] = Largest{}(most[j], x[j]);
    }
#pragma unroll
    for (int j = 1; j < V; ++j) most[0] = Largest{}(most[0], most[j]);
    return most[0];
  }
}

// The loss of a row, in its lane 0; 0 in the others, and where n is 0. Writes log_sum.
template <int kLanes, int E, RowFit kFit, class T>
__device__ compute_t<T> row_loss(const CrossEntropyArguments<T>& a, int64_t row, int64_t n, Lane lane,
                                 RowReducer<compute_t<T>, kLanes>& reduce) {
  using C = compute_t<T>;
  const T none(-std::numeric_limits<float>::infinity());
  const T* const x = a.in + row * a.n;
  const int shift = kFit == RowFit::Elements ? row_shift(x) : 0;
  // The class is on its way together with the row, its score while the row is added up.
  const int64_t c = a.classes[row];
  C largest, sum = 0, score = 0;
  const auto ask_for_score = [&] {
    if (c >= 0 && c < n) score = static_cast<C>(x[c]);
  };
  if constexpr (E != 0) {
    constexpr int V = kRowVector<T>, K = E / V;
    const RowTile<T, E> tile(static_cast<int>(n), shift, lane.lane, lane.lanes);
    uint4 raw[K];
    if constexpr (kFit != RowFit::Elements) {
      const int first = lane.lane * V, left = static_cast<int>(n) - first;
      const int step = (kLanes != 0 ? kLanes : lane.lanes) * V;
#pragma unroll
      for (int k = 0; k < K; ++k) {
        const bool whole = kFit == RowFit::Whole;
        if constexpr (!whole) raw[k] = filled_vector(none);
        load_vector_once(raw[k], x + first + k * step, whole || k * step < left);
      }
    } else {
      tile.load(raw, x, none);
    }
    asm volatile("" ::: "memory");  // the row first: the score has to wait for the class
    ask_for_score();
    largest = reduce.largest(largest_element<T>(raw));
    constexpr int kSums = 4;
    C sums[kSums] = {};
#pragma unroll
    for (int k = 0; k < K; ++k) {
      C scores[V];
      unpack<T>(raw[k], scores);
#pragma unroll
      for (int j = 0; j < V; ++j) sums[(k * V + j) % kSums] += term_exp(scores[j] - largest);
    }
    sum = reduce.sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  } else {
    ask_for_score();
    const auto online = long_row_sum(x, n, shift, lane, reduce);
    largest = online.largest;
    sum = online.sum;
  }
  if (lane.lane != 0 || n == 0) return 0;
  const C log_total = std::log(sum);
  a.log_sum[2 * row] = largest;
  a.log_sum[2 * row + 1] = log_total;
  if (c == a.ignored) return 0;
  if (c < 0 || c >= n) {
    a.fault.report(c, n);
    return 0;
  }
  return log_total - (score - largest);
}

// Blocks that a multiprocessor is to hold, where a warp has a row: 40 warps, and 48 registers a thread.
template <class T, int kLanes>
inline constexpr int kLossBlocks = (kLanes == 32 && sizeof(T) < 8) ? 10 : 1;

template <class T, int kLanes, int E, RowFit kFit>
__global__ void __launch_bounds__(kRowBound<kLanes, E>, at_once(kLossBlocks<T, kLanes>, kRowBound<kLanes, E>))
    cross_entropy_rows(CrossEntropyArguments<T> a, T* losses) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, kLanes>::Shared shared;
  RowReducer<C, kLanes> reduce{shared};
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const C loss = row_loss<kLanes, E, kFit>(a, row, n, lane, reduce);
    if (lane.lane == 0 && n != 0) losses[row] = static_cast<T>(loss);
  });
}

// One block, and all rows of it in rounds.
template <class T, int kLanes>
__global__ void __launch_bounds__(kLongRowThreads)
    cross_entropy_of_block(CrossEntropyArguments<T> a, T* out, compute_t<T>* count) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, 0>::Shared shared;
  __shared__ typename RowReducer<C, kLanes>::Shared unused;  // what lanes reduce they shuffle
  RowReducer<C, kLanes> reduce{unused};
  const int lane = static_cast<int>(threadIdx.x) % kLanes, group = static_cast<int>(threadIdx.x) / kLanes;
  C totals[2] = {};  // of the losses, and of rows that count
#pragma unroll 1
  for (int64_t first = 0; first < a.rows; first += blockDim.x / kLanes) {
    const bool there = first + group < a.rows;  // lanes of a warp that have no row meet the others in shuffles
    const int64_t row = there ? first + group : a.rows - 1;
    totals[0] += row_loss<kLanes, 8, RowFit::Elements>(a, row, there ? a.n : 0, Lane{lane, kLanes}, reduce);
    if (lane == 0 && there && a.classes[row] != a.ignored) totals[1] += 1;
  }
  RowReducer<C, 0>{shared}(totals, Plus{}, C(0));
  if (threadIdx.x != 0) return;
  if (count != nullptr) *count = totals[1];
  *out = static_cast<T>(count == nullptr ? totals[0] : totals[0] / totals[1]);
}

// Of losses that have been written: their mean over the classes that count, or their sum.
template <class T>
struct TotalLoss {
  using Element = T;
  using C = compute_t<T>;
  struct Acc {
    C sum;
    int64_t count;
  };
  const int64_t* classes;
  int64_t ignored;
  T* out;
  C* count;  // null for the sum

  __device__ Acc identity() const { return {C(0), 0}; }
  __device__ Acc load(T loss, int64_t r) const {
    return {static_cast<C>(loss), count != nullptr && classes[r] != ignored ? 1 : 0};
  }
  __device__ Acc operator()(Acc a, Acc b) const { return {a.sum + b.sum, a.count + b.count}; }
  __device__ void store(int64_t, Acc acc) const {
    if (count != nullptr) *count = static_cast<C>(acc.count);
    *out = static_cast<T>(count == nullptr ? acc.sum : acc.sum / static_cast<C>(acc.count));
  }
};

// What the gradient of a row is multiplied by: its own number or that of all rows, 1 where there is none, divided by
// how many rows count.
template <class T>
struct RowScale {
  using C = compute_t<T>;
  const T* grad;
  int64_t step;  // from row to row
  const C* count;
  __device__ C operator()(int64_t row) const {
    const C g = grad == nullptr ? C(1) : static_cast<C>(grad[row * step]);
    const C divisor = count == nullptr ? C(1) : *count;
    return g / divisor;
  }
};

// The gradients of a vector's scores, of which the one in slot `hit`, if that is one of them, is that of the class.
template <class T>
__device__ uint4 score_gradients(const uint4& scores, int hit, compute_t<T> scale, compute_t<T> largest,
                                 compute_t<T> log_total) {
  using C = compute_t<T>;
  constexpr int V = kRowVector<T>;
  C y[V];
  unpack<T>(scores, y);
#pragma unroll
  for (int j = 0; j < V; ++j) y[j] = scale * row_exp<T>((y[j] - largest) - log_total);
  if (hit >= 0 && hit < V) {
#pragma unroll
    for (int j = 0; j < V; ++j) y[j] -= j == hit ? scale : C(0);
  }
  return pack<T>(y);
}

// E slots per thread at a time; kLanes threads per row, 0: the block, or the blocks of one blockIdx.x. Whole: one round
// is all. What comes first of a row is on its way before its class is known; of the rest of one that is ignored nothing
// is read.
template <class T, RowFit kFit, int kLanes, int E>
__global__ void __launch_bounds__(kLanes == 0 ? kRowBlockLimit : 2 * kRowThreads)
    cross_entropy_gradient_rows(CrossEntropyArguments<T> a, RowScale<T> scale_of, T* grad_in) {
  wait_for_earlier();
  using C = compute_t<T>;
  constexpr int V = kRowVector<T>, K = E / V;
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const T* const x = a.in + row * a.n;
    T* const out = grad_in + row * a.n;
    const int shift = kFit == RowFit::Elements ? row_shift(x) : 0;
    const int chunk = lane.lanes * E, step = lane.lanes * V, first = lane.lane * V;
    bool wanted = true;
#pragma unroll 1
    for (int64_t at = kFit == RowFit::Whole ? 0 : static_cast<int64_t>(blockIdx.y) * chunk; at < n + shift;
         at += static_cast<int64_t>(gridDim.y) * chunk) {
      const RowTile<T, E, int64_t> tile(n, shift, lane.lane, lane.lanes, at);
      const int left = static_cast<int>(n - at < chunk ? n - at : chunk) - first;
      const auto there = [&](int k) { return kFit == RowFit::Whole || k * step < left; };
      uint4 raw[K];
      if constexpr (kFit == RowFit::Elements) {
        if (wanted) tile.load(raw, x, T(0.0f));
      } else {
#pragma unroll
        for (int k = 0; k < K; ++k) {
          if (wanted && there(k)) raw[k] = *reinterpret_cast<const uint4*>(x + at + first + k * step);
        }
      }
      asm volatile("" ::: "memory");  // the row first: a quotient has to wait for the rest
      const int64_t c = a.classes[row];
      const C largest = a.log_sum[2 * row], log_total = a.log_sum[2 * row + 1], scale = scale_of(row);
      const int64_t ahead = c + shift - at;  // as positions
      const int hit = ahead >= 0 && ahead < chunk ? static_cast<int>(ahead) - first : -chunk;
      wanted = c != a.ignored;
      const bool vectors = tile.aligned(out);
#pragma unroll
      for (int k = 0; k < K; ++k) {
        uint4 bits = score_gradients<T>(raw[k], hit - k * step, scale, largest, log_total);
        if (!wanted) bits = {};
        if constexpr (kFit == RowFit::Elements) {
          tile.store(out, k, bits, vectors);
        } else {
          if (there(k)) store_vector(out + at + first + k * step, bits);
        }
      }
      if constexpr (kFit == RowFit::Whole) break;
    }
  });
}

namespace {

template <class T>
CrossEntropyArguments<T> arguments(const Tensor& log_sum, const Tensor& in, const Tensor& target, int64_t ignored) {
  return {static_cast<const T*>(in.data_ptr()),
          static_cast<const int64_t*>(target.data_ptr()),
          static_cast<compute_t<T>*>(log_sum.data_ptr()),
          in.size(0),
          in.size(1),
          ignored,
          {device_info(in.device().index()).fault, IndexOp::CrossEntropy}};
}

template <class T>
void launch_losses(const LaunchScope& scope, const CrossEntropyArguments<T>& a, const RowPlan& plan, T* losses) {
  if (a.rows == 0) return;
  const unsigned blocks = row_blocks(a.rows, plan);
  const RowFit fit = row_fit<T>(a.n, int64_t{plan.lanes} * plan.elements, {a.in});
  visit_row_plan(plan, [&]<int kLanes, int E>() {
    const auto start = [&]<RowFit kFit>() {
      launch(scope, cross_entropy_rows<T, kLanes, E, kFit>, blocks, plan.threads, a, losses);
    };
    if constexpr (E != 0 && sizeof(T) < 8) {
      if constexpr (E > 8) {
        if (fit == RowFit::Whole) return start.template operator()<RowFit::Whole>();
      }
      if (fit != RowFit::Elements) return start.template operator()<RowFit::Vectors>();
    }
    start.template operator()<RowFit::Elements>();
  });
  check_launch("cross_entropy");
}

void cross_entropy(const Tensor& losses, const Tensor& log_sum, const Tensor& in, const Tensor& target,
                   int64_t ignored) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    const CrossEntropyArguments<T> a = arguments<T>(log_sum, in, target, ignored);
    launch_losses(scope, a, plan_rows(a.n, row_shift(a.in), kRowVector<T>, 1), static_cast<T*>(losses.data_ptr()));
  });
}

// (In a template of a lambda nvcc 13.0 makes the list of sizes what g++ does not compile.)
Tensor empty_losses(const Tensor& in) { return detail::empty({in.size(0)}, in.scalar_type(), in.device()); }

void cross_entropy_total(const Tensor& out, const Tensor& count, const Tensor& log_sum, const Tensor& in,
                         const Tensor& target, int64_t ignored) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    const CrossEntropyArguments<T> a = arguments<T>(log_sum, in, target, ignored);
    T* const total = static_cast<T*>(out.data_ptr());
    auto* const counted = count.defined() ? static_cast<compute_t<T>*>(count.data_ptr()) : nullptr;
    const RowPlan plan = plan_rows(a.n, row_shift(a.in), kRowVector<T>, 1);
    if (const int threads = one_block_threads(a.rows, plan); threads != 0) {
      if (plan.lanes == 8) {
        launch(scope, cross_entropy_of_block<T, 8>, 1, threads, a, total, counted);
      } else {
        launch(scope, cross_entropy_of_block<T, 32>, 1, threads, a, total, counted);
      }
      check_launch("cross_entropy_total");
      return;
    }
    const Tensor losses = empty_losses(in);
    launch_losses(scope, a, plan, static_cast<T*>(losses.data_ptr()));
    reduce<true>(losses, 1, TotalLoss<T>{a.classes, ignored, total, counted});
  });
}

template <class T>
void launch_gradients(const LaunchScope& scope, const CrossEntropyArguments<T>& a, const RowScale<T>& g, T* out) {
  const RowPlan plan = plan_sweep(a.n, row_shift(a.in), kRowVector<T>);
  const int64_t chunk = int64_t{plan.lanes} * plan.elements;
  const RowFit fit = sizeof(T) < 8 ? row_fit<T>(a.n, chunk, {a.in, out}) : RowFit::Elements;
  dim3 blocks(row_blocks(a.rows, plan));
  if (plan.block()) {  // few rows are cut, until there are enough blocks
    const int64_t positions = fit == RowFit::Elements ? a.n + kRowVector<T> - 1 : a.n;
    const int64_t rounds = std::min<int64_t>((positions + chunk - 1) / chunk, 65535);
    blocks.y = static_cast<unsigned>(std::clamp<int64_t>(2048 / a.rows, 1, rounds));
  }
  const auto start = [&]<RowFit kFit, int kLanes, int E>() {
    launch(scope, cross_entropy_gradient_rows<T, kFit, kLanes, E>, blocks, plan.threads, a, g, out);
  };
  const auto launch_fit = [&]<int kLanes, int E>() {
    if constexpr (sizeof(T) < 8) {
      if constexpr (E == 16) {
        if (fit == RowFit::Whole) return start.template operator()<RowFit::Whole, kLanes, E>();
      }
      if (fit != RowFit::Elements) return start.template operator()<RowFit::Vectors, kLanes, E>();
    }
    start.template operator()<RowFit::Elements, kLanes, E>();
  };
  if (plan.lanes == 8) return launch_fit.template operator()<8, 8>();
  plan.block() ? launch_fit.template operator()<0, 16>() : launch_fit.template operator()<32, 16>();
}

void cross_entropy_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& count, const Tensor& log_sum,
                            const Tensor& in, const Tensor& target, int64_t ignored) {
  if (in.size(0) == 0) return;
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    const CrossEntropyArguments<T> a = arguments<T>(log_sum, in, target, ignored);
    const bool defined = grad.defined();
    const RowScale<T> g{defined ? static_cast<const T*>(grad.data_ptr()) : nullptr,
                        defined && grad.numel() != 1 ? 1 : 0,
                        count.defined() ? static_cast<const compute_t<T>*>(count.data_ptr()) : nullptr};
    T* const out = static_cast<T*>(grad_in.data_ptr());
    launch_gradients<T>(scope, a, g, out);
  });
  check_launch("cross_entropy_backward");
}

}  // namespace

void register_cross_entropy(Kernels& table) {
  table.cross_entropy.function[kColumn] = cross_entropy;
  table.cross_entropy_total.function[kColumn] = cross_entropy_total;
  table.cross_entropy_backward.function[kColumn] = cross_entropy_backward;
}

}  // namespace ember::cuda
