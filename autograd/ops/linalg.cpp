// Matrix products of two operands.
#include <ember/autograd/ops/linalg.h>
#include <ember/autograd/ops/linear_activation.h>
#include <ember/autograd/ops/linear_node.h>

namespace ember {

namespace ops {

void check_product(const char* op, const Tensor& a, const Tensor& b, const char* b_name) {
  check_defined(op, a);
  check_defined(op, b, b_name);
  check_same_device(op, a, b);
  EMBER_CHECK(a.dtype() == b.dtype(), op, ": expected one dtype, got ", describe(a), " and ", describe(b));
  EMBER_CHECK(a.dtype() != kBool, op, ": not implemented for bool");
}

Tensor product_with_bias(const Tensor& a, const Tensor& b, const Tensor& bias) {
  const Tensor y = detail::empty({a.sizes()[0], b.sizes()[1]}, a.scalar_type(), a.device());
  if (y.numel() != 0) launch(kernels.matmul_bias, y.device(), y, a, b, bias);
  return y;
}

namespace {

// input[m, k]·weightᵀ[k, n] + bias[n], which may be undefined. One node: its gradients are what those of addmm and of
// the transpose come to, the weight's in the weight's own layout.
Tensor linear_rows(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  const Tensor columns = detail::alias(weight, {weight.sizes()[1], weight.sizes()[0]},
                                       {weight.strides()[1], weight.strides()[0]}, weight.storage_offset());
  Tensor y;
  if (bias.defined()) {
    y = product_with_bias(input, columns, bias);
  } else {
    y = detail::empty({input.sizes()[0], weight.sizes()[0]}, input.scalar_type(), input.device());
    product(y, input, columns, 1, 0);
  }
  if (bias.defined()) return recording(bias, input, weight) ? record_linear(y, bias, input, weight) : y;
  if (!recording(input, weight)) return y;
  return record(
      "MmBackward0", y,
      wrt(input, [w = save_if(input.requires_grad(), weight)](const Tensor& g) { return g.mm(w.get()); }),
      wrt(weight, [x = save_if(weight.requires_grad(), input)](const Tensor& g) { return g.t().mm(x.get()); }));
}

// Whether a bias can be added to each of the rows of a product of input[.., k] with n columns, as it is.
bool is_row(const Tensor& bias, const Tensor& input, int64_t n) {
  return bias.dim() == 1 && bias.sizes()[0] == n && bias.dtype() == input.dtype() && bias.device() == input.device();
}

Tensor dot_of(const char* op, const char* node, const Tensor& self, const Tensor& other, const char* other_name) {
  check_product(op, self, other, other_name);
  EMBER_CHECK(self.dim() == 1 && other.dim() == 1, op, ": expected two vectors, got ", describe(self), " and ",
              describe(other));
  EMBER_CHECK(self.size(0) == other.size(0), op, ": expected equal lengths, got ", self.sizes(), " and ",
              other.sizes());
  const Tensor y = detail::empty({}, self.scalar_type(), self.device());
  product(as_matrix(y, 1, 1), as_matrix(self, 1, self.numel()), as_matrix(other, other.numel(), 1), 1, 0);
  if (!recording(self, other)) return y;
  return record(node, y, wrt(self, [b = save_if(self.requires_grad(), other)](const Tensor& g) { return g * b.get(); }),
                wrt(other, [a = save_if(other.requires_grad(), self)](const Tensor& g) { return g * a.get(); }));
}

}  // namespace

Tensor linear_activation(const Tensor& input, const Tensor& weight, const Tensor& bias, Activation activation) {
  const bool takes = input.defined() && weight.defined() && bias.defined() && input.dim() >= 2 && weight.dim() == 2 &&
                     input.sizes().back() == weight.sizes()[1] && input.dtype() == weight.dtype() &&
                     is_floating(input.dtype()) && input.device() == weight.device() &&
                     is_row(bias, input, weight.sizes()[0]);
  if (!takes || input.numel() == 0 || weight.numel() == 0 || (input.dim() > 2 && !input.is_contiguous())) {
    const Tensor y = linear(input, weight, bias);
    return activation == Activation::Relu ? relu(y) : gelu(y, "tanh");
  }
  if (input.dim() > 2) {
    // The batch is more rows.
    Dims sizes = input.sizes();
    const Tensor rows = input.view({input.numel() / sizes.back(), sizes.back()});
    sizes[sizes.size() - 1] = weight.sizes()[0];
    return unsafe_view(linear_activation(rows, weight, bias, activation), sizes);
  }
  const Tensor columns = detail::alias(weight, {weight.sizes()[1], weight.sizes()[0]},
                                       {weight.strides()[1], weight.strides()[0]}, weight.storage_offset());
  const Tensor y = detail::empty({input.sizes()[0], weight.sizes()[0]}, input.scalar_type(), input.device());
  const bool records = recording(bias, input, weight);
  Tensor saved;
  launch(product_kernels.matmul_activation, y.device(), y, records ? &saved : nullptr, input, columns, bias,
         activation);
  return records ? record_linear_activation(y, saved, bias, input, weight, activation) : y;
}

}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor mm(const Tensor& self, const Tensor& mat2) {
  check_product("mm", self, mat2, "mat2");
  EMBER_CHECK(self.dim() == 2 && mat2.dim() == 2, "mm: expected two matrices, got ", describe(self), " and ",
              describe(mat2));
  EMBER_CHECK(self.sizes()[1] == mat2.sizes()[0], "mm: [m, k] × [k, n] needs equal k, got ", self.sizes(), " × ",
              mat2.sizes());
  const Tensor y = detail::empty({self.sizes()[0], mat2.sizes()[1]}, self.scalar_type(), self.device());
  product(y, self, mat2, 1, 0);
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
  const Tensor y = detail::empty({self.size(0), self.size(1), mat2.size(2)}, self.scalar_type(), self.device());
  product(y, self, mat2, 1, 0);
  if (!recording(self, mat2)) return y;
  return record(
      "BmmBackward0", y,
      wrt(self, [b = save_if(self.requires_grad(), mat2)](const Tensor& g) { return g.bmm(b.get().transpose(1, 2)); }),
      wrt(mat2, [a = save_if(mat2.requires_grad(), self)](const Tensor& g) { return a.get().transpose(1, 2).bmm(g); }));
}

Tensor mv(const Tensor& self, const Tensor& vec) {
  check_product("mv", self, vec, "vec");
  EMBER_CHECK(self.dim() == 2 && vec.dim() == 1, "mv: expected a matrix and a vector, got ", describe(self), " and ",
              describe(vec));
  EMBER_CHECK(self.size(1) == vec.size(0), "mv: [m, k] × [k] needs equal k, got ", self.sizes(), " × ", vec.sizes());
  const Tensor y = detail::empty({self.size(0)}, self.scalar_type(), self.device());
  product(as_matrix(y, y.numel(), 1), as_batch(self), as_matrix(vec, vec.numel(), 1), 1, 0);
  if (!recording(self, vec)) return y;
  return record("MvBackward0", y,
                wrt(self, [b = save_if(self.requires_grad(), vec)](const Tensor& g) { return g.outer(b.get()); }),
                wrt(vec, [a = save_if(vec.requires_grad(), self)](const Tensor& g) { return a.get().t().mv(g); }));
}

Tensor dot(const Tensor& self, const Tensor& tensor) { return dot_of("dot", "DotBackward0", self, tensor, "tensor"); }
Tensor vdot(const Tensor& self, const Tensor& other) { return dot_of("vdot", "VdotBackward0", self, other, "other"); }

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
Tensor linalg_matmul(const Tensor& self, const Tensor& other) { return matmul(self, other); }

Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias) {
  check_product("linear", input, weight, "weight");
  EMBER_CHECK(weight.dim() == 2 || weight.dim() == 1, "linear: expected a weight [out, in], got ", describe(weight));
  EMBER_CHECK(input.dim() >= 1, "linear: expected an input [.., in], got ", describe(input));
  EMBER_CHECK(input.sizes().back() == weight.sizes().back(), "linear: an input of sizes ", input.sizes(),
              " does not fit a weight [out, in] of sizes ", weight.sizes());
  const bool biased = bias && bias->defined();
  if (weight.dim() == 2 && input.dim() == 2 && (!biased || is_row(*bias, input, weight.sizes()[0]))) {
    return linear_rows(input, weight, biased ? *bias : Tensor());
  }
  if (!biased) return matmul(input, weight.t());
  if (weight.dim() == 2 && input.dim() == 2) return addmm(*bias, input, weight.t());
  if (weight.dim() == 2 && input.is_contiguous() && bias->dim() <= 1) {
    // The batch is more rows.
    Dims sizes = input.sizes();
    const int64_t features = sizes.back();
    sizes.resize(sizes.size() - 1);
    const int64_t rows = checked_numel(sizes);
    sizes.push_back(weight.size(0));
    return linear(input.view({rows, features}), weight, bias).view(sizes);
  }
  return matmul(input, weight.t()) + *bias;
}

// ---- _out ----

Tensor& mm_out(Tensor& out, const Tensor& self, const Tensor& mat2) {
  return out_of_dtype("mm", out, {&self, &mat2}, [&] { return mm(self, mat2); });
}
Tensor& bmm_out(Tensor& out, const Tensor& self, const Tensor& mat2) {
  return out_of_dtype("bmm", out, {&self, &mat2}, [&] { return bmm(self, mat2); });
}
Tensor& matmul_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return out_of_dtype("matmul", out, {&self, &other}, [&] { return matmul(self, other); });
}
Tensor& linalg_matmul_out(Tensor& out, const Tensor& self, const Tensor& other) { return matmul_out(out, self, other); }
Tensor& mv_out(Tensor& out, const Tensor& self, const Tensor& vec) {
  return out_of_dtype("mv", out, {&self, &vec}, [&] { return mv(self, vec); });
}
Tensor& dot_out(Tensor& out, const Tensor& self, const Tensor& tensor) {
  return out_of_dtype("dot", out, {&self, &tensor}, [&] { return dot(self, tensor); });
}
Tensor& vdot_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return out_of_dtype("vdot", out, {&self, &other}, [&] { return vdot(self, other); });
}

}  // namespace ember
