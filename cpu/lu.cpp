// LU factors with partial pivoting and the solution of triangular systems, for column-major matrices. Blocked: but
// for panels of kBlock columns the work is in matrix products. Own code rather than LAPACK's, which would bring a
// Fortran run-time library and a BLAS, often one with a thread pool of its own beside OpenMP's.
#include <algorithm>
#include <cmath>

#include <ember/core/parallel.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

constexpr int64_t kBlock = 48;

// Rows [row, row + rows) and columns [column, column + columns) of matrix `batch` of a column-major batch, transposed,
// which makes it row-major: [1, columns, rows].
Tensor part_transposed(const Tensor& t, int64_t batch, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  return detail::alias(t, {1, columns, rows}, {0, t.stride(2), 1},
                       t.storage_offset() + batch * t.stride(0) + row + column * t.stride(2));
}

template <class T>
void swap_rows(T* a, int64_t stride, int64_t columns, int64_t i, int64_t j) {
  if (i == j) return;
  for (int64_t c = 0; c < columns; ++c) std::swap(a[i + c * stride], a[j + c * stride]);
}

// Factors columns [first, last) of a (n rows, columns `stride` apart) from row `first` down; swaps rows in these
// columns alone. `info`: see the kernel.
template <class T>
void factor_panel(T* a, int64_t n, int64_t stride, int64_t first, int64_t last, int32_t* pivots, int32_t* info) {
  for (int64_t j = first; j < last; ++j) {
    T* const column = a + j * stride;
    int64_t best = j;
    for (int64_t i = j + 1; i < n; ++i)
      if (std::fabs(column[i]) > std::fabs(column[best])) best = i;
    pivots[j] = static_cast<int32_t>(best + 1);
    if (column[best] == T(0)) {
      if (*info == 0) *info = static_cast<int32_t>(j + 1);
      continue;
    }
    swap_rows(a + first * stride, stride, last - first, j, best);
    const T pivot = column[j];
    for (int64_t i = j + 1; i < n; ++i) column[i] /= pivot;
    for (int64_t k = j + 1; k < last; ++k) {
      T* const other = a + k * stride;
      const T factor = other[j];
      if (factor == T(0)) continue;
      for (int64_t i = j + 1; i < n; ++i) other[i] -= factor * column[i];
    }
  }
}

// Rows [first, last) of x (columns `x_stride` apart) become the solution for the triangular block of T at
// [first, last)²; T[i, j] = t[i·row_stride + j·column_stride].
template <class T>
void solve_block(const T* t, int64_t row_stride, int64_t column_stride, int64_t first, int64_t last, bool lower,
                 bool unit, T* x, int64_t x_stride, int64_t columns) {
  const auto work = std::max<int64_t>(1, (last - first) * (last - first));
  parallel_for(0, columns, std::max<int64_t>(1, 32768 / work), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      T* const v = x + c * x_stride;
      for (int64_t step = 0; step < last - first; ++step) {
        const int64_t i = lower ? first + step : last - 1 - step;
        T sum = v[i];
        for (int64_t j = lower ? first : i + 1; j < (lower ? i : last); ++j) {
          sum -= t[i * row_stride + j * column_stride] * v[j];
        }
        v[i] = unit ? sum : sum / t[i * row_stride + i * column_stride];
      }
    }
  });
}

template <class T>
void factor(const Tensor& a, int64_t batch, int32_t* pivots, int32_t* info) {
  const int64_t n = a.size(1);
  const int64_t stride = a.stride(2);
  T* const p = static_cast<T*>(a.data_ptr()) + batch * a.stride(0);
  *info = 0;
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t last = std::min(n, first + kBlock);
    factor_panel(p, n, stride, first, last, pivots, info);
    for (int64_t i = first; i < last; ++i) {
      swap_rows(p, stride, first, i, pivots[i] - 1);
      swap_rows(p + last * stride, stride, n - last, i, pivots[i] - 1);
    }
    if (last == n) break;
    solve_block<T>(p, 1, stride, first, last, true, true, p + last * stride, stride, n - last);
    matmul(part_transposed(a, batch, last, n - last, last, n - last),
           part_transposed(a, batch, first, last - first, last, n - last),
           part_transposed(a, batch, last, n - last, first, last - first), -1, 1);
  }
}

// x = T⁻¹·x for a triangle of the factors, or of their transpose.
template <class T>
void solve_triangle(const Tensor& lu, int64_t batch, bool transposed, bool lower, bool unit, const Tensor& x) {
  const int64_t n = lu.size(1);
  const int64_t columns = x.size(2);
  const int64_t row_stride = transposed ? lu.stride(2) : 1;
  const int64_t column_stride = transposed ? 1 : lu.stride(2);
  const T* const t = static_cast<const T*>(lu.data_ptr()) + batch * lu.stride(0);
  T* const p = static_cast<T*>(x.data_ptr()) + batch * x.stride(0);
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  for (int64_t step = 0; step < blocks; ++step) {
    const int64_t first = (lower ? step : blocks - 1 - step) * kBlock;
    const int64_t last = std::min(n, first + kBlock);
    solve_block(t, row_stride, column_stride, first, last, lower, unit, p, x.stride(2), columns);
    // The rows that are left lose what these contribute.
    const int64_t rest = lower ? last : 0;
    const int64_t rest_rows = lower ? n - last : first;
    if (rest_rows == 0) continue;
    const Tensor factors =
        detail::alias(lu, {1, last - first, rest_rows}, {0, column_stride, row_stride},
                      lu.storage_offset() + batch * lu.stride(0) + rest * row_stride + first * column_stride);
    matmul(part_transposed(x, batch, rest, rest_rows, 0, columns),
           part_transposed(x, batch, first, last - first, 0, columns), factors, -1, 1);
  }
}

template <class T>
void solve(const Tensor& lu, int64_t batch, const int32_t* pivots, const Tensor& x, bool transposed) {
  const int64_t n = lu.size(1);
  T* const p = static_cast<T*>(x.data_ptr()) + batch * x.stride(0);
  if (!transposed) {
    for (int64_t i = 0; i < n; ++i) swap_rows(p, x.stride(2), x.size(2), i, static_cast<int64_t>(pivots[i]) - 1);
  }
  solve_triangle<T>(lu, batch, transposed, true, !transposed, x);
  solve_triangle<T>(lu, batch, transposed, false, transposed, x);
  if (transposed) {
    for (int64_t i = n - 1; i >= 0; --i) swap_rows(p, x.stride(2), x.size(2), i, static_cast<int64_t>(pivots[i]) - 1);
  }
}

// Small matrices are dealt out to threads whole, large ones one after the other.
template <class F>
void for_each_matrix(const Tensor& t, F f) {
  const int64_t n = t.size(1);
  if (n > 4 * kBlock) {
    for (int64_t i = 0; i < t.size(0); ++i) f(i);
    return;
  }
  parallel_for(0, t.size(0), std::max<int64_t>(1, 32768 / std::max<int64_t>(1, n * n * n)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) f(i);
               });
}

}  // namespace

void lu(const Tensor& a, const Tensor& pivots, const Tensor& info) {
  auto* const p = static_cast<int32_t*>(pivots.data_ptr());
  auto* const failed = static_cast<int32_t*>(info.data_ptr());
  for_each_matrix(a, [&](int64_t i) {
    if (a.dtype() == kFloat64) {
      factor<double>(a, i, p + i * a.size(1), failed + i);
    } else {
      factor<float>(a, i, p + i * a.size(1), failed + i);
    }
  });
}

void lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& x, bool transposed) {
  const auto* const p = static_cast<const int32_t*>(pivots.data_ptr());
  for_each_matrix(lu, [&](int64_t i) {
    if (lu.dtype() == kFloat64) {
      solve<double>(lu, i, p + i * lu.size(1), x, transposed);
    } else {
      solve<float>(lu, i, p + i * lu.size(1), x, transposed);
    }
  });
}

}  // namespace ember::cpu
