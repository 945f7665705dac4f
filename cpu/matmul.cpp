// Batched matrix products: of float32 small ones and products with a vector by small_gemm.cpp, larger ones by oneDNN,
// which also takes the 2-byte floats where the machine is quick at them (else they are converted); of float64 all by
// small_gemm.cpp, in blocks; of integers by gemm.cpp.
#include <algorithm>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/gemm.h>
#include <ember/cpu/onednn.h>
#include <ember/cpu/register.h>
#include <ember/cpu/small_gemm.h>

namespace ember::cpu {

namespace {

// Matrices below this many multiply-adds are dealt out to threads whole, when there are several.
constexpr int64_t kSplitWork = int64_t{1} << 21;
// Up to this many our own kernel is quicker than the library, in one thread as in two (measured with AVX-512: equal at
// 64 × 64 × 64, where a second thread does not pay yet); up to fewer where the columns do not fill a vector.
constexpr int64_t kSmallWork = 64 * 64 * 64;
constexpr int64_t kSmallNarrowWork = int64_t{1} << 16;
constexpr int64_t kNarrow = 16;
constexpr int64_t kFewRows = 16;
// Multiply-adds of a product with a vector that are worth a thread: its time is that of reading the matrix.
constexpr int64_t kVectorWork = int64_t{1} << 17;
constexpr int64_t kBlockWork = int64_t{1} << 18;  // the same of other products

// One matrix, or a batch of them.
struct Batched {
  char* data;
  int64_t batch_stride, row_stride, column_stride;  // in elements

  explicit Batched(const Tensor& t) : data(static_cast<char*>(t.data_ptr())) {
    const Dims& strides = t.strides();
    const size_t last = strides.size() - 1;
    batch_stride = last == 2 ? strides[0] : 0;
    row_stride = strides[last - 1];
    column_stride = strides[last];
  }
  Matrix at(int64_t batch, int64_t element_size) const {
    return {data + batch * batch_stride * element_size, row_stride, column_stride};
  }
};

struct Problem {
  int64_t batch, m, n, k;
  double alpha, beta;
  const Tensor* bias = nullptr;  // for every row, in the place of beta·out
};

// ---- copies where the layout or the type is not one that the library takes ----

void copy_into(const Tensor& to, const Tensor& from) {
  TensorIterator iter(to);
  iter.add_input(from);
  iter.build();
  copy(iter);
}

// Dense, its rows or, where they are in the tensor, its columns.
Tensor dense(const Tensor& t, ScalarType dtype) {
  Dims sizes = t.sizes();
  const size_t last = sizes.size() - 1;
  const bool columns = last > 0 && t.strides()[last - 1] == 1 && t.strides()[last] != 1;
  if (columns) std::swap(sizes[last - 1], sizes[last]);
  const Tensor memory = detail::empty(sizes, dtype, kCPU);
  Dims strides = memory.strides();
  if (columns) std::swap(strides[last - 1], strides[last]);
  const Tensor result = columns ? detail::alias(memory, t.sizes(), strides, 0) : memory;
  copy_into(result, t);
  return result;
}

Tensor plain(const Tensor& t) {
  const Dims &sizes = t.sizes(), &strides = t.strides();
  const size_t last = sizes.size() - 1;
  return is_plain(sizes[last - 1], sizes[last], strides[last - 1], strides[last]) ? t : dense(t, t.scalar_type());
}

// ---- the products ----

// The batch in threads when each matrix is small, else one matrix after the other, each in threads.
template <class F>
void for_each_matrix(const Problem& p, F f) {
  if (p.batch == 1) return f(0);
  const int64_t work = std::max<int64_t>(1, p.m * p.n * p.k);
  if (work >= kSplitWork) {
    for (int64_t i = 0; i < p.batch; ++i) f(i);
    return;
  }
  parallel_for(0, p.batch, std::max<int64_t>(1, kSplitWork / 8 / work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

// The bias is in every row of `out` first.
void put_bias(const Tensor& out, Problem& p) {
  copy_into(out, *p.bias);
  p.bias = nullptr;
  p.beta = 1;
}

template <class T>
void own_product(const Batched& out, const Batched& a, const Batched& b, const Problem& p) {
  SmallGemm<T> g;
  g.m = p.m;
  g.n = p.n;
  g.k = p.k;
  g.a_row_stride = a.row_stride;
  g.a_column_stride = a.column_stride;
  g.b_row_stride = b.row_stride;
  g.b_column_stride = b.column_stride;
  g.out_row_stride = out.row_stride;
  g.alpha = static_cast<T>(p.alpha);
  g.factor = static_cast<T>(p.bias != nullptr ? 1 : p.beta);
  g.add_row_stride = p.bias != nullptr ? 0 : out.row_stride;
  const bool turned = p.n == 1 && p.m > 1;  // out = a·column is outᵀ = columnᵀ·aᵀ
  if (turned) {
    std::swap(g.m, g.n);
    g.a_row_stride = b.column_stride;
    g.a_column_stride = b.row_stride;
    g.b_row_stride = a.column_stride;
    g.b_column_stride = a.row_stride;
  }
  const int64_t element = static_cast<int64_t>(sizeof(T));
  for_each_matrix(p, [&](int64_t i) {
    SmallGemm<T> matrix = g;
    matrix.a = reinterpret_cast<const T*>(a.at(i, element).data);
    matrix.b = reinterpret_cast<const T*>(b.at(i, element).data);
    if (turned) std::swap(matrix.a, matrix.b);
    matrix.out = reinterpret_cast<T*>(out.at(i, element).data);
    matrix.add = p.bias != nullptr ? static_cast<const T*>(p.bias->data_ptr()) : p.beta != 0 ? matrix.out : nullptr;
    // Blocks for the threads: of a row, columns in whole cache lines; else so many rows that copying b pays.
    constexpr int64_t kRows = 256, kColumns = 64;
    const int64_t row_blocks = (matrix.m + kRows - 1) / kRows, column_blocks = (matrix.n + kColumns - 1) / kColumns;
    const int64_t work = std::min(matrix.m, kRows) * std::min(matrix.n, kColumns) * matrix.k;
    const int64_t grain = std::max<int64_t>(1, (matrix.m == 1 ? kVectorWork : kBlockWork) / work);
    if (row_blocks * column_blocks <= grain) return small_gemm(matrix);
    parallel_for(0, row_blocks * column_blocks, grain, [&](int64_t begin, int64_t end) {
      while (begin < end) {
        // Blocks of the same rows at once.
        const int64_t row = begin / column_blocks * kRows, column = begin % column_blocks * kColumns;
        const int64_t blocks = std::min(end - begin, column_blocks - begin % column_blocks);
        begin += blocks;
        SmallGemm<T> block = matrix;
        block.m = std::min(kRows, matrix.m - row);
        block.n = std::min(blocks * kColumns, matrix.n - column);
        block.a += row * matrix.a_row_stride;
        block.b += column * matrix.b_column_stride;
        block.out += row * matrix.out_row_stride + column;
        if (block.add != nullptr) block.add += row * matrix.add_row_stride + column;
        small_gemm(block);
      }
    });
  });
}

// Whether our own kernel takes it; it does if it must not be slower than the library there.
bool is_small(const Problem& p, const Batched& b) {
  if (p.m == 1 || p.n == 1) return true;
  // Few rows times dense columns, as Linear has them for a small batch: sums along the columns.
  if (p.m <= kFewRows && p.k >= 16 * p.m && b.row_stride == 1) return true;
  const int64_t work = p.m * p.n * p.k;
  return work <= kSmallNarrowWork || (work <= kSmallWork && p.n > kNarrow);
}

template <class T>
void small_product(const Tensor& out, const Tensor& a, const Tensor& b, Problem p) {
  const Batched z(out);
  // A column is written as a row, so it must be dense, and its bias is one number; a bias must be dense.
  if (p.bias != nullptr && ((p.n == 1 && p.m > 1) || (p.n > 1 && p.bias->stride(0) != 1))) put_bias(out, p);
  if (p.n == 1 && p.m > 1 && z.row_stride != 1) {
    const Tensor column = detail::empty(out.sizes(), out.scalar_type(), kCPU);
    if (p.beta != 0) copy_into(column, out);
    own_product<T>(Batched(column), Batched(a), Batched(b), p);
    return copy_into(out, column);
  }
  own_product<T>(z, Batched(a), Batched(b), p);
}

LibraryProduct library_product(const Batched& out, const Batched& a, const Batched& b, const Problem& p) {
  return {p.m,      p.n,           p.k, a.data, a.row_stride, a.column_stride, b.data, b.row_stride, b.column_stride,
          out.data, out.row_stride};
}

// f(product) of each matrix of the batch.
template <class F>
void for_each_product(const Tensor& out, const Tensor& a, const Tensor& b, const Problem& p, F f) {
  const Batched x(a), y(b), z(out);
  const auto element = static_cast<int64_t>(element_size(out.scalar_type()));
  const LibraryProduct first = library_product(z, x, y, p);
  for_each_matrix(p, [&](int64_t i) {
    LibraryProduct product = first;
    product.a = x.at(i, element).data;
    product.b = y.at(i, element).data;
    product.out = z.at(i, element).data;
    f(product);
  });
}

void float_matmul(const Tensor& out, const Tensor& a, const Tensor& b, Problem p) {
  if (is_small(p, Batched(b))) return small_product<float>(out, a, b, p);
  const Tensor plain_a = plain(a), plain_b = plain(b);
  // Of the library's two ways, its primitive is the quicker one for dense rows times dense columns, as Linear has
  // them, up to some size, and adds a bias on the way; and for dense columns on both sides while the rows are few. Else
  // it is sgemm.
  constexpr int64_t kPrimitiveRows = 48, kPrimitiveWork = int64_t{1} << 28;
  const bool rows = Batched(plain_a).column_stride == 1, columns = Batched(plain_b).row_stride == 1;
  if (p.alpha == 1 && p.beta == 0 && columns && (rows || p.m <= kPrimitiveRows) && p.m * p.n * p.k < kPrimitiveWork &&
      (p.bias == nullptr || p.bias->stride(0) == 1)) {
    const void* const bias = p.bias == nullptr ? nullptr : p.bias->data_ptr();
    return for_each_product(out, plain_a, plain_b, p,
                            [&](const LibraryProduct& product) { library_matmul(kFloat32, product, bias); });
  }
  if (p.bias != nullptr) put_bias(out, p);
  for_each_product(out, plain_a, plain_b, p, [&](const LibraryProduct& product) {
    library_sgemm(product, static_cast<float>(p.alpha), static_cast<float>(p.beta));
  });
}

void half_matmul(const Tensor& out, const Tensor& a, const Tensor& b, Problem p) {
  const ScalarType dtype = out.scalar_type();
  // Not the small ones, for which the library would wake its threads; nor with one thread, so that bits are the same.
  if (library_takes(dtype) && !is_small(p, Batched(b)) && p.alpha == 1 && p.beta == 0) {
    const Tensor bias = p.bias == nullptr ? Tensor() : p.bias->is_contiguous() ? *p.bias : dense(*p.bias, dtype);
    const void* const bias_data = bias.defined() ? bias.data_ptr() : nullptr;
    return for_each_product(out, plain(a), plain(b), p,
                            [&](const LibraryProduct& product) { library_matmul(dtype, product, bias_data); });
  }
  const Tensor bias = p.bias == nullptr ? Tensor() : dense(*p.bias, kFloat32);
  if (bias.defined()) p.bias = &bias;
  const Tensor result = detail::empty(out.sizes(), kFloat32, kCPU);
  if (p.beta != 0) copy_into(result, out);
  float_matmul(result, dense(a, kFloat32), dense(b, kFloat32), p);
  copy_into(out, result);
}

void scale(const Tensor& out, double beta) {
  TensorIterator iter(out);
  if (beta == 0) {
    iter.build();
    return fill(iter, 0);
  }
  iter.add_input(out);
  iter.add_input(Scalar(beta));
  iter.build();
  elementwise<&Loops::mul, DtypeSet::Numeric>(iter, Params{});
}

void multiply(const Tensor& out, const Tensor& a, const Tensor& b, Problem p) {
  const ScalarType dtype = out.scalar_type();
  if (p.k == 0) {
    if (p.bias == nullptr) return scale(out, p.beta);
    return put_bias(out, p);
  }
  if (dtype == kFloat32) return float_matmul(out, a, b, p);
  if (dtype == kFloat16 || dtype == kBFloat16) return half_matmul(out, a, b, p);
  if (dtype == kFloat64) return small_product<double>(out, a, b, p);
  if (p.bias != nullptr) put_bias(out, p);
  const Batched x(a), y(b), z(out);
  const auto size = static_cast<int64_t>(element_size(dtype));
  for_each_matrix(
      p, [&](int64_t i) { gemm(dtype, p.m, p.n, p.k, p.alpha, x.at(i, size), y.at(i, size), p.beta, z.at(i, size)); });
}

}  // namespace

void matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  if (out.numel() == 0) return;
  const Dims& sizes = out.sizes();
  if (sizes.size() == 2) return multiply(out, a, b, {1, sizes[0], sizes[1], a.sizes()[1], alpha, beta});
  Problem p{sizes[0], sizes[1], sizes[2], a.sizes()[2], alpha, beta};
  if (p.batch > 1 && b.stride(0) == 0 && a.stride(0) == p.m * a.stride(1) && out.stride(0) == p.m * out.stride(1)) {
    // One right-hand side for the whole batch: its rows are rows of one matrix.
    const int64_t rows = p.batch * p.m;
    return matmul(detail::alias(out, {rows, p.n}, {out.stride(1), out.stride(2)}, out.storage_offset()),
                  detail::alias(a, {rows, p.k}, {a.stride(1), a.stride(2)}, a.storage_offset()),
                  detail::alias(b, {p.k, p.n}, {b.stride(1), b.stride(2)}, b.storage_offset()), alpha, beta);
  }
  multiply(out, a, b, p);
}

void matmul_bias(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  if (out.numel() == 0) return;
  multiply(out, a, b, {1, out.sizes()[0], out.sizes()[1], a.sizes()[1], 1, 0, &bias});
}

void matmul_row_sums(const Tensor& out, const Tensor& sums, const Tensor& a, const Tensor& b) {
  sum(sums, a, DimMask{2}, 1);
  matmul(out, a, b, 1, 0);
}

}  // namespace ember::cpu
