// What arrives at leaves, and what backward() and grad() take.
#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/node.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

TEST(Accumulate, TheGivenGradientIsNotTaken) {
  const Tensor x = leaf({1, 2}), g = doubles({3, 4});
  (x + 0).backward(g);
  EXPECT_NE(x.grad().data_ptr(), g.data_ptr());
  const Tensor a = leaf({1, 2}), b = leaf({1, 2});
  (a + b).backward(ones({2}, kFloat64));
  EXPECT_NE(a.grad().data_ptr(), b.grad().data_ptr());
  const Tensor leaf_itself = leaf({1, 2});
  leaf_itself.backward(g);
  EXPECT_VECTOR(leaf_itself.grad(), {3, 4});
  EXPECT_FALSE(leaf_itself.grad().is_same(g));
}

TEST(Accumulate, StridesAreTheLeafs) {
  const Tensor x = zeros({2, 3}).t().requires_grad_();
  x.sum().backward();
  EXPECT_EQ(x.grad().strides(), (std::vector<int64_t>{1, 3}));
  const Tensor y = zeros({4}).slice(0, 0, 4, 2).requires_grad_();
  (y * 1).sum().backward();
  EXPECT_EQ(y.grad().strides(), (std::vector<int64_t>{1}));
  const Tensor z = zeros({2, 3}).t().requires_grad_();
  (z * z).sum().backward({}, nullopt, true);
  EXPECT_EQ(z.grad().strides(), (std::vector<int64_t>{1, 3}));
  EXPECT_TRUE(z.grad().requires_grad());
}

TEST(Accumulate, InPlaceUnlessTheBackwardIsRecorded) {
  const Tensor x = leaf({1, 2});
  (x * x).sum().backward();
  const Tensor first = x.grad();
  (x * x).sum().backward();
  EXPECT_TRUE(x.grad().is_same(first));
  EXPECT_VECTOR(first, {4, 8});
  (x * x).sum().backward({}, nullopt, true);
  EXPECT_FALSE(x.grad().is_same(first));
  EXPECT_VECTOR(first, {4, 8});
  EXPECT_VECTOR(x.grad(), {6, 12});
  EXPECT_TRUE(x.grad().requires_grad());
  EXPECT_VECTOR(autograd::grad({x.grad().sum()}, {x})[0], {2, 2});
}

TEST(Accumulate, LeavesThatNoLongerRequireOne) {
  const Tensor x = leaf({1, 2});
  const Tensor y = (x * 2).sum();
  x.requires_grad_(false);
  y.backward();
  EXPECT_FALSE(x.grad().defined());
}

TEST(Accumulate, DtypesOfLeaves) {
  const Tensor x = zeros({2}, kFloat16).requires_grad_();
  (x.to(kFloat32) * 2).sum().backward();
  EXPECT_EQ(x.grad().dtype(), kFloat16);
  const Tensor y = ones({2}).requires_grad_();
  y.mutable_grad() = ones({2});
  (y * 2).sum().backward();
  EXPECT_VECTOR(y.grad(), {3, 3});
}

TEST(Backward, GradientsOfOtherDtypesAreConverted) {
  const Tensor x = ones({2}).requires_grad_();
  (x * 2).backward(ones({2}, kFloat64));
  (x * 2).backward(ones({2}, kInt64));
  EXPECT_EQ(x.grad().dtype(), kFloat32);
  EXPECT_VECTOR(x.grad(), {4, 4});
  EXPECT_ERROR((x * 2).backward(ones({1})), "sizes");
  EXPECT_ERROR((x * 2).backward(ones({3})), "sizes");
  EXPECT_ERROR((x * 2).backward(), "gradient is needed");
  EXPECT_ERROR(zeros({1}).backward(), "require");
  EXPECT_ERROR(zeros({0}).requires_grad_().backward(), "gradient is needed");
}

TEST(Backward, Inputs) {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  const Tensor q = x * w;
  (q * 2).sum().backward({}, true, false, std::vector<Tensor>{q, w});
  EXPECT_VECTOR(q.grad(), {2, 2}) << "not a leaf";
  EXPECT_VECTOR(w.grad(), {2, 4});
  EXPECT_FALSE(x.grad().defined());
  EXPECT_ERROR((q * 2).sum().backward({}, true, false, std::vector<Tensor>{zeros({2})}), "require");
  const Tensor unused = leaf({1});
  (q * 2).sum().backward({}, true, false, std::vector<Tensor>{unused});
  EXPECT_FALSE(unused.grad().defined());
}

TEST(Grad, Inputs) {
  const Tensor x = leaf({1, 2}), unused = leaf({1});
  EXPECT_VECTOR(autograd::grad({x.sum()}, {x, x})[1], {1, 1});
  EXPECT_VECTOR(autograd::grad({x}, {x}, {doubles({5, 6})})[0], {5, 6});
  EXPECT_ERROR(autograd::grad({x.sum()}, {unused}), "allow_unused");
  EXPECT_FALSE(autograd::grad({x.sum()}, {unused}, {}, nullopt, false, true)[0].defined());
  EXPECT_ERROR(autograd::grad({x.sum()}, {zeros({1})}), "require");
  EXPECT_ERROR(autograd::grad({x.sum()}, {Tensor()}), "undefined");
  EXPECT_ERROR(autograd::grad({x.sum()}, {x}, {Tensor(), Tensor()}), "gradients");
  EXPECT_FALSE(x.grad().defined());
}

TEST(Backward, ASecondTime) {
  const Tensor x = leaf({1, 2});
  const Tensor y = (x * x).sum();
  y.backward();
  EXPECT_ERROR(y.backward(), "second time");
  const Tensor nothing_saved = (x + 2).sum();
  nothing_saved.backward();
  nothing_saved.backward();
  EXPECT_VECTOR(x.grad(), {4, 6});
}

}  // namespace
