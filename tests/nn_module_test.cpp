// Module: registration, traversal, modes, conversion, copies, text.
#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

using Names = std::vector<std::string>;

// Two Linears, a scale as a parameter of its own and a counter as a buffer.
struct NetImpl : nn::Cloneable<NetImpl> {
  NetImpl() { reset(); }
  void reset() override {
    scale = register_parameter("scale", ones({1}));
    count = register_buffer("count", zeros({2}));
    body = register_module("body", nn::Sequential(nn::Linear(3, 4), nn::ReLU()));
    head = register_module("head", nn::Linear(nn::LinearOptions(4, 1).bias(false)));
  }
  Tensor forward(const Tensor& x) { return head(body->forward(x)) * scale; }

  Tensor scale, count;
  nn::Sequential body = nullptr;
  nn::Linear head = nullptr;
  int note = 0;
};
EMBER_MODULE(Net);

}  // namespace

TEST(Module, names_and_order_of_traversals) {
  Net net;
  EXPECT_EQ(net->named_parameters().keys(), (Names{"scale", "body.0.weight", "body.0.bias", "head.weight"}));
  EXPECT_EQ(net->named_parameters(false).keys(), Names{"scale"});
  EXPECT_EQ(net->parameters().size(), 4u);
  EXPECT_TRUE(net->parameters()[1].is_same(net->body->ptr<nn::Linear>(0)->weight));
  EXPECT_EQ(net->named_buffers().keys(), Names{"count"});
  EXPECT_EQ(net->buffers().size(), 1u);
  EXPECT_EQ(net->named_children().keys(), (Names{"body", "head"}));
  EXPECT_EQ(net->named_modules().keys(), (Names{"", "body", "body.0", "body.1", "head"}));
  EXPECT_EQ(net->named_modules("p", false).keys(), (Names{"p.body", "p.body.0", "p.body.1", "p.head"}));
  EXPECT_EQ(net->modules().size(), 5u);
  EXPECT_EQ(net->modules(false).size(), 4u);
  EXPECT_EQ(net->modules()[0], net.ptr());
  EXPECT_EQ(net->children()[1], net->head.ptr());
}

TEST(Module, apply_visits_every_module_in_order) {
  Net net;
  int count = 0;
  net->apply([&](nn::Module&) { ++count; });
  static_cast<const NetImpl&>(*net).apply([&](const nn::Module&) { ++count; });
  net->apply([&](const std::shared_ptr<nn::Module>&) { ++count; });
  EXPECT_EQ(count, 15);
  Names names;
  net->apply([&](const std::string& name, nn::Module&) { names.push_back(name); }, "net");
  EXPECT_EQ(names, (Names{"net", "net.body", "net.body.0", "net.body.1", "net.head"}));
  names.clear();
  net->apply([&](const std::string& name, const std::shared_ptr<nn::Module>& module) {
    names.push_back(name + ":" + (module->as<nn::Linear>() ? "linear" : "other"));
  });
  EXPECT_EQ(names, (Names{":other", "body:other", "body.0:linear", "body.1:other", "head:linear"}));
}

TEST(Module, on_the_stack_cannot_be_had_as_a_pointer) {
  NetImpl net;
  EXPECT_ERROR(net.modules(), "include_self = false");
  EXPECT_EQ(net.modules(false).size(), 4u);
  EXPECT_EQ(net.parameters().size(), 4u);
}

TEST(Module, refuses_bad_names) {
  nn::Module m;
  EXPECT_ERROR(m.register_parameter("", ones({1})), "Parameter name must not be empty");
  EXPECT_ERROR(m.register_parameter("a.b", ones({1})), "must not contain a dot (got 'a.b')");
  EXPECT_ERROR(m.register_buffer("", ones({1})), "Buffer name must not be empty");
  EXPECT_ERROR(m.register_buffer("a.b", ones({1})), "dot");
  EXPECT_ERROR(m.register_module("", nn::ReLU()), "Submodule name must not be empty");
  EXPECT_ERROR(m.register_module("a.b", nn::ReLU()), "dot");
  m.register_parameter("x", ones({1}));
  m.register_buffer("x", ones({1}));
  m.register_module("x", nn::ReLU());
  EXPECT_ERROR(m.register_parameter("x", ones({1})), "Parameter 'x' is defined already");
  EXPECT_ERROR(m.register_buffer("x", ones({1})), "Buffer 'x' is defined already");
  EXPECT_ERROR(m.register_module("x", nn::ReLU()), "Submodule 'x' is defined already");
  EXPECT_ERROR(m.register_module("y", std::shared_ptr<nn::Module>()), "null");
  EXPECT_ERROR(m.register_module("y", nn::Linear(nullptr)), "empty");
  EXPECT_EQ(m.parameters().size() + m.buffers().size() + m.children().size(), 3u);
}

TEST(Module, parameters_require_gradients_unless_told_not_to) {
  nn::Module m;
  EXPECT_TRUE(m.register_parameter("a", ones({1})).requires_grad());
  EXPECT_FALSE(m.register_parameter("b", ones({1}), false).requires_grad());
  EXPECT_FALSE(m.register_buffer("c", ones({1})).requires_grad());
  EXPECT_FALSE(m.register_parameter("d", Tensor(), false).defined());
  EXPECT_EQ(m.named_parameters().keys(), (Names{"a", "b"}));
}

TEST(Module, replaces_and_unregisters_submodules) {
  Net net;
  net->head = net->replace_module("head", nn::Linear(4, 2));
  EXPECT_EQ(net->forward(ones({5, 3})).sizes(), IntArrayRef({5, 2}));
  EXPECT_EQ(net->named_parameters().keys().back(), "head.bias");
  EXPECT_ERROR(net->replace_module("tail", nn::Linear(4, 2)), "Submodule 'tail' is not defined");
  net->unregister_module("head");
  EXPECT_EQ(net->named_children().keys(), Names{"body"});
  EXPECT_ERROR(net->unregister_module("head"), "Submodule 'head' is not defined");
}

TEST(Module, train_and_eval_reach_every_module) {
  Net net;
  EXPECT_TRUE(net->is_training());
  net->eval();
  for (const auto& module : net->modules()) EXPECT_FALSE(module->is_training());
  net->train();
  for (const auto& module : net->modules()) EXPECT_TRUE(module->is_training());
}

TEST(Module, to_converts_parameters_gradients_and_buffers_in_place) {
  Net net;
  const Tensor weight = net->head->weight;
  net->forward(ones({2, 3})).sum().backward();
  net->to(kFloat64);
  for (const auto& p : net->parameters()) EXPECT_EQ(p.dtype(), kFloat64);
  EXPECT_EQ(weight.dtype(), kFloat64);
  EXPECT_EQ(weight.grad().dtype(), kFloat64);
  EXPECT_TRUE(weight.is_leaf() && weight.requires_grad());
  EXPECT_EQ(net->count.dtype(), kFloat64);
  EXPECT_EQ(net->forward(ones({2, 3}, kFloat64)).dtype(), kFloat64);
  net->to(Device(kCPU));
  net->to(Device(kCPU), kFloat32);
  EXPECT_EQ(weight.dtype(), kFloat32);
  EXPECT_ERROR(net->to(kInt64), "must be floating");
  EXPECT_EQ(net->count.dtype(), kFloat32);
}

TEST(Module, zero_grad_drops_or_clears) {
  Net net;
  net->forward(ones({2, 3})).sum().backward();
  const Tensor grad = net->scale.grad();
  ASSERT_TRUE(grad.defined());
  net->zero_grad(false);
  EXPECT_TRUE(net->scale.grad().is_same(grad));
  for (const auto& p : net->parameters()) EXPECT_VALUES(p.grad(), std::vector<double>(p.numel(), 0.0), 0);
  net->zero_grad();
  for (const auto& p : net->parameters()) EXPECT_FALSE(p.grad().defined());
}

TEST(Module, clone_is_deep) {
  Net net;
  net->note = 5;
  net->eval();
  net->head->weight.requires_grad_(false);
  {
    NoGradGuard no_grad;
    net->scale.fill_(3);
    net->count.fill_(4);
  }
  const auto copy = std::dynamic_pointer_cast<NetImpl>(net->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->note, 5);
  EXPECT_FALSE(copy->is_training());
  EXPECT_FALSE(copy->body->is_training());
  const auto from = net->named_parameters(), to = copy->named_parameters();
  ASSERT_EQ(from.keys(), to.keys());
  for (const auto& item : from) {
    EXPECT_TRUE(equal(item.value(), to[item.key()])) << item.key();
    EXPECT_NE(item.value().data_ptr(), to[item.key()].data_ptr()) << item.key();
    EXPECT_EQ(item.value().requires_grad(), to[item.key()].requires_grad()) << item.key();
    EXPECT_TRUE(to[item.key()].is_leaf());
  }
  EXPECT_VALUES(copy->count, {4, 4}, 0);
  {
    NoGradGuard no_grad;
    net->scale.fill_(9);
    net->body->ptr<nn::Linear>(0)->weight.zero_();
  }
  // The copy's own handles see its own tensors.
  EXPECT_VALUES(copy->scale, {3}, 0);
  EXPECT_TRUE(copy->head->weight.is_same(to["head.weight"]));
  EXPECT_TRUE(copy->body->ptr<nn::Linear>(0)->weight.is_same(to["body.0.weight"]));
  EXPECT_NE(values(to["body.0.weight"])[0], 0);
  EXPECT_NE(copy->head.ptr(), net->head.ptr());
}

TEST(Module, clone_errors) {
  EXPECT_ERROR(nn::Module().clone(), "Cloneable");
  struct Plain : nn::Module {};
  struct HolderOfPlain : nn::Cloneable<HolderOfPlain> {
    HolderOfPlain() { reset(); }
    void reset() override { register_module("plain", std::make_shared<Plain>()); }
  };
  EXPECT_ERROR(HolderOfPlain().clone(), "cannot be cloned");
  struct Late : nn::Cloneable<Late> {
    Late() { register_parameter("late", ones({1})); }
    void reset() override {}
  };
  EXPECT_ERROR(Late().clone(), "reset()");
  struct Shared : nn::Cloneable<Shared> {
    Shared() { reset(); }
    void reset() override { register_parameter("w", w); }
    Tensor w = ones({1});
  };
  EXPECT_ERROR(Shared().clone(), "must make a new tensor");
}

TEST(Module, names_itself_by_its_type) {
  EXPECT_EQ(nn::Module("given").name(), "given");
  EXPECT_EQ(nn::Linear(1, 1)->name(), "ember::nn::LinearImpl");
  EXPECT_NE(Net()->name().find("NetImpl"), std::string::npos);
}

TEST(Module, as_finds_the_type) {
  std::shared_ptr<nn::Module> module = nn::Linear(3, 2).ptr();
  EXPECT_EQ(module->as<nn::Linear>()->options.in_features(), 3);
  EXPECT_EQ(module->as<nn::LinearImpl>(), module.get());
  EXPECT_EQ(module->as<nn::ReLU>(), nullptr);
  const nn::Module& constant = *module;
  EXPECT_EQ(constant.as<nn::Linear>(), module.get());
}

TEST(Module, prints_as_a_tree) {
  EXPECT_EQ(printed(nn::Linear(3, 4)), "ember::nn::Linear(in_features=3, out_features=4, bias=true)");
  EXPECT_EQ(printed(nn::Linear(nn::LinearOptions(1, 2).bias(false))),
            "ember::nn::Linear(in_features=1, out_features=2, bias=false)");
  EXPECT_EQ(printed(nn::ReLU()), "ember::nn::ReLU()");
  EXPECT_EQ(printed(nn::ReLU(nn::ReLUOptions(true))), "ember::nn::ReLU(inplace=true)");
  EXPECT_EQ(printed(nn::Sigmoid()), "ember::nn::Sigmoid()");
  EXPECT_EQ(printed(nn::Tanh()), "ember::nn::Tanh()");
  EXPECT_EQ(printed(nn::Softmax(1)), "ember::nn::Softmax(dim=1)");
  EXPECT_EQ(printed(nn::LogSoftmax(-1)), "ember::nn::LogSoftmax(dim=-1)");
  EXPECT_EQ(printed(nn::Dropout()), "ember::nn::Dropout(p=0.5, inplace=false)");
  EXPECT_EQ(printed(nn::Dropout(nn::DropoutOptions(0.25).inplace(true))), "ember::nn::Dropout(p=0.25, inplace=true)");
  EXPECT_EQ(printed(nn::MSELoss()), "ember::nn::MSELoss()");
  EXPECT_EQ(printed(nn::NLLLoss()), "ember::nn::NLLLoss()");
  EXPECT_EQ(printed(nn::CrossEntropyLoss()), "ember::nn::CrossEntropyLoss()");
  EXPECT_EQ(printed(nn::Identity()), "ember::nn::Identity()");
  EXPECT_EQ(printed(nn::Flatten()), "ember::nn::Flatten(start_dim=1, end_dim=-1)");
  EXPECT_EQ(printed(nn::Sequential()), "ember::nn::Sequential");
  const std::string net = printed(Net());
  EXPECT_EQ(net.substr(net.find("NetImpl")),
            "NetImpl(\n"
            "  (body): ember::nn::Sequential(\n"
            "    (0): ember::nn::Linear(in_features=3, out_features=4, bias=true)\n"
            "    (1): ember::nn::ReLU()\n"
            "  )\n"
            "  (head): ember::nn::Linear(in_features=4, out_features=1, bias=false)\n"
            ")");
}
