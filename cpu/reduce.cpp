// Reductions over any set of dimensions. Three walks: rows (the reduced elements lie together, or are
// gathered), columns (the kept ones lie together: whole rows are accumulated), and a second pass where one
// result was split among blocks. What is added to what depends on shapes and strides only, so that the
// result is the same on any number of threads; sums are balanced trees.
#include <ember/cpu/reduce.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

constexpr int64_t kBlockElements = 32 * kReduceChunk;  // of one result, for one task
constexpr int64_t kBlockRows = 4096;                   // of a group of columns, for one task
constexpr int64_t kLeafRows = 32;                      // accumulated one after the other
constexpr int64_t kColumns = 512;                      // accumulated side by side

class Reduction {
 public:
  Reduction(const Tensor& out, const Tensor& in, DimMask dims, const ReduceLoop* loops, double divisor)
      : shape_(in.sizes(), in.strides(), dims),
        dtype_(in.dtype()),
        type_(compute_dtype(in.dtype())),
        loop_(loops[static_cast<int>(type_)]),
        combine_(loops[static_cast<int>(loop_.accumulator)].accumulate),
        in_(static_cast<const char*>(in.data_ptr())),
        size_(static_cast<int64_t>(element_size(dtype_))),
        accumulator_size_(static_cast<int64_t>(element_size(loop_.accumulator))),
        out_(static_cast<char*>(out.data_ptr())),
        out_dtype_(out.dtype()),
        divisor_(divisor) {}

  void run() const {
    if (shape_.kept.numel == 0) return;
    const ReduceShape::Group& kept = shape_.kept;
    const ReduceShape::Group& reduced = shape_.reduced;
    const bool kept_dense = kept.dim > 0 && kept.strides[kept.dim - 1] == 1 && kept.sizes[kept.dim - 1] >= 2;
    const bool reduced_dense = reduced.dim > 0 && reduced.strides[reduced.dim - 1] == 1;
    if (kept_dense && !reduced_dense) {
      columns();
    } else {
      rows();
    }
  }

 private:
  // ---- rows ----

  void rows() const {
    const int64_t n = shape_.reduced.numel;
    const int64_t blocks = std::max<int64_t>(1, (n + kBlockElements - 1) / kBlockElements);
    const int64_t outputs = shape_.kept.numel;
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, std::min(n, kBlockElements)));
    if (blocks == 1) {
      parallel_for(0, outputs, grain, [&](int64_t begin, int64_t end) {
        alignas(8) char result[8];
        for (int64_t o = begin; o < end; ++o) {
          row(shape_.kept.offset(o), 0, n, result);
          finish(result, o, 1);
        }
      });
      return;
    }
    std::vector<char> partial(static_cast<size_t>(outputs * blocks * accumulator_size_));
    parallel_for(0, outputs * blocks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t start = task % blocks * kBlockElements;
        row(shape_.kept.offset(task / blocks), start, std::min(n, start + kBlockElements),
            partial.data() + task * accumulator_size_);
      }
    });
    for (int64_t o = 0; o < outputs; ++o) {
      char* const p = partial.data() + o * blocks * accumulator_size_;
      combine_tree(p, blocks, 1);
      finish(p, o, 1);
    }
  }

  // Reduces elements [begin, end) of the row at `offset`.
  void row(int64_t offset, int64_t begin, int64_t end, char* result) const {
    if (end - begin > kReduceChunk) {
      const int64_t mid = middle(begin, end, kReduceChunk);
      alignas(8) char right[8];
      row(offset, begin, mid, result);
      row(offset, mid, end, right);
      combine_(result, right, 1);
      return;
    }
    alignas(64) char gathered[kReduceChunk * 8];
    alignas(64) char converted[kReduceChunk * 4];
    const ReduceShape::Group& reduced = shape_.reduced;
    const int64_t n = end - begin;
    const char* source = gathered;
    if (reduced.dim == 0) {
      source = in_ + offset * size_;
    } else if (reduced.dim == 1 && reduced.strides[0] == 1) {
      source = in_ + (offset + begin) * size_;
    } else {
      gather(offset, begin, end, gathered);
    }
    loop_.reduce(converted_elements(source, n, converted), n, result);
  }

  void gather(int64_t offset, int64_t begin, int64_t end, char* to) const {
    const ReduceShape::Group& reduced = shape_.reduced;
    const int64_t length = reduced.sizes[reduced.dim - 1];
    const int64_t stride = reduced.strides[reduced.dim - 1] * size_;
    while (begin < end) {
      const int64_t count = std::min(end - begin, length - begin % length);
      const char* from = in_ + (offset + reduced.offset(begin)) * size_;
      strided_copy(size_, to, size_, from, stride, count);
      to += count * size_;
      begin += count;
    }
  }

  // ---- columns ----

  void columns() const {
    const ReduceShape::Group& kept = shape_.kept;
    const int64_t width = kept.sizes[kept.dim - 1];
    const int64_t groups = (width + kColumns - 1) / kColumns;
    const int64_t lines = kept.numel / width;
    const int64_t n = shape_.reduced.numel;
    const int64_t blocks = std::max<int64_t>(1, (n + kBlockRows - 1) / kBlockRows);
    const int64_t cost = std::max<int64_t>(1, std::min(n, kBlockRows) * std::min(width, kColumns));
    std::vector<char> partial;
    if (blocks > 1) partial.resize(static_cast<size_t>(kept.numel * blocks * accumulator_size_));
    parallel_for(0, lines * groups * blocks, std::max<int64_t>(1, kGrain / cost), [&](int64_t begin, int64_t end) {
      alignas(64) char result[kColumns * 8];
      for (int64_t task = begin; task < end; ++task) {
        const int64_t block = task % blocks;
        const int64_t column = task / blocks % groups * kColumns;
        const int64_t output = task / blocks / groups * width + column;
        const int64_t count = std::min(kColumns, width - column);
        const int64_t start = block * kBlockRows;
        column_block(kept.offset(output), start, std::min(n, start + kBlockRows), count, result);
        if (blocks == 1) {
          finish(result, output, count);
        } else {
          std::memcpy(partial.data() + (block * kept.numel + output) * accumulator_size_, result,
                      static_cast<size_t>(count * accumulator_size_));
        }
      }
    });
    if (blocks > 1) {
      combine_tree(partial.data(), blocks, kept.numel);
      finish(partial.data(), 0, kept.numel);
    }
  }

  // Reduces rows [begin, end) of `count` adjacent columns at `offset`.
  void column_block(int64_t offset, int64_t begin, int64_t end, int64_t count, char* result) const {
    if (end - begin > kLeafRows) {
      const int64_t mid = middle(begin, end, kLeafRows);
      alignas(64) char right[kColumns * 8];
      column_block(offset, begin, mid, count, result);
      column_block(offset, mid, end, count, right);
      combine_(result, right, count);
      return;
    }
    loop_.fill_neutral(result, count);
    alignas(64) char converted[kColumns * 4];
    for (int64_t r = begin; r < end; ++r) {
      const char* row = in_ + (offset + shape_.reduced.offset(r)) * size_;
      loop_.accumulate(result, converted_elements(row, count, converted), count);
    }
  }

  // ---- both ----

  // n elements in the type that the loops take: 2-byte floats are converted into `buffer`.
  const char* converted_elements(const char* source, int64_t n, char* buffer) const {
    if (dtype_ == type_) return source;
    char* const operands[] = {buffer, const_cast<char*>(source)};
    loops.convert_from(dtype_)[type_](operands, n, Params{});
    return buffer;
  }

  // Combines `blocks` arrays of n accumulators, one after the other in memory, into the first.
  void combine_tree(char* partial, int64_t blocks, int64_t n) const {
    const int64_t bytes = n * accumulator_size_;
    for (int64_t step = 1; step < blocks; step *= 2) {
      for (int64_t i = 0; i + step < blocks; i += 2 * step) {
        combine_(partial + i * bytes, partial + (i + step) * bytes, n);
      }
    }
  }

  // Divides n accumulators and writes them from output element `index` on.
  void finish(char* accumulators, int64_t index, int64_t n) const {
    if (divisor_ != 1) {
      visit_dtype(loop_.accumulator, [&]<class A>() {
        if constexpr (!std::is_same_v<A, bool>) {
          A* const a = reinterpret_cast<A*>(accumulators);
          const A divisor = Scalar(divisor_).cast<A>();
          for (int64_t i = 0; i < n; ++i) a[i] = static_cast<A>(a[i] / divisor);
        }
      });
    }
    char* const operands[] = {out_ + index * static_cast<int64_t>(element_size(out_dtype_)), accumulators};
    loops.convert_from(loop_.accumulator)[out_dtype_](operands, n, Params{});
  }

  ReduceShape shape_;
  ScalarType dtype_;
  ScalarType type_;  // as the loops take it
  ReduceLoop loop_;
  void (*combine_)(void*, const void*, int64_t);
  const char* in_;
  int64_t size_;
  int64_t accumulator_size_;
  char* out_;
  ScalarType out_dtype_;
  double divisor_;
};

}  // namespace

void reduce_dense(const ReduceLoop& loop, int64_t element_size, const char* in, int64_t n, void* result) {
  if (n <= kReduceChunk) return loop.reduce(in, n, result);
  const int64_t mid = middle(0, n, kReduceChunk);
  alignas(8) char right[8];
  reduce_dense(loop, element_size, in, mid, result);
  reduce_dense(loop, element_size, in + mid * element_size, n - mid, right);
  loop.accumulate(result, right, 1);
}

void sum(const Tensor& out, const Tensor& in, DimMask dims, double divisor) {
  Reduction(out, in, dims, reduce_loops.sum, divisor).run();
}
void prod(const Tensor& out, const Tensor& in, DimMask dims) { Reduction(out, in, dims, reduce_loops.prod, 1).run(); }
void amax(const Tensor& out, const Tensor& in, DimMask dims) { Reduction(out, in, dims, reduce_loops.amax, 1).run(); }
void amin(const Tensor& out, const Tensor& in, DimMask dims) { Reduction(out, in, dims, reduce_loops.amin, 1).run(); }

}  // namespace ember::cpu
