// Sorts of rows, and what is selected from sorted rows. One radix sort of all elements by key, stable, then one by row:
// two passes over memory whatever the shape, and only two instances of CUB's sort.
#include <utility>

#include <cub/device/device_radix_sort.cuh>

#include <ember/core/functors.h>
#include <ember/core/sort_key.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/register.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// What CUB sorts by: keys of less than 4 bytes are widened.
template <class T>
using device_key_t = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

// f(i) for i < n, shared among all threads of the grid.
template <class F>
__device__ void for_each_index(int64_t n, F f) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) f(i);
}

// keys[i] of element places[i]·width + column; with no places, of element i, and its number is written to them.
template <class T>
__global__ void __launch_bounds__(kThreads) make_keys(int64_t n, const T* in, device_key_t<T>* keys, int64_t* places,
                                                      bool given, int64_t width, int64_t column, bool descending) {
  wait_for_earlier();
  for_each_index(n, [&](int64_t i) {
    if (!given) places[i] = i;
    const sort_key_t<T> key = sort_key(in[given ? places[i] * width + column : i]);
    keys[i] = static_cast<sort_key_t<T>>(descending ? ~key : key);
  });
}

template <class Key>
__global__ void __launch_bounds__(kThreads) make_row_keys(int64_t n, const int64_t* places, Key* keys, int64_t width) {
  wait_for_earlier();
  for_each_index(n, [&](int64_t i) { keys[i] = static_cast<Key>(places[i] / width); });
}

// The first k of each sorted row.
template <class T>
__global__ void __launch_bounds__(kThreads)
    take_sorted(int64_t n, const T* in, const int64_t* places, T* values, int64_t* indices, int64_t width, int64_t k) {
  wait_for_earlier();
  for_each_index(n, [&](int64_t i) {
    const int64_t row = i / k;
    const int64_t place = places[row * width + (i - row * k)];
    values[i] = in[place];
    indices[i] = place - row * width;
  });
}

enum class Pick : int { Kth, Median, NanMedian, Mode };

// A thread per row takes one of its sorted elements.
template <class T>
__global__ void __launch_bounds__(kThreads) pick_sorted(int64_t rows, const T* in, const int64_t* places, T* values,
                                                        int64_t* indices, int64_t width, Pick what, int64_t k) {
  wait_for_earlier();
  using C = compute_t<T>;
  for_each_index(rows, [&](int64_t row) {
    const int64_t* const order = places + row * width;
    int64_t found = k - 1;
    if (what == Pick::Median || what == Pick::NanMedian) {
      int64_t low = 0, high = width;  // where the NaNs begin
      while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (functors::is_nan(static_cast<C>(in[order[middle]]))) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      found = low < width && what == Pick::Median ? low : low == 0 ? 0 : (low - 1) / 2;
    } else if (what == Pick::Mode) {
      int64_t most = 0, run = 0;
      for (int64_t i = 0; i < width; ++i) {
        ++run;
        if (i + 1 < width && static_cast<C>(in[order[i]]) == static_cast<C>(in[order[i + 1]])) continue;
        if (run > most) {
          most = run;
          found = i;
        }
        run = 0;
      }
    }
    values[row] = in[order[found]];
    indices[row] = order[found] - row * width;
  });
}

namespace {

// Room for one array of n elements of T on the device.
template <class T>
Tensor room(int64_t n, Device device) {
  return detail::empty({n * static_cast<int64_t>(sizeof(T))}, kUInt8, device);
}
template <class T>
T* data(const Tensor& t) {
  return static_cast<T*>(t.data_ptr());
}

// Stable; what was keys and places is in new_keys and new_places after.
template <class Key>
void sort_pairs(const LaunchScope& scope, Device device, const Key* keys, Key* new_keys, const int64_t* places,
                int64_t* new_places, int64_t n, int bits) {
  size_t bytes = 0;
  EMBER_CUDA_CHECK(
      cub::DeviceRadixSort::SortPairs(nullptr, bytes, keys, new_keys, places, new_places, n, 0, bits, scope.stream));
  const Tensor storage = detail::empty({static_cast<int64_t>(bytes)}, kUInt8, device);
  EMBER_CUDA_CHECK(cub::DeviceRadixSort::SortPairs(storage.data_ptr(), bytes, keys, new_keys, places, new_places, n, 0,
                                                   bits, scope.stream));
}

int bits_for(int64_t count) {  // to tell `count` values apart
  int bits = 1;
  while (bits < 63 && (int64_t{1} << bits) < count) ++bits;
  return bits;
}

template <class Key>
Tensor group_by_row(const LaunchScope& scope, const Tensor& places, int64_t n, int64_t rows, int64_t width) {
  const Device device = places.device();
  const Tensor keys = room<Key>(n, device), sorted_keys = room<Key>(n, device);
  const Tensor grouped = detail::empty({n}, kInt64, device);
  launch(scope, make_row_keys<Key>, scope.blocks(n, kThreads), kThreads, n, data<int64_t>(places), data<Key>(keys),
         width);
  check_launch("a sort");
  sort_pairs<Key>(scope, device, data<Key>(keys), data<Key>(sorted_keys), data<int64_t>(places), data<int64_t>(grouped),
                  n, bits_for(rows));
  return grouped;
}

// Where the elements of in[R, n] come from when each row is sorted: positions in all of `in`.
template <class T>
Tensor sorted_places(const LaunchScope& scope, const Tensor& in, bool descending) {
  using Key = device_key_t<T>;
  const Device device = in.device();
  const int64_t rows = in.size(0), width = in.size(1), n = rows * width;
  const Tensor sorted = detail::empty({n}, kInt64, device);
  {
    const Tensor keys = room<Key>(n, device), sorted_keys = room<Key>(n, device);
    const Tensor places = detail::empty({n}, kInt64, device);
    launch(scope, make_keys<T>, scope.blocks(n, kThreads), kThreads, n, data<const T>(in), data<Key>(keys),
           data<int64_t>(places), false, 1, 0, descending);
    check_launch("a sort");
    sort_pairs<Key>(scope, device, data<Key>(keys), data<Key>(sorted_keys), data<int64_t>(places),
                    data<int64_t>(sorted), n, static_cast<int>(8 * sizeof(T)));
  }
  if (rows == 1) return sorted;
  return rows <= INT32_MAX ? group_by_row<uint32_t>(scope, sorted, n, rows, width)
                           : group_by_row<uint64_t>(scope, sorted, n, rows, width);
}

// A bool is a byte of 0 or 1.
template <class F>
void visit_stored(ScalarType dtype, F&& f) {
  visit_dtype(dtype,
              [&]<class T>() { f.template operator()<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>(); });
}

void take_columns(const Tensor& values, const Tensor& indices, const Tensor& in, bool descending) {
  const int64_t n = values.numel();
  if (n == 0) return;
  const LaunchScope scope(in.device());
  visit_stored(in.dtype(), [&]<class T>() {
    const Tensor places = sorted_places<T>(scope, in, descending);
    launch(scope, take_sorted<T>, scope.blocks(n, kThreads), kThreads, n, data<const T>(in), data<int64_t>(places),
           data<T>(values), data<int64_t>(indices), in.size(1), values.size(1));
    check_launch("a sort");
  });
}

void pick(const Tensor& values, const Tensor& indices, const Tensor& in, Pick what, int64_t k) {
  const int64_t rows = in.size(0);
  if (rows == 0) return;
  const LaunchScope scope(in.device());
  visit_stored(in.dtype(), [&]<class T>() {
    const Tensor places = sorted_places<T>(scope, in, false);
    launch(scope, pick_sorted<T>, scope.blocks(rows, kThreads), kThreads, rows, data<const T>(in),
           data<int64_t>(places), data<T>(values), data<int64_t>(indices), in.size(1), what, k);
    check_launch("a selection");
  });
}

void sort(const Tensor& values, const Tensor& indices, const Tensor& in, bool descending) {
  take_columns(values, indices, in, descending);
}
void topk(const Tensor& values, const Tensor& indices, const Tensor& in, bool largest, bool) {
  take_columns(values, indices, in, largest);
}
void kthvalue(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t k) {
  pick(values, indices, in, Pick::Kth, k);
}
void median(const Tensor& values, const Tensor& indices, const Tensor& in, bool ignore_nan) {
  pick(values, indices, in, ignore_nan ? Pick::NanMedian : Pick::Median, 1);
}
void mode(const Tensor& values, const Tensor& indices, const Tensor& in) { pick(values, indices, in, Pick::Mode, 1); }

// By the last column first, each time keeping the order so far.
void sort_rows(const Tensor& order, const Tensor& in) {
  const int64_t rows = in.size(0), width = in.size(1);
  if (rows == 0) return;
  const Device device = in.device();
  const LaunchScope scope(device);
  visit_stored(in.dtype(), [&]<class T>() {
    using Key = device_key_t<T>;
    const Tensor keys = room<Key>(rows, device), sorted_keys = room<Key>(rows, device);
    const Tensor spare = detail::empty({rows}, kInt64, device);
    int64_t* from = data<int64_t>(width % 2 == 0 ? order : spare);
    int64_t* to = data<int64_t>(width % 2 == 0 ? spare : order);
    launch(scope, make_keys<T>, scope.blocks(rows, kThreads), kThreads, rows, data<const T>(in), data<Key>(keys), from,
           false, width, 0, false);  // only numbers the rows
    check_launch("a sort of rows");
    for (int64_t column = width; column-- > 0;) {
      launch(scope, make_keys<T>, scope.blocks(rows, kThreads), kThreads, rows, data<const T>(in), data<Key>(keys),
             from, true, width, column, false);
      check_launch("a sort of rows");
      sort_pairs<Key>(scope, device, data<Key>(keys), data<Key>(sorted_keys), from, to, rows,
                      static_cast<int>(8 * sizeof(T)));
      std::swap(from, to);
    }
  });
}

}  // namespace

void register_sorts(Kernels& table) {
  table.sort.function[kColumn] = sort;
  table.topk.function[kColumn] = topk;
  table.kthvalue.function[kColumn] = kthvalue;
  table.median.function[kColumn] = median;
  table.mode.function[kColumn] = mode;
  table.sort_rows.function[kColumn] = sort_rows;
}

}  // namespace ember::cuda
