// What a tensor is: devices, shapes, options, strides, views, memory, versions.
#include <cmath>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/backend.h>
#include <ember/core/logging.h>
#include <ember/core/parallel.h>

#include "values.h"

namespace {

using namespace ember;
using Sizes = std::vector<int64_t>;

TEST(DeviceTest, Parsing) {
  EXPECT_EQ(Device("cpu"), Device(kCPU));
  EXPECT_EQ(Device("cuda"), Device(kCUDA));
  EXPECT_EQ(Device("cuda:3"), Device(kCUDA, 3));
  EXPECT_TRUE(Device("cuda:0").has_index());
  EXPECT_FALSE(Device("cuda").has_index());
  EXPECT_TRUE(Device(kCUDA).is_cuda());
  EXPECT_EQ(Device("cuda:12").str(), "cuda:12");
  EXPECT_EQ(Device("cpu").str(), "cpu");
  EXPECT_NE(Device("cuda:0"), Device("cuda:1"));
  for (const char* bad : {"", "gpu", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda:1000", "CPU", " cpu", "cuda: 1",
                          "cuda:99999999999999999999", "cuda:00"}) {
    EXPECT_THROW(Device{bad}, Error) << bad;
  }
}

TEST(DimsTest, HoldsUpToSixteen) {
  Dims d{1, 2, 3};
  d.push_back(4);
  d.insert(0, 9);
  EXPECT_TRUE(d == (Dims{9, 1, 2, 3, 4}));
  d.erase(1);
  EXPECT_TRUE(d == (Dims{9, 2, 3, 4}));
  EXPECT_EQ(d.back(), 4);
  const Dims copy = d;
  d[0] = 0;
  EXPECT_EQ(copy[0], 9);
  Dims full(kMaxDims, 1);
  EXPECT_THROW(full.push_back(1), Error);
  EXPECT_THROW(full.insert(0, 1), Error);
  EXPECT_EQ(full.size(), size_t{kMaxDims});
  volatile size_t too_many = kMaxDims + 1;  // not for the compiler to see
  EXPECT_THROW(Dims(too_many, 1), Error);
  EXPECT_THROW((Dims(IntArrayRef(Sizes(17, 1)))), Error);
  EXPECT_EQ(ones(Sizes(16, 1)).dim(), 16);
}

TEST(ArrayRefTest, ViewsAndBounds) {
  const Sizes v = {1, 2, 3};
  const IntArrayRef a = v;
  EXPECT_EQ(a.size(), 3u);
  EXPECT_EQ(a.data(), v.data());
  EXPECT_EQ(a.back(), 3);
  EXPECT_TRUE(a.slice(1, 2) == (Sizes{2, 3}));
  EXPECT_TRUE(a == (Sizes{1, 2, 3}));
  EXPECT_TRUE(a != IntArrayRef{});
  EXPECT_THROW(a.at(3), Error);
  EXPECT_THROW(a.slice(2, 2), Error);
  EXPECT_THROW(IntArrayRef{}.front(), Error);
  EXPECT_TRUE(zeros({2, 3}).sizes() == (Sizes{2, 3}));
  EXPECT_TRUE(zeros(4).sizes() == Sizes{4});
}

TEST(OptionsTest, ValuesAndDefaults) {
  const TensorOptions none;
  EXPECT_EQ(none.dtype(), kFloat32);
  EXPECT_EQ(none.device(), Device(kCPU));
  EXPECT_FALSE(none.requires_grad());
  EXPECT_FALSE(none.has_dtype() || none.has_device() || none.has_requires_grad());
  const TensorOptions o = TensorOptions(kInt64).device(kCUDA, 1).requires_grad(true);
  EXPECT_EQ(o.dtype(), kInt64);
  EXPECT_EQ(o.device(), Device("cuda:1"));
  EXPECT_TRUE(o.requires_grad());
  EXPECT_FALSE(o.dtype(nullopt).has_dtype());
  EXPECT_EQ(dtype(kFloat64).dtype(), kFloat64);
  EXPECT_EQ(device(Device("cpu")).device(), Device(kCPU));
  EXPECT_TRUE(ember::requires_grad().requires_grad());
  const Tensor x = zeros({2}, dtype(kFloat64).requires_grad(true));
  EXPECT_EQ(x.dtype(), kFloat64);
  EXPECT_TRUE(x.requires_grad());
  EXPECT_EQ(zeros_like(x).dtype(), kFloat64);
  EXPECT_FALSE(zeros_like(x).requires_grad());
  EXPECT_EQ(ones_like(x, kInt32).dtype(), kInt32);
  EXPECT_EQ(x.new_full({1}, 2, kInt8).dtype(), kInt8);
}

TEST(ShapeRules, NumelAndBroadcast) {
  EXPECT_EQ(checked_numel({}), 1);
  EXPECT_EQ(checked_numel({2, 3}), 6);
  EXPECT_EQ(checked_numel({2, 0, 3}), 0);
  EXPECT_THROW(checked_numel({2, -1}), Error);
  EXPECT_THROW(checked_numel({int64_t{1} << 40, int64_t{1} << 40}), Error);
  EXPECT_TRUE(broadcast_shapes({2, 1, 4}, {3, 1}) == (Dims{2, 3, 4}));
  EXPECT_TRUE(broadcast_shapes({}, {3}) == Dims{3});
  EXPECT_TRUE(broadcast_shapes({1}, {0}) == Dims{0});
  EXPECT_THROW(broadcast_shapes({2}, {3}), Error);
  EXPECT_THROW(broadcast_shapes({0}, {2}), Error);
  EXPECT_TRUE(is_expandable_to({3, 1}, {2, 3, 4}));
  EXPECT_FALSE(is_expandable_to({2, 3}, {3}));
  EXPECT_FALSE(is_expandable_to({2}, {1}));
  EXPECT_EQ(wrap_dim(-1, 3), 2);
  EXPECT_EQ(wrap_dim(0, 0), 0);
  EXPECT_EQ(wrap_dim(-1, 0), 0);
  EXPECT_THROW(wrap_dim(3, 3), IndexError);
  EXPECT_THROW(wrap_dim(-4, 3), IndexError);
  EXPECT_THROW(wrap_dim(1, 0), IndexError);
}

TEST(ShapeRules, StridesAndContiguity) {
  EXPECT_TRUE(contiguous_strides({2, 3, 4}) == (Dims{12, 4, 1}));
  EXPECT_TRUE(contiguous_strides({2, 0, 3}) == (Dims{3, 3, 1}));
  EXPECT_TRUE(contiguous_strides({}) == Dims{});
  const Tensor x = arange(24).view({2, 3, 4});
  EXPECT_TRUE(x.is_contiguous());
  EXPECT_EQ(x.stride(0), 12);
  EXPECT_EQ(x.stride(-1), 1);
  EXPECT_FALSE(x.transpose(0, 1).is_contiguous());
  EXPECT_TRUE(x[1].is_contiguous());
  EXPECT_FALSE(x.slice(2, 0, 2).is_contiguous());
  EXPECT_TRUE(x.slice(0, 1).is_contiguous());
  EXPECT_FALSE(x.select(2, 0).is_contiguous());
  EXPECT_FALSE(ones({3, 1}).expand({3, 4}).is_contiguous());
  EXPECT_TRUE(ones({1, 3}).t().is_contiguous());  // a size of 1 has no say
  EXPECT_TRUE(empty({0, 3}).t().is_contiguous());
  EXPECT_TRUE(is_non_overlapping_and_dense({3, 2}, {1, 3}));
  EXPECT_FALSE(is_non_overlapping_and_dense({3, 2}, {1, 1}));
  EXPECT_FALSE(is_non_overlapping_and_dense({3, 2}, {4, 1}));
  // A contiguous tensor is itself; another is copied.
  EXPECT_TRUE(x.contiguous().is_same(x));
  const Tensor y = x.permute({2, 0, 1}).contiguous();
  EXPECT_TRUE(y.is_contiguous());
  EXPECT_FALSE(y.storage().is_alias_of(x.storage()));
}

// Results of elementwise operations keep the order of dense inputs, as PyTorch's do.
TEST(ShapeRules, ResultStrides) {
  const Tensor x = randn({3, 4}).t();
  EXPECT_TRUE(x.exp().strides() == x.strides());
  EXPECT_TRUE((x + x).strides() == x.strides());
  EXPECT_TRUE(x.clone().strides() == x.strides());
  EXPECT_TRUE(zeros_like(x).strides() == x.strides());
  EXPECT_TRUE(randn({4, 6}).slice(1, 0, 6, 2).exp().is_contiguous());
  EXPECT_TRUE(randn({3}).expand({4, 3}).exp().is_contiguous());
}

TEST(Views, ShareMemoryAndVersion) {
  const Tensor x = zeros({2, 3});
  EXPECT_FALSE(x.is_view());
  const Tensor row = x[1], column = x.select(1, 0), flat = x.view({6}), turned = x.t();
  for (const Tensor& v : {row, column, flat, turned}) {
    EXPECT_TRUE(v.is_view());
    EXPECT_TRUE(v.storage().is_alias_of(x.storage()));
  }
  const int64_t version = x._version();
  row.fill_(5);
  EXPECT_EQ(x[1][2].item<float>(), 5);
  EXPECT_EQ(flat[3].item<float>(), 5);
  EXPECT_EQ(turned[0][1].item<float>(), 5);
  EXPECT_EQ(column[1].item<float>(), 5);
  EXPECT_EQ(x._version(), version + 1);
  EXPECT_EQ(turned._version(), version + 1);
  flat.add_(1);
  EXPECT_EQ(row._version(), version + 2);
  x.clone().fill_(0);
  EXPECT_EQ(x._version(), version + 2);
  x.detach().fill_(0);
  EXPECT_EQ(x._version(), version + 3) << "detach shares the version";
  EXPECT_EQ(row[0].item<float>(), 0);
  // The memory outlives the tensor that was viewed.
  Tensor part;
  {
    const Tensor whole = arange(10);
    part = whole.slice(0, 4, 6);
  }
  EXPECT_EQ(part[1].item<int>(), 5);
}

TEST(Views, AssignmentThroughElements) {
  const Tensor x = zeros({2, 2});
  x[0].copy_(tensor({1.0, 2.0}));
  x[1][0].fill_(3);
  x[1] += 1;
  EXPECT_TRUE(x.equal(tensor({{1.0, 2.0}, {4.0, 1.0}})));
}

TEST(TensorTest, HandlesAndItems) {
  Tensor a;
  EXPECT_FALSE(a.defined());
  a = tensor({1.5, 2.5});
  Tensor b = a;
  EXPECT_TRUE(a.is_same(b));
  EXPECT_EQ(a.use_count(), 2u);
  b.reset();
  EXPECT_EQ(a.use_count(), 1u);
  EXPECT_EQ(a[1].item<double>(), 2.5);
  EXPECT_EQ(a[1].item().toDouble(), 2.5);
  EXPECT_TRUE(a[1].item().is_floating_point());
  EXPECT_TRUE(tensor(3).item().is_integral());
  EXPECT_TRUE(tensor(true).item().is_boolean());
  EXPECT_EQ(tensor({{{7}}}).item<int>(), 7);
  EXPECT_EQ(tensor((int64_t{1} << 53) + 1).item<int64_t>(), (int64_t{1} << 53) + 1) << "not through a double";
  EXPECT_EQ(a.data_ptr<float>()[0], 1.5f);
  EXPECT_THROW(a.data_ptr<double>(), Error);
  EXPECT_EQ(empty({0}).data_ptr(), nullptr);
  EXPECT_EQ(a.nbytes(), 8u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data_ptr()) % 64, 0u);
}

template <class Argument>
concept ConvertsTo = requires(const Tensor& t, Argument a) {
  t.to(a);
};

// All that LibTorch's to() takes. Left to overload resolution, which is easily made ambiguous.
TEST(TensorTest, ToTakesWhatNamesADeviceOrDtype) {
  EXPECT_TRUE(ConvertsTo<Device>);
  EXPECT_TRUE(ConvertsTo<DeviceType>) << "x.to(kCUDA)";
  EXPECT_TRUE(ConvertsTo<const char*>) << "x.to(\"cpu\")";
  EXPECT_TRUE(ConvertsTo<std::string>);
  EXPECT_TRUE(ConvertsTo<ScalarType>);
  EXPECT_TRUE(ConvertsTo<TensorOptions>);
  EXPECT_TRUE(ConvertsTo<Tensor>);
  EXPECT_FALSE(ConvertsTo<int>);
  EXPECT_FALSE(ConvertsTo<std::nullptr_t>);
}

TEST(TensorTest, ToAndCopies) {
  const Tensor x = tensor({1.5, -2.5});
  EXPECT_TRUE(x.to(kFloat32).is_same(x));
  EXPECT_TRUE(x.to(Device(kCPU)).is_same(x));
  EXPECT_TRUE(x.to(TensorOptions()).is_same(x));
  EXPECT_TRUE(x.to("cpu").is_same(x));
  EXPECT_TRUE(x.to(kCPU).is_same(x));
  EXPECT_FALSE(x.to(kFloat32, false, true).is_same(x));
  EXPECT_FALSE(x.to(kFloat32, false, true).storage().is_alias_of(x.storage()));
  EXPECT_TRUE(x.to(kInt64).equal(tensor({1, -2})));
  EXPECT_EQ(x.to(tensor({1})).dtype(), kInt64);
  EXPECT_EQ(x.type_as(zeros({1}, kFloat64)).dtype(), kFloat64);
  EXPECT_EQ(x.to(Device(kCPU), kFloat16).dtype(), kFloat16);
  // A copy between dtypes, layouts and shapes.
  const Tensor y = zeros({2, 2}, kInt32);
  y.t().copy_(tensor({{1.9, 2.9}, {3.9, 4.9}}));
  EXPECT_TRUE(y.equal(tensor({{1, 3}, {2, 4}}, kInt32)));
  y.copy_(tensor({7, 8}));
  EXPECT_TRUE(y.equal(tensor({{7, 8}, {7, 8}}, kInt32)));
  y.copy_(y);
  EXPECT_TRUE(y.equal(tensor({{7, 8}, {7, 8}}, kInt32)));
}

TEST(TensorTest, EqualAndAllclose) {
  const Tensor x = tensor({1.0, 2.0});
  EXPECT_TRUE(x.equal(tensor({1.0, 2.0})));
  EXPECT_FALSE(x.equal(tensor({1.0, 3.0})));
  EXPECT_FALSE(x.equal(tensor({{1.0, 2.0}})));
  EXPECT_TRUE(empty({0}).equal(empty({0})));
  const Tensor nan = full({1}, std::nan(""));
  EXPECT_FALSE(nan.equal(nan.clone()));
  EXPECT_TRUE(x.allclose(x + 1e-6));
  EXPECT_FALSE(x.allclose(x + 1e-3));
  EXPECT_TRUE(x.allclose(x + 1e-3, 0, 1e-2));
  EXPECT_FALSE(nan.allclose(nan));
  EXPECT_TRUE(nan.allclose(nan, 1e-5, 1e-8, true));
  const Tensor infinite = full({1}, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(infinite.allclose(infinite));
  EXPECT_FALSE(infinite.allclose(-infinite));
}

}  // namespace
