// The emulated runtime: captures and graphs.
#include <fstream>
#include <sstream>

#include "runtime_test.h"

namespace emulator::test {

namespace {

class GraphTest : public RuntimeTest {
 protected:
  void TearDown() override {
    for (const cudaGraph_t made : graphs_) EXPECT_OK(cudaGraphDestroy(made));
    RuntimeTest::TearDown();
  }
  void begin(cudaStream_t stream, cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal) {
    EXPECT_OK(cudaStreamBeginCapture(stream, mode));
  }
  cudaGraph_t end(cudaStream_t stream) {
    cudaGraph_t graph = nullptr;
    EXPECT_OK(cudaStreamEndCapture(stream, &graph));
    graphs_.push_back(graph);
    return graph;
  }
  static void expect_end(cudaStream_t stream, cudaError_t status) {
    cudaGraph_t graph = reinterpret_cast<cudaGraph_t>(1);
    EXPECT_FAILS(cudaStreamEndCapture(stream, &graph), status);
    EXPECT_EQ(graph, nullptr);
    EXPECT_EQ(capture_status(stream), cudaStreamCaptureStatusNone);
  }
  static cudaStreamCaptureStatus capture_status(cudaStream_t stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusActive;
    EXPECT_OK(cudaStreamIsCapturing(stream, &status));
    return status;
  }
  static size_t position(int number) {
    return static_cast<size_t>(std::find(logged().begin(), logged().end(), number) - logged().begin());
  }

 private:
  std::vector<cudaGraph_t> graphs_;
};

TEST_F(GraphTest, CaptureAndReplay) {
  const cudaStream_t a = stream(), b = stream();
  int* const x = ints();
  begin(a);
  EXPECT_EQ(capture_status(a), cudaStreamCaptureStatusActive);
  EXPECT_EQ(capture_status(b), cudaStreamCaptureStatusNone);
  EXPECT_OK(add(x, 2, a));
  EXPECT_OK(cudaMemcpyAsync(x + 0, x, sizeof(int), cudaMemcpyDeviceToDevice, a));
  EXPECT_OK(add(x, 3, a));
  const cudaGraph_t graph = end(a);
  EXPECT_EQ(capture_status(a), cudaStreamCaptureStatusNone);
  EXPECT_OK(cudaDeviceSynchronize());
  EXPECT_EQ(peek(x), 0) << "nothing runs in a capture";
  cudaGraphExec_t executable = nullptr;
  EXPECT_OK(cudaGraphInstantiate(&executable, graph, 0));
  EXPECT_OK(cudaGraphLaunch(executable, b));
  EXPECT_OK(cudaGraphLaunch(executable, b));
  EXPECT_OK(cudaStreamSynchronize(b));
  EXPECT_EQ(peek(x), 10);
  EXPECT_OK(cudaGraphLaunch(executable, a));
  EXPECT_OK(cudaGraphExecDestroy(executable));  // with a launch left
  EXPECT_OK(cudaStreamSynchronize(a));
  EXPECT_EQ(peek(x), 15);
  EXPECT_FAILS(cudaGraphLaunch(executable, a), cudaErrorInvalidResourceHandle);
}

TEST_F(GraphTest, ForkAndJoin) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t forked = event(), joined = event();
  begin(a);
  EXPECT_OK(log(1, a));
  EXPECT_OK(cudaEventRecord(forked, a));
  EXPECT_OK(cudaStreamWaitEvent(b, forked, 0));
  EXPECT_EQ(capture_status(b), cudaStreamCaptureStatusActive);
  unsigned long long of_a = 0, of_b = 1;
  cudaStreamCaptureStatus status{};
  EXPECT_OK(cudaStreamGetCaptureInfo(a, &status, &of_a));
  EXPECT_OK(cudaStreamGetCaptureInfo(b, &status, &of_b));
  EXPECT_EQ(of_a, of_b);
  EXPECT_OK(log(2, a));
  EXPECT_OK(log(3, b));
  EXPECT_OK(log(4, b));
  EXPECT_OK(cudaEventRecord(joined, b));
  EXPECT_OK(cudaStreamWaitEvent(a, joined, 0));
  EXPECT_OK(log(5, a));
  const cudaGraph_t graph = end(a);
  EXPECT_EQ(capture_status(b), cudaStreamCaptureStatusNone);
  cudaGraphExec_t executable = nullptr;
  EXPECT_OK(cudaGraphInstantiate(&executable, graph, 0));
  std::vector<std::vector<int>> seen;
  for (int i = 0; i < 20; ++i) {
    logged().clear();
    EXPECT_OK(cudaGraphLaunch(executable, a));
    EXPECT_OK(cudaStreamSynchronize(a));
    ASSERT_EQ(logged().size(), 5u);
    EXPECT_EQ(logged().front(), 1);
    EXPECT_EQ(logged().back(), 5);
    EXPECT_LT(position(3), position(4));
    seen.push_back(logged());
  }
  if (lazy()) {
    EXPECT_EQ(seen[0], (std::vector<int>{1, 3, 4, 2, 5}));
  }
  if (eager()) {
    EXPECT_EQ(seen[0], (std::vector<int>{1, 2, 3, 4, 5}));
  }
  std::sort(seen.begin(), seen.end());
  const auto different = std::unique(seen.begin(), seen.end()) - seen.begin();
  EXPECT_EQ(different, settings().order == Order::kRandom ? 3 : 1);
  EXPECT_OK(cudaGraphExecDestroy(executable));
  EXPECT_FAILS(cudaEventQuery(forked), cudaErrorCapturedEvent);
  EXPECT_FAILS(cudaStreamWaitEvent(a, forked, 0), cudaErrorCapturedEvent);
  EXPECT_OK(cudaEventRecord(forked, a));
  EXPECT_OK(cudaStreamWaitEvent(b, forked, 0));
}

TEST_F(GraphTest, LaunchesOfOneFollowEachOther) {
  const cudaStream_t a = stream(), b = stream();
  begin(a);
  EXPECT_OK(log(1, a));
  const cudaGraph_t graph = end(a);
  cudaGraphExec_t executable = nullptr;
  EXPECT_OK(cudaGraphInstantiate(&executable, graph, 0));
  EXPECT_OK(log(0, a));
  EXPECT_OK(cudaGraphLaunch(executable, a));
  EXPECT_OK(cudaGraphLaunch(executable, b));
  EXPECT_OK(cudaStreamSynchronize(b));
  EXPECT_EQ(logged(), (std::vector<int>{0, 1, 1}));
  EXPECT_OK(cudaGraphExecDestroy(executable));
}

TEST_F(GraphTest, HostFunctionsAndGraphsInside) {
  const cudaStream_t a = stream();
  static std::atomic<int> calls;
  calls = 0;
  begin(a);
  EXPECT_OK(cudaLaunchHostFunc(
      a, [](void*) { ++calls; }, nullptr));
  EXPECT_OK(log(1, a));
  const cudaGraph_t inner = end(a);
  cudaGraphExec_t inner_executable = nullptr, executable = nullptr;
  EXPECT_OK(cudaGraphInstantiate(&inner_executable, inner, 0));
  begin(a);
  EXPECT_OK(cudaGraphLaunch(inner_executable, a));
  EXPECT_OK(log(2, a));
  EXPECT_OK(cudaGraphLaunch(inner_executable, a));
  const cudaGraph_t graph = end(a);
  EXPECT_OK(cudaGraphInstantiateWithFlags(&executable, graph, 0));
  EXPECT_OK(cudaGraphLaunch(executable, a));
  EXPECT_OK(cudaStreamSynchronize(a));
  EXPECT_EQ(logged(), (std::vector<int>{1, 2, 1}));
  EXPECT_EQ(calls, 2);
  EXPECT_OK(cudaGraphExecDestroy(executable));
  EXPECT_OK(cudaGraphExecDestroy(inner_executable));
}

TEST_F(GraphTest, CopiesHoldThePlace) {
  const cudaStream_t a = stream();
  int* const x = ints();
  int value = 1;
  begin(a);
  EXPECT_OK(cudaMemcpyAsync(x, &value, sizeof(int), cudaMemcpyHostToDevice, a));
  const cudaGraph_t graph = end(a);
  cudaGraphExec_t executable = nullptr;
  EXPECT_OK(cudaGraphInstantiate(&executable, graph, 0));
  value = 5;
  EXPECT_OK(cudaGraphLaunch(executable, a));
  EXPECT_OK(cudaStreamSynchronize(a));
  EXPECT_EQ(peek(x), 5);
  EXPECT_OK(cudaGraphExecDestroy(executable));
}

TEST_F(GraphTest, Picture) {
  const cudaStream_t a = stream();
  int* const x = ints();
  begin(a);
  EXPECT_OK(add(x, 2, a));
  EXPECT_OK(cudaMemsetAsync(x, 0, 4, a));
  const cudaGraph_t graph = end(a);
  size_t count = 0;
  EXPECT_OK(cudaGraphGetNodes(graph, nullptr, &count));
  EXPECT_EQ(count, 2u);
  const std::string path = testing::TempDir() + "emulated_graph.dot";
  EXPECT_OK(cudaGraphDebugDotPrint(graph, path.c_str(), 0));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_NE(text.str().find("add(int*, int)"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("node_0 -> node_1"), std::string::npos) << text.str();
  EXPECT_FAILS(cudaGraphDebugDotPrint(graph, "/nonexistent/graph", 0), cudaErrorOperatingSystem);
}

// ---- what ends a capture ----

TEST_F(GraphTest, BeginAndEndDoNotMatch) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t forked = event();
  cudaGraph_t graph = nullptr;
  EXPECT_FAILS(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
  EXPECT_FAILS(cudaStreamEndCapture(a, &graph), cudaErrorIllegalState);
  begin(a);
  EXPECT_FAILS(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal), cudaErrorIllegalState);
  std::thread([&] { EXPECT_FAILS(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureWrongThread); }).join();
  (void)end(a);
  begin(a, cudaStreamCaptureModeRelaxed);
  std::thread([&] { (void)end(a); }).join();
  begin(a);
  EXPECT_OK(cudaEventRecord(forked, a));
  EXPECT_OK(cudaStreamWaitEvent(b, forked, 0));
  EXPECT_FAILS(cudaStreamEndCapture(b, &graph), cudaErrorStreamCaptureUnmatched);
  expect_end(a, cudaErrorStreamCaptureInvalidated);
}

TEST_F(GraphTest, WorkThatIsNotJoined) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t forked = event();
  begin(a);
  EXPECT_OK(log(1, a));
  EXPECT_OK(cudaEventRecord(forked, a));
  EXPECT_OK(cudaStreamWaitEvent(b, forked, 0));
  EXPECT_OK(log(2, b));
  expect_end(a, cudaErrorStreamCaptureUnjoined);
  EXPECT_EQ(capture_status(b), cudaStreamCaptureStatusNone);
}

TEST_F(GraphTest, BordersOfACapture) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t outside = event(), inside = event();
  EXPECT_OK(cudaEventRecord(outside, b));
  begin(a);
  EXPECT_FAILS(cudaStreamWaitEvent(a, outside, 0), cudaErrorStreamCaptureIsolation);
  EXPECT_EQ(capture_status(a), cudaStreamCaptureStatusInvalidated);
  EXPECT_FAILS(log(1, a), cudaErrorStreamCaptureInvalidated);
  expect_end(a, cudaErrorStreamCaptureInvalidated);
  begin(a);
  begin(b);
  EXPECT_OK(cudaEventRecord(inside, a));
  EXPECT_FAILS(cudaStreamWaitEvent(b, inside, 0), cudaErrorStreamCaptureMerge);
  expect_end(a, cudaErrorStreamCaptureInvalidated);
  expect_end(b, cudaErrorStreamCaptureInvalidated);
}

TEST_F(GraphTest, WhatACaptureForbids) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t inside = event(), outside = event();
  void* memory = nullptr;
  int* const x = ints();
  int y = 0;
  EXPECT_OK(cudaEventRecord(outside, b));
  const std::pair<std::function<cudaError_t()>, cudaError_t> calls[] = {
      {[&] { return cudaStreamSynchronize(a); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaStreamQuery(a); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaDeviceSynchronize(); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaMalloc(&memory, 4); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaFree(x); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaMemcpy(&y, x, 4, cudaMemcpyDeviceToHost); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaStreamSynchronize(b); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaEventQuery(outside); }, cudaErrorStreamCaptureUnsupported},
      {[&] { return cudaEventQuery(inside); }, cudaErrorCapturedEvent},
      {[&] { return cudaEventSynchronize(inside); }, cudaErrorCapturedEvent},
  };
  for (size_t i = 0; i < std::size(calls); ++i) {
    SCOPED_TRACE(i);
    begin(a);
    EXPECT_OK(cudaEventRecord(inside, a));
    EXPECT_FAILS(calls[i].first(), calls[i].second);
    expect_end(a, cudaErrorStreamCaptureInvalidated);
  }
  EXPECT_OK(cudaFree(nullptr));
}

TEST_F(GraphTest, Modes) {
  const cudaStream_t a = stream();
  const auto allocate = [] {
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, 4);
    if (status == cudaSuccess) {
      EXPECT_OK(cudaFree(memory));
    }
    (void)cudaGetLastError();
    return status;
  };
  const auto elsewhere = [&] {
    cudaError_t status = cudaSuccess;
    std::thread([&] { status = allocate(); }).join();
    return status;
  };
  begin(a, cudaStreamCaptureModeThreadLocal);
  EXPECT_EQ(elsewhere(), cudaSuccess);
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  EXPECT_OK(cudaThreadExchangeStreamCaptureMode(&mode));
  EXPECT_EQ(mode, cudaStreamCaptureModeGlobal);
  EXPECT_EQ(allocate(), cudaSuccess);
  EXPECT_OK(cudaThreadExchangeStreamCaptureMode(&mode));
  EXPECT_EQ(mode, cudaStreamCaptureModeRelaxed);
  EXPECT_EQ(allocate(), cudaErrorStreamCaptureUnsupported);
  expect_end(a, cudaErrorStreamCaptureInvalidated);
  begin(a, cudaStreamCaptureModeRelaxed);
  EXPECT_EQ(allocate(), cudaSuccess);
  (void)end(a);
  begin(a, cudaStreamCaptureModeGlobal);
  EXPECT_EQ(elsewhere(), cudaErrorStreamCaptureUnsupported);
  expect_end(a, cudaErrorStreamCaptureInvalidated);
}

TEST_F(GraphTest, TheLegacyStream) {
  const cudaStream_t apart = stream(), blocking = stream(cudaStreamDefault);
  cudaStreamCaptureStatus status{};
  begin(apart);
  EXPECT_OK(log(1, nullptr));
  EXPECT_EQ(capture_status(nullptr), cudaStreamCaptureStatusNone);
  (void)end(apart);
  begin(blocking);
  EXPECT_FAILS(cudaStreamIsCapturing(nullptr, &status), cudaErrorStreamCaptureImplicit);
  EXPECT_FAILS(cudaStreamGetCaptureInfo(nullptr, &status), cudaErrorStreamCaptureImplicit);
  EXPECT_EQ(capture_status(blocking), cudaStreamCaptureStatusActive);
  EXPECT_FAILS(log(1, nullptr), cudaErrorStreamCaptureImplicit);
  expect_end(blocking, cudaErrorStreamCaptureInvalidated);
  begin(cudaStreamPerThread);
  EXPECT_OK(log(2, cudaStreamPerThread));
  (void)end(cudaStreamPerThread);
}

TEST_F(GraphTest, StreamsThatGo) {
  cudaStream_t gone = nullptr;
  const cudaStream_t a = stream();
  const cudaEvent_t forked = event();
  EXPECT_OK(cudaStreamCreate(&gone));
  begin(a);
  EXPECT_OK(cudaEventRecord(forked, a));
  EXPECT_OK(cudaStreamWaitEvent(gone, forked, 0));
  EXPECT_OK(cudaStreamDestroy(gone));
  expect_end(a, cudaErrorStreamCaptureInvalidated);
  EXPECT_OK(cudaStreamCreate(&gone));
  begin(gone);
  EXPECT_OK(cudaStreamDestroy(gone));
  EXPECT_OK(log(1, nullptr));
}

}  // namespace

}  // namespace emulator::test
