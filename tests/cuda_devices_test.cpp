// Devices by their numbers: with one device, those that are not there; with two, that each is the one that was meant.
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <ember/ember.h>

#include "cuda_test.h"

namespace ember::test {
namespace {

// ---- with one ----

class CudaDevice : public CudaTest {};

TEST_F(CudaDevice, NumbersThatAreNotThere) {
  const auto count = static_cast<DeviceIndex>(cuda::device_count());
  const Device current(kCUDA, cuda::current_device());
  const Stream stream = current_stream(kCUDA);
  const Tensor x = ones({4}, kCUDA);
  Event event(kCUDA);
  for (const DeviceIndex index : {count, DeviceIndex{63}, DeviceIndex{64}, DeviceIndex{127}}) {
    if (index < count) continue;
    const Device bad(kCUDA, index);
    const Stream bad_stream{bad, 0};
    SCOPED_TRACE(bad.str());
    const std::function<void()> calls[] = {
        [&] { (void)zeros({4}, bad); },
        [&] { (void)empty({0}, bad); },
        [&] { (void)tensor({1.0}, TensorOptions().device(bad)); },
        [&] { (void)x.to(bad); },
        [&] { (void)ones({4}).to(bad); },
        [&] { (void)zeros({4}, Device("cuda:" + std::to_string(index))); },
        [&] { const DeviceGuard guard(bad); },
        [&] { const StreamGuard guard(bad_stream); },
        [&] { const cuda::CUDAGuard guard(index); },
        [&] { cuda::CUDAGuard(current).set_index(index); },
        [&] { const cuda::OptionalCUDAGuard guard(bad); },
        [&] { cuda::set_device(index); },
        [&] { (void)current_stream(bad); },
        [&] { set_current_stream(bad_stream); },
        [&] { (void)stream_from_pool(bad); },
        [&] { (void)cuda::getDefaultCUDAStream(index); },
        [&] { bad_stream.synchronize(); },
        [&] { const Event made(bad); },
        [&] { event.record(bad_stream); },
        [&] { event.wait(bad_stream); },
        [&] { x.record_stream(bad_stream); },
        [&] { cuda::synchronize(index); },
        [&] { (void)cuda::memory_stats(index); },
        [&] { cuda::reset_peak_memory_stats(index); },
        [&] { cuda::set_memory_limit(1, index); },
        [&] { (void)cuda::take_memory_snapshot(index); },
    };
    for (size_t i = 0; i < std::size(calls); ++i) {
      SCOPED_TRACE(i);
      EXPECT_THROW(calls[i](), Error);
      EXPECT_EQ(Device(kCUDA, cuda::current_device()), current);
      EXPECT_EQ(current_stream(kCUDA), stream);
    }
  }
  EXPECT_ERROR(zeros({4}, Device(kCUDA, count)), "there is no device cuda:" + std::to_string(count));
  for (const int64_t index : {int64_t{-2}, int64_t{128}, int64_t{256}, int64_t{1} << 40}) {
    EXPECT_THROW(cuda::synchronize(index), Error) << index;
    EXPECT_THROW(cuda::memory_stats(index), Error) << index;
  }
  EXPECT_ERROR(cuda::CUDAGuard(Device(kCPU)), "expected a CUDA device");
  EXPECT_TRUE(all_are(x + 1, 2)) << "the device goes on";
}

TEST_F(CudaDevice, WithoutANumberItIsTheCurrentOne) {
  const Device current(kCUDA, cuda::current_device());
  EXPECT_EQ(zeros({1}, kCUDA).device(), current);
  EXPECT_EQ(zeros({1}).to(kCUDA).device(), current);
  EXPECT_EQ(zeros({1}).cuda().device(), current);
  EXPECT_EQ(stream_from_pool(kCUDA).device, current);
  EXPECT_EQ(cuda::getCurrentCUDAStream().device(), current);
  const DeviceGuard guard(kCUDA);
  EXPECT_EQ(Device(kCUDA, cuda::current_device()), current);
  const Tensor x = zeros({3}, current);
  EXPECT_EQ(x.to(kCUDA).data_ptr(), x.data_ptr()) << "it is there already";
}

// ---- with two ----

class CudaDevices : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    const int64_t count = cuda::device_count();
    if (count < 2) GTEST_SKIP() << "two CUDA devices are needed, there is " << count;
    for (const Device device : {first, second}) cuda::synchronize(device.index());
  }
  void TearDown() override {
    if (cuda::device_count() < 2) return;
    EXPECT_EQ(cuda::current_device(), 0);
    for (const Device device : {first, second}) cuda::synchronize(device.index());
  }
  static constexpr Device first{kCUDA, 0}, second{kCUDA, 1};
};

TEST_F(CudaDevices, Guards) {
  {
    const DeviceGuard guard(second);
    EXPECT_EQ(cuda::current_device(), 1);
    EXPECT_EQ(zeros({1}, kCUDA).device(), second);
    {
      const DeviceGuard inner(first);
      EXPECT_EQ(zeros({1}, kCUDA).device(), first);
    }
    EXPECT_EQ(cuda::current_device(), 1);
    std::thread([] { EXPECT_EQ(cuda::current_device(), 0); }).join();
  }
  EXPECT_EQ(cuda::current_device(), 0);
  cuda::CUDAGuard guard(first);
  guard.set_index(1);
  EXPECT_EQ(guard.current_device(), second);
  EXPECT_EQ(guard.original_device(), first);
  EXPECT_EQ(cuda::current_device(), 1);
}

// Each device has its own in each thread.
TEST_F(CudaDevices, CurrentStreams) {
  const Stream a = stream_from_pool(first), b = stream_from_pool(second);
  EXPECT_EQ(b.device, second);
  {
    const StreamGuard guard(b);
    EXPECT_EQ(cuda::current_device(), 1) << "a stream's device is current with it";
    EXPECT_EQ(current_stream(second), b);
    EXPECT_EQ(current_stream(first).handle, 0u);
    {
      const StreamGuard inner(a);
      EXPECT_EQ(cuda::current_device(), 0);
      EXPECT_EQ(current_stream(second), b);
      EXPECT_EQ(current_stream(first), a);
    }
    EXPECT_EQ(cuda::current_device(), 1);
    EXPECT_EQ(current_stream(first).handle, 0u);
  }
  EXPECT_EQ(current_stream(second).handle, 0u);
}

// Operations run where their tensors are, whichever device is current.
TEST_F(CudaDevices, OperationsGoWhereTheTensorsAre) {
  for (const Device current : {first, second}) {
    const DeviceGuard guard(current);
    for (const Device device : {first, second}) {
      const Tensor a = random({30, 50}, kFloat32, 1), b = random({50, 20}, kFloat32, 2);
      const Tensor product = a.to(device).mm(b.to(device)).relu();
      EXPECT_EQ(product.device(), device);
      EXPECT_TRUE(allclose(product.cpu(), a.mm(b).relu(), 1e-4, 1e-4));
      EXPECT_EQ(cuda::current_device(), current.index());
    }
  }
  EXPECT_THROW(ones({2}, first) + ones({2}, second), Error);
  EXPECT_THROW(ones({2, 2}, first).mm(ones({2, 2}, second)), Error);
  EXPECT_THROW(ones({4}, first).index_select(0, zeros({2}, TensorOptions(kInt64).device(second))), Error);
}

TEST_F(CudaDevices, MemoryIsCountedByDevice) {
  const auto live = [](Device device) { return cuda::memory_stats(device.index()).live; };
  const size_t before_first = live(first), before_second = live(second);
  const Tensor x = zeros({1 << 20}, second);
  EXPECT_EQ(live(first), before_first);
  EXPECT_EQ(live(second), before_second + (size_t{4} << 20));
}

TEST_F(CudaDevices, CopiesOfEveryKind) {
  const Tensor values = random({20, 30}, kFloat32, 1);
  for (const auto& [from, to] : {std::pair{first, second}, {second, first}}) {
    const Tensor x = values.to(from);
    EXPECT_TRUE(same(x.to(to).cpu(), values));
    EXPECT_EQ(x.to(to).device(), to);
    EXPECT_TRUE(same(x.t().to(to).cpu(), values.t()));
    EXPECT_TRUE(same(x.slice(1, 3, 20, 2).to(to).cpu(), values.slice(1, 3, 20, 2)));
    EXPECT_TRUE(same(x.to(to, kFloat64).cpu(), values.to(kFloat64)));
    EXPECT_TRUE(same(x.to(to, kFloat16).cpu(), values.to(kFloat16)));
    const Tensor wide = zeros({20, 60}, to);
    wide.slice(1, 0, 60, 2).copy_(x);
    EXPECT_TRUE(same(wide.slice(1, 0, 60, 2).cpu(), values));
    EXPECT_TRUE(all_are(wide.slice(1, 1, 60, 2), 0)) << "what is between stays";
    EXPECT_EQ(empty({0}, from).to(to).device(), to);
  }
}

// A copy runs after what is queued on both current streams, and before what is queued there later.
TEST_F(CudaDevices, CopiesAreOrderedOnBothStreams) {
  const Stream a = stream_from_pool(first), b = stream_from_pool(second);
  for (const double value : {2.0, 5.0}) {  // first for the kernels to be loaded
    const bool slow = value == 5.0;
    for (const bool source : {false, true}) {
      const Tensor x = full({1 << 20}, value - 1, first), y = zeros({1 << 20}, second), z = zeros({1 << 20}, second);
      for (const Device device : {first, second}) cuda::synchronize(device.index());
      const StreamGuard on_second(b);
      const StreamGuard on_first(a);
      if (slow) delay(source ? a : b);
      x.fill_(value);  // late, on the first
      y.fill_(-1);     // or late, on the second
      y.copy_(x);
      x.fill_(-2);
      z.copy_(y);  // on the second, after the copy
      const StreamGuard back(b);
      EXPECT_TRUE(all_are(y, value)) << source;
      EXPECT_TRUE(all_are(z, value)) << source;
      a.synchronize();
    }
  }
}

TEST_F(CudaDevices, EventsBetweenDevices) {
  const Stream a = stream_from_pool(first), b = stream_from_pool(second);
  Event event(first);
  EXPECT_THROW(event.record(b), Error);
  event.record(a);
  event.wait(b);
  b.synchronize();
  EXPECT_TRUE(event.query());
}

// The gradients come back to where the leaves are, over copies that narrow and widen, with every stream late once.
TEST_F(CudaDevices, BackwardOverTwo) {
  const Stream a = stream_from_pool(first), b = stream_from_pool(second);
  for (const double scale : {2.0, 5.0}) {  // first for the kernels to be loaded
    for (const ScalarType dtype : {kFloat32, kFloat64}) {
      for (const Stream& late : {a, b}) {
        const Tensor x = full({1000}, 3.0, TensorOptions(dtype).device(first)).requires_grad_();
        const Tensor w = full({1000}, scale, TensorOptions(kFloat32).device(second)).requires_grad_();
        for (const Device device : {first, second}) cuda::synchronize(device.index());
        Tensor y;
        {
          const StreamGuard on_first(a);
          const StreamGuard on_second(b);
          y = (x * 2).to(second, kFloat32) * w;
        }
        for (const Device device : {first, second}) cuda::synchronize(device.index());
        if (scale == 5.0) delay(late);
        y.backward(ones({1000}, second));
        EXPECT_EQ(x.grad().device(), first);
        EXPECT_EQ(w.grad().device(), second);
        EXPECT_TRUE(all_are(x.grad(), 2 * scale));
        const DeviceGuard guard(second);
        EXPECT_TRUE(all_are(w.grad(), 6));
      }
    }
  }
}

TEST_F(CudaDevices, ThreadsOfTheirOwn) {
  std::vector<std::thread> threads;
  std::vector<std::string> errors(4);
  for (size_t t = 0; t < errors.size(); ++t) {
    threads.emplace_back([&error = errors[t], device = t % 2 == 0 ? first : second] {
      try {
        const StreamGuard guard(stream_from_pool(device));
        for (int i = 0; i < 20; ++i) {
          const Tensor x = full({1000}, static_cast<double>(i), kCUDA).requires_grad_();
          EMBER_CHECK(x.device() == device, "on ", x.device());
          (x * x).sum().backward();
          EMBER_CHECK(all_are(x.grad(), 2 * i), "a wrong gradient");
        }
      } catch (const std::exception& e) {
        error = e.what();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (const std::string& error : errors) EXPECT_EQ(error, "");
}

}  // namespace
}  // namespace ember::test
