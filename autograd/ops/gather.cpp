// Gathering and scattering along one dimension by an index of its own for each element.
#include <limits>

#include <ember/autograd/ops/index_common.h>

namespace ember {

namespace ops {
namespace {

void check_gather_shapes(const char* op, const Tensor& self, const Tensor& index, int64_t d) {
  EMBER_CHECK(index.dim() == self.dim(), op, ": index ", index.sizes(), " and self ", self.sizes(),
              " must have as many dimensions");
  for (int64_t e = 0; e < self.dim(); ++e) {
    EMBER_CHECK(e == d || index.size(e) <= self.size(e), op, ": index ", index.sizes(), " is larger than self ",
                self.sizes(), " in dimension ", e, ", which is not the one indexed, ", d);
  }
}

// Operands of sizes [1] and [] go together.
Tensor same_rank(const Tensor& t, const Tensor& self, const Tensor& index) {
  return self.dim() <= 1 && index.dim() <= 1 ? at_least_1d(t) : t;
}

void check_source_shape(const char* op, const Tensor& index, const Tensor& src) {
  EMBER_CHECK(src.dim() == index.dim(), op, ": index ", index.sizes(), " and src ", src.sizes(),
              " must have as many dimensions");
  for (int64_t e = 0; e < src.dim(); ++e) {
    EMBER_CHECK(index.size(e) <= src.size(e), op, ": index ", index.sizes(), " is larger than src ", src.sizes(),
                " in dimension ", e);
  }
}

// The part of src that an index of these sizes covers.
Tensor covered(const Tensor& src, IntArrayRef sizes) {
  Tensor part = src;
  for (int64_t e = 0; e < src.dim(); ++e) {
    const int64_t n = sizes[static_cast<size_t>(e)];
    if (n != src.size(e)) part = part.narrow(e, 0, n);
  }
  return part;
}
// And back: a gradient for that part in one of all of src.
Tensor uncovered(const Tensor& grad, const Dims& sizes) {
  if (grad.sizes() == IntArrayRef(sizes)) return grad;
  if (grad.numel() == checked_numel(sizes)) return grad.reshape(sizes);
  return embed("SliceBackward0", grad, sizes,
               [shape = Dims(grad.sizes())](const Tensor& z) { return covered(z, shape); });
}

// What a scatter into `self` was given, checked: index and src have as many dimensions as `target`, which is self
// with at least one, and src is no larger than index.
struct Scatter {
  int64_t dim;
  Tensor index, src, target;
  Scatter(const char* op, const Tensor& self, int64_t along, const Tensor& given_index, const Tensor& given_src) {
    const NoGradGuard unrecorded;
    index = apart(op, index_tensor(op, self, given_index), self);
    check_source(op, self, given_src, "src");
    dim = wrap_dim(along, self.dim());
    check_dest(op, self, self.sizes(), self.dtype());
    target = same_rank(self, self, index);
    if (index.numel() == 0) return;
    src = same_rank(apart(op, given_src, self), self, index);
    index = same_rank(index, self, index);
    check_gather_shapes(op, target, index, dim);
    check_source_shape(op, index, src);
    src = covered(src, index.sizes());
  }
  void run(ScatterOp op) const {
    if (index.numel() != 0) launch(kernels.scatter, target.device(), target, dim, index, src, op);
  }
};

// A number for each element of the index.
Tensor value_for(const char* op, const Tensor& self, const Tensor& index, const Scalar& value) {
  check_defined(op, self);
  check_defined(op, index, "index");
  return detail::alias(number_like(self, value), index.sizes(), Dims(index.sizes().size(), 0), 0);
}

Tensor contiguous_copy(const char* op, const Tensor& self) {
  check_defined(op, self);
  return self.clone(MemoryFormat::Contiguous);
}

Tensor& scatter_assign(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, const char* name) {
  const Scatter s("scatter_", self, dim, index, src);
  return in_place("scatter_", self, [&](Dest dest, const Tensor& old) {
    s.run(ScatterOp::Assign);
    bump_version(dest.tensor());
    if (!recording(old, src)) return;
    record(name, dest.tensor(),
           wrt(old, [d = s.dim, i = save(index)](const Tensor& g) { return g.scatter(d, i.get(), Scalar(0)); }),
           wrt(src, [d = s.dim, i = save(index), sizes = Dims(src.sizes())](const Tensor& g) {
             return uncovered(g.gather(d, i.get()), sizes);
           }));
  });
}

enum class ScatterReduction { Sum, Prod, Mean, Amax, Amin };
ScatterReduction reduction(const char* op, std::string_view name) {
  if (name == "sum") return ScatterReduction::Sum;
  if (name == "prod") return ScatterReduction::Prod;
  if (name == "mean") return ScatterReduction::Mean;
  if (name == "amax") return ScatterReduction::Amax;
  EMBER_CHECK(name == "amin", op, ": expected a reduction of sum, prod, mean, amax or amin, got '", name, "'");
  return ScatterReduction::Amin;
}

ScatterOp scatter_op(ScatterReduction r) {
  switch (r) {
    case ScatterReduction::Prod: return ScatterOp::Multiply;
    case ScatterReduction::Amax: return ScatterOp::Max;
    case ScatterReduction::Amin: return ScatterOp::Min;
    default: return ScatterOp::Add;
  }
}

// What a reduction starts from where self does not take part.
Scalar identity(ScatterReduction r, ScalarType dtype) {
  if (r == ScatterReduction::Prod) return 1;
  if (r != ScatterReduction::Amax && r != ScatterReduction::Amin) return 0;
  return visit_dtype(dtype, [r]<class T>() -> Scalar {
    if constexpr (is_floating_v<T>) {
      const double infinity = std::numeric_limits<double>::infinity();
      return r == ScatterReduction::Amax ? -infinity : infinity;
    } else {
      return r == ScatterReduction::Amax ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
    }
  });
}

// How many elements of src, and of self if it takes part, make each element of a mean; 1 where there are none.
Tensor counts(const Tensor& self, int64_t d, const Tensor& index, const Dims& src_sizes, bool include_self) {
  const NoGradGuard unrecorded;
  const Tensor n = full(self.sizes(), include_self ? 1 : 0, self.options());
  n.scatter_add_(d, index, ones(src_sizes, self.options()));
  return n.masked_fill(n == 0, 1);
}

// The gradients of scatter_reduce, in recorded operations: through self and through src.
Tensor reduce_grad_self(ScatterReduction r, const Tensor& g, const Tensor& self, int64_t d, const Tensor& index,
                        const Tensor& src, const Tensor& result, const Dims& src_sizes, bool include_self) {
  Tensor grad = g;
  switch (r) {
    case ScatterReduction::Sum: break;
    case ScatterReduction::Mean: grad = g / counts(g, d, index, src_sizes, include_self); break;
    case ScatterReduction::Prod: {
      // result / self, with the product taken anew where self is 0.
      const Tensor nonzero_self = self.masked_fill(self == 0, 1);
      grad = g * nonzero_self.scatter_reduce(d, index, src, "prod", include_self) / nonzero_self;
      break;
    }
    default: {
      // Those that are equal to the result share its gradient.
      const Tensor is_result = (self == result).to(g.scalar_type());
      const Tensor from_src = (src == result.gather(d, index)).to(g.scalar_type());
      grad = is_result * (g / is_result.scatter_add(d, index, from_src));
    }
  }
  return include_self ? grad : grad.scatter(d, index, Scalar(0));
}
Tensor reduce_grad_src(ScatterReduction r, const Tensor& g, const Tensor& self, int64_t d, const Tensor& index,
                       const Tensor& src, const Tensor& result, const Dims& src_sizes, bool include_self) {
  switch (r) {
    case ScatterReduction::Sum: return g.gather(d, index);
    case ScatterReduction::Mean: return (g / counts(g, d, index, src_sizes, include_self)).gather(d, index);
    case ScatterReduction::Prod: {
      // result / src, with the product taken anew where src has the only 0.
      const Tensor is_zero = src == 0;
      const Tensor zeros_there =
          zeros(self.sizes(), g.options()).scatter_add(d, index, is_zero.to(g.scalar_type())).gather(d, index);
      const Tensor only_zero = (is_zero.to(g.scalar_type()) * zeros_there) == 1;
      const Tensor anew = self.scatter_reduce(d, index, src.masked_fill(only_zero, 1), "prod", include_self);
      const Tensor others = (g * result).gather(d, index) / src.masked_fill(is_zero, 1);
      return where(only_zero, (g * anew).gather(d, index), others);
    }
    default: {
      const Tensor is_result = (self == result).to(g.scalar_type());
      const Tensor from_src = (src == result.gather(d, index)).to(g.scalar_type());
      return from_src * (g / is_result.scatter_add(d, index, from_src)).gather(d, index);
    }
  }
}

// Into `target`, which is s.target or a copy of it in another dtype.
void run_reduction(const Scatter& s, const Tensor& target, ScatterReduction r, bool include_self) {
  const Device device = target.device();
  if (!include_self) {
    const Tensor start = value_for("scatter_reduce", target, s.index, identity(r, target.scalar_type()));
    launch(kernels.scatter, device, target, s.dim, s.index, start, ScatterOp::Assign);
  }
  launch(kernels.scatter, device, target, s.dim, s.index, as_dtype(s.src, target.scalar_type()), scatter_op(r));
  if (r == ScatterReduction::Mean) {
    const Tensor n = counts(target, s.dim, s.index, Dims(s.index.sizes()), include_self);
    copy_contents(target, target.is_floating_point() ? target / n : floor_divide(target, n));
  }
}

Tensor& scatter_reduce_to(const char* op, const char* name, const Tensor& self, int64_t dim, const Tensor& index,
                          const Tensor& src, ScatterReduction r, bool include_self) {
  const Scatter s(op, self, dim, index, src);
  EMBER_CHECK(r != ScatterReduction::Mean || self.dtype() != kBool, op,
              ": a mean of bool values is not implemented, got ", describe(self));
  const bool needs_values = GradMode::is_enabled() && (self.requires_grad() || src.requires_grad()) &&
                            r != ScatterReduction::Sum && r != ScatterReduction::Mean;
  return in_place(
      op, self,
      [&](Dest dest, const Tensor& old) {
        if (s.index.numel() != 0) {
          const NoGradGuard unrecorded;
          const bool adds = r != ScatterReduction::Amax && r != ScatterReduction::Amin;
          if (adds) {
            accumulating(s.target, [&](const Tensor& target) { run_reduction(s, target, r, include_self); });
          } else {
            run_reduction(s, s.target, r, include_self);
          }
        }
        bump_version(dest.tensor());
        if (!recording(old, src)) return;
        const auto& y = dest.tensor();
        record(name, y,
               wrt(old,
                   [=, d = s.dim, i = save(index), self = save_if(needs_values, old), src = save_if(needs_values, src),
                    y = needs_values ? save_output(y) : autograd::SavedTensor(),
                    sizes = Dims(src.sizes())](const Tensor& g) {
                     if (!self.defined()) return reduce_grad_self(r, g, {}, d, i.get(), {}, {}, sizes, include_self);
                     return reduce_grad_self(r, g, self.get(), d, i.get(), covered(src.get(), i.get().sizes()), y.get(),
                                             sizes, include_self);
                   }),
               wrt(src, [=, d = s.dim, i = save(index), self = save_if(needs_values, old),
                         src = save_if(needs_values, src), y = needs_values ? save_output(y) : autograd::SavedTensor(),
                         sizes = Dims(src.sizes())](const Tensor& g) {
                 if (!self.defined()) {
                   return uncovered(reduce_grad_src(r, g, {}, d, i.get(), {}, {}, sizes, include_self), sizes);
                 }
                 return uncovered(reduce_grad_src(r, g, self.get(), d, i.get(), covered(src.get(), i.get().sizes()),
                                                  y.get(), sizes, include_self),
                                  sizes);
               }));
      },
      needs_values);
}

// The reductions that scatter takes by name.
ScatterReduction scatter_reduction(std::string_view reduce) {
  EMBER_CHECK(reduce == "add" || reduce == "multiply", "scatter: expected a reduction of add or multiply, got '",
              reduce, "'");
  return reduce == "add" ? ScatterReduction::Sum : ScatterReduction::Prod;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool) {
  const Tensor i = index_tensor("gather", self, index);
  const int64_t d = wrap_dim(dim, self.dim());
  Tensor y = detail::empty(i.sizes(), self.dtype(), self.device());
  if (i.numel() != 0) {
    const Tensor from = same_rank(self, self, i);
    const Tensor by = same_rank(i, self, i);
    check_gather_shapes("gather", from, by, d);
    launch(kernels.gather, self.device(), same_rank(y, self, i), from, d, by);
  }
  if (!recording(self)) return y;
  return record("GatherBackward0", y, wrt(self, [sizes = Dims(self.sizes()), d, i = save(i)](const Tensor& g) {
                  return zeros(sizes, g.options()).scatter_add(d, i.get(), g);
                }));
}
Tensor& gather_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, bool) {
  return out_form("gather", out, {&self}, [&] { return gather(self, dim, index); });
}

Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
  if (!dim) {
    const Tensor any = index_tensor("take_along_dim", self, indices);
    return self.reshape({-1}).gather(0, any.reshape({-1}));
  }
  const Tensor i = long_index("take_along_dim", self, indices);
  EMBER_CHECK(self.dim() == i.dim(), "take_along_dim: self ", self.sizes(), " and indices ", i.sizes(),
              " must have as many dimensions");
  EMBER_CHECK_INDEX(self.dim() > 0, "take_along_dim: a 0-dimensional tensor has no dimension ", *dim);
  const auto d = static_cast<size_t>(wrap_dim(*dim, self.dim()));
  // Both broadcast in the other dimensions.
  Dims by = i.sizes();
  by[d] = self.sizes()[d];
  by = broadcast_shapes(by, self.sizes());
  const Dims from = by;
  by[d] = i.sizes()[d];
  return self.expand(from).gather(static_cast<int64_t>(d), i.expand(by));
}
Tensor& take_along_dim_out(Tensor& out, const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
  return out_form("take_along_dim", out, {&self}, [&] { return take_along_dim(self, indices, dim); });
}

Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return contiguous_copy("scatter", self).scatter_(dim, index, src);
}
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  return contiguous_copy("scatter", self).scatter_(dim, index, value);
}
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) {
  return contiguous_copy("scatter", self).scatter_(dim, index, src, reduce);
}
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value, std::string_view reduce) {
  return contiguous_copy("scatter", self).scatter_(dim, index, value, reduce);
}
Tensor& Tensor::scatter_(int64_t dim, const Tensor& index, const Tensor& src) const {
  return scatter_assign(*this, dim, index, src, "ScatterBackward0");
}
Tensor& Tensor::scatter_(int64_t dim, const Tensor& index, const Scalar& value) const {
  return scatter_assign(*this, dim, index, value_for("scatter_", *this, index, value), "ScatterBackward1");
}
Tensor& Tensor::scatter_(int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) const {
  return scatter_reduce_to("scatter_", "ScatterBackward2", *this, dim, index, src, scatter_reduction(reduce), true);
}
Tensor& Tensor::scatter_(int64_t dim, const Tensor& index, const Scalar& value, std::string_view reduce) const {
  const ScatterReduction r = scatter_reduction(reduce);
  return scatter_reduce_to("scatter_", "ScatterBackward3", *this, dim, index,
                           value_for("scatter_", *this, index, value), r, true);
}

Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return contiguous_copy("scatter_add", self).scatter_add_(dim, index, src);
}
Tensor& Tensor::scatter_add_(int64_t dim, const Tensor& index, const Tensor& src) const {
  return scatter_reduce_to("scatter_add_", "ScatterAddBackward0", *this, dim, index, src, ScatterReduction::Sum, true);
}

Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
                      bool include_self) {
  return contiguous_copy("scatter_reduce", self).scatter_reduce_(dim, index, src, reduce, include_self);
}
Tensor& Tensor::scatter_reduce_(int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
                                bool include_self) const {
  const ScatterReduction r = reduction("scatter_reduce_", reduce);
  return scatter_reduce_to("scatter_reduce_", "ScatterReduceBackward0", *this, dim, index, src, r, include_self);
}

Tensor& scatter_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return out_form("scatter", out, {&self, &src}, [&] { return scatter(self, dim, index, src); });
}
Tensor& scatter_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  return out_form("scatter", out, {&self}, [&] { return scatter(self, dim, index, value); });
}
Tensor& scatter_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                    std::string_view reduce) {
  return out_form("scatter", out, {&self, &src}, [&] { return scatter(self, dim, index, src, reduce); });
}
Tensor& scatter_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value,
                    std::string_view reduce) {
  return out_form("scatter", out, {&self}, [&] { return scatter(self, dim, index, value, reduce); });
}
Tensor& scatter_add_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return out_form("scatter_add", out, {&self, &src}, [&] { return scatter_add(self, dim, index, src); });
}
Tensor& scatter_reduce_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                           std::string_view reduce, bool include_self) {
  return out_form("scatter_reduce", out, {&self, &src},
                  [&] { return scatter_reduce(self, dim, index, src, reduce, include_self); });
}

}  // namespace ember
