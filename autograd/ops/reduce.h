// What the reductions, scans and sorts share.
#pragma once

#include <tuple>
#include <utility>

#include <ember/autograd/ops/common.h>

namespace ember::ops {

// A result or its gradient, with 1 in the dimensions of the mask or (keepdim false) without them, with 1.
inline Tensor restore_dims(const Tensor& t, IntArrayRef sizes, DimMask mask, bool keepdim) {
  return keepdim || mask == 0 ? t : t.view(reduced_sizes(sizes, mask, true));
}

// How many elements of a tensor of these sizes are reduced to one.
inline int64_t reduced_numel(IntArrayRef sizes, DimMask mask) {
  int64_t n = 1;
  for (size_t d = 0; d < sizes.size(); ++d)
    if ((mask >> d & 1u) != 0) n *= sizes[d];
  return n;
}

inline Dims dims_of(DimMask mask) {
  Dims dims;
  for (int64_t d = 0; d < kMaxDims; ++d)
    if ((mask >> d & 1u) != 0) dims.push_back(d);
  return dims;
}

// One dimension as a mask: none of a 0-dimensional tensor.
inline DimMask mask_of(const Tensor& self, int64_t d) { return self.dim() == 0 ? 0 : DimMask{1} << d; }

// There is nothing to choose from in an empty dimension.
inline void check_not_empty(const char* name, const Tensor& self, DimMask mask) {
  EMBER_CHECK(reduced_numel(self.sizes(), mask) != 0, name, ": there is no ", name, " of no elements; got ",
              describe(self));
}

// The gradient of a choice along dimension d: at the indices, g; elsewhere 0.
inline Tensor chosen_backward(const Tensor& g, const Tensor& indices, int64_t d, IntArrayRef sizes, bool keepdim) {
  if (sizes.empty()) return g;
  const DimMask mask = keepdim ? 0 : DimMask{1} << d;
  return zeros(sizes, g.options())
      .scatter_add(d, restore_dims(indices, sizes, mask, false), restore_dims(g, sizes, mask, false));
}

struct WithIndices {
  Tensor values, indices;
};

// Records values = self at the indices along d, the dimension of `self` that is left out or (keepdim) still there.
inline std::tuple<Tensor, Tensor> record_choice(const char* node, const Tensor& self, const WithIndices& r, int64_t d,
                                                bool keepdim) {
  if (recording(self)) {
    record(node, r.values,
           wrt(self, [d, keepdim, sizes = Dims(self.sizes()), indices = save(r.indices)](const Tensor& g) {
             return chosen_backward(g, indices.get(), d, sizes, keepdim);
           }));
  }
  return {r.values, r.indices};
}

// g shared equally among the elements of `self` that are equal to the result of reducing all of it.
Tensor share_evenly(const Tensor& g, const Tensor& self, const Tensor& result);

// The running sum and product (`reverse`: from the end), recorded under the name.
Tensor cumsum_along(const char* node, const Tensor& self, int64_t d, bool reverse);
Tensor cumprod_along(const char* node, const Tensor& self, int64_t d, bool reverse);
// The gradient of the product of x along d, given with 1 there: right where elements are 0, and so is its own gradient.
Tensor product_backward(const Tensor& g, const Tensor& x, int64_t d);

// The p-norm over the dimensions of a mask, of a floating tensor in its dtype, and its gradient for a `norm` and g that
// have 1 in these dimensions. Unrecorded, and of recorded operations.
Tensor norm_over(const char* name, const Tensor& self, double p, DimMask mask, bool keepdim);
Tensor norm_backward(const Tensor& g, const Tensor& self, double p, const Tensor& norm, DimMask mask);

// A node with two results and one input. The gradient gets the gradients of both, one of which may be undefined.
template <class F>
class PairNode final : public autograd::Node {
 public:
  PairNode(const char* name, const Stream& stream, const Tensor& input, F&& gradient)
      : Node(edge_, 1, 2),
        name_(name),
        edge_{autograd::gradient_edge(input)},
        scope_(this),
        gradient_(std::move(gradient)) {
    scope_.close();
    set_stream(stream);
  }
  const char* type_name() const override { return name_; }
  void apply(Tensor* grads_in, Tensor* grads_out) override {
    if (!grads_in[0].defined() && !grads_in[1].defined()) return;
    if (should_compute_output(0)) grads_out[0] = gradient_(std::as_const(grads_in[0]), std::as_const(grads_in[1]));
  }

 private:
  const char* name_;
  autograd::Edge edge_[1];
  autograd::SavedTensorScope scope_;
  F gradient_;
};

template <class F>
void record_pair(const char* name, const Tensor& first, const Tensor& second, const Tensor& input, F gradient) {
  const Stream stream = first.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(first.device());
  IntrusivePtr<autograd::Node> node(new PairNode<F>(name, stream, input, std::move(gradient)));
  autograd::set_history(first, node, 0);
  autograd::set_history(second, std::move(node), 1);
}

// `_out` forms whose result must have out's dtype already.
void check_out_dtype(const char* op, const Tensor& out, ScalarType dtype);
template <class F>
Tensor& out_exact(const char* op, Tensor& out, std::initializer_list<const Tensor*> inputs, F&& f) {
  return out_form(op, out, inputs, [&] {
    const Tensor y = f();
    check_out_dtype(op, out, y.dtype());
    return y;
  });
}
// Two results at once: f() gives a tuple. Nothing is written unless both can be.
template <class F>
std::tuple<Tensor&, Tensor&> out_pair(const char* op, Tensor& first, Tensor& second, const Tensor& input, F&& f) {
  check_defined(op, first, "out");
  check_defined(op, second, "out");
  check_out_unrecorded(op, first, {&input});
  check_out_unrecorded(op, second, {});
  const NoGradGuard unrecorded;
  const std::tuple<Tensor, Tensor> r = f();
  const Tensor* const results[] = {&std::get<0>(r), &std::get<1>(r)};
  Tensor* const outs[] = {&first, &second};
  for (int i = 0; i < 2; ++i) {
    EMBER_CHECK(outs[i]->device() == results[i]->device(), op, ": the result is on ", results[i]->device(),
                ", but out is ", describe(*outs[i]));
    check_out_dtype(op, *outs[i], results[i]->dtype());
  }
  EMBER_CHECK(first.unsafe_impl() != second.unsafe_impl(), op, ": both results cannot go into one tensor");
  for (int i = 0; i < 2; ++i) {
    resize_output(op, *outs[i], results[i]->sizes());
    outs[i]->copy_(*results[i]);
  }
  return {first, second};
}

}  // namespace ember::ops
