// Backward over several streams: what has to wait for what, and whose memory a gradient is. Every case runs twice. The
// first loads the kernels; in the second streams are kept busy, and its numbers are others, so that what the first left
// in memory is wrong. Each fails if the wait that it is about is left out: tests/gpu_guards.py leaves them out.
#include <algorithm>
#include <vector>

#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/grad_mode.h>
#include <ember/ember.h>

#include "cuda_test.h"
#include "linear_activation_harness.h"

namespace ember::test {
namespace {

using autograd::AutogradContext;
using autograd::variable_list;

constexpr int64_t kN = 1000;

class CudaBackwardStream : public CudaTest {
 protected:
  // f(scale, slow): slow is a call that makes a stream slow, or does nothing.
  template <class F>
  static void twice(F f) {
    f(2.0, [](Stream) {});
    cuda::synchronize();
    f(5.0, [](Stream stream) { delay(stream); });
    cuda::synchronize();
  }
  static Tensor filled(double value) { return full({kN}, value, kCUDA); }
  static Tensor leaf() {
    const Tensor x = ones({kN}, kCUDA).requires_grad_();
    cuda::synchronize();
    return x;
  }
  // What f gives, computed on the stream.
  template <class F>
  static Tensor on(const Stream& stream, F f) {
    const StreamGuard guard(stream);
    return f();
  }
  static Stream default_stream() { return cuda::getDefaultCUDAStream(); }
  // Whether the memory at `where` is given to what is asked for on `stream` now, and written over.
  static bool is_reused(const void* where, Stream stream) {
    const StreamGuard guard(stream);
    const Tensor others[] = {filled(-1), filled(-1), filled(-1), filled(-1)};
    return std::any_of(std::begin(others), std::end(others), [&](const Tensor& t) { return t.data_ptr() == where; });
  }
};

TEST_F(CudaBackwardStream, ANodeRunsOnTheStreamOfItsForward) {
  const Stream s = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    Tensor y;
    {
      const StreamGuard guard(s);
      slow(s);
      const Tensor late = x * scale;
      y = late * late;
      EXPECT_EQ(y.grad_fn()->stream(), s);
    }
    y.backward(filled(1));
    EXPECT_TRUE(all_are(x.grad(), 2 * scale * scale));
  });
}

TEST_F(CudaBackwardStream, WaitsForTheGradientItIsGiven) {
  const Stream s = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf(), y = x * 3, gradient = filled(0);
    cuda::synchronize();
    const StreamGuard guard(s);
    slow(s);
    gradient.fill_(scale);
    y.backward(gradient);
    EXPECT_TRUE(all_are(x.grad(), 3 * scale));
  });
}

// For the gradient of 1 of a loss nothing is made, and so nothing waits for the caller's stream; but that for the loss.
TEST_F(CudaBackwardStream, ALossOfAnotherStream) {
  const Stream s = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf(), zero = filled(0);
    cuda::synchronize();
    Tensor loss;
    {
      const StreamGuard guard(s);
      slow(s);
      loss = mse_loss(x * scale, zero, Reduction::Sum);
    }
    loss.backward();
    EXPECT_TRUE(all_are(x.grad(), 2 * scale * scale));
  });
}

TEST_F(CudaBackwardStream, ANodeWaitsForTheGradientOfAnotherStream) {
  const Stream s = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf(), below = x * 2;
    cuda::synchronize();
    Tensor y = on(s, [&] { return below * 3; });
    slow(s);
    y.backward(filled(scale));
    EXPECT_TRUE(all_are(x.grad(), 6 * scale));
  });
}

TEST_F(CudaBackwardStream, LeafGradientsAreReadyOnTheCallersStream) {
  const Stream s = side(), caller = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    Tensor y = on(s, [&] { return x * 3; });
    cuda::synchronize();
    const StreamGuard guard(caller);
    for (int i = 1; i <= 2; ++i) {  // the second is added to the first
      slow(s);
      y.backward(filled(scale), /*retain_graph=*/true);
      EXPECT_TRUE(all_are(x.grad(), 3 * i * scale));
    }
  });
}

// It is added to behind what the caller's stream has been given meanwhile: here by a hook, when all that the backward
// waits for at its beginning is past.
TEST_F(CudaBackwardStream, LeavesAccumulateOnTheCallersStream) {
  const Stream s = side(), caller = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    const Tensor y = on(s, [&] { return x * 3; });
    cuda::synchronize();
    const StreamGuard guard(caller);
    y.backward(filled(scale), /*retain_graph=*/true);
    cuda::synchronize();
    Tensor before;
    y.register_hook([&](const Tensor&) {
      EXPECT_EQ(current_stream(kCUDA), s);
      const StreamGuard on_caller(caller);
      slow(caller);
      before = x.grad() * 1;
    });
    int leaves = 0;
    x.register_hook([&](const Tensor&) {
      EXPECT_EQ(current_stream(kCUDA), caller);
      ++leaves;
    });
    y.backward(filled(scale));
    EXPECT_EQ(leaves, 1);
    EXPECT_TRUE(all_are(before, 3 * scale));
    EXPECT_TRUE(all_are(x.grad(), 6 * scale));
  });
}

TEST_F(CudaBackwardStream, BranchesMeetAtALeaf) {
  const Stream a = side(), b = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    const Tensor left = on(a, [&] { return x * 2; });
    const Tensor right = on(b, [&] { return x * 5; });
    cuda::synchronize();
    const Tensor sum = left + right;
    cuda::synchronize();
    slow(a);
    slow(b);
    sum.backward(filled(scale));
    EXPECT_TRUE(all_are(x.grad(), 7 * scale));
  });
}

// Where the sum is made on a stream that neither the branches nor the caller have.
TEST_F(CudaBackwardStream, BranchesMeetOnAThirdStream) {
  const Stream a = side(), b = side(), meeting = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    const Tensor shared = on(meeting, [&] { return x * 1; });
    cuda::synchronize();
    const Tensor left = on(a, [&] { return shared * 2; });
    const Tensor right = on(b, [&] { return shared * 5; });
    cuda::synchronize();
    const Tensor sum = left + right;
    cuda::synchronize();
    slow(a);
    slow(b);
    sum.backward(filled(scale));
    EXPECT_TRUE(all_are(x.grad(), 7 * scale));
  });
}

// Gradients that no leaf gets.
TEST_F(CudaBackwardStream, GradientsInBetweenAreReadyOnTheCallersStream) {
  const Stream s = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    Tensor between, y;
    {
      const StreamGuard guard(s);
      between = x * 2;
      y = between * 3;
    }
    cuda::synchronize();
    slow(s);
    EXPECT_TRUE(all_are(autograd::grad({y}, {between}, {filled(scale)}, true)[0], 3 * scale));
    between.retain_grad();
    slow(s);
    y.backward(filled(scale));
    EXPECT_TRUE(all_are(between.grad(), 3 * scale));
  });
}

// A node of the host has no stream: what it makes on the device it makes on the caller's.
TEST_F(CudaBackwardStream, WaitsForWhatANodeOfTheHostMakes) {
  const Stream s = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    Tensor y = on(s, [&] { return (x * 3).cpu(); });
    cuda::synchronize();
    y.grad_fn()->add_post_hook([&](const variable_list& grads, const variable_list&) {
      EXPECT_TRUE(grads[0].is_cuda());
      slow(default_stream());
      return variable_list{grads[0] * 2};
    });
    y.backward(full({kN}, scale));
    EXPECT_TRUE(all_are(x.grad(), 6 * scale));
  });
}

// The node above computes the gradient of what is below the activation too, but not of work on another stream.
TEST_F(CudaBackwardStream, LayersOfTwoStreamsAreNotFused) {
  const Stream a = side(), b = side();
  const auto values = [](IntArrayRef sizes, uint64_t seed) {
    return random(sizes, kFloat32, kCUDA, seed).requires_grad_();
  };
  for (const Stream& above : {a, b}) {
    const Tensor x = values({7, 6}, 1), w = values({5, 6}, 2), c = values({5}, 3), v = values({4, 5}, 4),
                 d = values({4}, 5);
    cuda::synchronize();
    Tensor hidden, y;
    hidden = on(a, [&] { return linear_activation(x, w, c, Activation::Relu); });
    cuda::synchronize();
    y = on(above, [&] { return linear(hidden, v, d); });
    cuda::synchronize();
    const Products products(kCUDA);
    y.backward(ones({7, 4}, kCUDA));
    EXPECT_EQ(products.masked(), above == a ? 1 : 0);
  }
}

// ---- memory ----

// The node below works late with the gradient; the node above has given it away by then.
TEST_F(CudaBackwardStream, AGradientLastsUntilAnotherStreamHasUsedIt) {
  const Stream s = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf(), below = x * 2;
    cuda::synchronize();
    Tensor y = on(s, [&] { return below * 3; });
    const void* where = nullptr;
    below.register_hook([&](const Tensor& gradient) {
      EXPECT_EQ(current_stream(kCUDA), default_stream());
      where = gradient.data_ptr();
      slow(default_stream());
    });
    y.backward(filled(scale));
    const bool reused = is_reused(where, s);
    EXPECT_FALSE(scale == 5.0 && reused);
    EXPECT_TRUE(all_are(x.grad(), 6 * scale));
  });
}

TEST_F(CudaBackwardStream, ALeafGradientLastsUntilTheCallerHasUsedIt) {
  EMBER_SKIP_WHERE_A_TOOL_HOLDS_KERNELS();
  const Stream s = side(), caller = side();
  twice([&](double scale, auto slow) {
    const Tensor x = leaf();
    Tensor y, result;
    y = on(s, [&] { return x * 3; });
    cuda::synchronize();
    const void* where = nullptr;
    {
      const StreamGuard guard(caller);
      y.backward(filled(scale));
      where = x.grad().data_ptr();
      slow(caller);
      result = x.grad() * 1;
      x.mutable_grad() = Tensor();
    }
    s.synchronize();
    default_stream().synchronize();  // only the caller's is late
    EXPECT_FALSE(is_reused(where, s) && scale == 5.0);
    const StreamGuard guard(caller);
    EXPECT_TRUE(all_are(result, 3 * scale));
  });
}

TEST_F(CudaBackwardStream, GradientsInBetweenLastUntilTheCallerHasUsedThem) {
  EMBER_SKIP_WHERE_A_TOOL_HOLDS_KERNELS();
  const Stream s = side();
  for (const bool retained : {false, true}) {
    twice([&](double scale, auto slow) {
      const Tensor x = leaf();
      Tensor between, y;
      {
        const StreamGuard guard(s);
        between = x * 2;
        y = between * 3;
      }
      cuda::synchronize();
      Tensor gradient;
      if (retained) {
        between.retain_grad();
        y.backward(filled(scale));
        std::swap(gradient, between.mutable_grad());
      } else {
        gradient = autograd::grad({y}, {between}, {filled(scale)})[0];
      }
      const void* const where = gradient.data_ptr();
      slow(default_stream());
      const Tensor result = gradient * 1;
      gradient = Tensor();
      s.synchronize();
      EXPECT_FALSE(is_reused(where, s) && scale == 5.0) << (retained ? "retained" : "asked for");
      EXPECT_TRUE(all_are(result, 3 * scale));
    });
  }
}

// ---- the thread that a deep backward goes on in ----

struct Nested : autograd::Function<Nested> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, int64_t depth, std::vector<Stream>* seen) {
    ctx->saved_data["depth"] = depth;
    ctx->saved_data["seen"] = reinterpret_cast<int64_t>(seen);
    return x.clone();
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const int64_t depth = ctx->saved_data["depth"].toInt();
    auto* const seen = reinterpret_cast<std::vector<Stream>*>(ctx->saved_data["seen"].toInt());
    seen->push_back(current_stream(kCUDA));
    if (depth > 0) {
      const EnableGradGuard on;
      const Tensor x = zeros({1}, kCUDA).requires_grad_();
      x.register_hook([seen](const Tensor&) { seen->push_back(current_stream(kCUDA)); });
      Nested::apply(x, depth - 1, seen).backward(grads[0]);
    }
    return {grads[0], Tensor(), Tensor()};
  }
};

TEST_F(CudaBackwardStream, NestedBackwardsKeepTheCallersStream) {
  const Stream s = side();
  std::vector<Stream> seen;
  {
    const StreamGuard guard(s);
    const Tensor x = ones({1}, kCUDA).requires_grad_();
    Nested::apply(x, 200, &seen).backward();
    EXPECT_TRUE(all_are(x.grad(), 1));
  }
  EXPECT_EQ(seen, std::vector<Stream>(201 + 200, s)) << "of nodes, and of leaves, which have the caller's";
}

}  // namespace
}  // namespace ember::test
