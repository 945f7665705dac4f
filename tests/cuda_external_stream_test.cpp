// Streams that Ember did not make: work, order, backward and memory on them.
#include <stdexcept>

#include <ember/ember.h>

#include "cuda_test.h"

namespace ember::test {
namespace {

class CudaExternalStream : public CudaTest {
 protected:
  static cuda::CUDAStream external(const ForeignStream& stream) {
    return cuda::getStreamFromExternal(stream.get(), cuda::current_device());
  }
};

TEST_F(CudaExternalStream, IsAStreamLikeOthers) {
  const ForeignStream foreign, another;
  const cuda::CUDAStream s = external(foreign);
  EXPECT_EQ(s.stream(), foreign.get());
  EXPECT_EQ(s.device(), Device(kCUDA, cuda::current_device()));
  EXPECT_TRUE(s == external(foreign));
  EXPECT_FALSE(s == external(another) || s == cuda::getDefaultCUDAStream() || s == cuda::getStreamFromPool());
  EXPECT_TRUE(s.query());
  s.synchronize();
  EXPECT_EQ(cuda::getStreamFromExternal(foreign.get(), -1).device(), s.device()) << "-1 is the current device";
  EXPECT_ERROR(cuda::getStreamFromExternal(foreign.get(), 100), "there is no device cuda:100");
}

TEST_F(CudaExternalStream, GuardsRestore) {
  const ForeignStream foreign;
  const Stream before = current_stream(kCUDA), s = external(foreign), pooled = side();
  {
    const cuda::CUDAStreamGuard guard(s);
    EXPECT_EQ(cuda::getCurrentCUDAStream().stream(), foreign.get());
    EXPECT_EQ(guard.original_stream().unwrap(), before);
    {
      const StreamGuard inner(pooled);
      EXPECT_EQ(current_stream(kCUDA), pooled);
    }
    EXPECT_EQ(current_stream(kCUDA), s);
  }
  EXPECT_EQ(current_stream(kCUDA), before);
  EXPECT_THROW(
      {
        const StreamGuard guard(s);
        throw std::runtime_error("stop");
      },
      std::runtime_error);
  EXPECT_EQ(current_stream(kCUDA), before);
}

TEST_F(CudaExternalStream, WorkIsOrderedByIt) {
  const ForeignStream foreign;
  const Stream s = external(foreign), other = side();
  const Tensor x = ones({1000}, kCUDA);
  Event written(kCUDA);
  for (const bool slow : {false, true}) {  // first for the kernels to be loaded
    x.fill_(0);
    cuda::synchronize();
    {
      Gate gate(s);
      if (!slow) gate.open();
      {
        const StreamGuard guard(s);
        x.fill_(1);
        x.mul_(3);
        written.record();
      }
      if (slow) {
        EXPECT_FALSE(written.query() || cuda::CUDAStream(s).query());
        const StreamGuard guard(other);
        EXPECT_TRUE(all_are(x, 0)) << "the other has waited for it";
        ASSERT_TRUE(gate.held());
      }
      written.wait(other);
    }
    const StreamGuard guard(other);
    EXPECT_TRUE(all_are(x, 3));
  }
  const StreamGuard guard(s);
  delay(s);
  x.fill_(7);
  EXPECT_EQ(x[999].item<float>(), 7);  // item() waits for this stream
}

TEST_F(CudaExternalStream, LibrariesWorkOnIt) {
  const ForeignStream foreign;
  const Tensor a = random({40, 70}, kFloat32, 1), b = random({70, 30}, kFloat32, 2), v = random({70}, kFloat32, 3);
  const StreamGuard guard(external(foreign));
  const Tensor on_device = a.cuda();
  EXPECT_TRUE(allclose(on_device.mm(b.cuda()).cpu(), a.mm(b), 1e-4, 1e-4));
  EXPECT_TRUE(allclose(on_device.mv(v.cuda()).cpu(), a.mv(v), 1e-4, 1e-4));
  EXPECT_TRUE(same(std::get<0>(on_device.sort(1)).cpu(), std::get<0>(a.sort(1))));
  EXPECT_TRUE(allclose(on_device.cumsum(0).cpu(), a.cumsum(0), 1e-4, 1e-4));
}

TEST_F(CudaExternalStream, BackwardOnIt) {
  const ForeignStream foreign;
  const Stream s = external(foreign);
  for (const double scale : {2.0, 5.0}) {  // first for the kernels to be loaded
    const Tensor x = ones({1000}, kCUDA).requires_grad_();
    cuda::synchronize();
    Tensor y;
    {
      const StreamGuard guard(s);
      if (scale == 5.0) delay(s);
      const Tensor late = x * scale;
      y = late * late;
      EXPECT_EQ(y.grad_fn()->stream(), s);
    }
    y.backward(ones({1000}, kCUDA));
    EXPECT_TRUE(all_are(x.grad(), 2 * scale * scale));  // on the default stream
  }
}

// Memory that it still reads is not given to others, if it was recorded.
TEST_F(CudaExternalStream, RecordStream) {
  EMBER_SKIP_WHERE_A_TOOL_HOLDS_KERNELS();
  const ForeignStream foreign;
  const Stream s = external(foreign);
  { const Tensor spare[] = {ones({1000}, kCUDA), ones({1000}, kCUDA)}; }
  for (const bool recorded : {true, false}) {
    Tensor x = full({1000}, 1.0, kCUDA);
    const void* const where = x.data_ptr();
    Tensor copy;
    cuda::synchronize();
    {
      const StreamGuard guard(s);
      copy = zeros({1000}, kCUDA);
      s.synchronize();
      Gate gate(s);
      copy.copy_(x);
      if (recorded) x.record_stream(s);
      x = Tensor();
      const StreamGuard on_default(cuda::getDefaultCUDAStream());
      const Tensor other = full({1000}, -1.0, kCUDA);
      current_stream(kCUDA).synchronize();
      EXPECT_EQ(other.data_ptr() == where, !recorded);
      ASSERT_TRUE(gate.held());
    }
    const StreamGuard guard(s);
    EXPECT_TRUE(all_are(copy, recorded ? 1 : -1));
  }
}

TEST_F(CudaExternalStream, HasMemoryOfItsOwn) {
  const ForeignStream foreign;
  const void* where = nullptr;
  {
    const StreamGuard guard(external(foreign));
    const Tensor x = ones({1000}, kCUDA);
    where = x.data_ptr();
  }
  EXPECT_NE(ones({1000}, kCUDA).data_ptr(), where);
  const StreamGuard guard(external(foreign));
  EXPECT_EQ(empty({1000}, kCUDA).data_ptr(), where);
}

// By CUDA's rule for streams that were not made as non-blocking ones.
TEST_F(CudaExternalStream, ABlockingOneAndTheDefaultStreamWaitForEachOther) {
  EMBER_SKIP_WHERE_SIMULATED();
  const ForeignStream foreign(/*blocking=*/true);
  const Stream s = external(foreign), standard = cuda::getDefaultCUDAStream();
  const Tensor x = zeros({1000}, kCUDA);
  for (const double value : {2.0, 5.0}) {  // first for the kernels to be loaded
    cuda::synchronize();
    if (value == 5.0) delay(standard);
    x.fill_(value);
    Tensor y;
    {
      const StreamGuard guard(s);
      y = x * 3;
      if (value == 5.0) delay(s);
      y.add_(1);
    }
    EXPECT_TRUE(all_are(y + 1, 3 * value + 2));
  }
}

// What it leaves behind, memory and the state of libraries, does no harm.
TEST_F(CudaExternalStream, CanGo) {
  for (int i = 0; i < 3; ++i) {
    Tensor kept;
    {
      const ForeignStream foreign;
      const StreamGuard guard(external(foreign));
      const Tensor a = random({40, 40}, kFloat32, 1).cuda();
      kept = a.mm(a).sum().cpu();
      Tensor x = ones({1000}, kCUDA).requires_grad_();
      (x * x).sum().backward();
      EXPECT_TRUE(all_are(x.grad(), 2));
    }
    EXPECT_EQ(current_stream(kCUDA).handle, 0u);
    const Tensor a = random({40, 40}, kFloat32, 1).cuda();
    EXPECT_TRUE(same(a.mm(a).sum().cpu(), kept));
    cuda::synchronize();
    cuda::empty_cache();
  }
}

}  // namespace
}  // namespace ember::test
