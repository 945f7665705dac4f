// The functions of linear algebra by the names of PyTorch's module: ember::linalg::inv is linalg_inv.
#pragma once

#include <ember/autograd/functions/linalg.h>

namespace ember::linalg {

inline Tensor matmul(const Tensor& self, const Tensor& other) { return linalg_matmul(self, other); }
inline Tensor& matmul_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return linalg_matmul_out(out, self, other);
}
inline Tensor inv(const Tensor& A) { return linalg_inv(A); }
inline Tensor& inv_out(Tensor& out, const Tensor& A) { return linalg_inv_out(out, A); }
inline Tensor det(const Tensor& A) { return linalg_det(A); }
inline std::tuple<Tensor, Tensor> slogdet(const Tensor& A) { return linalg_slogdet(A); }
inline std::tuple<Tensor&, Tensor&> slogdet_out(Tensor& sign, Tensor& logabsdet, const Tensor& A) {
  return linalg_slogdet_out(sign, logabsdet, A);
}
inline Tensor solve(const Tensor& A, const Tensor& B, bool left = true) { return linalg_solve(A, B, left); }
inline Tensor& solve_out(Tensor& out, const Tensor& A, const Tensor& B, bool left = true) {
  return linalg_solve_out(out, A, B, left);
}
inline Tensor matrix_power(const Tensor& self, int64_t n) { return ember::matrix_power(self, n); }
inline Tensor& matrix_power_out(Tensor& out, const Tensor& self, int64_t n) {
  return ember::matrix_power_out(out, self, n);
}
inline Tensor cross(const Tensor& self, const Tensor& other, int64_t dim = -1) {
  return linalg_cross(self, other, dim);
}
inline Tensor diagonal(const Tensor& A, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) {
  return linalg_diagonal(A, offset, dim1, dim2);
}
inline Tensor vector_norm(const Tensor& self, const Scalar& ord = 2, OptionalIntArrayRef dim = std::nullopt,
                          bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_vector_norm(self, ord, dim, keepdim, dtype);
}
inline Tensor& vector_norm_out(Tensor& out, const Tensor& self, const Scalar& ord = 2,
                               OptionalIntArrayRef dim = std::nullopt, bool keepdim = false,
                               std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_vector_norm_out(out, self, ord, dim, keepdim, dtype);
}
inline Tensor norm(const Tensor& self, const std::optional<Scalar>& ord = std::nullopt,
                   OptionalIntArrayRef dim = std::nullopt, bool keepdim = false,
                   std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_norm(self, ord, dim, keepdim, dtype);
}
inline Tensor norm(const Tensor& self, std::string_view ord, OptionalIntArrayRef dim = std::nullopt,
                   bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_norm(self, ord, dim, keepdim, dtype);
}
inline Tensor& norm_out(Tensor& out, const Tensor& self, const std::optional<Scalar>& ord = std::nullopt,
                        OptionalIntArrayRef dim = std::nullopt, bool keepdim = false,
                        std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_norm_out(out, self, ord, dim, keepdim, dtype);
}
inline Tensor& norm_out(Tensor& out, const Tensor& self, std::string_view ord, OptionalIntArrayRef dim = std::nullopt,
                        bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) {
  return linalg_norm_out(out, self, ord, dim, keepdim, dtype);
}

}  // namespace ember::linalg
