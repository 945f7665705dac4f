// Tensors from nothing, from literals and from the caller's memory; accessors.
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

TEST(TensorTest, Creation) {
  EXPECT_EQ(tensor({1, 2}).dtype(), kInt64);
  EXPECT_EQ(tensor({1.0, 2.0}).dtype(), kFloat32);
  EXPECT_EQ(tensor({1.0f, 2.0f}).dtype(), kFloat32);
  EXPECT_EQ(tensor({true, false}).dtype(), kBool);
  EXPECT_EQ(tensor(Sizes{1, 2}).dtype(), kInt64);
  EXPECT_TRUE(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}).sizes() == (Sizes{2, 2, 2}));
  EXPECT_TRUE(tensor({}).sizes() == Sizes{0});
  EXPECT_EQ(tensor({1, 2}, kFloat64)[1].item<double>(), 2);
  EXPECT_TRUE(eye(2, 3).equal(tensor({{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}})));
  EXPECT_EQ(eye(0).numel(), 0);
  EXPECT_TRUE(arange(5).equal(tensor({0, 1, 2, 3, 4})));
  EXPECT_TRUE(arange(5, 0, -2).equal(tensor({5, 3, 1})));
  EXPECT_EQ(arange(5, 5).numel(), 0);
  EXPECT_TRUE(arange(1, 2.5, 0.5).equal(tensor({1.0, 1.5, 2.0})));
  EXPECT_EQ(arange(0.0, 1.0, 0.1).numel(), 10);
  EXPECT_EQ(arange(int64_t{1} << 60, (int64_t{1} << 60) + 3)[2].item<int64_t>(), (int64_t{1} << 60) + 2);
  EXPECT_TRUE(linspace(0, 1, 5).equal(tensor({0.0, 0.25, 0.5, 0.75, 1.0})));
  EXPECT_TRUE(linspace(0, 1, 1).equal(tensor({0.0})));
  EXPECT_EQ(linspace(0, 1, 0).numel(), 0);
  EXPECT_EQ(linspace(0.1, 0.7, 1001, kFloat64)[1000].item<double>(), 0.7) << "both ends are exact";
  EXPECT_EQ(full({2}, 3).dtype(), kInt64);
  EXPECT_EQ(full({2}, 3.0).dtype(), kFloat32);
  EXPECT_EQ(full({2}, true).dtype(), kBool);
  EXPECT_EQ(full({2}, 3, kFloat32)[1].item<float>(), 3);
  EXPECT_EQ(scalar_tensor(2.5).dim(), 0);
  EXPECT_EQ(zeros({}).numel(), 1);
  EXPECT_EQ(ones({2, 0, 3}).numel(), 0);
}

// Literal zeros are null pointers too: they must not be taken for a device's name. (A type that is a
// parameter, so that what does not compile is an answer.)
template <class T>
concept ToTakesZero = requires(const T& t) {
  t.to(0);
};
template <class Sizes>
concept ZerosTakesZeroAsOptions = requires(const Sizes& sizes) {
  zeros(sizes, 0);
};
template <class T>
concept FromZero = requires {
  T(0);
};
template <class T>
concept IsZero = std::is_convertible_v<std::nullptr_t, T> || std::is_convertible_v<int, T>;

TEST(TensorTest, ZeroNamesNoDevice) {
  EXPECT_FALSE(ToTakesZero<Tensor>);
  EXPECT_FALSE(ZerosTakesZeroAsOptions<Sizes>);
  EXPECT_FALSE(FromZero<Device>);
  EXPECT_FALSE(FromZero<TensorOptions>);
  EXPECT_FALSE(IsZero<Device> || IsZero<TensorOptions>);
  // As numbers they stay what they are.
  EXPECT_TRUE(arange(0, 3, 1).equal(arange(3)));
  EXPECT_EQ(arange(0, 0).numel(), 0);
  EXPECT_THROW(arange(0, 1, 0), Error);
}

// Filling a new tensor is not a change.
TEST(TensorTest, NewTensorsHaveNotChanged) {
  const Sizes sizes = {40};
  const Tensor like = ones(sizes);
  for (const Tensor& x : {ember::empty(sizes),
                          zeros(sizes),
                          ones(sizes),
                          full(sizes, 2.0),
                          rand(sizes),
                          randn(sizes),
                          randn({3}),
                          randn(sizes, kFloat16),
                          randint(5, sizes),
                          randint(2, 5, sizes),
                          randperm(40),
                          bernoulli(like),
                          arange(40),
                          arange(0, 1, 0.1),
                          linspace(0, 1, 40),
                          eye(6),
                          tensor(3.0),
                          tensor({1.0, 2.0}),
                          tensor({{1, 2}, {3, 4}}),
                          scalar_tensor(2.5),
                          zeros_like(like),
                          ones_like(like),
                          full_like(like, 2),
                          rand_like(like),
                          randn_like(like),
                          like.new_zeros({2}),
                          like.new_ones({2}),
                          like.new_full({2}, 3)}) {
    EXPECT_EQ(x._version(), 0) << describe(x);
  }
}

// What creation gives a dtype, sizes and strides; PyTorch's rules.
TEST(Creation, LiteralsOfEveryShapeAndType) {
  EXPECT_TRUE(tensor({{}, {}}).sizes() == (Sizes{2, 0}));
  EXPECT_TRUE(tensor({{{}}}).sizes() == (Sizes{1, 1, 0}));
  EXPECT_EQ(tensor({{}, {}}).dtype(), kFloat32);
  EXPECT_TRUE(tensor({{1}, {2}}).sizes() == (Sizes{2, 1}));
  EXPECT_TRUE(tensor({{1, 2}}).sizes() == (Sizes{1, 2}));
  EXPECT_EQ(tensor({{{{{{{{{{7}}}}}}}}}}).dim(), 10);
  EXPECT_EQ(tensor(1).dim(), 0);
  EXPECT_EQ(tensor(std::vector<int>{}).dtype(), kInt64);
  EXPECT_EQ(tensor(std::vector<uint8_t>{1}).dtype(), kUInt8);
  EXPECT_EQ(tensor({int16_t{1}, int16_t{2}}).dtype(), kInt16);
  EXPECT_EQ(tensor({Half(1.5f)}).dtype(), kFloat16);
  EXPECT_EQ(tensor(int8_t{3}).dtype(), kInt8);
  EXPECT_EQ(tensor(std::vector<double>{1}).dtype(), kFloat32);
  EXPECT_TRUE(tensor({1.7, -2.2}, kInt32).equal(tensor({1, -2}, kInt32)));
  EXPECT_TRUE(tensor({1, 2}, TensorOptions(kFloat64).requires_grad(true)).requires_grad());
  EXPECT_THROW(tensor({1.0, 2.0f}), Error) << "one C++ type";
  EXPECT_THROW(tensor({1, int64_t{2}}), Error);
  EXPECT_THROW(tensor({{1, 2}, {3}}), Error);
  EXPECT_THROW(tensor({{1}, {2, 3}}), Error);
  EXPECT_THROW(tensor({300}, kUInt8), Error);
  EXPECT_THROW(tensor({1, 2}, requires_grad()), Error);
  set_default_dtype(kFloat64);
  EXPECT_EQ(tensor({1.5f}).dtype(), kFloat64);
  EXPECT_EQ(arange(0.5).dtype(), kFloat64);
  EXPECT_EQ(zeros({1}).dtype(), kFloat64);
  set_default_dtype(kFloat32);
}

TEST(Creation, NativeTensorsKeepTheElementType) {
  EXPECT_EQ(native_tensor({1, 2}).dtype(), kInt32);
  EXPECT_EQ(native_tensor({1.5}).dtype(), kFloat64);
  EXPECT_EQ(native_tensor(3.5f).dtype(), kFloat32);
  EXPECT_TRUE(native_tensor(3).sizes() == Sizes{1});
  EXPECT_EQ(native_tensor({1, 2}, kFloat64)[1].item<double>(), 2);
  EXPECT_EQ(native_tensor({1, 2}, TensorOptions(kCPU)).dtype(), kFloat32);
  EXPECT_EQ(native_tensor(std::vector<int64_t>{5, 6})[1].item<int64_t>(), 6);
}

TEST(Creation, NumbersThatDoNotFit) {
  EXPECT_EQ(full({1}, -1, kUInt8).item<int>(), 255);
  EXPECT_EQ(full({1}, 255.5, kUInt8).item<int>(), 255);
  EXPECT_EQ(full({1}, 127.9, kInt8).item<int>(), 127);
  EXPECT_TRUE(std::isinf(full({1}, 1e6, kFloat16).item<float>()));
  EXPECT_TRUE(std::isinf(full({1}, std::numeric_limits<double>::infinity(), kFloat32).item<float>()));
  EXPECT_TRUE(full({1}, std::nan(""), kBool).item<bool>());
  EXPECT_THROW(full({1}, 300, kUInt8), Error);
  EXPECT_THROW(full({0}, -256, kUInt8), Error);
  EXPECT_THROW(full({1}, -0.5, kUInt8), Error);
  EXPECT_THROW(full({1}, 128.0, kInt8), Error);
  EXPECT_THROW(full({1}, int64_t{1} << 40, kInt32), Error);
  EXPECT_THROW(full({1}, 1e19, kInt64), Error);
  EXPECT_THROW(full({1}, std::nan(""), kInt32), Error);
  EXPECT_THROW(full({1}, 1e40, kFloat32), Error);
  EXPECT_THROW(zeros({1}, kUInt8).fill_(300), Error);
  EXPECT_THROW(scalar_tensor(300, kUInt8), Error);
}

TEST(Creation, Ranges) {
  EXPECT_TRUE(arange(0.9, 3.9, kInt64).equal(tensor({0, 1, 2}))) << "counted first, then converted";
  EXPECT_TRUE(arange(0, 2.9, 1, kInt32).equal(tensor({0, 1, 2}, kInt32)));
  EXPECT_TRUE(arange(0, -1, -0.3).allclose(tensor({0.0, -0.3, -0.6, -0.9})));
  EXPECT_EQ(arange(300, kUInt8)[299].item<int>(), 43);
  EXPECT_EQ(arange(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), int64_t{1} << 62).numel(),
            4);
  EXPECT_THROW(arange(3, kBool), Error);
  EXPECT_EQ(range(0, 5, 1).dtype(), kFloat32);
  EXPECT_TRUE(range(0, 5, 2, kInt64).equal(tensor({0, 2, 4})));
  EXPECT_TRUE(range(5, 0, -2).equal(tensor({5.0, 3.0, 1.0})));
  EXPECT_EQ(range(3, 3).numel(), 1);
  EXPECT_THROW(range(0, 5, 0), Error);
  EXPECT_THROW(range(5, 0), Error);
  EXPECT_TRUE(linspace(0.5, 3.7, 5, kInt64).equal(tensor({0, 0, 1, 2, 3}))) << "the ends are converted first";
  EXPECT_TRUE(linspace(tensor(0.0), 1, 3).equal(tensor({0.0, 0.5, 1.0})));
  EXPECT_TRUE(linspace(0, tensor(1), 3).equal(linspace(tensor(0), tensor(1), 3)));
  EXPECT_THROW(linspace(ones({1}), 1, 3), Error);
  EXPECT_THROW(linspace(300, 0, 4, kUInt8), Error);
  EXPECT_TRUE(logspace(0, 2, 3).equal(tensor({1.0, 10.0, 100.0})));
  EXPECT_TRUE(logspace(0, 3, 4, 2, kInt32).equal(tensor({1, 2, 4, 8}, kInt32)));
  EXPECT_TRUE(logspace(0, 2, 5, 2.5, kInt64).equal(tensor({1, 1, 2, 3, 6})));
  EXPECT_TRUE(logspace(tensor(0), 2, 3).equal(logspace(0, tensor(2.0), 3)));
  EXPECT_THROW(logspace(0, 1, -1), Error);
}

TEST(Creation, Out) {
  Tensor out = zeros({5});
  EXPECT_TRUE(ones_out(out, {2, 2}).is_same(out));
  EXPECT_TRUE(out.equal(ones({2, 2})));
  EXPECT_TRUE(full_out(out, {3}, 7).equal(full({3}, 7.0)));
  EXPECT_TRUE(zeros_out(out, {2}).equal(zeros({2})));
  EXPECT_TRUE(eye_out(out, 2, 3).equal(eye(2, 3)));
  out = zeros({3, 2}).t();
  EXPECT_TRUE(eye_out(out, 2, 3).equal(eye(2, 3)));
  EXPECT_TRUE(out.strides() == (Sizes{1, 2}));
  // As many elements as there are stay in their shape.
  EXPECT_TRUE(arange_out(out, 6).equal(arange(6).view({2, 3}).to(kFloat32)));
  EXPECT_TRUE(linspace_out(out, 0, 5, 6).equal(arange(6).view({2, 3}).to(kFloat32)));
  EXPECT_TRUE(logspace_out(out, 0, 1, 3).sizes() == Sizes{3});
  Tensor integers = zeros({1}, kInt32);
  EXPECT_TRUE(arange_out(integers, 1, 9, 2.5).equal(tensor({1, 3, 5, 7}, kInt32)));
  Tensor leaf = zeros({2}).requires_grad_();
  EXPECT_THROW(ones_out(leaf, {2}), Error);
  Tensor grown = zeros({2});
  const Tensor view = grown.view({1, 2});
  grown.resize_({2, 4});
  grown.fill_(3);
  EXPECT_TRUE(view.equal(full({1, 2}, 3.0))) << "the storage grew, its views with it";
  float memory[4] = {1, 2, 3, 4};
  Tensor blob = from_blob(memory, {2});
  blob.resize_({1});
  EXPECT_THROW(blob.resize_({3}), Error);
  EXPECT_THROW(leaf.resize_({1}), Error);
}

TEST(Creation, LikeKeepsTheOrderInMemory) {
  const Tensor x = arange(24).view({4, 6});
  EXPECT_TRUE(zeros_like(x.t()).strides() == (Sizes{1, 6}));
  EXPECT_TRUE(zeros_like(x.t().slice(0, 0, 6, 2)).strides() == (Sizes{1, 3}));
  EXPECT_TRUE(x.t().slice(0, 0, 6, 2).clone().strides() == (Sizes{1, 3}));
  EXPECT_TRUE(ones({3, 1}).expand({3, 4}).clone().strides() == (Sizes{4, 1}));
  EXPECT_TRUE(ones({1, 3}).expand({4, 3}).to(kFloat64).strides() == (Sizes{3, 1}));
  EXPECT_TRUE(ones({3, 1}).t().clone().strides() == (Sizes{1, 1}));
  const Tensor images = ones({2, 3, 4, 5}).contiguous(MemoryFormat::ChannelsLast);
  EXPECT_TRUE(zeros_like(images).strides() == images.strides());
  EXPECT_EQ(images.suggest_memory_format(), MemoryFormat::ChannelsLast);
  EXPECT_EQ(images.contiguous().suggest_memory_format(), MemoryFormat::Contiguous);
  EXPECT_EQ(images.narrow(1, 0, 1).suggest_memory_format(true), MemoryFormat::Contiguous);
  EXPECT_TRUE(zeros_like(images, {}, MemoryFormat::Contiguous).is_contiguous());
  EXPECT_TRUE(cat({images, images}).is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(cat({images, images.contiguous()}).is_contiguous());
  EXPECT_THROW(ember::empty({2, 3}, TensorOptions(), MemoryFormat::ChannelsLast), Error);
  EXPECT_THROW(ember::empty({2, 3}, TensorOptions(), MemoryFormat::Preserve), Error);
  EXPECT_TRUE(empty_strided({2, 3}, {1, 2}).strides() == (Sizes{1, 2}));
  EXPECT_THROW(empty_strided({2, 2}, {int64_t{1} << 62, 1}), Error);
  EXPECT_THROW(zeros({2}, TensorOptions(kInt32).requires_grad(true)), Error);
}

TEST(Accessors, ReadAndWrite) {
  const Tensor x = arange(6, kFloat64).view({2, 3});
  auto a = x.accessor<double, 2>();
  a[1][2] = 42;
  EXPECT_EQ(x[1][2].item<double>(), 42);
  EXPECT_EQ(a.size(0), 2);
  EXPECT_EQ(a[0].stride(0), 1);
  EXPECT_TRUE(a.sizes() == x.sizes() && a.strides() == x.strides());
  const Tensor turned = x.t();
  EXPECT_EQ((turned.accessor<double, 2>()[2][1]), 42);
  const auto packed = turned.packed_accessor32<double, 2>();
  EXPECT_EQ(packed[2][1], 42);
  EXPECT_EQ(packed.transpose(0, 1)[1][2], 42);
  EXPECT_EQ((x.packed_accessor64<double, 2, RestrictPtrTraits>().data()), x.data_ptr<double>());
  EXPECT_THROW((x.accessor<float, 2>()), Error);
  EXPECT_THROW((x.accessor<double, 1>()), Error);
  EXPECT_THROW((packed.transpose(0, 2)), IndexError);
}

TEST(FromBlob, ViewsMemoryAndCallsTheDeleter) {
  float memory[] = {1, 2, 3, 4, 5, 6};
  const Tensor x = from_blob(memory, {2, 3});
  EXPECT_EQ(x.data_ptr(), memory);
  memory[5] = 60;
  EXPECT_EQ(x[1][2].item<float>(), 60);
  x.add_(1);
  EXPECT_EQ(memory[0], 2);
  const Tensor turned = from_blob(memory, {3, 2}, IntArrayRef{1, 3});
  EXPECT_EQ(turned[1][1].item<float>(), memory[4]);

  int calls = 0;
  void* given = nullptr;
  {
    Tensor view;
    {
      const Tensor y = from_blob(memory, {6}, [&](void* p) {
        ++calls;
        given = p;
      });
      view = y.slice(0, 2);
    }
    EXPECT_EQ(calls, 0) << "a view keeps the memory";
    EXPECT_EQ(view[0].item<float>(), memory[2]);
  }
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(given, memory);
  // Also when there is nothing in it.
  from_blob(memory, {0}, [&](void*) { ++calls; });
  EXPECT_EQ(calls, 2);
}

}  // namespace
