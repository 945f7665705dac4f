// Lists of parameters and gradients: one launch for as many as its arguments hold. A block takes one chunk of one
// array, a thread of it a vector of 16 bytes where the arrays are aligned for it.
#include <algorithm>
#include <cmath>

#include <cub/block/block_reduce.cuh>

#include <ember/core/functors/optimizer.h>
#include <ember/core/tensor.h>
#include <ember/cuda/check.h>
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// The arguments of a kernel are copied at each launch: few arrays go into a short list. The long one is more than the
// 4 KiB that CUDA had before 12.1.
inline constexpr int kMostArrays = 64;
inline constexpr int kFewArrays = 8;

// What a thread of the kernels that only look at gradients has in flight. With all of an optimizer's arrays one vector
// of each is enough: on an H200 kernels for AdamW of 64 × 2^20 float32 alone took 442 µs so, 446 with two vectors, and
// 474 with blocks that stay and take chunk after chunk (440 for a copy of as many bytes).
inline constexpr int kGradientVectors = 4;

template <class T>
inline constexpr int kVector = 16 / sizeof(T);
// Elements of a chunk whose threads take `vectors` vectors.
template <class T, int vectors>
inline constexpr int64_t kChunk = int64_t{vectors} * kThreads* kVector<T>;

template <class Item, int N>
struct Batch {
  Item list[N];
  uint32_t first_chunk[N];  // of each in the launch; where there is none, more than there are
  uint64_t vectors = 0;     // bit i: all arrays of list[i] are aligned to 16 bytes
};

// Elements of an array.
struct Part {
  int which;
  int64_t begin, whole, end;  // from begin to `whole` in vectors
};

// The last of eight, `step` apart and ascending, that is not after `chunk`; the first is not. No look-up waits for
// another.
__device__ inline int last_of_eight(const uint32_t* first_chunk, int step, uint32_t chunk) {
  uint32_t x[8];
#pragma unroll
  for (int i = 1; i < 8; ++i) x[i] = first_chunk[i * step];
  const bool four = x[4] <= chunk;
  const bool two = (four ? x[6] : x[2]) <= chunk;
  const uint32_t low = four ? x[5] : x[1], high = four ? x[7] : x[3];
  const bool one = (two ? high : low) <= chunk;
  return (four ? 4 : 0) + (two ? 2 : 0) + (one ? 1 : 0);
}

// The block's.
template <class T, int vectors, class Item, int N>
__device__ Part part_of_block(const Batch<Item, N>& batch) {
  static_assert(N == 8 || N == 64);
  const uint32_t chunk = blockIdx.x;
  const int eight = N == 8 ? 0 : 8 * last_of_eight(batch.first_chunk, 8, chunk);
  const int which = eight + last_of_eight(batch.first_chunk + eight, 1, chunk);
  constexpr int64_t size = kChunk<T, vectors>;
  const int64_t begin = (chunk - batch.first_chunk[which]) * size, numel = batch.list[which].numel;
  const int64_t end = begin + size < numel ? begin + size : numel;
  return {which, begin, (batch.vectors >> which & 1) != 0 ? end & -int64_t{kVector<T>} : begin, end};
}

// V is 1 or as many as 16 bytes hold.
template <int V, class T>
__device__ Values<compute_t<T>, V> load_values(const void* data, int64_t i) {
  const auto loaded = *reinterpret_cast<const Vector<T, V>*>(static_cast<const T*>(data) + i);
  Values<compute_t<T>, V> x;
#pragma unroll
  for (int j = 0; j < V; ++j) x.v[j] = static_cast<compute_t<T>>(loaded.v[j]);
  return x;
}
template <int V, class T>
__device__ void store_values(void* data, int64_t i, const Values<compute_t<T>, V>& x) {
  Vector<T, V> out;
#pragma unroll
  for (int j = 0; j < V; ++j) out.v[j] = static_cast<T>(x.v[j]);
  *reinterpret_cast<Vector<T, V>*>(static_cast<T*>(data) + i) = out;
}

// Calls f.template operator()<V>(item, i) for the elements i … i + V − 1 of the block's arrays.
template <class T, class Item, int N, class F>
__device__ void for_vectors(const Batch<Item, N>& batch, F f) {
  const Part part = part_of_block<T, 1>(batch);
  const Item& item = batch.list[part.which];
  const int64_t at = part.begin + threadIdx.x * kVector<T>;
  if (at < part.whole) f.template operator()<kVector<T>>(item, at);
  for (int64_t i = part.whole + threadIdx.x; i < part.end; i += kThreads) f.template operator()<1>(item, i);
}

// The numbers of a step are rounded to the dtype by the host, but for those of a captured graph.
template <class T, int N>
__global__ void __launch_bounds__(kThreads) sgd_step(const __grid_constant__ Batch<SgdArrays, N> batch,
                                                     functors::Sgd<compute_t<T>> step, const SgdStep* captured) {
  wait_for_earlier();
  using C = compute_t<T>;
  for_vectors<T>(batch, [&]<int V>(const SgdArrays& a, int64_t i) {
    auto p = load_values<V, T>(a.param, i);
    const auto g = load_values<V, T>(a.grad, i);
    Values<C, V> m{};
    if (a.momentum != nullptr && !a.first) m = load_values<V, T>(a.momentum, i);
    // After the loads, so that they do not wait for it.
    const functors::Sgd<C> update = captured == nullptr ? step : functors::Sgd<C>(*captured);
    if (a.momentum == nullptr) {
#pragma unroll
      for (int j = 0; j < V; ++j) p.v[j] = update.plain(p.v[j], g.v[j]);
    } else {
#pragma unroll
      for (int j = 0; j < V; ++j) p.v[j] = update.with_momentum(p.v[j], g.v[j], m.v[j], a.first);
      store_values<V, T>(a.momentum, i, m);
    }
    store_values<V, T>(a.param, i, p);
  });
}

// AdamArrays with factors of the dtype.
template <class C>
struct AdamItem {
  void* param;
  const void* grad;
  void* exp_avg;
  void* exp_avg_sq;
  void* max_exp_avg_sq;
  int64_t numel;
  C root, size;
  const AdamFactors* captured;
};

template <class T, int N>
__global__ void __launch_bounds__(kThreads) adam_step(const __grid_constant__ Batch<AdamItem<compute_t<T>>, N> batch,
                                                      functors::Adam<compute_t<T>> step, const AdamStep* captured) {
  wait_for_earlier();
  using C = compute_t<T>;
  for_vectors<T>(batch, [&]<int V>(const AdamItem<C>& a, int64_t i) {
    auto p = load_values<V, T>(a.param, i);
    const auto g = load_values<V, T>(a.grad, i);
    auto m = load_values<V, T>(a.exp_avg, i);
    auto v = load_values<V, T>(a.exp_avg_sq, i);
    Values<C, V> largest{};
    if (a.max_exp_avg_sq != nullptr) largest = load_values<V, T>(a.max_exp_avg_sq, i);
    // After the loads, so that they do not wait for it.
    const functors::Adam<C> update = captured == nullptr ? step : functors::Adam<C>(*captured);
    C root = a.root, size = a.size;
    if (a.captured != nullptr) {
      root = static_cast<C>(a.captured->bias_correction2_root);
      size = static_cast<C>(-a.captured->step_size);
    }
    if (a.max_exp_avg_sq == nullptr) {
#pragma unroll
      for (int j = 0; j < V; ++j) {
        p.v[j] = update(p.v[j], g.v[j], m.v[j], v.v[j], static_cast<C*>(nullptr), root, size);
      }
    } else {
#pragma unroll
      for (int j = 0; j < V; ++j) p.v[j] = update(p.v[j], g.v[j], m.v[j], v.v[j], &largest.v[j], root, size);
      store_values<V, T>(a.max_exp_avg_sq, i, largest);
    }
    store_values<V, T>(a.exp_avg, i, m);
    store_values<V, T>(a.exp_avg_sq, i, v);
    store_values<V, T>(a.param, i, p);
  });
}

// The thread's vectors of a gradient: f(u, i) for the one at i.
template <class T, class F>
__device__ void for_gradient_vectors(const Part& part, F f) {
#pragma unroll
  for (int u = 0; u < kGradientVectors; ++u) {
    const int64_t i = part.begin + (u * kThreads + threadIdx.x) * kVector<T>;
    if (i < part.whole) f(u, i);
  }
}

// sums[chunk] = Σ x² over the chunk.
template <class T, int N>
__global__ void __launch_bounds__(kThreads)
    chunk_squares(const __grid_constant__ Batch<GradientArray, N> batch, double* sums) {
  wait_for_earlier();
  using Reduce = cub::BlockReduce<double, kThreads>;
  __shared__ typename Reduce::TempStorage storage;
  constexpr int V = kVector<T>;
  const Part part = part_of_block<T, kGradientVectors>(batch);
  const void* const data = batch.list[part.which].data;
  double sum = 0;
  const auto add = [&](auto x) { sum += static_cast<double>(x) * static_cast<double>(x); };
  Values<compute_t<T>, V> x[kGradientVectors] = {};
  for_gradient_vectors<T>(part, [&](int u, int64_t i) { x[u] = load_values<V, T>(data, i); });
#pragma unroll
  for (int u = 0; u < kGradientVectors; ++u) {
#pragma unroll
    for (int j = 0; j < V; ++j) add(x[u].v[j]);
  }
  for (int64_t i = part.whole + threadIdx.x; i < part.end; i += kThreads) add(load_values<1, T>(data, i).v[0]);
  sum = Reduce(storage).Sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

template <class N>
__global__ void __launch_bounds__(kThreads) norm_of_chunks(const double* sums, int64_t n, N* norm) {
  wait_for_earlier();
  using Reduce = cub::BlockReduce<double, kThreads>;
  __shared__ typename Reduce::TempStorage storage;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += sums[i];
  sum = Reduce(storage).Sum(sum);
  if (threadIdx.x == 0) *norm = static_cast<N>(sqrt(sum));
}

template <class T, int N, class Norm>
__global__ void __launch_bounds__(kThreads)
    clip(const __grid_constant__ Batch<GradientArray, N> batch, const Norm* norm, double max_norm) {
  wait_for_earlier();
  using C = compute_t<T>;
  constexpr int V = kVector<T>;
  const double factor = max_norm / (static_cast<double>(*norm) + 1e-6);
  if (factor >= 1) return;
  const C scale = static_cast<C>(factor);
  const Part part = part_of_block<T, kGradientVectors>(batch);
  void* const data = batch.list[part.which].data;
  Values<C, V> x[kGradientVectors];
  for_gradient_vectors<T>(part, [&](int u, int64_t i) { x[u] = load_values<V, T>(data, i); });
  for_gradient_vectors<T>(part, [&](int u, int64_t i) {
#pragma unroll
    for (int j = 0; j < V; ++j) x[u].v[j] = x[u].v[j] * scale;
    store_values<V, T>(data, i, x[u]);
  });
  for (int64_t i = part.whole + threadIdx.x; i < part.end; i += kThreads) {
    auto one = load_values<1, T>(data, i);
    one.v[0] = one.v[0] * scale;
    store_values<1, T>(data, i, one);
  }
}

namespace {

template <class... P>
bool all_aligned(P*... data) {
  return (is_aligned(data, 16) && ...);
}
bool aligned(const SgdArrays& a) { return all_aligned(a.param, a.grad, a.momentum); }
bool aligned(const AdamArrays& a) { return all_aligned(a.param, a.grad, a.exp_avg, a.exp_avg_sq, a.max_exp_avg_sq); }
bool aligned(const GradientArray& a) { return all_aligned(a.data); }

constexpr int64_t kMostChunks = INT32_MAX;  // the blocks of a grid
int64_t chunks_of(int64_t numel, int64_t chunk) { return (numel + chunk - 1) / chunk; }

template <int N, class Arrays, class MakeItem, class F>
void batches_of(ArrayRef<Arrays> list, int64_t chunk, MakeItem make_item, F launch_batch) {
  for (size_t next = 0; next < list.size();) {
    Batch<decltype(make_item(list[0])), N> batch;
    int64_t chunks = 0;
    int count = 0;
    for (; next < list.size() && count < N; ++next, ++count) {
      const int64_t more = chunks_of(list[next].numel, chunk);
      if (chunks + more > kMostChunks) break;
      batch.list[count] = make_item(list[next]);
      batch.first_chunk[count] = static_cast<uint32_t>(chunks);
      if (aligned(list[next])) batch.vectors |= uint64_t{1} << count;
      chunks += more;
    }
    std::fill(batch.first_chunk + count, batch.first_chunk + N, UINT32_MAX);
    if (chunks != 0) launch_batch(batch, static_cast<unsigned>(chunks));
  }
}

// Calls launch_batch(batch, blocks), with an item for each of the list's, until every one has had its turn.
template <class Arrays, class MakeItem, class F>
void for_each_batch(const char* name, ArrayRef<Arrays> list, int64_t chunk, MakeItem make_item, F launch_batch) {
  for (const Arrays& a : list) {
    EMBER_CHECK(chunks_of(a.numel, chunk) <= kMostChunks, name, ": an array has ", a.numel, " elements");
  }
  const auto checked = [&](const auto& batch, unsigned blocks) {
    launch_batch(batch, blocks);
    check_launch(name);
  };
  if (list.size() <= kFewArrays) return batches_of<kFewArrays>(list, chunk, make_item, checked);
  batches_of<kMostArrays>(list, chunk, make_item, checked);
}
constexpr auto as_it_is = [](const auto& arrays) { return arrays; };

void sgd(Device device, ScalarType dtype, ArrayRef<SgdArrays> list, const SgdStep& step) {
  const LaunchScope scope(device);
  visit_dtype<DtypeSet::Floating>(dtype, [&]<class T>() {
    const functors::Sgd<compute_t<T>> numbers(step);
    for_each_batch("sgd", list, kChunk<T, 1>, as_it_is,
                   [&]<class Item, int N>(const Batch<Item, N>& batch, unsigned blocks) {
                     launch(scope, sgd_step<T, N>, blocks, kThreads, batch, numbers, step.captured);
                   });
  });
}

void adam(Device device, ScalarType dtype, ArrayRef<AdamArrays> list, const AdamStep& step) {
  const LaunchScope scope(device);
  visit_dtype<DtypeSet::Floating>(dtype, [&]<class T>() {
    using C = compute_t<T>;
    const auto item = [](const AdamArrays& a) {
      const C root = static_cast<C>(a.factors.bias_correction2_root), size = static_cast<C>(-a.factors.step_size);
      return AdamItem<C>{a.param, a.grad, a.exp_avg, a.exp_avg_sq, a.max_exp_avg_sq, a.numel, root, size, a.captured};
    };
    const functors::Adam<C> numbers(step);
    for_each_batch("adam", list, kChunk<T, 1>, item,
                   [&]<class Item, int N>(const Batch<Item, N>& batch, unsigned blocks) {
                     launch(scope, adam_step<T, N>, blocks, kThreads, batch, numbers, step.captured);
                   });
  });
}

void list_norm(Device device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm) {
  const LaunchScope scope(device);
  visit_dtype<DtypeSet::Floating>(dtype, [&]<class T>() {
    constexpr int64_t chunk = kChunk<T, kGradientVectors>;
    int64_t chunks = 0;
    for (const GradientArray& a : list) chunks += chunks_of(a.numel, chunk);
    const Tensor sums = detail::empty({std::max<int64_t>(chunks, 1)}, kFloat64, device);
    auto* const first = static_cast<double*>(sums.data_ptr());
    double* next = first;
    for_each_batch("list_norm", list, chunk, as_it_is,
                   [&]<class Item, int N>(const Batch<Item, N>& batch, unsigned blocks) {
                     launch(scope, chunk_squares<T, N>, blocks, kThreads, batch, next);
                     next += blocks;
                   });
    using Norm = std::conditional_t<std::is_same_v<T, double>, double, float>;
    launch(scope, norm_of_chunks<Norm>, 1, kThreads, first, chunks, static_cast<Norm*>(norm.data_ptr()));
    check_launch("list_norm");
  });
}

void list_clip(Device device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm, double max_norm) {
  const LaunchScope scope(device);
  visit_dtype<DtypeSet::Floating>(dtype, [&]<class T>() {
    using Norm = std::conditional_t<std::is_same_v<T, double>, double, float>;
    for_each_batch("list_clip", list, kChunk<T, kGradientVectors>, as_it_is,
                   [&]<class Item, int N>(const Batch<Item, N>& batch, unsigned blocks) {
                     launch(scope, clip<T, N, Norm>, blocks, kThreads, batch, static_cast<const Norm*>(norm.data_ptr()),
                            max_norm);
                   });
  });
}

}  // namespace

void register_optimizers(Kernels& table) {
  table.sgd.function[kColumn] = sgd;
  table.adam.function[kColumn] = adam;
  table.list_norm.function[kColumn] = list_norm;
  table.list_clip.function[kColumn] = list_clip;
}

}  // namespace ember::cuda
