// LU factors and the solution of systems by them, on cuBLAS's batched functions: column-major, as LAPACK's.
#include <climits>

#include <ember/core/launch.h>
#include <ember/core/tensor.h>
#include <ember/cuda/blas.h>
#include <ember/cuda/register.h>

namespace ember::cuda {

namespace {

int to_int(int64_t n, const char* what) {
  EMBER_CHECK(n <= INT_MAX, "the ", what, ", ", n, ", is over cuBLAS's limit of ", INT_MAX);
  return static_cast<int>(n);
}

// The addresses of the matrices of a batch, on the device: computed there, so that nothing is copied.
Tensor addresses(const Tensor& t) {
  const Tensor list = detail::empty({t.size(0)}, kInt64, t.device());
  const auto first = static_cast<int64_t>(reinterpret_cast<uintptr_t>(t.data_ptr()));
  const int64_t step = t.stride(0) * static_cast<int64_t>(t.element_size());
  launch(kernels.arange, t.device(), list, Scalar(first), Scalar(step));
  return list;
}

template <class T>
T** pointers(const Tensor& list) {
  return reinterpret_cast<T**>(list.data_ptr());
}

void lu(const Tensor& a, const Tensor& pivots, const Tensor& info) {
  const int batch = to_int(a.size(0), "batch size");
  const int n = to_int(a.size(1), "number of rows");
  const int leading = to_int(a.stride(2), "stride of the columns");
  const LaunchScope scope(a.device());
  const cublasHandle_t handle = blas_handle(scope.info, scope.stream);
  const Tensor matrices = addresses(a);
  auto* const p = static_cast<int*>(pivots.data_ptr());
  auto* const failed = static_cast<int*>(info.data_ptr());
  if (a.dtype() == kFloat64) {
    EMBER_CUBLAS_CHECK(cublasDgetrfBatched(handle, n, pointers<double>(matrices), leading, p, failed, batch));
  } else {
    EMBER_CUBLAS_CHECK(cublasSgetrfBatched(handle, n, pointers<float>(matrices), leading, p, failed, batch));
  }
}

void lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& x, bool transposed) {
  const int batch = to_int(lu.size(0), "batch size");
  const int n = to_int(lu.size(1), "number of rows");
  const int columns = to_int(x.size(2), "number of columns");
  const int leading = to_int(lu.stride(2), "stride of the columns");
  const int x_leading = columns == 1 ? n : to_int(x.stride(2), "stride of the columns");
  const LaunchScope scope(lu.device());
  const cublasHandle_t handle = blas_handle(scope.info, scope.stream);
  const Tensor matrices = addresses(lu), sides = addresses(x);
  const cublasOperation_t op = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const auto* const p = static_cast<const int*>(pivots.data_ptr());
  int failed = 0;  // on the host: a bad argument
  if (lu.dtype() == kFloat64) {
    EMBER_CUBLAS_CHECK(cublasDgetrsBatched(handle, op, n, columns, pointers<const double>(matrices), leading, p,
                                           pointers<double>(sides), x_leading, &failed, batch));
  } else {
    EMBER_CUBLAS_CHECK(cublasSgetrsBatched(handle, op, n, columns, pointers<const float>(matrices), leading, p,
                                           pointers<float>(sides), x_leading, &failed, batch));
  }
  EMBER_CHECK(failed == 0, "cuBLAS refused argument ", -failed, " of getrsBatched");
}

}  // namespace

void register_lu(Kernels& table) {
  table.lu.function[kColumn] = lu;
  table.lu_solve.function[kColumn] = lu_solve;
}

}  // namespace ember::cuda
