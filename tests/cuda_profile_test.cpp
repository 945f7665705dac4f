// The ranges that a profiler is given: of operations, backward nodes and modules. A sink in the place of NVTX collects
// them, so that this runs without a GPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <ember/ember.h>

#include "op_harness.h"

namespace ember {
namespace {

std::string numbered(uint64_t node) { return " #" + std::to_string(node); }

// Collects ranges as "text", or "text #number" where there is a node's, when they open and "end" when they close, while
// ranges are on.
class Collected {
 public:
  Collected() {
    texts().clear();
    open() = 0;
    detail::set_range_sink({&push, &pop});
  }
  ~Collected() { detail::set_range_sink({}); }

  static std::vector<std::string>& texts() {
    static std::vector<std::string> instance;
    return instance;
  }
  static int& open() {
    static int instance;
    return instance;
  }
  // The texts that were opened, indented by how deep they were.
  static std::vector<std::string> opened() {
    std::vector<std::string> result;
    std::string indent;
    for (const std::string& text : texts()) {
      if (text == "end") {
        indent.pop_back();
      } else {
        result.push_back(indent + text);
        indent += '>';
      }
    }
    return result;
  }

 private:
  static void push(const char* text, uint64_t node) {
    texts().push_back(node == 0 ? text : text + numbered(node));
    ++open();
  }
  static void pop() {
    texts().push_back("end");
    --open();
  }
  ProfilerRangesGuard guard_;
};

std::string seq(const Tensor& y) { return numbered(y.grad_fn()->sequence_nr()); }

class CudaProfile : public testing::TestWithParam<DeviceType> {
 protected:
  Device device() const { return Device(GetParam()); }
};
#define SKIP_WITHOUT_DEVICE() EMBER_SKIP_WITHOUT(device())

TEST_P(CudaProfile, NothingWhileOff) {
  SKIP_WITHOUT_DEVICE();
  const Collected collected;
  const ProfilerRangesGuard off(false);
  const Tensor a = ones({64, 100}, device()).requires_grad_();
  (a + a).sum().backward();
  nn::Linear layer(3, 2);
  layer(ones({1, 3}));
  { const ProfilerRange range("mine"); }
  EXPECT_TRUE(Collected::texts().empty());
}

TEST_P(CudaProfile, OperationWithShapesAndTheNumberOfItsNode) {
  SKIP_WITHOUT_DEVICE();
  const Tensor a = ones({64, 100}, device()).requires_grad_(), b = ones({100}, device());
  const Collected collected;
  const Tensor y = a + b;
  ASSERT_EQ(Collected::opened(), std::vector<std::string>{"add [64, 100] [100]" + seq(y)});
  const Tensor z = y * 2;
  EXPECT_EQ(Collected::opened().back(), "mul [64, 100] 2" + seq(z));
  const Tensor e = z.exp();
  EXPECT_EQ(Collected::opened().back(), "exp [64, 100]" + seq(e));
  EXPECT_EQ(Collected::open(), 0);
}

TEST_P(CudaProfile, OtherKernelsHaveTheSizesOfTheirTensors) {
  SKIP_WITHOUT_DEVICE();
  const Tensor a = ones({5, 7}, device()), b = ones({7, 3}, device());
  const Collected collected;
  const NoGradGuard no_grad;
  a.mm(b);
  EXPECT_EQ(Collected::opened().back(), "matmul [5, 3] [5, 7] [7, 3]");
}

TEST_P(CudaProfile, NoNumberWithoutRecording) {
  SKIP_WITHOUT_DEVICE();
  const Tensor a = ones({4}, device());
  const Collected collected;
  const NoGradGuard no_grad;
  a + a;
  EXPECT_EQ(Collected::opened().back(), "add [4] [4]");
}

TEST_P(CudaProfile, BackwardNodesHaveTheNumberOfTheirForward) {
  SKIP_WITHOUT_DEVICE();
  const Tensor a = ones({4}, device()).requires_grad_();
  const Tensor y = a.exp();
  const Tensor z = y.sin();
  const Collected collected;
  z.backward(ones({4}, device()));
  const std::vector<std::string> opened = Collected::opened();
  const auto find = [&](const std::string& text) { return std::find(opened.begin(), opened.end(), text); };
  const auto first = find("SinBackward0" + seq(z)), second = find("ExpBackward0" + seq(y));
  ASSERT_NE(first, opened.end());
  ASSERT_NE(second, opened.end());
  EXPECT_LT(first, second);
  // The operations of a node are in its range, and record nothing.
  ASSERT_NE(second + 1, opened.end());
  EXPECT_EQ(second[1], ">mul [4] [4]");
  EXPECT_EQ(Collected::open(), 0);
}

TEST_P(CudaProfile, RecordedBackwardSaysWhatItRecords) {
  SKIP_WITHOUT_DEVICE();
  const Tensor a = ones({4}, device()).requires_grad_();
  const Tensor y = a.exp();
  const Collected collected;
  const Tensor g = autograd::grad({y}, {a}, {ones({4}, device())}, std::nullopt, /*create_graph=*/true)[0];
  const std::vector<std::string> opened = Collected::opened();
  EXPECT_NE(std::find(opened.begin(), opened.end(), ">mul [4] [4]" + seq(g)), opened.end());
}

INSTANTIATE_TEST_SUITE_P(, CudaProfile, testing::Values(kCPU, kCUDA),
                         [](const auto& info) { return info.param == kCPU ? "cpu" : "cuda"; });

TEST(CudaProfileRanges, ClosedWhenAKernelThrows) {
  const Tensor a = ones({4}), index = full({1}, 9, kInt64);
  const Collected collected;
  EXPECT_THROW(a.index_select(0, index), Error);
  EXPECT_FALSE(Collected::texts().empty());
  EXPECT_EQ(Collected::open(), 0);
}

struct Throwing : autograd::Node {
  autograd::variable_list apply(autograd::variable_list&&) override { throw Error("on purpose"); }
};

TEST(CudaProfileRanges, ClosedWhenANodeThrows) {
  const Tensor x = ones({2}).requires_grad_();
  const Tensor y = ones({2});
  IntrusivePtr<autograd::Node> node(new Throwing());
  node->set_next_edges(autograd::collect_next_edges(x));
  autograd::set_history(y, node);
  const Collected collected;
  EXPECT_THROW(y.sum().backward(), Error);
  EXPECT_EQ(Collected::open(), 0);
}

TEST(CudaProfileRanges, AreBalancedWhenSwitchedInside) {
  const Collected collected;
  {
    const ProfilerRange outer("outer");
    set_profiler_ranges(false);
    const ProfilerRange inner("inner");
    set_profiler_ranges(true);
  }
  EXPECT_EQ(Collected::opened(), std::vector<std::string>{"outer"});
  EXPECT_EQ(Collected::open(), 0);
}

TEST(CudaProfileRanges, NumbersOfAnotherThread) {
  const Tensor a = ones({1}).requires_grad_();
  const Tensor first = a * 2;
  std::string text, expected;
  uint64_t theirs = 0;
  {
    const Collected collected;
    std::thread([&] {
      const Tensor y = a * 2;
      theirs = y.grad_fn()->sequence_nr();
      expected = "mul [1] 2" + seq(y);
    }).join();
    text = Collected::texts().front();
  }
  EXPECT_EQ(text, expected);
  const Tensor second = a * 2;
  EXPECT_GT(second.grad_fn()->sequence_nr(), first.grad_fn()->sequence_nr());
  EXPECT_NE(second.grad_fn()->sequence_nr(), theirs);
  EXPECT_NE(first.grad_fn()->sequence_nr(), theirs);
}

// Whatever kind of node an operation makes: the leaves, whose accumulators are nodes as well, are new to each.
TEST(CudaProfileRanges, NumbersOfEveryKindOfNode) {
  const auto leaf = [] { return rand({4, 6}).requires_grad_(); };
  const std::vector<std::pair<const char*, std::function<Tensor(const Tensor&, const Tensor&)>>> operations = {
      {"cat",
       [](const Tensor& a, const Tensor& b) {
         return cat({a, b});
       }},
      {"max", [](const Tensor& a, const Tensor&) { return std::get<0>(a.max(1)); }},
      {"sum", [](const Tensor& a, const Tensor&) { return a.sum(0); }},
      {"mm", [](const Tensor& a, const Tensor& b) { return a.mm(b.t()); }},
      {"addcmul", [](const Tensor& a, const Tensor& b) { return addcmul(a, a, b); }},
      {"softmax", [](const Tensor& a, const Tensor&) { return a.softmax(1); }},
      {"layer_norm", [](const Tensor& a, const Tensor&) { return layer_norm(a, {6}); }},
      {"index_select", [](const Tensor& a, const Tensor&) { return a.index_select(0, zeros({2}, kInt64)); }},
      {"exp", [](const Tensor& a, const Tensor&) { return a.exp(); }},
  };
  for (const auto& [name, f] : operations) {
    const Tensor a = leaf(), b = leaf();
    const Collected collected;
    const Tensor y = f(a, b);
    bool found = false;
    for (const std::string& text : Collected::texts()) found |= text.ends_with(seq(y));
    EXPECT_TRUE(found) << name << seq(y) << " of " << testing::PrintToString(Collected::texts());
  }
}

// ---- modules ----

struct BlockImpl : nn::Module {
  BlockImpl() : fc(register_module("fc", nn::Linear(3, 3))) {}
  Tensor forward(const Tensor& x) { return fc->forward(x); }
  nn::Linear fc;
};
EMBER_MODULE(Block);

struct NetImpl : nn::Module {
  NetImpl()
      : block(register_module("block", Block())),
        head(register_module("head", nn::Sequential(nn::Linear(3, 2), nn::ReLU()))) {}
  Tensor forward(const Tensor& x) {
    if (fails) throw Error("on purpose");
    return head->forward(block->forward(x));
  }
  Block block;
  nn::Sequential head;
  bool fails = false;
};
EMBER_MODULE(Net);

std::vector<std::string> modules_opened() {
  std::vector<std::string> result;
  for (const std::string& text : Collected::opened()) {
    if (text.find(')') != std::string::npos || text == "Net") result.push_back(text);
  }
  return result;
}

TEST(CudaProfileModules, PathsByRegistration) {
  Net net;
  const Collected collected;
  net(ones({1, 3}));
  EXPECT_EQ(modules_opened(), (std::vector<std::string>{"Net", ">Net.block.fc (Linear)", ">Net.head (Sequential)",
                                                        ">>Net.head.0 (Linear)", ">>Net.head.1 (ReLU)"}));
  EXPECT_EQ(Collected::open(), 0);
}

TEST(CudaProfileModules, OperationsAreInside) {
  Net net;
  const Tensor x = ones({1, 3});
  const Collected collected;
  net(x);
  const std::vector<std::string> opened = Collected::opened();
  ASSERT_GT(opened.size(), 2u);
  EXPECT_EQ(opened[2].substr(0, 8), ">>matmul");
}

TEST(CudaProfileModules, LastNameWhereNothingAboveIsOpen) {
  Net net;
  const Collected collected;
  net->block->forward(ones({1, 3}));
  EXPECT_EQ(modules_opened(), (std::vector<std::string>{"fc (Linear)"}));
  nn::Linear alone(3, 2);
  alone(ones({1, 3}));
  EXPECT_NE(std::find(Collected::texts().begin(), Collected::texts().end(), "Linear"), Collected::texts().end());
}

TEST(CudaProfileModules, ClosedWhenForwardThrows) {
  Net net;
  net->fails = true;
  const Collected collected;
  EXPECT_THROW(net(ones({1, 3})), Error);
  EXPECT_EQ(Collected::open(), 0);
  net->fails = false;
  net(ones({1, 3}));
  EXPECT_EQ(modules_opened().at(1), "Net");  // and not inside of what was left
}

TEST(CudaProfileModules, AnyModule) {
  nn::AnyModule any{Block()};
  const Tensor x = ones({1, 3});
  const Collected collected;
  any.forward(x);
  EXPECT_EQ(Collected::opened().at(0), "Block");
  EXPECT_EQ(Collected::opened().at(1), ">Block.fc (Linear)");
}

}  // namespace
}  // namespace ember
