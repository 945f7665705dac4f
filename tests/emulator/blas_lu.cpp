#include "blas_lu.h"

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

#include "machine.h"
#include "memory.h"

namespace emulator {

namespace {

// One matrix; its elements as a[i, j] would be.
template <class T>
class View {
 public:
  View(const char* operation, const char* name, const MatrixList<T>& list, int64_t index)
      : data_(list.addresses[index]), ld_(list.ld) {
    const int64_t elements = (list.columns - 1) * list.ld + list.rows;
    check_bytes(operation, name, data_, static_cast<size_t>(elements) * sizeof(T), sizeof(T));
    auto* const bytes = reinterpret_cast<std::byte*>(const_cast<std::remove_const_t<T>*>(data_));
    const auto type = sizeof(T) == 4 ? ElementType::kFloat32 : ElementType::kFloat64;
    check_read(operation, name, {bytes, type, list.rows, list.columns, list.ld, 0}, 1);
  }
  T& operator()(int64_t i, int64_t j) const { return data_[j * ld_ + i]; }

 private:
  T* data_;
  int64_t ld_;
};

template <class T>
void swap_rows(const View<T>& x, int64_t columns, int64_t i, int64_t other) {
  if (i == other) return;
  for (int64_t j = 0; j < columns; ++j) std::swap(x(i, j), x(other, j));
}

template <class T>
int factor_in_place(const View<T>& a, int64_t n, int* pivots) {
  int info = 0;
  for (int64_t q = 0; q < n; ++q) {
    if (pivots != nullptr) {
      int64_t largest = q;
      for (int64_t i = q + 1; i < n; ++i) {
        if (std::fabs(a(i, q)) > std::fabs(a(largest, q))) largest = i;
      }
      pivots[q] = static_cast<int>(largest + 1);
      swap_rows(a, n, q, largest);
    }
    const T pivot = a(q, q);
    if (pivot == 0) {
      if (info == 0) info = static_cast<int>(q + 1);
      continue;
    }
    for (int64_t i = q + 1; i < n; ++i) a(i, q) /= pivot;
    for (int64_t j = q + 1; j < n; ++j) {
      const T above = a(q, j);
      for (int64_t i = q + 1; i < n; ++i) a(i, j) -= a(i, q) * above;
    }
  }
  return info;
}

// L or U, or the transpose of one, from the first row on or from the last one.
template <class T>
void solve_triangle(const View<const T>& a, const View<T>& x, int64_t n, int64_t columns, bool lower, bool transposed) {
  const bool forward = lower != transposed;
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t step = 0; step < n; ++step) {
      const int64_t i = forward ? step : n - 1 - step;
      T value = x(i, c);
      for (int64_t before = 0; before < step; ++before) {
        const int64_t j = forward ? before : n - 1 - before;
        value -= (transposed ? a(j, i) : a(i, j)) * x(j, c);
      }
      x(i, c) = lower ? value : value / a(i, i);  // L's diagonal is not stored
    }
  }
}

template <class T>
void check_list(const char* operation, const char* what, const MatrixList<T>& list, int64_t batch) {
  check_bytes(operation, what, list.addresses, static_cast<size_t>(batch) * sizeof(T*), sizeof(T*));
}

void check_numbers(const char* operation, const char* what, const int* numbers, int64_t count) {
  check_bytes(operation, what, numbers, static_cast<size_t>(count) * sizeof(int), sizeof(int));
}

}  // namespace

template <class T>
void run_getrf(const char* operation, MatrixList<T> a, int* pivots, int* info, int64_t batch) {
  const int64_t n = a.rows;
  check_list(operation, "the list of A", a, batch);
  if (pivots != nullptr) check_numbers(operation, "the pivots", pivots, batch * n);
  check_numbers(operation, "info", info, batch);
  for (int64_t b = 0; b < batch; ++b) {
    const View<T> view(operation, "A", a, b);
    info[b] = factor_in_place(view, n, pivots == nullptr ? nullptr : pivots + b * n);
  }
  mark_written(info, static_cast<size_t>(batch) * sizeof(int));
  if (pivots != nullptr) mark_written(pivots, static_cast<size_t>(batch * n) * sizeof(int));
}

template <class T>
void run_getrs(const char* operation, bool transposed, MatrixList<const T> a, const int* pivots, MatrixList<T> b,
               int64_t batch) {
  const int64_t n = a.rows;
  check_list(operation, "the list of A", a, batch);
  check_list(operation, "the list of B", b, batch);
  if (pivots != nullptr) check_numbers(operation, "the pivots", pivots, batch * n);
  for (int64_t index = 0; index < batch; ++index) {
    const View<const T> factors(operation, "A", a, index);
    const View<T> x(operation, "B", b, index);
    const auto exchange = [&](int64_t i) {
      const int64_t other = pivots == nullptr ? i : pivots[index * n + i] - 1;
      if (other < 0 || other >= n) {
        throw Fault(FaultKind::kIllegalAddress, std::string(operation) + ": a pivot is no row of the matrix");
      }
      swap_rows(x, b.columns, i, other);
    };
    if (transposed) {
      solve_triangle(factors, x, n, b.columns, false, true);
      solve_triangle(factors, x, n, b.columns, true, true);
      for (int64_t i = n - 1; i >= 0; --i) exchange(i);
    } else {
      for (int64_t i = 0; i < n; ++i) exchange(i);
      solve_triangle(factors, x, n, b.columns, true, false);
      solve_triangle(factors, x, n, b.columns, false, false);
    }
  }
}

template void run_getrf(const char*, MatrixList<float>, int*, int*, int64_t);
template void run_getrf(const char*, MatrixList<double>, int*, int*, int64_t);
template void run_getrs(const char*, bool, MatrixList<const float>, const int*, MatrixList<float>, int64_t);
template void run_getrs(const char*, bool, MatrixList<const double>, const int*, MatrixList<double>, int64_t);

}  // namespace emulator
