// Views and versions: what shares a version, which views can be changed in place, and what then becomes of histories.
#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/node.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

TEST(Version, OfFreshTensorsIsZero) {
  EXPECT_EQ(zeros({2})._version(), 0);
  EXPECT_EQ(ones({2})._version(), 0);
  EXPECT_EQ(tensor({1.0, 2.0})._version(), 0);
  EXPECT_EQ((leaf({1}) * 2)._version(), 0);
  EXPECT_EQ(zeros({2}).clone()._version(), 0);
}

TEST(Version, IsSharedByViewsAndDetach) {
  const Tensor x = leaf({1, 2}) * 1;
  const Tensor view = x.view({2, 1}), detached = x.detach(), data = x.tensor_data();
  view.add_(1);
  EXPECT_EQ(x._version(), 1);
  EXPECT_EQ(detached._version(), 1);
  detached.add_(1);
  detached[0].mul_(2);
  EXPECT_EQ(x._version(), 3);
  EXPECT_EQ(view._version(), 3);
  EXPECT_EQ(data._version(), 3);
  EXPECT_FALSE(detached.is_view());
}

TEST(Version, OfDataIsItsOwn) {
  const Tensor x = leaf({1, 2});
  const Tensor a = x * 1;
  const Tensor y = a * a;
  a.detach().fill_(9);
  EXPECT_THROW(y.sum().backward(), Error);
  const Tensor b = x * 1;
  const Tensor z = b * b;
  const Tensor data = b.data();
  EXPECT_EQ(data._version(), 0);
  data.add_(1);
  const Tensor view = data[0], detached = data.detach();
  view.add_(1);
  EXPECT_EQ(data._version(), 2);
  EXPECT_EQ(detached._version(), 2);
  EXPECT_EQ(b._version(), 0);
  b.variable_data().add_(0);
  z.sum().backward();
  EXPECT_VECTOR(x.grad(), {2 * 3, 2 * 3}) << "of the values that data() changed";
}

TEST(Version, StaysThroughSetData) {
  const Tensor a = zeros({3}), b = zeros({2});
  a.add_(1);
  b.add_(1).add_(1).add_(1);
  a.set_data(b);
  EXPECT_EQ(a._version(), 1);
  EXPECT_EQ(b._version(), 3);
  a.add_(1);
  EXPECT_EQ(a._version(), 2);
  EXPECT_EQ(b._version(), 3);
  EXPECT_EQ(b.sum().item<float>(), 8) << "the memory is shared";
}

TEST(SetData, Rules) {
  const Tensor x = zeros({3}, kFloat64).requires_grad_();
  EXPECT_THROW(x.set_data(zeros({2}, kInt64)), Error);
  x.set_data(ones({2}, kFloat32));
  EXPECT_EQ(x.dtype(), kFloat32);
  EXPECT_TRUE(x.requires_grad());
  (x * 2).sum().backward();
  EXPECT_EQ(x.grad().dtype(), kFloat32);
  const Tensor y = x * x;
  y.set_data(full({2}, 5.0));
  EXPECT_EQ(y.grad_fn()->name(), "MulBackward0");
  EXPECT_VECTOR(y, {5, 5});
}

TEST(View, Base) {
  const Tensor x = leaf({1, 2, 3, 4}) * 1;
  const Tensor a = x.view({2, 2}), b = a[0];
  EXPECT_TRUE(a.is_view());
  EXPECT_TRUE(b._base().is_same(x));
  EXPECT_FALSE(x.is_view());
  EXPECT_THROW(x._base(), Error);
  EXPECT_TRUE(zeros({2}).view({1, 2}).is_view());
}

TEST(View, ChainsFollowAChange) {
  const Tensor x = leaf({1, 2});
  const Tensor base = x * 1;
  const Tensor v = base.view({2, 1}), w = v[0];
  w.mul_(3);
  EXPECT_EQ(base.grad_fn()->name(), "torch::autograd::CopySlices");
  EXPECT_EQ(v.grad_fn()->name(), "AsStridedBackward0");
  EXPECT_EQ(w.grad_fn()->name(), "AsStridedBackward0");
  EXPECT_VECTOR(autograd::grad({(v * v).sum()}, {x})[0], {18, 4});
}

TEST(View, MadeWithoutRecording) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 1;
  Tensor v, of_leaf;
  {
    const NoGradGuard off;
    v = y.slice(0, 0, 1);
    of_leaf = x.slice(0, 0, 1);
  }
  EXPECT_TRUE(v.requires_grad());
  EXPECT_TRUE(v.is_leaf());
  EXPECT_EQ(v.grad_fn(), nullptr);
  EXPECT_ERROR(v.add_(1), "recording was off");
  EXPECT_ERROR(of_leaf.add_(1), "recording was off");
  EXPECT_ERROR(v.view({1}).add_(1), "recording was off") << "so is a view of it";
  EXPECT_VECTOR(x, {1, 2});
  y.mul_(2);
  EXPECT_ERROR(v.grad_fn(), "history");
  EXPECT_TRUE(v.is_leaf());
  const NoGradGuard off;
  v.add_(1);
  EXPECT_VECTOR(y, {3, 4});
}

TEST(View, OneOfSeveral) {
  const auto several = [](const Tensor& t) {
    return std::vector<std::vector<Tensor>>{t.unbind(0), t.split(2), t.chunk(2)};
  };
  const Tensor x = leaf({1, 2, 3, 4});
  for (size_t i = 0; i < 3; ++i) {
    const Tensor part = several(x * 1)[i][0];
    EXPECT_ERROR(part.add_(1), "several views");
    EXPECT_ERROR(part.view({-1}).add_(1), "several views");
    const Tensor base = x * 1;
    const Tensor of_base = several(base)[i][0];
    base.mul_(2);
    EXPECT_ERROR(of_base.grad_fn(), "several views");
    const Tensor plain = several(zeros({4}, kFloat64))[i][0];
    plain.add_(1);
    EXPECT_EQ(plain.sum().item<double>(), static_cast<double>(plain.numel()));
    EXPECT_ERROR(plain.mul_(x[0] * 5), "several views");
    EXPECT_EQ(plain.sum().item<double>(), static_cast<double>(plain.numel())) << "nothing changed";
    EXPECT_FALSE(plain.requires_grad());
    const NoGradGuard off;
    part.add_(1);
  }
}

TEST(View, OfALeaf) {
  const Tensor x = leaf({1, 2});
  EXPECT_FALSE(x.view({2}).is_leaf());
  // A view that is a leaf itself, and a base that becomes one later.
  const Tensor v = zeros({2}, kFloat64).slice(0, 0, 1).requires_grad_();
  EXPECT_TRUE(v.is_leaf());
  EXPECT_ERROR(v.add_(1), "leaf");
  const Tensor base = zeros({2}, kFloat64), w = base.slice(0, 0, 1);
  base.requires_grad_();
  EXPECT_TRUE(w.requires_grad());
  EXPECT_EQ(w.grad_fn(), nullptr);
  EXPECT_ERROR(w.add_(1), "leaf");
  EXPECT_ERROR(v.view({1}).detach_(), "view");
  EXPECT_ERROR(zeros({2}).view({2}).detach_(), "view");
  const Tensor d = (x * 2).detach();
  d.mul_(x);
  EXPECT_EQ(d.grad_fn()->name(), "MulBackward0");
  d.detach_();
  EXPECT_TRUE(d.is_leaf());
  EXPECT_FALSE(d.requires_grad());
}

TEST(View, ABaseChangedByAnotherOperand) {
  const Tensor x = leaf({3, 4});
  const Tensor base = zeros({2}, kFloat64), v = base.slice(0, 0, 1);
  base.add_(x);
  EXPECT_TRUE(v.requires_grad());
  EXPECT_EQ(v.grad_fn()->name(), "AsStridedBackward0");
  EXPECT_VECTOR(autograd::grad({v.sum()}, {x})[0], {1, 0});
}

TEST(View, RetainedGradientsFollowAChange) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 2;
  y.retain_grad();
  y.mul_(3);
  EXPECT_TRUE(y.retains_grad());
  const Tensor z = y.sum();
  z.backward({}, true);
  EXPECT_VECTOR(y.grad(), {1, 1}) << "of what y has become";
  z.backward();
  EXPECT_VECTOR(y.grad(), {2, 2}) << "accumulated";
  EXPECT_VECTOR(x.grad(), {12, 12});
  const Tensor base = x * 1, v = base.slice(0, 0, 1);
  base.retain_grad();
  v.retain_grad();
  v.mul_(2);
  (v * 5 + base.sum()).sum().backward();
  EXPECT_VECTOR(v.grad(), {5});
  EXPECT_VECTOR(base.grad(), {6, 1});
}

TEST(View, HooksStayWithTheOldValue) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 2;
  std::vector<double> seen;
  y.register_hook([&](const Tensor& g) { seen.push_back(g[0].item<double>()); });
  y.mul_(3);
  y.register_hook([&](const Tensor& g) { seen.push_back(10 * g[0].item<double>()); });
  y.sum().backward();
  EXPECT_EQ(seen, (std::vector<double>{10, 3}));
}

TEST(RequiresGrad, OfIntegersAndResults) {
  const Tensor x = leaf({1, 2});
  EXPECT_THROW(zeros({2}, kInt64).requires_grad_(), Error);
  EXPECT_FALSE(zeros({2}, kInt64).requires_grad_(false).requires_grad());
  EXPECT_THROW((x * 2).requires_grad_(false), Error);
  EXPECT_TRUE((x * 2).requires_grad_().grad_fn() != nullptr);
  EXPECT_FALSE(x.argmax().requires_grad());
  EXPECT_FALSE((x > 1).requires_grad());
  EXPECT_FALSE(zeros({2}, kBool).copy_(x).requires_grad());
  const NoGradGuard off;
  EXPECT_FALSE((x * 2).requires_grad());
  EXPECT_TRUE(zeros({1}, TensorOptions().requires_grad(true)).requires_grad());
}

}  // namespace
