// beta·self + alpha·(a product): addmm, addmv, addbmm, baddbmm and addr. With beta = 0 what self holds is ignored.
#include <ember/autograd/ops/linalg.h>
#include <ember/autograd/ops/linear_node.h>

namespace ember {

namespace ops {
namespace {

void check_self(const char* op, const Tensor& self, const Tensor& factor) {
  check_defined(op, self);
  check_defined(op, factor, "the first factor");
  check_same_device(op, self, factor);
  EMBER_CHECK(self.dtype() == factor.dtype(), op, ": expected one dtype, got ", describe(self), " and ",
              describe(factor));
}

// A factor as the dtype has it: truncated for integers, as PyTorch does.
double factor_of(const Scalar& s, ScalarType dtype) {
  return is_floating(dtype) ? s.toDouble() : static_cast<double>(s.toLong());
}

// multiply(out, beta) makes `out`, which is dense and holds self unless beta is 0, beta·out + the product of a and b.
template <class F>
Tensor accumulate(const char* op, Dest dest, const Tensor& self, const Tensor& a, const Tensor& b, const Dims& sizes,
                  const Scalar& beta, F multiply) {
  EMBER_CHECK(is_expandable_to(self.sizes(), sizes), op, ": self of sizes ", self.sizes(), " does not broadcast to ",
              sizes);
  const ScalarType dtype = a.scalar_type();
  const double factor = factor_of(beta, dtype);
  if (dest.given()) {
    const Tensor& d = dest.tensor();
    check_dest(op, d, sizes, dtype);
    if (d.is_contiguous() && !d.is_alias_of(a) && !d.is_alias_of(b)) {
      multiply(d, factor);
      bump_version(d);
      return d;
    }
  }
  const Tensor y = detail::empty(sizes, dtype, a.device());
  if (factor != 0 && y.numel() != 0) copy_contents(y, self);
  multiply(y, factor);
  if (!dest.given()) return y;
  copy_contents(dest.tensor(), y);
  bump_version(dest.tensor());
  return dest.tensor();
}

// out = beta·out + alpha·a·b over [m, k] and [k, n], or [1, m, k] and [1, k, n]; with alpha = 0 what a and b hold is
// ignored.
void matrix_product(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  if (alpha != 0) return product(out, a, b, alpha, beta);
  Dims a_sizes = a.sizes();
  Dims b_sizes = b.sizes();
  a_sizes[a.dim() - 1] = 0;
  b_sizes[b.dim() - 2] = 0;
  product(out, detail::alias(a, a_sizes, a.strides(), a.storage_offset()),
          detail::alias(b, b_sizes, b.strides(), b.storage_offset()), alpha, beta);
}

// Matrix i of a batch as a batch of one.
Tensor nth(const Tensor& batch, int64_t i) {
  return detail::alias(batch, {1, batch.size(1), batch.size(2)}, batch.strides(),
                       batch.storage_offset() + i * batch.stride(0));
}

Tensor record_addmm(const Tensor& y, const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
                    const Scalar& alpha) {
  return record("AddmmBackward0", y,
                wrt(self, [undo = Undo(self, y), beta](const Tensor& g) { return times(undo(g), beta); }),
                wrt(mat1, [b = save_if(mat1.requires_grad(), mat2),
                           alpha](const Tensor& g) { return times(g.mm(b.get().t()), alpha); }),
                wrt(mat2, [a = save_if(mat2.requires_grad(), mat1), alpha](const Tensor& g) {
                  return times(a.get().t().mm(g), alpha);
                }));
}

Tensor addmm_to(const char* op, Dest dest, const Tensor& self, const Tensor& mat1, const Tensor& mat2,
                const Scalar& beta, const Scalar& alpha) {
  check_self(op, self, mat1);
  check_product(op, mat1, mat2, "mat2");
  EMBER_CHECK(mat1.dim() == 2 && mat2.dim() == 2, op, ": expected two matrices, got ", describe(mat1), " and ",
              describe(mat2));
  EMBER_CHECK(mat1.sizes()[1] == mat2.sizes()[0], op, ": [m, k] × [k, n] needs equal k, got ", mat1.sizes(), " × ",
              mat2.sizes());
  // The bias of a linear layer: its gradient may come with that of the weight, whose columns are dense in
  // addmm(bias, x, weight.t()).
  if (!dest.given() && self.dim() == 1 && self.sizes()[0] == mat2.sizes()[1] && beta.equal(1) && alpha.equal(1)) {
    const Tensor y = product_with_bias(mat1, mat2, self);
    if (!recording(self, mat1, mat2)) return y;
    if (mat2.strides()[0] == 1 && mat2.strides()[1] >= mat2.sizes()[0]) {
      return record_linear(y, self, mat1, mat2, true);
    }
    return record_addmm(y, self, mat1, mat2, beta, alpha);
  }
  const Tensor y = accumulate(
      op, dest, self, mat1, mat2, {mat1.sizes()[0], mat2.sizes()[1]}, beta,
      [&](const Tensor& out, double b) { matrix_product(out, mat1, mat2, factor_of(alpha, mat1.scalar_type()), b); });
  return recording(self, mat1, mat2) ? record_addmm(y, self, mat1, mat2, beta, alpha) : y;
}

Tensor addmv_to(const char* op, Dest dest, const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta,
                const Scalar& alpha) {
  check_self(op, self, mat);
  check_product(op, mat, vec, "vec");
  EMBER_CHECK(mat.dim() == 2 && vec.dim() == 1 && self.dim() <= 1, op, ": expected vector + matrix × vector, got ",
              describe(self), ", ", describe(mat), " and ", describe(vec));
  EMBER_CHECK(mat.size(1) == vec.size(0), op, ": [m, k] × [k] needs equal k, got ", mat.sizes(), " × ", vec.sizes());
  const double factor = factor_of(alpha, mat.scalar_type());
  const Tensor y = accumulate(op, dest, self, mat, vec, {mat.size(0)}, beta, [&](const Tensor& out, double b) {
    matrix_product(as_matrix(out, out.numel(), 1), as_batch(mat), as_matrix(vec, vec.numel(), 1), factor, b);
  });
  if (!recording(self, mat, vec)) return y;
  return record(
      "AddmvBackward0", y, wrt(self, [undo = Undo(self, y), beta](const Tensor& g) { return times(undo(g), beta); }),
      wrt(mat,
          [b = save_if(mat.requires_grad(), vec), alpha](const Tensor& g) { return times(g.outer(b.get()), alpha); }),
      wrt(vec,
          [a = save_if(vec.requires_grad(), mat), alpha](const Tensor& g) { return times(a.get().t().mv(g), alpha); }));
}

void check_batches(const char* op, const Tensor& self, const Tensor& batch1, const Tensor& batch2) {
  check_self(op, self, batch1);
  check_product(op, batch1, batch2, "batch2");
  EMBER_CHECK(batch1.dim() == 3 && batch2.dim() == 3, op, ": expected two batches of matrices, got ", describe(batch1),
              " and ", describe(batch2));
  EMBER_CHECK(batch1.size(0) == batch2.size(0) && batch1.size(2) == batch2.size(1), op,
              ": [b, m, k] × [b, k, n] needs equal b and k, got ", batch1.sizes(), " × ", batch2.sizes());
}

Tensor baddbmm_to(const char* op, Dest dest, const Tensor& self, const Tensor& batch1, const Tensor& batch2,
                  const Scalar& beta, const Scalar& alpha) {
  check_batches(op, self, batch1, batch2);
  const double factor = factor_of(alpha, batch1.scalar_type());
  const Tensor y = accumulate(op, dest, self, batch1, batch2, {batch1.size(0), batch1.size(1), batch2.size(2)}, beta,
                              [&](const Tensor& out, double b) { product(out, batch1, batch2, factor, b); });
  if (!recording(self, batch1, batch2)) return y;
  return record("BaddbmmBackward0", y,
                wrt(self, [undo = Undo(self, y), beta](const Tensor& g) { return times(undo(g), beta); }),
                wrt(batch1, [b = save_if(batch1.requires_grad(), batch2),
                             alpha](const Tensor& g) { return times(g.bmm(b.get().transpose(1, 2)), alpha); }),
                wrt(batch2, [a = save_if(batch2.requires_grad(), batch1), alpha](const Tensor& g) {
                  return times(a.get().transpose(1, 2).bmm(g), alpha);
                }));
}

Tensor addbmm_to(const char* op, Dest dest, const Tensor& self, const Tensor& batch1, const Tensor& batch2,
                 const Scalar& beta, const Scalar& alpha) {
  check_batches(op, self, batch1, batch2);
  const double factor = factor_of(alpha, batch1.scalar_type());
  const Tensor y = accumulate(
      op, dest, self, batch1, batch2, {batch1.size(1), batch2.size(2)}, beta, [&](const Tensor& out, double b) {
        const int64_t batch = batch1.size(0);
        if (batch == 0) {  // beta·out + 0
          const Tensor none = detail::empty({1, out.size(0), 0}, out.scalar_type(), out.device());
          return product(as_batch(out), none, detail::alias(none, {1, 0, out.size(1)}, {0, 1, 1}, 0), 1, b);
        }
        for (int64_t i = 0; i < batch; ++i) {
          matrix_product(as_batch(out), nth(batch1, i), nth(batch2, i), factor, i == 0 ? b : 1);
        }
      });
  if (!recording(self, batch1, batch2)) return y;
  const auto batched = [n = batch1.size(0)](const Tensor& g) { return g.expand({n, g.size(0), g.size(1)}); };
  return record(
      "AddbmmBackward0", y, wrt(self, [undo = Undo(self, y), beta](const Tensor& g) { return times(undo(g), beta); }),
      wrt(batch1, [b = save_if(batch1.requires_grad(), batch2), alpha,
                   batched](const Tensor& g) { return times(batched(g).bmm(b.get().transpose(1, 2)), alpha); }),
      wrt(batch2, [a = save_if(batch2.requires_grad(), batch1), alpha, batched](const Tensor& g) {
        return times(a.get().transpose(1, 2).bmm(batched(g)), alpha);
      }));
}

// beta·self + alpha·vec1·vec2ᵀ, by promotion; bool as and, or.
Tensor addr_to(const char* op, Dest dest, const Tensor& self, const Tensor& vec1, const Tensor& vec2,
               const Scalar& beta, const Scalar& alpha) {
  check_defined(op, self);
  check_defined(op, vec1, "vec1");
  check_defined(op, vec2, "vec2");
  check_same_device(op, self, vec1);
  check_same_device(op, vec1, vec2);
  EMBER_CHECK(vec1.dim() == 1 && vec2.dim() == 1, op, ": expected two vectors, got ", describe(vec1), " and ",
              describe(vec2));
  const Dims sizes{vec1.size(0), vec2.size(0)};
  EMBER_CHECK(is_expandable_to(self.sizes(), sizes), op, ": self of sizes ", self.sizes(), " does not broadcast to ",
              sizes);
  // result_type of three: the vectors decide together with self, whose dimensions may be fewer.
  const ScalarType products = promote_types(vec1.scalar_type(), vec2.scalar_type());
  const ScalarType dtype = promote_types(self.scalar_type(), products);
  EMBER_CHECK(is_floating(dtype) || (!beta.is_floating_point() && !alpha.is_floating_point()), op,
              ": beta and alpha must be integers for ", dtype_name(dtype));
  if (dest.given()) check_dest(op, dest.tensor(), sizes, dtype);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const Tensor outer_product = as_dtype(vec1, dtype).unsqueeze(1).mul(as_dtype(vec2, dtype));
    y = dtype == kBool ? (alpha.to<bool>() ? outer_product : zeros_like(outer_product)) : times(outer_product, alpha);
    if (!beta.equal(0)) {
      const Tensor x = as_dtype(self, dtype);
      y = dtype == kBool ? x.add(y) : times(x, beta) + y;
    }
    if (dest.given()) {
      copy_contents(dest.tensor(), y);
      bump_version(dest.tensor());
      y = dest.tensor();
    }
  }
  if (!recording(self, vec1, vec2)) return y;
  return record("AddrBackward0", y,
                wrt(self, [undo = Undo(self, y), beta](const Tensor& g) { return times(undo(g), beta); }),
                wrt(vec1,
                    [b = save_if(vec1.requires_grad(), vec2), alpha, from = vec1.scalar_type()](const Tensor& g) {
                      return as_dtype(times(g.mv(as_dtype(b.get(), g.scalar_type())), alpha), from);
                    }),
                wrt(vec2, [a = save_if(vec2.requires_grad(), vec1), alpha, from = vec2.scalar_type()](const Tensor& g) {
                  return as_dtype(times(g.t().mv(as_dtype(a.get(), g.scalar_type())), alpha), from);
                }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

// The three forms of each.
#define EMBER_ACCUMULATION(name, a, b) \
  Tensor name(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) { \
    return name##_to(#name, {}, self, a, b, beta, alpha); \
  } \
  Tensor& Tensor::name##_(const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) const { \
    return in_place(#name "_", *this, \
                    [&](Dest dest, const Tensor& x) { name##_to(#name "_", dest, x, a, b, beta, alpha); }); \
  } \
  Tensor& name##_out(Tensor& out, const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, \
                     const Scalar& alpha) { \
    return out_of_dtype(#name, out, {&self, &a, &b}, [&] { return name(self, a, b, beta, alpha); }); \
  }
EMBER_ACCUMULATION(addmm, mat1, mat2)
EMBER_ACCUMULATION(addmv, mat, vec)
EMBER_ACCUMULATION(addbmm, batch1, batch2)
EMBER_ACCUMULATION(baddbmm, batch1, batch2)
EMBER_ACCUMULATION(addr, vec1, vec2)
#undef EMBER_ACCUMULATION

}  // namespace ember
