// Copies, with conversion between dtypes, and fills.
#include <algorithm>
#include <cstring>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/transpose.h>

namespace ember::cpu {

namespace {

// Rows of dimension 0, from memory to memory.
void copy_by_rows(const TensorIterator& iter, int64_t size) {
  if (iter.dim() == 1) {
    parallel_for(0, iter.numel(), kGrain, [&](int64_t begin, int64_t end) {
      const int64_t to = iter.stride(0, 0);
      const int64_t from = iter.stride(1, 0);
      strided_copy(size, iter.data(0) + begin * to, to, iter.data(1) + begin * from, from, end - begin);
    });
    return;
  }
  const int64_t n = iter.size(0);
  parallel_for(0, iter.numel() / n, std::max<int64_t>(1, kGrain / n), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      char* to = iter.data(0);
      const char* from = iter.data(1);
      int64_t rest = begin;
      for (int d = 1; d < iter.dim(); ++d) {
        const int64_t index = rest % iter.size(d);
        rest /= iter.size(d);
        to += index * iter.stride(0, d);
        from += index * iter.stride(1, d);
      }
      const int64_t rows = std::min(end - begin, iter.size(1) - begin % iter.size(1));
      copy_rows(size, {to, iter.stride(0, 0), iter.stride(0, 1)}, {from, iter.stride(1, 0), iter.stride(1, 1)}, n,
                rows);
      begin += rows;
    }
  });
}

// A copy whose output is dense along dimension 0 and whose input is dense along another, by strips of rows.
class Transpose {
 public:
  // The dimension along which the input is dense, or 0 if this is no transpose.
  static int dense_dim(const TensorIterator& iter) {
    const auto size = static_cast<int64_t>(element_size(iter.dtype(0)));
    if (iter.stride(0, 0) != size || iter.stride(1, 0) == size || iter.stride(1, 0) == 0) return 0;
    for (int d = 1; d < iter.dim(); ++d) {
      if (iter.stride(1, d) == size && iter.size(d) >= 4 && iter.size(0) >= 4) return d;
    }
    return 0;
  }

  Transpose(const TensorIterator& iter, int dim) : iter_(iter), dim_(dim), strip_(kLines / iter.stride(0, 0)) {
    strips_ = (iter.size(dim) + strip_ - 1) / strip_;
    outer_ = iter.numel() / iter.size(0) / iter.size(dim);
  }

  void run() const {
    const int64_t elements = iter_.size(0) * strip_;
    parallel_for(0, outer_ * strips_, std::max<int64_t>(1, kGrain / elements), [this](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) strip(i / strips_, (i % strips_) * strip_);
    });
  }

 private:
  // Rows [row, row + strip_) of dimension dim_, all of dimension 0, at index `outer` of the others.
  void strip(int64_t outer, int64_t row) const {
    char* out = iter_.data(0) + row * iter_.stride(0, dim_);
    const char* in = iter_.data(1) + row * iter_.stride(1, dim_);
    for (int d = 1; d < iter_.dim(); ++d) {
      if (d == dim_) continue;
      const int64_t index = outer % iter_.size(d);
      outer /= iter_.size(d);
      out += index * iter_.stride(0, d);
      in += index * iter_.stride(1, d);
    }
    const int64_t rows = std::min(strip_, iter_.size(dim_) - row);
    transpose(iter_.stride(0, 0), out, iter_.stride(0, dim_), in, iter_.stride(1, 0), rows, iter_.size(0));
  }

  static constexpr int64_t kLines = 128;  // two cache lines of the input's columns

  const TensorIterator& iter_;
  int dim_;
  int64_t strip_;
  int64_t strips_;
  int64_t outer_;
};

template <class T>
void fill_loop(char* const* operands, int64_t n, const Params& params) {
  std::fill_n(reinterpret_cast<T*>(operands[0]), n, params.a.cast<T>());
}

}  // namespace

void copy(const TensorIterator& iter) {
  if (iter.numel() == 0) return;
  const ScalarType to = iter.dtype(0);
  const ScalarType from = iter.dtype(1);
  const ScalarType types[] = {to, from};
  if (to != from) return run_elementwise(iter, {loops.convert_from(from)[to]}, types, Params{});
  const size_t size = element_size(to);
  if (const int dim = Transpose::dense_dim(iter); dim != 0) {
    return Transpose(iter, dim).run();
  }
  copy_by_rows(iter, static_cast<int64_t>(size));
}

void fill(const TensorIterator& iter, const Scalar& value) {
  const ScalarType t = iter.dtype(0);
  const Loop loop = visit_dtype(t, []<class T>() -> Loop { return &fill_loop<T>; });
  run_elementwise(iter, {loop}, &t, Params{value, Scalar()});
}

}  // namespace ember::cpu
