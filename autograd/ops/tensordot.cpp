// Products made of views, elementwise products and matrix products.
#include <algorithm>
#include <numeric>

#include <ember/autograd/ops/linalg.h>

namespace ember {

namespace ops {
namespace {

Tensor cross_of(const char* op, const Tensor& self, const Tensor& other, int64_t dim) {
  check_product(op, self, other, "other");
  EMBER_CHECK(self.dim() == other.dim(), op, ": expected equally many dimensions, got ", describe(self), " and ",
              describe(other));
  const int64_t d = wrap_dim(dim, self.dim());
  EMBER_CHECK(self.dim() > 0 && self.size(d) == 3 && other.size(d) == 3, op, ": expected size 3 in dimension ", d,
              ", got ", describe(self), " and ", describe(other));
  const Dims sizes = broadcast_shapes(self.sizes(), other.sizes());
  Tensor y = detail::empty(sizes, self.scalar_type(), self.device());
  if (y.numel() != 0) {
    const NoGradGuard unrecorded;
    const Tensor a = self.expand(sizes);
    const Tensor b = other.expand(sizes);
    for (int64_t i = 0; i < 3; ++i) {
      const int64_t j = (i + 1) % 3;
      const int64_t k = (i + 2) % 3;
      y.select(d, i).copy_(a.select(d, j) * b.select(d, k) - a.select(d, k) * b.select(d, j));
    }
  }
  if (!recording(self, other)) return y;
  return record("LinalgCrossBackward0", y,
                wrt(self, [undo = Undo(self, y), b = save_if(self.requires_grad(), other),
                           d](const Tensor& g) { return undo(linalg_cross(b.get().expand(g.sizes()), g, d)); }),
                wrt(other, [undo = Undo(other, y), a = save_if(other.requires_grad(), self), d](const Tensor& g) {
                  return undo(linalg_cross(g, a.get().expand(g.sizes()), d));
                }));
}

// The dimensions of `rank` that are not in the mask, in order.
Dims remaining(int64_t rank, DimMask mask) {
  Dims dims;
  for (int64_t d = 0; d < rank; ++d)
    if ((mask >> d & 1u) == 0) dims.push_back(d);
  return dims;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor outer(const Tensor& self, const Tensor& vec2) {
  check_defined("outer", self);
  check_defined("outer", vec2, "vec2");
  EMBER_CHECK(self.dim() == 1 && vec2.dim() == 1, "outer: expected two vectors, got ", describe(self), " and ",
              describe(vec2));
  check_same_device("outer", self, vec2);
  return self.reshape({self.numel(), 1}) * vec2;
}
Tensor& outer_out(Tensor& out, const Tensor& self, const Tensor& vec2) {
  return out_form("outer", out, {&self, &vec2}, [&] { return outer(self, vec2); });
}

Tensor inner(const Tensor& self, const Tensor& other) {
  check_defined("inner", self);
  check_defined("inner", other, "other");
  if (self.dim() == 0 || other.dim() == 0) return self * other;
  check_product("inner", self, other, "other");
  EMBER_CHECK(self.size(-1) == other.size(-1), "inner: the last dimensions must be equal, got ", describe(self),
              " and ", describe(other));
  return tensordot(self, other, {-1}, {-1});
}
Tensor& inner_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return out_form("inner", out, {&self, &other}, [&] { return inner(self, other); });
}

Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim) {
  return cross_of("linalg_cross", self, other, dim);
}
Tensor& linalg_cross_out(Tensor& out, const Tensor& self, const Tensor& other, int64_t dim) {
  return out_of_dtype("linalg_cross", out, {&self, &other}, [&] { return linalg_cross(self, other, dim); });
}
Tensor cross(const Tensor& self, const Tensor& other, std::optional<int64_t> dim) {
  check_defined("cross", self);
  check_defined("cross", other, "other");
  if (dim) return cross_of("cross", self, other, *dim);
  EMBER_CHECK(self.dim() == other.dim(), "cross: expected equally many dimensions, got ", describe(self), " and ",
              describe(other));
  const IntArrayRef sizes = self.sizes();
  const auto* const first = std::find(sizes.begin(), sizes.end(), 3);
  EMBER_CHECK(first != sizes.end(), "cross: no dimension of self has size 3, got ", describe(self));
  return cross_of("cross", self, other, first - sizes.begin());
}
Tensor& cross_out(Tensor& out, const Tensor& self, const Tensor& other, std::optional<int64_t> dim) {
  return out_of_dtype("cross", out, {&self, &other}, [&] { return cross(self, other, dim); });
}

Tensor tensordot(const Tensor& self, const Tensor& other, IntArrayRef dims_self, IntArrayRef dims_other) {
  check_product("tensordot", self, other, "other");
  EMBER_CHECK(dims_self.size() == dims_other.size(), "tensordot: expected as many dimensions of both, got ", dims_self,
              " and ", dims_other);
  Tensor a = self;
  Tensor b = other;
  DimMask mask_a = 0;
  DimMask mask_b = 0;
  Dims summed_a;
  Dims summed_b;
  int64_t inner_size = 1;
  for (size_t i = 0; i < dims_self.size(); ++i) {
    const int64_t da = wrap_dim(dims_self[i], self.dim());
    const int64_t db = wrap_dim(dims_other[i], other.dim());
    EMBER_CHECK(self.dim() > 0 && other.dim() > 0, "tensordot: a 0-dimensional tensor has no dimension to sum over");
    EMBER_CHECK((mask_a >> da & 1u) == 0 && (mask_b >> db & 1u) == 0, "tensordot: a dimension appears twice in ",
                dims_self, " or ", dims_other);
    mask_a |= DimMask{1} << da;
    mask_b |= DimMask{1} << db;
    summed_a.push_back(da);
    summed_b.push_back(db);
    const int64_t size_a = self.size(da);
    const int64_t size_b = other.size(db);
    if (size_b == 1) {  // what is broadcast is summed at once
      a = a.sum(da, true, a.scalar_type());
    } else if (size_a == 1) {
      b = b.sum(db, true, b.scalar_type());
    } else {
      EMBER_CHECK(size_a == size_b, "tensordot: the dimensions summed over must be equal, got size ", size_a,
                  " in dimension ", da, " of ", describe(self), " and size ", size_b, " in dimension ", db, " of ",
                  describe(other));
      inner_size *= size_a;
    }
  }
  const Dims kept_a = remaining(self.dim(), mask_a);
  const Dims kept_b = remaining(other.dim(), mask_b);
  Dims sizes;
  Dims order_a = kept_a;
  Dims order_b = summed_b;
  int64_t rows = 1;
  int64_t columns = 1;
  for (const int64_t d : kept_a) {
    sizes.push_back(self.size(d));
    rows *= self.size(d);
  }
  for (const int64_t d : summed_a) order_a.push_back(d);
  for (const int64_t d : kept_b) {
    sizes.push_back(other.size(d));
    order_b.push_back(d);
    columns *= other.size(d);
  }
  const Tensor left = a.permute(order_a).reshape({rows, inner_size});
  const Tensor right = b.permute(order_b).reshape({inner_size, columns});
  return left.mm(right).reshape(sizes);
}
Tensor& tensordot_out(Tensor& out, const Tensor& self, const Tensor& other, IntArrayRef dims_self,
                      IntArrayRef dims_other) {
  return out_of_dtype("tensordot", out, {&self, &other}, [&] { return tensordot(self, other, dims_self, dims_other); });
}

Tensor kron(const Tensor& self, const Tensor& other) {
  check_defined("kron", self);
  check_defined("kron", other, "other");
  // [a₀, 1, a₁, 1, …]·[1, b₀, 1, b₁, …], the smaller one with 1 in front.
  const int64_t rank = std::max(self.dim(), other.dim());
  EMBER_CHECK(2 * rank <= kMaxDims, "kron: more than ", kMaxDims / 2, " dimensions are not implemented, got ",
              describe(self), " and ", describe(other));
  Dims a_sizes;
  Dims b_sizes;
  Dims sizes;
  for (int64_t d = 0; d < rank; ++d) {
    const int64_t da = d - (rank - self.dim());
    const int64_t db = d - (rank - other.dim());
    const int64_t a = da < 0 ? 1 : self.size(da);
    const int64_t b = db < 0 ? 1 : other.size(db);
    a_sizes.push_back(a);
    a_sizes.push_back(1);
    b_sizes.push_back(1);
    b_sizes.push_back(b);
    int64_t both = 0;
    EMBER_CHECK(!__builtin_mul_overflow(a, b, &both), "kron: sizes ", self.sizes(), " and ", other.sizes(),
                " give too many elements");
    sizes.push_back(both);
  }
  return (self.reshape(a_sizes) * other.reshape(b_sizes)).reshape(sizes);
}
Tensor& kron_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return out_form("kron", out, {&self, &other}, [&] { return kron(self, other); });
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight, const std::optional<Tensor>& bias) {
  check_product("bilinear", input1, input2, "input2");
  check_product("bilinear", input1, weight, "weight");
  EMBER_CHECK(input1.dim() >= 1 && input1.dim() == input2.dim(), "bilinear: expected inputs of one rank, got ",
              describe(input1), " and ", describe(input2));
  EMBER_CHECK(weight.dim() == 3 && weight.size(1) == input1.size(-1) && weight.size(2) == input2.size(-1),
              "bilinear: a weight [out, in1, in2] of sizes ", weight.sizes(), " does not fit inputs ", input1.sizes(),
              " and ", input2.sizes());
  Dims sizes = input1.sizes();
  for (size_t d = 0; d + 1 < sizes.size(); ++d) {
    EMBER_CHECK(sizes[d] == input2.sizes()[d], "bilinear: the inputs differ in dimension ", d, ": ", input1.sizes(),
                " and ", input2.sizes());
  }
  const int64_t features = weight.size(0);
  if (bias && bias->defined()) {
    check_same_device("bilinear", input1, *bias);
    EMBER_CHECK(bias->dim() == 1 && bias->size(0) == features, "bilinear: expected a bias of ", features,
                " elements, got ", describe(*bias));
  }
  sizes[sizes.size() - 1] = 1;
  const int64_t batch = checked_numel(sizes);
  sizes[sizes.size() - 1] = features;
  const int64_t in1 = weight.size(1);
  const int64_t in2 = weight.size(2);
  // [batch, in1]·[in1, out·in2] as [batch, out, in2], times [batch, in2, 1].
  const Tensor half = input1.reshape({batch, in1}).mm(weight.permute({1, 0, 2}).reshape({in1, features * in2}));
  const Tensor y = half.view({batch, features, in2}).bmm(input2.reshape({batch, in2}).unsqueeze(2)).reshape(sizes);
  return bias && bias->defined() ? y + *bias : y;
}

}  // namespace ember
