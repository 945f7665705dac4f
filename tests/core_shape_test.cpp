// Views and joins beyond their values: strides, names in the graph, changes in place, errors.
#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/node.h>

#include "values.h"

namespace {

using namespace ember;
using Sizes = std::vector<int64_t>;

Tensor leaf(Sizes sizes) { return rand(sizes, kFloat64).requires_grad_(); }
std::string node(const Tensor& t) { return t.grad_fn() ? t.grad_fn()->name() : "none"; }

TEST(Shape, NamesInTheGraph) {
  const Tensor x = leaf({2, 3});
  const Tensor v = leaf({3});
  EXPECT_EQ(node(x.view({6})), "ViewBackward0");
  EXPECT_EQ(node(x.reshape({6})), "ViewBackward0");
  EXPECT_EQ(node(x.slice(1, 0, 2).reshape({2, 2, 1})), "ReshapeAliasBackward0");
  EXPECT_EQ(node(x.t().reshape({6})), "UnsafeViewBackward0");
  EXPECT_EQ(node(x.t()), "TBackward0");
  EXPECT_EQ(node(x.numpy_T()), "PermuteBackward0");
  EXPECT_EQ(node(x.mT()), "TransposeBackward0");
  EXPECT_EQ(node(x.squeeze()), "SqueezeBackward0");
  EXPECT_EQ(node(x.squeeze(0)), "SqueezeBackward1");
  EXPECT_EQ(node(x.squeeze(IntArrayRef({0, 1}))), "SqueezeBackward2");
  EXPECT_EQ(node(x.unbind()[0]), "UnbindBackward0");
  EXPECT_EQ(node(x.chunk(2)[0]), "SplitBackward0");
  EXPECT_EQ(node(x.split({1, 1})[1]), "SplitWithSizesBackward0");
  EXPECT_EQ(node(x.tensor_split(2)[0]), "SliceBackward0");
  EXPECT_EQ(node(cat({x, x})), "CatBackward0");
  EXPECT_EQ(node(stack({x, x})), "StackBackward0");
  EXPECT_EQ(node(block_diag({x, v})), "BlockDiagBackward0");
  EXPECT_EQ(node(x.repeat({2, 1})), "RepeatBackward0");
  EXPECT_EQ(node(x.roll({1})), "RollBackward0");
  EXPECT_EQ(node(x.flip({0})), "FlipBackward0");
  EXPECT_EQ(node(x.rot90()), "Rot90Backward0");
  EXPECT_EQ(node(constant_pad_nd(x, {1, 1})), "ConstantPadNdBackward0");
  EXPECT_EQ(node(x.unfold(1, 2, 1)), "UnfoldBackward0");
  EXPECT_EQ(node(x.alias()), "AliasBackward0");
  EXPECT_EQ(node(x.sum_to_size({})), "SumBackward0");
  EXPECT_EQ(node(combinations(v)), "IndexBackward0");
  EXPECT_EQ(node(x.view(kInt64)), "none");
  EXPECT_TRUE(x.contiguous().is_same(x));
  EXPECT_TRUE(x.flatten(1, 1).is_same(x));
}

TEST(Shape, StridesOfResults) {
  const Tensor x = arange(24).view({2, 3, 4});
  EXPECT_TRUE(x.slice(2, 0, 4, 9).strides() == (Sizes{12, 4, 9}));
  EXPECT_TRUE(x.unsqueeze(1).strides() == (Sizes{12, 12, 4, 1}));
  EXPECT_TRUE(x.transpose(0, 2).flip({0}).strides() == (Sizes{1, 4, 12}));
  EXPECT_TRUE(x.transpose(0, 2).roll({1}, {0}).is_contiguous());
  EXPECT_TRUE(x[0].rot90().strides() == (Sizes{1, 4}));
  EXPECT_TRUE(x[0].t().rot90(4).is_contiguous());
  EXPECT_TRUE(empty({3, 0}).t().view({0, 3}).strides() == (Sizes{1, 1}));
  EXPECT_TRUE(x.view(kInt32).sizes() == (Sizes{2, 3, 8}));
  EXPECT_TRUE(x.view(kInt32).strides() == (Sizes{24, 8, 1}));
  EXPECT_TRUE(x.to(kInt16).view(kInt64).sizes() == (Sizes{2, 3, 1}));
  EXPECT_EQ(x.view(kFloat64).storage().data(), x.storage().data());
}

TEST(Shape, ChangesOfAViewsShapeInPlace) {
  const Tensor x = leaf({2, 3});
  const Tensor y = x.clone();
  y.t_();
  EXPECT_EQ(node(y), "TBackward1");
  EXPECT_EQ(y._version(), 1);
  y.unsqueeze_(0);
  EXPECT_EQ(node(y), "UnsqueezeBackward1");
  y.squeeze_(0).transpose_(0, 1).swapdims_(0, 1).swapaxes_(0, 1);
  EXPECT_TRUE(y.sizes() == (Sizes{2, 3}));
  y.mul(arange(6, kFloat64).view({2, 3})).sum().backward();
  EXPECT_TRUE(x.grad().equal(arange(6, kFloat64).view({2, 3})));

  // Of a view: its base stays as it is; what is written through it arrives.
  const Tensor z = leaf({2, 3});
  const Tensor base = z.clone();
  const Tensor view = base.view({3, 2});
  view.t_();
  EXPECT_EQ(node(base), "CloneBackward0");
  EXPECT_EQ(node(view), "TBackward1");
  view.mul_(arange(6, kFloat64).view({2, 3}));
  base.sum().backward();
  EXPECT_TRUE(z.grad().equal(arange(6, kFloat64).view({2, 3}).t().reshape({2, 3})));

  EXPECT_THROW(x.t_(), Error) << "a leaf";
  EXPECT_THROW(x[0].unsqueeze_(0), Error) << "a view of a leaf";
  EXPECT_TRUE(x.sizes() == (Sizes{2, 3}));
  EXPECT_EQ(x._version(), 0);
  const NoGradGuard unrecorded;
  x.t_();
  EXPECT_TRUE(x.sizes() == (Sizes{3, 2}));

  const Tensor a = arange(6, kFloat64);
  a.as_strided_({2, 2}, {1, 2}, 1);
  EXPECT_VALUES(a, {1, 3, 2, 4});
}

TEST(Shape, GradientsOfParts) {
  const Tensor x = leaf({4, 2});
  const auto parts = x.split({1, 3});
  parts[1].sum().backward();  // the other part has no gradient
  EXPECT_VALUES(x.grad(), {0, 0, 1, 1, 1, 1, 1, 1});
  const Tensor y = leaf({3});
  y.unbind()[1].backward();
  EXPECT_VALUES(y.grad(), {0, 1, 0});
  // Where elements of the input share a place each gets a part.
  const Tensor z = leaf({1});
  z.expand({3}).as_strided({2}, {0}).sum().backward();
  EXPECT_VALUES(z.grad(), {2});
  const Tensor w = leaf({10});
  const Tensor slice = w.slice(0, 2, 8, 2);
  slice.as_strided({4}, {1}, 1).mul(arange(1, 5, kFloat64)).sum().backward();
  EXPECT_VALUES(w.grad(), {0, 0, 2, 0, 4, 0, 0, 0, 0, 0}) << "elements outside of the input have no gradient";
}

TEST(Shape, Out) {
  const Tensor x = arange(6, kFloat64).view({2, 3});
  Tensor out = zeros({0}, kFloat64);
  EXPECT_TRUE(cat_out(out, {x, x}).equal(cat({x, x})));
  out = zeros({3, 4}, kFloat64).t();
  EXPECT_TRUE(cat_out(out, {x, x}).equal(cat({x, x})));
  EXPECT_TRUE(out.strides() == (Sizes{1, 4}));
  out = zeros({4, 3});
  EXPECT_EQ(cat_out(out, {x, x}).dtype(), kFloat32);
  EXPECT_TRUE(stack_out(out, {x, x}, 1).equal(stack({x, x}, 1).to(kFloat32)));
  EXPECT_TRUE(hstack_out(out, {x, x}).equal(hstack({x, x}).to(kFloat32)));
  EXPECT_TRUE(vstack_out(out, {x, x}).equal(vstack({x, x}).to(kFloat32)));
  EXPECT_TRUE(dstack_out(out, {x, x}).equal(dstack({x, x}).to(kFloat32)));
  EXPECT_TRUE(column_stack_out(out, {x, x}).equal(column_stack({x, x}).to(kFloat32)));
  Tensor integers = zeros({4, 3}, kInt64);
  EXPECT_THROW(cat_out(integers, {x, x}), Error);
  Tensor same = x;
  EXPECT_THROW(cat_out(same, {x, x}), Error);
  EXPECT_TRUE(x.sizes() == (Sizes{2, 3}));
  Tensor fresh = zeros({0}, kFloat64);
  EXPECT_THROW(cat_out(fresh, {leaf({2})}), Error);
}

TEST(Shape, JoinsOfDifferentDtypes) {
  const Tensor f = leaf({2}).detach().to(kFloat32).requires_grad_();
  const Tensor d = leaf({2});
  const Tensor y = cat({f, d, empty({0}, kFloat64), tensor({1, 2})});
  EXPECT_EQ(y.dtype(), kFloat64);
  y.sum().backward();
  EXPECT_EQ(f.grad().dtype(), kFloat32);
  EXPECT_EQ(stack({f, d}).dtype(), kFloat64);
  EXPECT_EQ(cat({tensor({1}, kInt32), tensor({1.0}, kFloat16)}).dtype(), kFloat16);
  EXPECT_TRUE(cat({empty({0}), empty({0})}, 7).sizes() == Sizes{0});
}

TEST(Shape, RepeatsOfManyDimensions) {
  Sizes twos(9, 2);
  const Tensor x = arange(512).view(twos);
  const Tensor y = x.repeat(twos);
  EXPECT_EQ(y.numel(), 1 << 18);
  for (const int64_t d : {0, 4, 8}) {
    EXPECT_TRUE(y.narrow(d, 0, 2).equal(y.narrow(d, 2, 2)));
    EXPECT_TRUE(y.narrow(d, 0, 2).select(d, 0).flatten()[0].equal(tensor(0)));
  }
  Tensor part = y;
  for (int64_t d = 0; d < 9; ++d) part = part.narrow(d, 0, 2);
  EXPECT_TRUE(part.equal(x));
  EXPECT_EQ(ones(Sizes(16, 1)).repeat_interleave(3, 15).size(15), 3);
}

}  // namespace
