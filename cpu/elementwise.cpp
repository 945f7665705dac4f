// One walk for every elementwise kernel. The inner loops want dense arrays of their own types. An operand
// that is one is used in place; any other goes through a small buffer, a block at a time: gathered,
// converted, scattered. So an element's result is the same whatever the layout, and there is one inner
// loop per operation and type.
#include <ember/cpu/elementwise.h>

#include <algorithm>
#include <cstring>

#include <ember/core/parallel.h>
#include <ember/cpu/strided_copy.h>
#include <ember/cpu/transpose.h>

namespace ember::cpu {

constinit Loops loops;  // may be filled by another file's static initialiser

void fill_loops() {
  fill_unary_loops(loops);
  fill_scalar_loops(loops);
  fill_math_loops(loops);
  fill_binary_loops(loops);
  fill_compare_loops(loops);
  fill_convert_loops(loops);
}

namespace {

constexpr int kMaxOperands = TensorIterator::kMaxOperands;
// Elements per block: all buffers together stay within the first-level cache.
constexpr int64_t kBlock = 512;
using Buffer = char[kBlock * 8];
// A tile takes two cache lines of each column of a transposed operand.
constexpr int64_t kTileLines = 128;
constexpr int64_t kTileColumns = 128;
using Tile = char[kTileLines * kTileColumns];
// Rows shorter than this are gathered into one block, many at a time.
constexpr int64_t kShortRow = 64;
// But not where there is enough to transpose.
constexpr int64_t kLeastTransposed = 16;

// n times the scalar, as an element of type t.
void fill_scalar(const Scalar& value, ScalarType t, char* buffer, int64_t n) {
  visit_dtype(t, [&]<class T>() { std::fill_n(reinterpret_cast<T*>(buffer), n, value.cast<T>()); });
}

// The dimension, not the fastest, along which operand i is dense, if it is long enough; or 0.
int dense_across(const TensorIterator& iter, int i) {
  const auto size = static_cast<int64_t>(element_size(iter.dtype(i)));
  if (i == 0 || iter.is_scalar(i) || iter.stride(i, 0) == size || iter.stride(i, 0) == 0) return 0;
  for (int d = 1; d < iter.dim(); ++d) {
    if (iter.stride(i, d) == size && iter.size(d) >= kLeastTransposed) return d;
  }
  return 0;
}
bool has_transposed(const TensorIterator& iter) {
  for (int i = 1; i < iter.num_operands(); ++i) {
    if (dense_across(iter, i) != 0) return true;
  }
  return false;
}

// How the walk gives the loop an operand.
enum class Access : uint8_t {
  Dense,        // in place: dense in every block
  Value,        // in place: one value in each row, where the loop takes that
  Transposed,   // dense along dimension 1: in a buffer, a tile at a time
  Constant,     // one value, in a buffer filled once
  Periodic,     // every row the same, in a buffer of whole rows filled once
  RowConstant,  // one value in each row, in a buffer filled once a row
  Buffered,
};

struct Operand {
  char* data;
  int64_t strides[kMaxDims];
  int64_t memory_size;  // of an element in memory
  int64_t loop_size;    // and as the loop wants it
  Loop convert;         // between the two, towards the loop for inputs; null where they are the same
  Access access;
};

class Walk {
 public:
  Walk(const TensorIterator& iter, const LoopSet& loop_set, const ScalarType* types, const Params& params);
  // Positions [begin, end) of the iteration, the fastest dimension first.
  void run(int64_t begin, int64_t end) const;

 private:
  using Position = int64_t[kMaxDims];

  void locate(int64_t linear, Position p) const;
  void advance(Position p, int64_t n) const;
  int64_t offset(const Operand& o, const Position p) const;
  template <class F>
  void for_each_rectangle(const Operand& o, const Position start, int64_t n, F f) const;
  void fill_constant(int i, int64_t n, char* buffer) const;
  void read(const Operand& o, const Position p, int64_t n, char* buffer) const;
  void write(const Operand& o, const Position p, int64_t n, char* buffer) const;
  void choose_tiles(const LoopSet& loop_set);
  void run_tiles(int64_t begin, int64_t end) const;
  void tile(char** memory, int64_t rows, int64_t n, Tile* tiles, Buffer* converted) const;
  // Row by row in a tile; a constant is converted already.
  static bool converts(const Operand& o) { return o.convert != nullptr && o.access != Access::Constant; }

  const TensorIterator& iter_;
  Loop loop_;
  const ScalarType* types_;
  const Params& params_;
  int num_operands_;
  int dim_;
  bool by_rows_;        // a block never crosses a row
  bool buffered_;       // blocks are limited to block_
  bool tiled_ = false;  // run_tiles() does it
  bool converting_ = false;
  int64_t tile_rows_ = INT64_MAX;
  int64_t tile_columns_ = INT64_MAX;
  int64_t block_ = kBlock;
  int64_t sizes_[kMaxDims];
  Operand operands_[kMaxOperands];
};

Walk::Walk(const TensorIterator& iter, const LoopSet& loop_set, const ScalarType* types, const Params& params)
    : iter_(iter),
      loop_(loop_set.dense),
      types_(types),
      params_(params),
      num_operands_(iter.num_operands()),
      dim_(iter.dim()) {
  by_rows_ = dim_ == 1 || iter.size(0) >= kShortRow || (iter.size(0) >= kLeastTransposed && has_transposed(iter));
  buffered_ = false;
  for (int d = 0; d < dim_; ++d) sizes_[d] = iter.size(d);
  for (int i = 0; i < num_operands_; ++i) {
    Operand& o = operands_[i];
    o.data = iter.data(i);
    o.loop_size = static_cast<int64_t>(element_size(types[i]));
    const ScalarType dtype = iter.is_scalar(i) ? types[i] : iter.dtype(i);
    o.memory_size = static_cast<int64_t>(element_size(dtype));
    o.convert = nullptr;
    if (dtype != types[i]) {
      o.convert = i == 0 ? loops.convert_from(types[i])[dtype] : loops.convert_from(dtype)[types[i]];
    }
    bool constant = i != 0;
    bool periodic = i != 0 && !by_rows_;
    bool dense = true;
    int64_t dense_stride = o.memory_size;
    o.strides[1] = 0;  // read for one dimension too
    for (int d = 0; d < dim_; ++d) {
      o.strides[d] = iter.stride(i, d);
      constant &= o.strides[d] == 0;
      periodic &= d == 0 || o.strides[d] == 0;
      if (d == 0 || !by_rows_) dense &= o.strides[d] == dense_stride;
      dense_stride *= sizes_[d];
    }
    if (iter.is_scalar(i) || constant) {
      o.access = Access::Constant;
    } else if (dense && o.convert == nullptr) {
      o.access = Access::Dense;
    } else if (periodic) {
      o.access = Access::Periodic;
      block_ = kBlock / sizes_[0] * sizes_[0];
    } else {
      o.access = i != 0 && by_rows_ && o.strides[0] == 0 ? Access::RowConstant : Access::Buffered;
    }
    buffered_ |= o.access != Access::Dense;
  }
  if (by_rows_) choose_tiles(loop_set);
}

// Whether whole rectangles can be done without gathering rows.
void Walk::choose_tiles(const LoopSet& loop_set) {
  Access access[kMaxOperands];
  int values = 0, value = 0, across = 0;
  for (int i = 0; i < num_operands_; ++i) {
    const Operand& o = operands_[i];
    access[i] = o.access;
    if (o.access == Access::Constant || o.access == Access::RowConstant) {
      ++values;
      value = i;
    } else if (o.strides[0] == o.memory_size) {
      access[i] = Access::Dense;
      if (o.convert != nullptr) tile_columns_ = std::min(tile_columns_, kBlock);
    } else {
      const int d = dense_across(iter_, i);
      if (d == 0 || (across != 0 && across != d)) return;
      across = d;
      access[i] = Access::Transposed;
      tile_rows_ = std::min(tile_rows_, kTileLines / o.memory_size);
      tile_columns_ = kTileColumns;
    }
  }
  const bool in_memory = values == 1 && !iter_.is_scalar(value) && operands_[value].convert == nullptr;
  if (in_memory && loop_set.constant[value] != nullptr) {
    loop_ = loop_set.constant[value];
    access[value] = Access::Value;
  }
  for (int i = 0; i < num_operands_; ++i) {
    if (access[i] == Access::RowConstant) return;
    if (access[i] == Access::Constant) tile_columns_ = std::min(tile_columns_, kBlock);
  }
  for (int i = 0; i < num_operands_; ++i) {
    operands_[i].access = access[i];
    converting_ |= converts(operands_[i]);
    if (across != 0) std::swap(operands_[i].strides[1], operands_[i].strides[across]);
  }
  if (across != 0) std::swap(sizes_[1], sizes_[across]);
  tiled_ = true;
}

void Walk::locate(int64_t linear, Position p) const {
  for (int d = 0; d < dim_; ++d) {
    p[d] = linear % sizes_[d];
    linear /= sizes_[d];
  }
}

void Walk::advance(Position p, int64_t n) const {
  p[0] += n;
  for (int d = 0; d + 1 < dim_ && p[d] >= sizes_[d]; ++d) {
    p[d + 1] += p[d] / sizes_[d];
    p[d] %= sizes_[d];
  }
}

int64_t Walk::offset(const Operand& o, const Position p) const {
  int64_t result = 0;
  for (int d = 0; d < dim_; ++d) result += p[d] * o.strides[d];
  return result;
}

// Calls f(memory, elements before, count, rows) for the rectangles, rows of dimension 0 at dimension 1's stride, that
// n elements from `start` are.
template <class F>
void Walk::for_each_rectangle(const Operand& o, const Position start, int64_t n, F f) const {
  if (start[0] + n <= sizes_[0]) return f(o.data + offset(o, start), int64_t{0}, n, int64_t{1});
  Position p;
  std::copy(start, start + dim_, p);
  for (int64_t done = 0; done < n;) {
    const int64_t count = std::min(n - done, sizes_[0] - p[0]);
    const int64_t rows = count < sizes_[0] ? 1 : std::min((n - done) / count, sizes_[1] - p[1]);
    f(o.data + offset(o, p), done, count, rows);
    done += count * rows;
    advance(p, count * rows);
  }
}

void Walk::fill_constant(int i, int64_t n, char* buffer) const {
  const Operand& o = operands_[i];
  if (iter_.is_scalar(i)) return fill_scalar(iter_.scalar(i), types_[i], buffer, n);
  alignas(8) char value[8];
  if (o.convert != nullptr) {
    char* const operands[] = {value, o.data};
    o.convert(operands, 1, params_);
  } else {
    std::memcpy(value, o.data, static_cast<size_t>(o.memory_size));
  }
  copy_rows(o.loop_size, {buffer, o.loop_size, 0}, {value, 0, 0}, n, 1);
}

void Walk::read(const Operand& o, const Position p, int64_t n, char* buffer) const {
  alignas(64) Buffer raw;
  char* const gathered = o.convert != nullptr ? raw : buffer;
  char* source = gathered;
  const int64_t size = o.memory_size;
  for_each_rectangle(o, p, n, [&](char* memory, int64_t done, int64_t count, int64_t rows) {
    if (o.convert != nullptr && count == n && o.strides[0] == o.memory_size) {
      source = memory;  // dense: converted from where it is
    } else {
      copy_rows(size, {gathered + done * size, size, count * size}, {memory, o.strides[0], o.strides[1]}, count, rows);
    }
  });
  if (o.convert != nullptr) {
    char* const operands[] = {buffer, source};
    o.convert(operands, n, params_);
  }
}

void Walk::write(const Operand& o, const Position p, int64_t n, char* buffer) const {
  alignas(64) Buffer raw;
  const char* source = buffer;
  if (o.convert != nullptr) {
    char* const operands[] = {raw, buffer};
    o.convert(operands, n, params_);
    source = raw;
  }
  const int64_t size = o.memory_size;
  for_each_rectangle(o, p, n, [&](char* memory, int64_t done, int64_t count, int64_t rows) {
    copy_rows(size, {memory, o.strides[0], o.strides[1]}, {source + done * size, size, count * size}, count, rows);
  });
}

// By rectangles: rows of which as many as dimension 1 has differ by a stride only.
void Walk::run_tiles(int64_t begin, int64_t end) const {
  alignas(64) Tile tiles[kMaxOperands];
  alignas(64) Buffer rows_converted[kMaxOperands];
  for (int i = 1; i < num_operands_; ++i) {
    if (operands_[i].access != Access::Constant) continue;
    fill_constant(i, std::min(tile_columns_, sizes_[0]), tiles[i]);
  }
  Position p;
  locate(begin, p);
  for (int64_t at = begin; at < end;) {
    const int64_t columns = std::min(end - at, sizes_[0] - p[0]);
    const int64_t rows = columns < sizes_[0] || dim_ == 1 ? 1 : std::min((end - at) / columns, sizes_[1] - p[1]);
    for (int64_t c = 0; c < columns; c += std::min(tile_columns_, columns)) {
      for (int64_t r = 0; r < rows; r += std::min(tile_rows_, rows)) {
        char* memory[kMaxOperands];
        for (int i = 0; i < num_operands_; ++i) {
          const Operand& o = operands_[i];
          memory[i] = o.data + offset(o, p) + c * o.strides[0] + r * o.strides[1];
        }
        tile(memory, std::min(tile_rows_, rows - r), std::min(tile_columns_, columns - c), tiles, rows_converted);
      }
    }
    at += columns * rows;
    advance(p, columns * rows);
  }
}

// One tile, which begins at `memory`.
void Walk::tile(char** memory, int64_t rows, int64_t n, Tile* tiles, Buffer* converted) const {
  int64_t steps[kMaxOperands];
  char* pointers[kMaxOperands];  // as the loop gets them
  for (int i = 0; i < num_operands_; ++i) {
    const Operand& o = operands_[i];
    steps[i] = o.access == Access::Constant ? 0 : o.strides[1];
    if (o.access == Access::Transposed) {
      transpose(o.memory_size, tiles[i], n * o.memory_size, memory[i], o.strides[0], rows, n);
      steps[i] = n * o.memory_size;
    }
    if (o.access == Access::Transposed || o.access == Access::Constant) memory[i] = tiles[i];
    pointers[i] = converts(o) ? converted[i] : memory[i];
  }
  if (!converting_) {
    for (int64_t r = 0; r < rows; ++r) {
      loop_(pointers, n, params_);
      for (int i = 0; i < num_operands_; ++i) pointers[i] += steps[i];
    }
    return;
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int i = 1; i < num_operands_; ++i) {
      if (!converts(operands_[i])) continue;
      char* const operands[] = {converted[i], memory[i]};
      operands_[i].convert(operands, n, params_);
    }
    loop_(pointers, n, params_);
    if (converts(operands_[0])) {
      char* const operands[] = {memory[0], converted[0]};
      operands_[0].convert(operands, n, params_);
    }
    for (int i = 0; i < num_operands_; ++i) {
      memory[i] += steps[i];
      if (!converts(operands_[i])) pointers[i] = memory[i];
    }
  }
}

void Walk::run(int64_t begin, int64_t end) const {
  if (tiled_) return run_tiles(begin, end);
  alignas(64) Buffer buffers[kMaxOperands];
  Position p;
  locate(begin, p);
  for (int i = 1; i < num_operands_; ++i) {
    const int64_t n = std::min(block_, end - begin);
    if (operands_[i].access == Access::Constant) fill_constant(i, n, buffers[i]);
    if (operands_[i].access == Access::Periodic) read(operands_[i], p, n, buffers[i]);
  }
  for (int64_t at = begin; at < end;) {
    int64_t n = end - at;
    if (buffered_) n = std::min(n, block_);
    if (by_rows_) n = std::min(n, sizes_[0] - p[0]);
    char* pointers[kMaxOperands];
    for (int i = 0; i < num_operands_; ++i) {
      const Operand& o = operands_[i];
      if (o.access == Access::Dense) {
        pointers[i] = o.data + offset(o, p);
      } else {
        pointers[i] = buffers[i];
        // The first block of a row, or of the run, is the longest that has the row's value.
        const bool fresh =
            o.access == Access::Buffered || (o.access == Access::RowConstant && (at == begin || p[0] == 0));
        if (i != 0 && fresh) read(o, p, n, buffers[i]);
      }
    }
    loop_(pointers, n, params_);
    if (operands_[0].access != Access::Dense) write(operands_[0], p, n, buffers[0]);
    at += n;
    advance(p, n);
  }
}

}  // namespace

void run_elementwise(const TensorIterator& iter, const LoopSet& loop_set, const ScalarType* types, const Params& params,
                     int64_t grain) {
  if (iter.numel() == 0) return;
  bool direct = iter.is_contiguous();
  int value = -1;  // the operand that is a scalar, if one is
  int scalars = 0;
  for (int i = 0; i < iter.num_operands(); ++i) {
    if (iter.is_scalar(i)) {
      ++scalars;
      value = i;
    }
    direct &= iter.is_scalar(i) || iter.dtype(i) == types[i];
  }
  if (!direct) {
    const Walk walk(iter, loop_set, types, params);
    parallel_for(0, iter.numel(), grain, [&](int64_t begin, int64_t end) { walk.run(begin, end); });
    return;
  }
  if (scalars == 0 && iter.numel() <= grain) {  // the small operations
    char* pointers[kMaxOperands];
    for (int i = 0; i < iter.num_operands(); ++i) pointers[i] = iter.data(i);
    return loop_set.dense(pointers, iter.numel(), params);
  }
  const Loop by_value = scalars == 1 ? loop_set.constant[value] : nullptr;
  const Loop loop = by_value != nullptr ? by_value : loop_set.dense;
  parallel_for(0, iter.numel(), grain, [&](int64_t begin, int64_t end) {
    // Scalars repeat in a buffer that serves every block, unless the loop takes a value.
    alignas(64) Buffer buffers[kMaxOperands - 1];
    const bool blocks = scalars != 0 && by_value == nullptr;
    const int64_t block = blocks ? std::min(kBlock, end - begin) : end - begin;
    char* pointers[kMaxOperands];
    int64_t steps[kMaxOperands];
    for (int i = 0; i < iter.num_operands(); ++i) {
      const auto size = static_cast<int64_t>(element_size(types[i]));
      if (iter.is_scalar(i)) {
        fill_scalar(iter.scalar(i), types[i], buffers[i - 1], blocks ? block : 1);
        pointers[i] = buffers[i - 1];
        steps[i] = 0;
      } else {
        pointers[i] = iter.data(i) + begin * size;
        steps[i] = block * size;
      }
    }
    for (int64_t at = begin; at < end; at += block) {
      loop(pointers, std::min(block, end - at), params);
      for (int i = 0; i < iter.num_operands(); ++i) pointers[i] += steps[i];
    }
  });
}

void where(const TensorIterator& iter, const Params& params) {
  const ScalarType t = iter.dtype(0);
  const ScalarType types[] = {t, kBool, t, t};
  run_elementwise(iter, {loops.where[t]}, types, params);
}

}  // namespace ember::cpu
