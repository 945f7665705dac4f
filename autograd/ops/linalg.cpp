// Matrix products.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

void check_product(const char* op, const Tensor& a, const Tensor& b, const char* b_name) {
  check_defined(op, a);
  check_defined(op, b, b_name);
  check_same_device(op, a, b);
  EMBER_CHECK(a.dtype() == b.dtype(), op, ": expected one dtype, got ", describe(a), " and ", describe(b));
  EMBER_CHECK(a.dtype() != kBool, op, ": not implemented for bool");
}

// [m, n] as [1, m, n], outside autograd.
Tensor as_batch(const Tensor& m) {
  return detail::alias(m, {1, m.sizes()[0], m.sizes()[1]}, {0, m.strides()[0], m.strides()[1]}, m.storage_offset());
}

// out = beta·out + alpha·a·b over [b, m, k] and [b, k, n]
void product(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  if (out.numel() != 0) launch(kernels.matmul, out.device(), out, a, b, alpha, beta);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor mm(const Tensor& self, const Tensor& mat2) {
  check_product("mm", self, mat2, "mat2");
  EMBER_CHECK(self.dim() == 2 && mat2.dim() == 2, "mm: expected two matrices, got ", describe(self), " and ",
              describe(mat2));
  EMBER_CHECK(self.size(1) == mat2.size(0), "mm: [m, k] × [k, n] needs equal k, got ", self.sizes(), " × ",
              mat2.sizes());
  const Tensor y = detail::empty({self.size(0), mat2.size(1)}, self.dtype(), self.device());
  product(as_batch(y), as_batch(self), as_batch(mat2), 1, 0);
  if (!recording(self, mat2)) return y;
  return record("MmBackward0", y,
                wrt(self, [b = save_if(self.requires_grad(), mat2)](const Tensor& g) { return g.mm(b.get().t()); }),
                wrt(mat2, [a = save_if(mat2.requires_grad(), self)](const Tensor& g) { return a.get().t().mm(g); }));
}

Tensor bmm(const Tensor& self, const Tensor& mat2) {
  check_product("bmm", self, mat2, "mat2");
  EMBER_CHECK(self.dim() == 3 && mat2.dim() == 3, "bmm: expected two batches of matrices, got ", describe(self),
              " and ", describe(mat2));
  EMBER_CHECK(self.size(0) == mat2.size(0) && self.size(2) == mat2.size(1),
              "bmm: [b, m, k] × [b, k, n] needs equal b and k, got ", self.sizes(), " × ", mat2.sizes());
  const Tensor y = detail::empty({self.size(0), self.size(1), mat2.size(2)}, self.dtype(), self.device());
  product(y, self, mat2, 1, 0);
  if (!recording(self, mat2)) return y;
  return record(
      "BmmBackward0", y,
      wrt(self, [b = save_if(self.requires_grad(), mat2)](const Tensor& g) { return g.bmm(b.get().transpose(1, 2)); }),
      wrt(mat2, [a = save_if(mat2.requires_grad(), self)](const Tensor& g) { return a.get().transpose(1, 2).bmm(g); }));
}

Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) {
  check_defined("addmm", self);
  check_defined("addmm", mat1, "mat1");
  check_product("addmm", mat1, mat2, "mat2");
  check_same_device("addmm", self, mat1);
  EMBER_CHECK(self.dtype() == mat1.dtype(), "addmm: expected one dtype, got ", describe(self), " and ", describe(mat1));
  EMBER_CHECK(mat1.dim() == 2 && mat2.dim() == 2, "addmm: expected two matrices, got ", describe(mat1), " and ",
              describe(mat2));
  EMBER_CHECK(mat1.size(1) == mat2.size(0), "addmm: [m, k] × [k, n] needs equal k, got ", mat1.sizes(), " × ",
              mat2.sizes());
  const Dims sizes{mat1.size(0), mat2.size(1)};
  EMBER_CHECK(is_expandable_to(self.sizes(), sizes), "addmm: self of sizes ", self.sizes(), " does not broadcast to ",
              sizes);
  EMBER_CHECK(is_floating(self.dtype()) || (!beta.is_floating_point() && !alpha.is_floating_point()),
              "addmm: beta and alpha must be integers for ", dtype_name(self.dtype()));
  const Tensor y = detail::empty(sizes, mat1.dtype(), mat1.device());
  if (!beta.equal(0)) {
    const NoGradGuard unrecorded;
    y.copy_(self);
  }
  product(as_batch(y), as_batch(mat1), as_batch(mat2), alpha.toDouble(), beta.toDouble());
  if (!recording(self, mat1, mat2)) return y;
  const auto scaled = [](const Tensor& g, const Scalar& s) { return s.equal(1) ? g : g * s; };
  return record("AddmmBackward0", y,
                wrt(self, [undo = Undo(self, y), beta, scaled](const Tensor& g) { return scaled(undo(g), beta); }),
                wrt(mat1, [b = save_if(mat1.requires_grad(), mat2), alpha,
                           scaled](const Tensor& g) { return scaled(g.mm(b.get().t()), alpha); }),
                wrt(mat2, [a = save_if(mat2.requires_grad(), mat1), alpha, scaled](const Tensor& g) {
                  return scaled(a.get().t().mm(g), alpha);
                }));
}

Tensor mv(const Tensor& self, const Tensor& vec) {
  check_product("mv", self, vec, "vec");
  EMBER_CHECK(self.dim() == 2 && vec.dim() == 1, "mv: expected a matrix and a vector, got ", describe(self), " and ",
              describe(vec));
  EMBER_CHECK(self.size(1) == vec.size(0), "mv: [m, k] × [k] needs equal k, got ", self.sizes(), " × ", vec.sizes());
  return mm(self, vec.unsqueeze(1)).squeeze(1);
}

Tensor dot(const Tensor& self, const Tensor& tensor) {
  check_product("dot", self, tensor, "tensor");
  EMBER_CHECK(self.dim() == 1 && tensor.dim() == 1, "dot: expected two vectors, got ", describe(self), " and ",
              describe(tensor));
  EMBER_CHECK(self.size(0) == tensor.size(0), "dot: expected equal lengths, got ", self.sizes(), " and ",
              tensor.sizes());
  return mm(self.unsqueeze(0), tensor.unsqueeze(1)).squeeze(1).squeeze(0);
}

Tensor matmul(const Tensor& self, const Tensor& other) {
  check_product("matmul", self, other, "other");
  EMBER_CHECK(self.dim() >= 1 && other.dim() >= 1, "matmul: expected at least 1 dimension, got ", describe(self),
              " and ", describe(other));
  if (self.dim() == 1 && other.dim() == 1) return dot(self, other);
  if (self.dim() == 2 && other.dim() == 1) return mv(self, other);
  if (self.dim() == 1 && other.dim() == 2) return mm(self.unsqueeze(0), other).squeeze(0);
  if (self.dim() == 2 && other.dim() == 2) return mm(self, other);
  // A vector is a matrix of one row (on the left) or column; that dimension goes again at the end.
  const Tensor a = self.dim() == 1 ? self.unsqueeze(0) : self;
  const Tensor b = other.dim() == 1 ? other.unsqueeze(1) : other;
  const int64_t m = a.size(-2);
  const int64_t k = a.size(-1);
  const int64_t n = b.size(-1);
  EMBER_CHECK(b.size(-2) == k, "matmul: [.., m, k] × [.., k, n] needs equal k, got ", self.sizes(), " × ",
              other.sizes());
  const auto batch_sizes = [](const Tensor& x) { return x.sizes().slice(0, x.sizes().size() - 2); };
  Dims result;
  Tensor y;
  if (b.dim() == 2) {
    // One matrix on the right: the batch is more rows.
    result = batch_sizes(a);
    y = mm(a.reshape({checked_numel(result) * m, k}), b);
  } else {
    result = broadcast_shapes(batch_sizes(a), batch_sizes(b));
    const int64_t batch = checked_numel(result);
    Dims a_sizes = result;
    a_sizes.push_back(m);
    a_sizes.push_back(k);
    Dims b_sizes = result;
    b_sizes.push_back(k);
    b_sizes.push_back(n);
    y = bmm(a.expand(a_sizes).reshape({batch, m, k}), b.expand(b_sizes).reshape({batch, k, n}));
  }
  if (self.dim() != 1) result.push_back(m);
  if (other.dim() != 1) result.push_back(n);
  return y.view(result);
}

Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias) {
  check_product("linear", input, weight, "weight");
  EMBER_CHECK(weight.dim() == 2 || weight.dim() == 1, "linear: expected a weight [out, in], got ", describe(weight));
  EMBER_CHECK(input.dim() >= 1, "linear: expected an input [.., in], got ", describe(input));
  EMBER_CHECK(input.size(-1) == weight.size(-1), "linear: an input of sizes ", input.sizes(),
              " does not fit a weight [out, in] of sizes ", weight.sizes());
  const bool has_bias = bias && bias->defined();
  if (has_bias && input.dim() == 2 && weight.dim() == 2) return addmm(*bias, input, weight.t());
  const Tensor y = matmul(input, weight.t());
  return has_bias ? y + *bias : y;
}

}  // namespace ember
