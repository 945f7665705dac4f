// The gradients of a layer norm. With h = grad_out·weight and x the normalised row, that of the input is
// rstd·(h − mean h − x·mean(h·x)); that of the weight Σ grad_out·x and that of the bias Σ grad_out over the rows.
//
// All three come from one sweep over grad_out and the input: a thread has the same columns of every row that its group
// takes, so that it adds up the sums over rows in registers, and it asks for the next row before it works on this one.
// The sums of the blocks are added by a second kernel, in the order of the blocks.
#include <ember/core/backend.h>
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/column_sums.cuh>
#include <ember/cuda/launch.cuh>
#include <ember/cuda/row_tile.cuh>

namespace ember::cuda {

template <class T>
struct LayerNormBackward {
  using C = compute_t<T>;
  const T* grad_out;
  const T* in;
  const T* weight;  // or null
  const C* mean;
  const C* rstd;
  T* grad_in;
  C* sums;  // [2, blocks or slabs, n]: those of the weight, then those of the bias
  int64_t rows, n;
  C inverse;  // 1/n
};

// Vectors of V elements in columns (lane + k·lanes)·V. kLanes threads per row: a warp, or a block of more, 0: of any
// number of warps. Whole: there is a weight, too, and so no conditions that loads would have to wait for.
template <class T, RowFit kFit, int kLanes, bool kParameters>
__global__ void __launch_bounds__(kLanes == 0 ? 1024 : kLayerNormThreads, kLanes == 0    ? 1
                                                                          : kLanes == 32 ? kLayerNormBlocks
                                                                                         : 1024 / kLayerNormThreads)
    layer_norm_backward_rows(LayerNormBackward<T> a) {
  wait_for_earlier();
  using C = compute_t<T>;
  constexpr bool kWarp = kLanes == 32;
  constexpr int V = kPart<T, kFit>, E = kLayerNormColumns<T>, K = E / V;
  constexpr bool kHoldWeight = kWarp;  // else registers are short
  constexpr int kGroups = kWarp ? kLayerNormThreads / 32 : 1;
  using Reducer = RowReducer<C, kLanes>;
  __shared__ typename Reducer::Shared shared;
  Reducer reduce{shared};
  const int lanes = kLanes == 0 ? static_cast<int>(blockDim.x) : kLanes;
  const int group = kWarp ? static_cast<int>(threadIdx.x) / 32 : 0;
  const int lane = static_cast<int>(threadIdx.x) - group * 32;
  const int n = kFit == RowFit::Whole ? lanes * E : static_cast<int>(a.n);
  const int64_t step = static_cast<int64_t>(gridDim.x) * kGroups;
  int64_t row = static_cast<int64_t>(blockIdx.x) * kGroups + group;
  const auto column = [&](int k) { return (lane + k * lanes) * V; };
  const auto there = [&](int k) { return kFit == RowFit::Whole || column(k) < n; };

  RowPart<T, V> next_g[K], next_x[K];  // 0 where there is nothing, which adds nothing
  if constexpr (kFit != RowFit::Whole) {
#pragma unroll
    for (int k = 0; k < K; ++k) {
      next_g[k].fill(T(0.0f));
      next_x[k].fill(T(0.0f));
    }
  }
  // The mean in even lanes, rstd in odd ones. Read from one address by all of a block they would be scalars, for which
  // the compiler waits on the spot, and so for the memory in every round.
  C next_moment = 0;
  const auto ask_for = [&](int64_t r) {
    if (r >= a.rows) return;
    const T* const g = a.grad_out + r * n;
    const T* const x = a.in + r * n;
#pragma unroll
    for (int k = 0; k < K; ++k) {
      if (there(k)) {
        next_g[k].load(g + column(k));
        next_x[k].load(x + column(k));
      }
    }
    next_moment = (lane % 2 == 0 ? a.mean : a.rstd)[r];
  };

  RowPart<T, V> weights[K];
  const auto load_weight = [&] {
#pragma unroll
    for (int k = 0; k < K; ++k) {
      if constexpr (kFit != RowFit::Whole) weights[k].fill(T(1.0f));
      if ((kFit == RowFit::Whole || a.weight != nullptr) && there(k)) weights[k].load(a.weight + column(k));
    }
  };
  if constexpr (kHoldWeight) load_weight();
  C weight_sum[E] = {}, bias_sum[E] = {};

  ask_for(row);
#pragma unroll 1
  for (; row < a.rows; row += step) {  // the same for all lanes of a group
    const C mean = __shfl_sync(0xffffffffu, next_moment, 0), rstd = __shfl_sync(0xffffffffu, next_moment, 1);
    C h[E], x[E];
#pragma unroll
    for (int k = 0; k < K; ++k) {
      next_g[k].get(h + k * V);
      next_x[k].get(x + k * V);
    }
    ask_for(row + step);
    if constexpr (!kHoldWeight) load_weight();
    if constexpr (sizeof(T) == 2) __syncwarp();  // or the compiler puts these loads off until the sums are made
    C sums[2][2] = {};
#pragma unroll
    for (int k = 0; k < K; ++k) {
      C weight[V];
      weights[k].get(weight);
#pragma unroll
      for (int j = 0; j < V; ++j) {
        const int e = k * V + j;
        x[e] = there(k) ? (x[e] - mean) * rstd : C(0);
        if constexpr (kParameters) {
          weight_sum[e] += h[e] * x[e];
          bias_sum[e] += h[e];
        }
        h[e] *= weight[j];
        sums[e % 2][0] += h[e];
        sums[e % 2][1] += h[e] * x[e];
      }
    }
    C both[2] = {sums[0][0] + sums[1][0], sums[0][1] + sums[1][1]};
    reduce(both, Plus{}, C(0));
    const C mean_h = both[0] * a.inverse, mean_hx = both[1] * a.inverse;
    T* const out = a.grad_in + row * n;
#pragma unroll
    for (int k = 0; k < K; ++k) {
#pragma unroll
      for (int j = 0; j < V; ++j) {
        const int e = k * V + j;
        h[e] = rstd * (h[e] - mean_h - x[e] * mean_hx);
      }
      if (there(k)) RowPart<T, V>::put(out + column(k), h + k * V);
    }
  }

  if constexpr (kParameters) {
    // The groups of a block one after the other.
    constexpr int kColumns = kWarp ? 32 * E : 1;
    __shared__ C block_sums[2][kColumns];
    if constexpr (kWarp) {
#pragma unroll 1
      for (int turn = 0; turn < kGroups; ++turn) {
        if (group == turn) {
#pragma unroll
          for (int e = 0; e < E; ++e) {
            const int at = column(e / V) + e % V;
            if (turn != 0) {
              weight_sum[e] = block_sums[0][at] + weight_sum[e];
              bias_sum[e] = block_sums[1][at] + bias_sum[e];
            }
            block_sums[0][at] = weight_sum[e];
            block_sums[1][at] = bias_sum[e];
          }
        }
        __syncthreads();
      }
      if (group != kGroups - 1) return;
    }
    C* const weight_out = a.sums + static_cast<int64_t>(blockIdx.x) * n;
    C* const bias_out = weight_out + static_cast<int64_t>(gridDim.x) * n;
    constexpr int W = V == 1 ? 1 : kRowVector<C>;  // of which a vector of T has one or two
#pragma unroll
    for (int e = 0; e < E; e += W) {
      const int at = column(e / V) + e % V;
      if (there(e / V)) {
        RowPart<C, W>::put(weight_out + at, weight_sum + e);
        RowPart<C, W>::put(bias_out + at, bias_sum + e);
      }
    }
  }
}

// The gradient of the input of rows too long for that: a block per row, which reads it twice.
template <class T>
__global__ void __launch_bounds__(kLongRowThreads) layer_norm_backward_long(LayerNormBackward<T> a) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, 0>::Shared shared;
  RowReducer<C, 0> reduce{shared};
  with_row<0>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const T* const g = a.grad_out + row * a.n;
    const T* const in = a.in + row * a.n;
    T* const out = a.grad_in + row * a.n;
    const int shift = row_shift(g);
    const C mean = a.mean[row], rstd = a.rstd[row];
    const auto read = [&](const auto& tile, C(&h)[kLongElements], C(&x)[kLongElements]) {
      tile.load(h, g, T(0.0f));
      tile.load(x, in, T(0.0f));
      if (a.weight != nullptr) {
        C w[kLongElements];
        tile.load(w, a.weight, T(0.0f));
#pragma unroll
        for (int e = 0; e < kLongElements; ++e) h[e] *= w[e];
      }
#pragma unroll
      for (int e = 0; e < kLongElements; ++e) x[e] = (x[e] - mean) * rstd;
    };
    C sums[2] = {C(0), C(0)};
    for_each_chunk<T>(n, shift, lane, [&](const auto& tile) {
      C h[kLongElements], x[kLongElements];
      read(tile, h, x);
#pragma unroll
      for (int e = 0; e < kLongElements; ++e) {
        sums[0] += h[e];
        sums[1] += h[e] * x[e];
      }
    });
    reduce(sums, Plus{}, C(0));
    const C mean_h = sums[0] * a.inverse, mean_hx = sums[1] * a.inverse;
    for_each_chunk_backwards<T>(n, shift, lane, [&](const auto& tile) {
      C h[kLongElements], x[kLongElements];
      read(tile, h, x);
#pragma unroll
      for (int e = 0; e < kLongElements; ++e) h[e] = rstd * (h[e] - mean_h - x[e] * mean_hx);
      tile.store(out, h);
    });
  });
}

// Σ grad_out·x and Σ grad_out over slab blockIdx.y of the rows, for 32 columns; threads (32, 8).
template <class T>
__global__ void __launch_bounds__(256) layer_norm_parameter_slabs(LayerNormBackward<T> a, int64_t height) {
  wait_for_earlier();
  using C = compute_t<T>;
  constexpr int kRows = 8;
  __shared__ C tile[2][kRows][32];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t column = static_cast<int64_t>(blockIdx.x) * 32 + x;
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * height;
  const int64_t end = begin + height < a.rows ? begin + height : a.rows;
  C weight = 0, bias = 0;
  if (column < a.n) {
#pragma unroll 4
    for (int64_t row = begin + y; row < end; row += kRows) {
      const C g = static_cast<C>(a.grad_out[row * a.n + column]);
      weight += g * ((static_cast<C>(a.in[row * a.n + column]) - a.mean[row]) * a.rstd[row]);
      bias += g;
    }
  }
  tile[0][y][x] = weight;
  tile[1][y][x] = bias;
  __syncthreads();
  if (y > 1 || column >= a.n) return;
  C sum = tile[y][0][x];
#pragma unroll
  for (int r = 1; r < kRows; ++r) sum += tile[y][r][x];
  a.sums[(static_cast<int64_t>(y) * gridDim.y + blockIdx.y) * a.n + column] = sum;
}

namespace {

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? static_cast<T*>(t.data_ptr()) : nullptr;
}

template <class T, bool kParameters>
void launch_backward_rows(const LayerNormBackward<T>& a, const LayerNormBackwardPlan& plan, const LaunchScope& scope) {
  const auto start = [&]<RowFit kFit, int kLanes>() {
    launch(scope, layer_norm_backward_rows<T, kFit, kLanes, kParameters>, static_cast<unsigned>(plan.blocks),
           static_cast<unsigned>(plan.threads), a);
  };
  const RowFit fit =
      row_fit<T>(a.n, int64_t{plan.lanes} * kLayerNormColumns<T>, {a.grad_out, a.in, a.weight, a.grad_in});
  if (fit == RowFit::Elements) {
    plan.lanes == 32 ? start.template operator()<RowFit::Elements, 32>()
                     : start.template operator()<RowFit::Elements, 0>();
  } else if (plan.lanes == 32) {
    start.template operator()<RowFit::Vectors, 32>();
  } else if (sizeof(T) == 8 || fit == RowFit::Vectors || a.weight == nullptr) {
    start.template operator()<RowFit::Vectors, 0>();
  } else if constexpr (sizeof(T) < 8) {
    plan.lanes == 128 ? start.template operator()<RowFit::Whole, 128>() : start.template operator()<RowFit::Whole, 0>();
  }
  check_launch("layer_norm_backward");
}

template <class T>
void launch_backward(LayerNormBackward<T> a, T* grad_weight, T* grad_bias, Device device) {
  const LaunchScope scope(device);
  const bool parameters = grad_weight != nullptr || grad_bias != nullptr;
  LayerNormBackwardPlan plan = plan_layer_norm_backward(a.rows, a.n, kLayerNormColumns<T>);
  const bool sweep = a.grad_in != nullptr && plan.lanes != 0;
  const LayerNormSlabs slabs = plan_layer_norm_slabs(a.rows, a.n);
  const int parts = sweep ? plan.blocks : slabs.slabs;
  Storage scratch;  // freed on return, reused only by later work on this stream
  if (parameters) {
    scratch =
        allocate_storage(2 * static_cast<size_t>(parts) * static_cast<size_t>(a.n) * sizeof(compute_t<T>), device);
    a.sums = static_cast<compute_t<T>*>(scratch.data());
  }
  if (sweep) {
    parameters ? launch_backward_rows<T, true>(a, plan, scope) : launch_backward_rows<T, false>(a, plan, scope);
  } else {
    if (a.grad_in != nullptr && a.rows != 0) {
      const unsigned blocks = row_blocks(a.rows, {kLongRowThreads, kLongRowThreads, 0});
      launch(scope, layer_norm_backward_long<T>, blocks, kLongRowThreads, a);
      check_launch("layer_norm_backward");
    }
    if (parameters) {
      const dim3 blocks(static_cast<unsigned>((a.n + 31) / 32), static_cast<unsigned>(slabs.slabs));
      launch(scope, layer_norm_parameter_slabs<T>, blocks, dim3(32, 8), a, slabs.height);
      check_launch("layer_norm_backward");
    }
  }
  if (parameters) {
    const dim3 blocks(static_cast<unsigned>((a.n + 31) / 32), 2);
    launch(scope, add_column_sums<T>, blocks, dim3(32, 32), a.sums, parts, a.n, grad_weight, grad_bias);
    check_launch("the second stage of layer_norm_backward");
  }
}

void layer_norm_backward(const Tensor& grad_in, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_out, const Tensor& in, const Tensor& mean, const Tensor& rstd,
                         const Tensor& weight) {
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const LayerNormBackward<T> a{data_or_null<T>(grad_out),
                                 data_or_null<T>(in),
                                 data_or_null<T>(weight),
                                 data_or_null<C>(mean),
                                 data_or_null<C>(rstd),
                                 data_or_null<T>(grad_in),
                                 nullptr,
                                 in.size(0),
                                 in.size(1),
                                 C(1) / static_cast<C>(in.size(1))};
    launch_backward<T>(a, data_or_null<T>(grad_weight), data_or_null<T>(grad_bias), in.device());
  });
}

}  // namespace

void register_layer_norm_backward(Kernels& table) { table.layer_norm_backward.function[kColumn] = layer_norm_backward; }

}  // namespace ember::cuda
