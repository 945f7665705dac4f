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

template <class Argument>
concept ConvertsTo = requires(const Tensor& t, Argument a) {
  t.to(a);
};

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
  EXPECT_FALSE(ConvertsTo<int>);
  EXPECT_FALSE(ConvertsTo<std::nullptr_t>);
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

// All that LibTorch's to() takes. Left to overload resolution, which is easily made ambiguous.
TEST(TensorTest, ToTakesWhatNamesADeviceOrDtype) {
  EXPECT_TRUE(ConvertsTo<Device>);
  EXPECT_TRUE(ConvertsTo<DeviceType>) << "x.to(kCUDA)";
  EXPECT_TRUE(ConvertsTo<const char*>) << "x.to(\"cpu\")";
  EXPECT_TRUE(ConvertsTo<std::string>);
  EXPECT_TRUE(ConvertsTo<ScalarType>);
  EXPECT_TRUE(ConvertsTo<TensorOptions>);
  EXPECT_TRUE(ConvertsTo<Tensor>);
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

TEST(Memory, StatisticsCount) {
  const size_t before = cpu::memory_stats().live;
  {
    const Tensor x = zeros({1000, 1000});
    EXPECT_GE(cpu::memory_stats().live, before + 4000000);
    EXPECT_GE(cpu::memory_stats().peak_live, before + 4000000);
    const Tensor view = x.t();
    EXPECT_LT(cpu::memory_stats().live, before + 8000000) << "a view takes no memory";
  }
  EXPECT_EQ(cpu::memory_stats().live, before);
  cpu::reset_peak_memory_stats();
  EXPECT_EQ(cpu::memory_stats().peak_live, before);
}

TEST(Memory, IsUsedAgain) {
  EMBER_SKIP_WITHOUT_CACHE();
  zeros({1000, 1000});
  EXPECT_GE(cpu::memory_stats().cached, 4000000u);
  const uint64_t system = cpu::memory_stats().system_allocations;
  for (int i = 0; i < 5; ++i) zeros({1000, 1000});
  EXPECT_EQ(cpu::memory_stats().system_allocations, system);
  cpu::empty_cache();
  EXPECT_EQ(cpu::memory_stats().cached, 0u);
}

TEST(Parallel, CoversTheRangeOnce) {
  const int threads = get_num_threads();
  for (const int n : {1, 2, 3}) {
    set_num_threads(n);
    EXPECT_EQ(get_num_threads(), n);
    for (const int64_t size : {int64_t{0}, int64_t{1}, int64_t{7}, int64_t{1000}}) {
      std::vector<int> hits(static_cast<size_t>(size), 0);
      parallel_for(0, size, 3, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      for (const int h : hits) EXPECT_EQ(h, 1);
    }
    EXPECT_THROW(parallel_for(0, 1000, 1, [](int64_t begin, int64_t) { EMBER_CHECK(begin > 1000, "from a piece"); }),
                 Error);
  }
  set_num_threads(threads);
  EXPECT_THROW(set_num_threads(0), Error);
  EXPECT_THROW(set_num_threads(-1), Error);
}

TEST(Logging, Levels) {
  testing::internal::CaptureStderr();
  set_log_level(LogLevel::Info);
  EXPECT_TRUE(log_enabled(LogLevel::Info));
  EXPECT_FALSE(log_enabled(LogLevel::Debug));
  ember::log(LogLevel::Info, "seen ", 1, " {}");
  ember::log(LogLevel::Debug, "hidden");
  set_log_level(LogLevel::Off);
  ember::log(LogLevel::Error, "hidden too");
  set_log_level(LogLevel::Warning);
  EXPECT_TRUE(log_enabled(LogLevel::Error));
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("seen 1 {}"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
}

// ---- Error ----

// Not inlined, so that its frame is there to be found.
__attribute__((noinline)) void make_a_bad_product() {
  const Tensor x = ones({2, 3});
  mm(x, x);
}

TEST(ErrorTest, SaysWhatAndWhere) {
  try {
    make_a_bad_product();
    FAIL() << "threw nothing";
  } catch (const Error& e) {
    const std::string message = e.what_without_backtrace();
    EXPECT_NE(message.find("mm"), std::string::npos) << message;
    EXPECT_NE(message.find("[2, 3]"), std::string::npos) << message;
    const std::string what = e.what();
    EXPECT_EQ(what.find(message), 0u) << what;
    EXPECT_NE(what.find("make_a_bad_product"), std::string::npos) << what;
#if defined(EMBER_TEST_EXPECTS_LINES)
    EXPECT_NE(what.find("core_tensor_test.cpp"), std::string::npos) << what;
#endif
    EXPECT_STREQ(e.what(), what.c_str()) << "the same every time";
  }
}

TEST(ErrorTest, PrependAndCopies) {
  Error e("inner");
  const Error copy = e;
  e.prepend("outer: ");
  EXPECT_NE(std::string(e.what_without_backtrace()).find("outer"), std::string::npos);
  EXPECT_NE(std::string(e.what_without_backtrace()).find("inner"), std::string::npos);
  EXPECT_EQ(std::string(e.what()).find(e.what_without_backtrace()), 0u);
  EXPECT_NE(std::string(copy.what()).find("inner"), std::string::npos);
  EXPECT_THROW(EMBER_CHECK(1 > 2, "one is ", 1), Error);
  EXPECT_NO_THROW(EMBER_CHECK(2 > 1, "never made"));
  EXPECT_THROW(EMBER_CHECK_INDEX(false, "no"), IndexError);
  try {
    EMBER_CHECK(false, "parts ", 1, " ", Sizes{2}.size(), " ", IntArrayRef({3, 4}));
  } catch (const std::exception& s) {
    EXPECT_EQ(std::string(s.what()).find("parts 1 1 [3, 4]"), 0u) << s.what();
  }
}

}  // namespace
