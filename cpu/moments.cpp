// Norms, and variance with mean: reductions that are accumulated in double, in an order that shapes and strides fix.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

constexpr int64_t kChunk = 1024;     // elements of a row that are reduced at once
constexpr int64_t kTile = 16;        // neighbouring outputs whose elements lie side by side
constexpr int64_t kTileChunk = 256;  // elements of each of them at once
constexpr int64_t kBlock = 32768;    // elements of one output for one task
constexpr int64_t kTaskCost = 8192;  // elements that are worth a thread

using Load = void (*)(const char* from, int64_t stride, double* to, int64_t to_stride, int64_t n);

template <class T>
void load(const char* from, int64_t stride, double* to, int64_t to_stride, int64_t n) {
  const T* const p = reinterpret_cast<const T*>(from);
  if (stride == 1 && to_stride == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<double>(static_cast<compute_t<T>>(p[i]));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_stride] = static_cast<double>(static_cast<compute_t<T>>(p[i * stride]));
  }
}

Load load_of(ScalarType dtype) {
  return visit_dtype<DtypeSet::Floating>(dtype, []<class T>() -> Load { return &load<T>; });
}

void store(const Tensor& out, int64_t o, double value) {
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    static_cast<T*>(out.data_ptr())[o] = static_cast<T>(static_cast<compute_t<T>>(value));
  });
}

// A reduction: Op has Acc, identity(), chunk(const double*, n) → Acc, combine(Acc, Acc), store(o, Acc).
template <class Op>
class Fold {
 public:
  using Acc = typename Op::Acc;
  Fold(const Tensor& in, DimMask dims, const Op& op)
      : shape_(in.sizes(), in.strides(), dims),
        op_(op),
        load_(load_of(in.dtype())),
        in_(static_cast<const char*>(in.data_ptr())),
        size_(static_cast<int64_t>(in.element_size())) {}

  void run() const {
    const ReduceShape::Group& kept = shape_.kept;
    const ReduceShape::Group& reduced = shape_.reduced;
    if (kept.numel == 0) return;
    const bool kept_dense = kept.dim > 0 && kept.strides[kept.dim - 1] == 1 && kept.sizes[kept.dim - 1] >= 2;
    const bool reduced_dense = reduced.dim > 0 && reduced.strides[reduced.dim - 1] == 1;
    const bool tiled = kept_dense && !reduced_dense;
    const int64_t width = tiled ? kept.sizes[kept.dim - 1] : 1;
    const int64_t tiles = (width + kTile - 1) / kTile;
    const int64_t n = reduced.numel;
    const int64_t blocks = std::max<int64_t>(1, (n + kBlock - 1) / kBlock);
    std::vector<Acc> partial(blocks > 1 ? static_cast<size_t>(kept.numel * blocks) : 0);
    const int64_t cost = std::max<int64_t>(1, std::min(n, kBlock) * (tiled ? std::min(width, kTile) : 1));
    parallel_for(0, kept.numel / width * tiles * blocks, std::max<int64_t>(1, kTaskCost / cost),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t task = begin; task < end; ++task) {
                     const int64_t block = task % blocks;
                     const int64_t column = task / blocks % tiles * kTile;
                     const int64_t output = task / blocks / tiles * width + column;
                     const int64_t count = std::min(kTile, width - column);
                     Acc acc[kTile];
                     const int64_t last = std::min(n, (block + 1) * kBlock);
                     if (tiled) {
                       columns(kept.offset(output), block * kBlock, last, count, acc);
                     } else {
                       acc[0] = row(kept.offset(output), block * kBlock, last);
                     }
                     for (int64_t j = 0; j < count; ++j) {
                       if (blocks == 1) {
                         op_.store(output + j, acc[j]);
                       } else {
                         partial[static_cast<size_t>((output + j) * blocks + block)] = acc[j];
                       }
                     }
                   }
                 });
    if (blocks == 1) return;
    for (int64_t o = 0; o < kept.numel; ++o) {
      Acc acc = op_.identity();
      for (int64_t b = 0; b < blocks; ++b) acc = op_.combine(acc, partial[static_cast<size_t>(o * blocks + b)]);
      op_.store(o, acc);
    }
  }

 private:
  Acc row(int64_t offset, int64_t begin, int64_t end) const {
    const ReduceShape::Group& reduced = shape_.reduced;
    const int64_t length = reduced.dim == 0 ? 1 : reduced.sizes[reduced.dim - 1];
    const int64_t stride = reduced.dim == 0 ? 1 : reduced.strides[reduced.dim - 1];
    double buffer[kChunk];
    Acc acc = op_.identity();
    while (begin < end) {
      const int64_t stop = std::min(end, begin + kChunk);
      int64_t filled = 0;
      while (begin < stop) {
        const int64_t count = std::min(stop - begin, length - begin % length);
        load_(in_ + (offset + reduced.offset(begin)) * size_, stride, buffer + filled, 1, count);
        filled += count;
        begin += count;
      }
      acc = op_.combine(acc, op_.chunk(buffer, filled));
    }
    return acc;
  }

  void columns(int64_t offset, int64_t begin, int64_t end, int64_t count, Acc* acc) const {
    double buffer[kTile * kTileChunk];
    for (int64_t j = 0; j < count; ++j) acc[j] = op_.identity();
    while (begin < end) {
      const int64_t filled = std::min(kTileChunk, end - begin);
      for (int64_t r = 0; r < filled; ++r) {
        load_(in_ + (offset + shape_.reduced.offset(begin + r)) * size_, 1, buffer + r, kTileChunk, count);
      }
      for (int64_t j = 0; j < count; ++j) acc[j] = op_.combine(acc[j], op_.chunk(buffer + j * kTileChunk, filled));
      begin += filled;
    }
  }

  ReduceShape shape_;
  const Op& op_;
  Load load_;
  const char* in_;
  int64_t size_;
};

// Σ f(x), eight sums side by side.
template <class F>
double sum_of(const double* x, int64_t n, F f) {
  double lanes[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int64_t l = 0; l < 8; ++l) lanes[l] += f(x[i + l]);
  for (int64_t l = 0; i < n; ++i, ++l) lanes[l] += f(x[i]);
  for (int64_t half = 4; half > 0; half /= 2)
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
struct Moments {
  struct Acc {
    double count, mean, squares;  // squares: Σ (x − mean)²
  };
  const Tensor& var;
  const Tensor& mean;
  double correction;
  bool root;

  Acc identity() const { return {0, 0, 0}; }
  Acc chunk(const double* x, int64_t n) const {
    const double count = static_cast<double>(n);
    const double m = sum_of(x, n, [](double v) { return v; }) / count;
    return {count, m, sum_of(x, n, [m](double v) { return (v - m) * (v - m); })};
  }
  Acc combine(const Acc& a, const Acc& b) const {
    if (a.count == 0) return b;
    if (b.count == 0) return a;
    const double count = a.count + b.count, delta = b.mean - a.mean;
    return {count, a.mean + delta * (b.count / count),
            a.squares + b.squares + delta * delta * (a.count * b.count / count)};
  }
  void store(int64_t o, const Acc& a) const {
    const double v = a.squares / std::max(0.0, a.count - correction);
    cpu::store(var, o, root ? std::sqrt(v) : v);
    cpu::store(mean, o, a.count == 0 ? std::numeric_limits<double>::quiet_NaN() : a.mean);
  }
};

struct SumNorm {  // (Σ term(x))^(1/p)
  using Acc = double;
  const Tensor& out;
  double p;

  Acc identity() const { return 0; }
  Acc chunk(const double* x, int64_t n) const {
    if (p == 0) return sum_of(x, n, [](double v) { return v != 0 ? 1.0 : 0.0; });
    if (p == 1) return sum_of(x, n, [](double v) { return std::fabs(v); });
    if (p == 2) return sum_of(x, n, [](double v) { return v * v; });
    return sum_of(x, n, [this](double v) { return std::pow(std::fabs(v), p); });
  }
  Acc combine(Acc a, Acc b) const { return a + b; }
  void store(int64_t o, Acc a) const {
    cpu::store(out, o, p == 0 || p == 1 ? a : p == 2 ? std::sqrt(a) : std::pow(a, 1 / p));
  }
};

template <bool kMax>
struct ExtremeNorm {
  using Acc = double;
  const Tensor& out;

  Acc identity() const { return kMax ? 0 : std::numeric_limits<double>::infinity(); }
  Acc chunk(const double* x, int64_t n) const {
    Acc a = identity();
    for (int64_t i = 0; i < n; ++i) a = combine(a, std::fabs(x[i]));
    return a;
  }
  Acc combine(Acc a, Acc b) const { return (kMax ? a >= b : a <= b) || a != a ? a : b; }
  void store(int64_t o, Acc a) const { cpu::store(out, o, a); }
};

template <class Op>
void fold(const Tensor& in, DimMask dims, const Op& op) {
  Fold<Op>(in, dims, op).run();
}

}  // namespace

void norm(const Tensor& out, const Tensor& in, DimMask dims, double p) {
  if (std::isinf(p)) {
    if (p > 0) {
      fold(in, dims, ExtremeNorm<true>{out});
    } else {
      fold(in, dims, ExtremeNorm<false>{out});
    }
  } else {
    fold(in, dims, SumNorm{out, p});
  }
}

void var_mean(const Tensor& var, const Tensor& mean, const Tensor& in, DimMask dims, double correction, bool root) {
  fold(in, dims, Moments{var, mean, correction, root});
}

}  // namespace ember::cpu
