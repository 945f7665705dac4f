// Solutions of linear systems, inverses and determinants, by LU factors.
#include <algorithm>
#include <limits>
#include <vector>

#include <ember/autograd/ops/linalg.h>

namespace ember {

namespace ops {

void check_square(const char* op, const Tensor& A) {
  check_defined(op, A, "A");
  EMBER_CHECK(A.dim() >= 2, op, ": expected at least 2 dimensions, got ", describe(A));
  EMBER_CHECK(A.size(-1) == A.size(-2), op, ": expected square matrices, got ", describe(A));
}

namespace {

void check_float32_or_64(const char* op, const Tensor& A) {
  EMBER_CHECK(A.dtype() == kFloat32 || A.dtype() == kFloat64, op, ": expected float32 or float64, got ", describe(A));
}

Dims batch_of(const Tensor& A) {
  Dims sizes = A.sizes();
  sizes.resize(sizes.size() - 2);
  return sizes;
}

Dims with_matrix(Dims batch, int64_t rows, int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

// Strides of dense matrices whose columns are dense.
Dims column_major_strides(IntArrayRef sizes) {
  Dims strides = contiguous_strides(sizes);
  if (sizes.size() < 2) return strides;
  strides[sizes.size() - 2] = 1;
  strides[sizes.size() - 1] = std::max<int64_t>(1, sizes[sizes.size() - 2]);
  return strides;
}

Tensor empty_column_major(IntArrayRef sizes, const Tensor& like) {
  return detail::alias(detail::empty(sizes, like.scalar_type(), like.device()), sizes, column_major_strides(sizes), 0);
}

// The batch of a dense column-major tensor as one dimension.
Tensor as_batches(const Tensor& t) {
  const int64_t rows = t.size(-2);
  const int64_t columns = t.size(-1);
  const int64_t matrix = rows * columns;
  const int64_t batch = matrix == 0 ? 0 : t.numel() / matrix;
  return detail::alias(t, {batch, rows, columns}, {matrix, 1, rows}, t.storage_offset());
}

// Of A, or where that saves a transposition, of Aᵀ. Not recorded.
struct Factors {
  Tensor lu;      // A's sizes, column-major
  Tensor pivots;  // [batch…, n]
  Tensor info;    // [batch…]
  bool transposed;
};

Factors factorize(const Tensor& A) {
  const Dims batch = batch_of(A);
  Factors f{empty_column_major(A.sizes(), A), {}, detail::empty(batch, kInt32, A.device()), A.is_contiguous()};
  Dims pivot_sizes = batch;
  pivot_sizes.push_back(A.size(-1));
  f.pivots = detail::empty(pivot_sizes, kInt32, A.device());
  if (A.numel() == 0) {
    fill_contents(f.info, 0);
    return f;
  }
  const NoGradGuard unrecorded;
  copy_contents(f.lu, f.transposed ? A.transpose(-2, -1) : A);
  launch(kernels.lu, A.device(), as_batches(f.lu), f.pivots.view({-1, A.size(-1)}), f.info.view({-1}));
  return f;
}

// x = A⁻¹·x, in place; x is dense and column-major, of A's batch.
void solve_with(const Factors& f, const Tensor& x) {
  if (x.numel() == 0) return;
  launch(kernels.lu_solve, x.device(), as_batches(f.lu), f.pivots.view({-1, f.lu.size(-1)}), as_batches(x),
         f.transposed);
}

void check_not_singular(const char* op, const Tensor& info) {
  if (info.numel() == 0) return;
  const Tensor failed = info.cpu().contiguous();
  const auto* const p = static_cast<const int32_t*>(failed.data_ptr());
  for (int64_t i = 0; i < failed.numel(); ++i) {
    EMBER_CHECK_LINALG(p[i] == 0, op, ": matrix ", i, " of ", failed.numel(), " is singular: diagonal element ", p[i],
                       " of its factor is 0");
  }
}

// The product over the last dimension, by halves. Not recorded.
Tensor product_of_last(Tensor t) {
  const Dims sizes = IntArrayRef(t.sizes()).slice(0, t.sizes().size() - 1);
  if (t.size(-1) == 0) return ones(sizes, t.options());
  for (int64_t n = t.size(-1); n > 1; n /= 2) {
    const Tensor pairs = t.slice(-1, 0, n / 2) * t.slice(-1, n / 2, n / 2 * 2);
    if (n % 2 != 0) pairs.select(-1, 0).mul_(t.select(-1, n - 1));
    t = pairs;
  }
  return t.select(-1, 0).contiguous();
}

// The determinant of the permutation, 1 or −1.
Tensor permutation_sign(const Factors& f) {
  const Tensor in_order = arange(1, f.lu.size(-1) + 1, TensorOptions(kInt32).device(f.pivots.device()));
  return product_of_last(where(f.pivots.eq(in_order), ones({}, f.lu.options()), full({}, -1, f.lu.options())));
}

Tensor diagonal_of(const Factors& f) { return f.lu.diagonal(0, -2, -1); }

// diag on the diagonal of column-major matrices of sizes like A's.
Tensor column_major_diagonal(const Tensor& diag, const Tensor& A) {
  const Tensor x = empty_column_major(A.sizes(), A);
  fill_contents(x, 0);
  copy_contents(x.diagonal(0, -2, -1), diag);
  return x;
}

// X of Aᵀ·X = diag on the diagonal, from A's factors. Not recorded, nothing checked.
Tensor solve_transposed(Factors f, const Tensor& diag) {
  const Tensor x = column_major_diagonal(diag, f.lu);
  f.transposed = !f.transposed;
  solve_with(f, x);
  return x;
}

// Tensor `t` of a batch's shape as one value per matrix, repeated over its diagonal.
Tensor over_diagonal(const Tensor& t, const Tensor& A) {
  Dims sizes = batch_of(A);
  sizes.push_back(A.size(-1));
  return t.unsqueeze(-1).expand(sizes);
}

// ---- determinants of singular matrices ----

bool is_near_singular(const Factors& f) {
  const double eps =
      f.lu.dtype() == kFloat64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  const Tensor u = diagonal_of(f).abs();
  return u.amin(-1).le(u.amax(-1) * (eps * static_cast<double>(f.lu.size(-1)))).any().item<bool>();
}

Tensor det_of(const char* op, const Tensor& A, bool exact);

// The cofactors of each matrix, which are the determinant's derivatives: by minors, so that they and their own
// derivatives hold for matrices of any rank.
Tensor cofactors(const Tensor& A) {
  const int64_t n = A.size(-1);
  const auto all_but = [&](int64_t i) {
    std::vector<Tensor> parts = {arange(0, i, TensorOptions(kInt64).device(A.device())),
                                 arange(i + 1, n, TensorOptions(kInt64).device(A.device()))};
    return cat(parts);
  };
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < n; ++i) {
    const Tensor without_row = A.index_select(-2, all_but(i));
    std::vector<Tensor> row;
    for (int64_t j = 0; j < n; ++j) {
      const Tensor minor = det_of("det", without_row.index_select(-1, all_but(j)), true);
      row.push_back((i + j) % 2 == 0 ? minor : minor.neg());
    }
    rows.push_back(stack(row, -1));
  }
  return stack(rows, -2);
}

// `exact`: of singular matrices too, also where nothing is recorded.
Tensor det_backward(const Tensor& g, const Tensor& det, const Tensor& A, bool exact) {
  if (A.numel() == 0) return {};
  Factors f;
  bool near_singular = false;
  {
    const NoGradGuard unrecorded;
    f = factorize(A.detach());
    near_singular = is_near_singular(f);
  }
  if (near_singular && (exact || GradMode::is_enabled())) return g.unsqueeze(-1).unsqueeze(-1) * cofactors(A);
  if (!GradMode::is_enabled()) {
    // As PyTorch: with a pivot of 0 the determinant is 0, and so is what this gives.
    const Tensor u = diagonal_of(f);
    if (near_singular) u.masked_fill_(u.eq(0), std::numeric_limits<double>::epsilon());
    return solve_transposed(f, over_diagonal(g * det, A));
  }
  return linalg_solve(A.transpose(-2, -1), diag_embed(over_diagonal(g * det, A)));
}

Tensor logabsdet_backward(const Tensor& g, const Tensor& A) {
  if (A.numel() == 0) return {};
  if (GradMode::is_enabled()) return linalg_solve(A.transpose(-2, -1), diag_embed(over_diagonal(g, A)));
  return solve_transposed(factorize(A), over_diagonal(g, A));
}

// ---- inverse and determinants by the names of their callers ----

Tensor inverse_of(const char* op, const Tensor& A) {
  check_square(op, A);
  check_float32_or_64(op, A);
  const Factors f = factorize(A);
  check_not_singular(op, f.info);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    y = column_major_diagonal(ones({}, A.options()).expand(f.pivots.sizes()), A);
    solve_with(f, y);
  }
  if (!recording(A)) return y;
  return record("LinalgInvExBackward0", y, wrt(A, [y = save_output(y)](const Tensor& g) {
                  const Tensor t = y.get().transpose(-2, -1);
                  return t.matmul(g.matmul(t)).neg();
                }));
}

Tensor det_of(const char* op, const Tensor& A, bool exact) {
  check_square(op, A);
  check_float32_or_64(op, A);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const Factors f = factorize(A);
    y = product_of_last(diagonal_of(f)) * permutation_sign(f);
  }
  if (!recording(A)) return y;
  return record("LinalgDetBackward0", y, wrt(A, [A = save(A), y = save_output(y), exact](const Tensor& g) {
                  return det_backward(g, y.get(), A.get(), exact);
                }));
}

std::tuple<Tensor, Tensor> slogdet_of(const char* op, const Tensor& A) {
  check_square(op, A);
  check_float32_or_64(op, A);
  Tensor sign;
  Tensor logabsdet;
  {
    const NoGradGuard unrecorded;
    const Factors f = factorize(A);
    const Tensor u = diagonal_of(f);
    sign = product_of_last(u.sign()) * permutation_sign(f);
    logabsdet = u.abs().log().sum(-1);
  }
  if (!recording(A)) return {sign, logabsdet};
  record("LinalgSlogdetBackward0", sign, wrt(A, [sizes = Dims(A.sizes())](const Tensor& g) {
           return zeros(sizes, g.options());  // a step function's
         }));
  record("LinalgSlogdetBackward0", logabsdet,
         wrt(A, [A = save(A)](const Tensor& g) { return logabsdet_backward(g, A.get()); }));
  return {sign, logabsdet};
}

std::tuple<Tensor&, Tensor&> slogdet_into(const char* op, Tensor& sign, Tensor& logabsdet, const Tensor& A) {
  check_defined(op, sign, "sign");
  check_defined(op, logabsdet, "logabsdet");
  check_out_unrecorded(op, sign, {&A});
  check_out_unrecorded(op, logabsdet, {&A});
  const NoGradGuard unrecorded;
  const auto result = slogdet_of(op, A);
  EMBER_CHECK(sign.dtype() == A.dtype() && logabsdet.dtype() == A.dtype(), op, ": expected results of dtype ",
              dtype_name(A.scalar_type()), ", got ", describe(sign), " and ", describe(logabsdet));
  out_of_dtype(op, sign, {&A}, [&] { return std::get<0>(result); });
  out_of_dtype(op, logabsdet, {&A}, [&] { return std::get<1>(result); });
  return {sign, logabsdet};
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor linalg_inv(const Tensor& A) { return inverse_of("linalg_inv", A); }
Tensor inverse(const Tensor& self) { return inverse_of("inverse", self); }
Tensor& linalg_inv_out(Tensor& out, const Tensor& A) {
  return out_of_dtype("linalg_inv", out, {&A}, [&] { return linalg_inv(A); });
}
Tensor& inverse_out(Tensor& out, const Tensor& self) {
  return out_of_dtype("inverse", out, {&self}, [&] { return inverse(self); });
}

Tensor linalg_det(const Tensor& A) { return det_of("linalg_det", A, false); }
Tensor det(const Tensor& self) { return det_of("det", self, false); }
Tensor& linalg_det_out(Tensor& out, const Tensor& A) {
  return out_of_dtype("linalg_det", out, {&A}, [&] { return linalg_det(A); });
}

std::tuple<Tensor, Tensor> linalg_slogdet(const Tensor& A) { return slogdet_of("linalg_slogdet", A); }
std::tuple<Tensor, Tensor> slogdet(const Tensor& self) { return slogdet_of("slogdet", self); }
std::tuple<Tensor&, Tensor&> linalg_slogdet_out(Tensor& sign, Tensor& logabsdet, const Tensor& A) {
  return slogdet_into("linalg_slogdet", sign, logabsdet, A);
}
std::tuple<Tensor&, Tensor&> slogdet_out(Tensor& sign, Tensor& logabsdet, const Tensor& self) {
  return slogdet_into("slogdet", sign, logabsdet, self);
}

Tensor logdet(const Tensor& self) {
  const auto [sign, logabsdet] = slogdet_of("logdet", self);
  return where(sign.detach().eq(-1), full({}, std::numeric_limits<double>::quiet_NaN(), logabsdet.options()),
               logabsdet);
}

Tensor linalg_solve(const Tensor& A, const Tensor& B, bool left) {
  check_square("linalg_solve", A);
  check_product("linalg_solve", A, B, "B");
  check_float32_or_64("linalg_solve", A);
  const bool is_vector =
      B.dim() == 1 || (B.dim() == A.dim() - 1 && B.sizes() == A.sizes().slice(0, A.sizes().size() - 1));
  EMBER_CHECK(B.dim() >= 1, "linalg_solve: expected at least 1 dimension, got ", describe(B));
  const Dims batch_b = is_vector ? Dims(B.sizes().slice(0, B.sizes().size() - 1)) : batch_of(B);
  const int64_t rows = is_vector ? B.size(-1) : B.size(-2);
  const int64_t columns = is_vector ? 1 : B.size(-1);
  const int64_t n = A.size(-1);
  EMBER_CHECK((left ? rows : columns) == n, "linalg_solve: A of sizes ", A.sizes(), " does not fit ",
              left ? "A·X = B" : "X·A = B", " with B of sizes ", B.sizes());
  const Dims batch = broadcast_shapes(batch_of(A), batch_b);
  Factors f = factorize(A);
  check_not_singular("linalg_solve", f.info);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    if (!(IntArrayRef(batch) == IntArrayRef(batch_of(A)))) {  // the factors of each are used several times
      const Tensor lu = empty_column_major(with_matrix(batch, n, n), A);
      copy_contents(lu, f.lu);
      Dims pivot_sizes = batch;
      pivot_sizes.push_back(n);
      f.pivots = f.pivots.expand(pivot_sizes).contiguous();
      f.lu = lu;
    }
    // X·A = B is Aᵀ·Xᵀ = Bᵀ.
    const Tensor b = is_vector ? B.unsqueeze(-1) : B;
    const Tensor x = left ? empty_column_major(with_matrix(batch, rows, columns), A)
                          : empty_column_major(with_matrix(batch, columns, rows), A);
    copy_contents(x, left ? b : b.transpose(-2, -1));
    if (!left) f.transposed = !f.transposed;
    solve_with(f, x);
    y = left ? x : detail::empty(with_matrix(batch, rows, columns), A.scalar_type(), A.device());
    if (!left) y = detail::alias(x, y.sizes(), y.strides(), 0);
    if (is_vector) {
      // In PyTorch's strides.
      Dims sizes = batch;
      sizes.push_back(rows);
      const Tensor vectors = empty_column_major(sizes, A);
      copy_contents(vectors, detail::alias(y, sizes, contiguous_strides(sizes), 0));
      y = vectors;
    }
  }
  if (!recording(A, B)) return y;
  return record("LinalgSolveExBackward0", y,
                wrt(A,
                    [A = save_if(A.requires_grad(), A), y = save_output(y), sizes = Dims(A.sizes()), is_vector,
                     left](const Tensor& g) {
                      const Tensor grad_b = linalg_solve(A.get().transpose(-2, -1), g, left);
                      const Tensor x = y.get();
                      if (is_vector) return reduce_to((grad_b.unsqueeze(-1) * x.unsqueeze(-2)).neg(), sizes);
                      const Tensor xt = x.transpose(-2, -1);
                      return reduce_to((left ? grad_b.matmul(xt) : xt.matmul(grad_b)).neg(), sizes);
                    }),
                wrt(B, [A = save_if(B.requires_grad(), A), sizes = Dims(B.sizes()), left](const Tensor& g) {
                  return reduce_to(linalg_solve(A.get().transpose(-2, -1), g, left), sizes);
                }));
}
Tensor& linalg_solve_out(Tensor& out, const Tensor& A, const Tensor& B, bool left) {
  return out_of_dtype("linalg_solve", out, {&A, &B}, [&] { return linalg_solve(A, B, left); });
}

}  // namespace ember
