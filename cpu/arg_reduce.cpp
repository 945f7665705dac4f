// The largest or smallest element along a dimension, and where it is.
#include <algorithm>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/reduce.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

constexpr int64_t kBlock = 512;

// Whether x comes before the best so far: the first of equals wins, the first NaN over all.
template <bool kMax, class T>
bool better(T x, T best) {
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return best == best;
  }
  return kMax ? x > best : x < best;
}

// T is the compute type, E the element's.
template <bool kMax, class T, class E>
class ArgReduction {
 public:
  ArgReduction(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim)
      : shape_(in.sizes(), in.strides(), in.dim() == 0 ? 0u : DimMask{1} << dim),
        in_(static_cast<const E*>(in.data_ptr())),
        values_(static_cast<E*>(values.data_ptr())),
        indices_(static_cast<int64_t*>(indices.data_ptr())),
        n_(shape_.reduced.numel),
        stride_(shape_.reduced.dim == 0 ? 1 : shape_.reduced.strides[0]),
        loop_((kMax ? reduce_loops.amax : reduce_loops.amin)[static_cast<int>(dtype_of_v<T>)]) {}

  void run() const {
    const ReduceShape::Group& kept = shape_.kept;
    if (kept.numel == 0) return;
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, n_));
    const bool by_columns = kept.dim > 0 && kept.strides[kept.dim - 1] == 1 && kept.sizes[kept.dim - 1] > 1;
    parallel_for(0, kept.numel, grain, [&](int64_t begin, int64_t end) {
      if (!by_columns) {
        for (int64_t o = begin; o < end; ++o) row(o);
        return;
      }
      const int64_t width = kept.sizes[kept.dim - 1];
      while (begin < end) {
        const int64_t count = std::min({end - begin, width - begin % width, kBlock});
        columns(begin, count);
        begin += count;
      }
    });
  }

 private:
  void row(int64_t output) const {
    const E* p = in_ + shape_.kept.offset(output);
    T buffer[kBlock];
    T best{};
    int64_t best_index = -1;
    for (int64_t start = 0; start < n_; start += kBlock) {
      const int64_t count = std::min(kBlock, n_ - start);
      const T* block = buffer;
      if constexpr (std::is_same_v<T, E>) {
        if (stride_ == 1) block = p + start;
      }
      if (block == buffer) {
        for (int64_t i = 0; i < count; ++i) buffer[i] = static_cast<T>(p[(start + i) * stride_]);
      }
      T found;
      loop_.reduce(block, count, &found);
      if (best_index >= 0 && !better<kMax>(found, best)) continue;
      int64_t i = 0;
      while (!(block[i] == found || (block[i] != block[i] && found != found))) ++i;
      best = block[i];
      best_index = start + i;
    }
    values_[output] = p[best_index * stride_];
    indices_[output] = best_index;
  }

  void columns(int64_t output, int64_t count) const {
    const E* p = in_ + shape_.kept.offset(output);
    T best[kBlock];
    int64_t* const index = indices_ + output;
    for (int64_t j = 0; j < count; ++j) {
      best[j] = static_cast<T>(p[j]);
      index[j] = 0;
    }
    for (int64_t i = 1; i < n_; ++i) {
      const E* line = p + i * stride_;
      for (int64_t j = 0; j < count; ++j) {
        const T x = static_cast<T>(line[j]);
        const bool wins = better<kMax>(x, best[j]);
        best[j] = wins ? x : best[j];
        index[j] = wins ? i : index[j];
      }
    }
    for (int64_t j = 0; j < count; ++j) values_[output + j] = p[index[j] * stride_ + j];
  }

  ReduceShape shape_;
  const E* in_;
  E* values_;
  int64_t* indices_;
  int64_t n_;
  int64_t stride_;
  ReduceLoop loop_;
};

template <bool kMax>
void run(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  visit_dtype(in.dtype(), [&]<class E>() {
    // A bool is a byte of 0 or 1.
    using Stored = std::conditional_t<std::is_same_v<E, bool>, uint8_t, E>;
    ArgReduction<kMax, compute_t<Stored>, Stored>(values, indices, in, dim).run();
  });
}

}  // namespace

void max(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  run<true>(values, indices, in, dim);
}
void min(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  run<false>(values, indices, in, dim);
}

}  // namespace ember::cpu
