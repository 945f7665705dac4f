// Batched matrix products: float32 (and the 2-byte floats) by oneDNN, the other types by gemm.cpp. The only
// file that includes oneDNN.
#include <algorithm>
#include <vector>

#include <dnnl.h>
#include <omp.h>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/gemm.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

// Matrices below this many multiply-adds are dealt out to threads whole, when there are several.
constexpr int64_t kSplitWork = int64_t{1} << 21;

// Shapes [batch, rows, columns].
struct Batched {
  char* data;
  int64_t batch_stride, row_stride, column_stride;  // in elements

  explicit Batched(const Tensor& t)
      : data(static_cast<char*>(t.data_ptr())),
        batch_stride(t.stride(0)),
        row_stride(t.stride(1)),
        column_stride(t.stride(2)) {}
  Matrix at(int64_t batch, int64_t element_size) const {
    return {data + batch * batch_stride * element_size, row_stride, column_stride};
  }
};

struct Problem {
  int64_t batch, m, n, k;
  double alpha, beta;
};

// ---- copies where the layout or the type is not one that the library takes ----

void copy_into(const Tensor& to, const Tensor& from) {
  TensorIterator iter(to);
  iter.add_input(from);
  iter.build();
  copy(iter);
}

Tensor dense_float(const Tensor& t) {
  const Tensor result = detail::empty(t.sizes(), kFloat32, kCPU);
  copy_into(result, t);
  return result;
}

// Whether a matrix can be given with a leading dimension: its rows, or its columns when transposed, are dense.
bool has_leading_dimension(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  return (column_stride == 1 || columns == 1) && (row_stride >= std::max<int64_t>(1, columns) || rows == 1);
}
bool is_plain(const Tensor& t) {
  return has_leading_dimension(t.size(1), t.size(2), t.stride(1), t.stride(2)) ||
         has_leading_dimension(t.size(2), t.size(1), t.stride(2), t.stride(1));
}

struct Factor {
  char transpose;
  dnnl_dim_t leading;
  Factor(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
    if (has_leading_dimension(rows, columns, row_stride, column_stride)) {
      transpose = 'N';
      leading = rows == 1 ? std::max<int64_t>(1, columns) : row_stride;
    } else {
      transpose = 'T';
      leading = columns == 1 ? std::max<int64_t>(1, rows) : column_stride;
    }
  }
};

void check(dnnl_status_t status, const Problem& p) {
  EMBER_CHECK(status == dnnl_success, "oneDNN failed with status ", static_cast<int>(status), " on [", p.m, ", ", p.k,
              "] x [", p.k, ", ", p.n, "]");
}

// ---- the products ----

// The batch in threads when each matrix is small, else one matrix after the other, each in threads.
template <class F>
void for_each_matrix(const Problem& p, F f) {
  const int64_t work = std::max<int64_t>(1, p.m * p.n * p.k);
  if (work >= kSplitWork) {
    for (int64_t i = 0; i < p.batch; ++i) f(i);
    return;
  }
  parallel_for(0, p.batch, std::max<int64_t>(1, kSplitWork / 8 / work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

// Below this many multiply-adds the library's call costs more than the product.
constexpr int64_t kTinyWork = 512;

void tiny_matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Problem& p) {
  const Batched x(a), y(b), z(out);
  const auto alpha = static_cast<float>(p.alpha);
  const auto beta = static_cast<float>(p.beta);
  for (int64_t batch = 0; batch < p.batch; ++batch) {
    const float* const pa = reinterpret_cast<const float*>(x.data) + batch * x.batch_stride;
    const float* const pb = reinterpret_cast<const float*>(y.data) + batch * y.batch_stride;
    float* const po = reinterpret_cast<float*>(z.data) + batch * z.batch_stride;
    for (int64_t i = 0; i < p.m; ++i) {
      for (int64_t j = 0; j < p.n; ++j) {
        float sum = 0;
        for (int64_t k = 0; k < p.k; ++k) {
          sum += pa[i * x.row_stride + k * x.column_stride] * pb[k * y.row_stride + j * y.column_stride];
        }
        float& to = po[i * z.row_stride + j * z.column_stride];
        to = alpha * sum + (p.beta == 0 ? 0.0f : beta * to);
      }
    }
  }
}

void float_matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Problem& p) {
  if (p.m * p.n * p.k <= kTinyWork) return tiny_matmul(out, a, b, p);
  const Tensor plain_a = is_plain(a) ? a : dense_float(a);
  const Tensor plain_b = is_plain(b) ? b : dense_float(b);
  const Batched x(plain_a), y(plain_b), z(out);
  const Factor fx(p.m, p.k, x.row_stride, x.column_stride);
  const Factor fy(p.k, p.n, y.row_stride, y.column_stride);
  const dnnl_dim_t leading = p.m == 1 ? std::max<int64_t>(1, p.n) : z.row_stride;
  // The library's threads are as many as OpenMP's in the calling thread.
  if (omp_get_max_threads() != get_num_threads()) omp_set_num_threads(get_num_threads());
  for_each_matrix(p, [&](int64_t i) {
    check(dnnl_sgemm(fx.transpose, fy.transpose, p.m, p.n, p.k, static_cast<float>(p.alpha),
                     reinterpret_cast<const float*>(x.at(i, 4).data), fx.leading,
                     reinterpret_cast<const float*>(y.at(i, 4).data), fy.leading, static_cast<float>(p.beta),
                     reinterpret_cast<float*>(z.at(i, 4).data), leading),
          p);
  });
}

void half_matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Problem& p) {
  const Tensor result = p.beta == 0 ? detail::empty(out.sizes(), kFloat32, kCPU) : dense_float(out);
  float_matmul(result, dense_float(a), dense_float(b), p);
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

Tensor as_batch(const Tensor& x) {
  return detail::alias(x, {1, x.size(0), x.size(1)}, {0, x.stride(0), x.stride(1)}, x.storage_offset());
}

}  // namespace

void matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  if (out.dim() == 2) return matmul(as_batch(out), as_batch(a), as_batch(b), alpha, beta);
  const ScalarType dtype = out.dtype();
  Problem p{out.size(0), out.size(1), out.size(2), a.size(2), alpha, beta};
  if (out.numel() == 0) return;
  if (p.k == 0) return scale(out, beta);
  if (p.batch > 1 && b.stride(0) == 0 && a.stride(0) == p.m * a.stride(1) && out.stride(0) == p.m * out.stride(1)) {
    // One right-hand side for the whole batch: its rows are rows of one matrix.
    const int64_t rows = p.batch * p.m;
    return matmul(detail::alias(out, {1, rows, p.n}, {0, out.stride(1), out.stride(2)}, out.storage_offset()),
                  detail::alias(a, {1, rows, p.k}, {0, a.stride(1), a.stride(2)}, a.storage_offset()),
                  detail::alias(b, {1, p.k, p.n}, {0, b.stride(1), b.stride(2)}, b.storage_offset()), alpha, beta);
  }
  if (dtype == kFloat32) return float_matmul(out, a, b, p);
  if (dtype == kFloat16 || dtype == kBFloat16) return half_matmul(out, a, b, p);
  const Batched x(a), y(b), z(out);
  const auto size = static_cast<int64_t>(element_size(dtype));
  for_each_matrix(
      p, [&](int64_t i) { gemm(dtype, p.m, p.n, p.k, alpha, x.at(i, size), y.at(i, size), beta, z.at(i, size)); });
}

void matmul_bias(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  if (out.numel() == 0) return;
  copy_into(out, bias);
  matmul(out, a, b, 1, 1);
}

}  // namespace ember::cpu
