// Modules, containers, layers, losses, initial values. Golden numbers come from PyTorch 2.x on the CPU.
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/nn/nn.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

using namespace ember;

namespace {

std::vector<double> values(const Tensor& t) {
  const Tensor flat = t.detach().to(Device(kCPU), kFloat64).contiguous();
  const double* data = flat.data_ptr<double>();
  return {data, data + flat.numel()};
}

void expect_values(const Tensor& actual, const std::vector<double>& expected, double tolerance) {
  const auto got = values(actual);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << "element " << i;
}

// Bit for bit, in float32.
void expect_floats(const Tensor& actual, const std::vector<float>& expected) {
  const auto got = values(actual);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(static_cast<float>(got[i]), expected[i]) << "element " << i;
}

template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what_without_backtrace();
  }
  return "no error";
}
#define EXPECT_ERROR(expression, part) \
  EXPECT_NE(error_of([&] { (void)(expression); }).find(part), std::string::npos) \
      << error_of([&] { (void)(expression); })

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

using Names = std::vector<std::string>;

}  // namespace

// ---- OrderedDict ----

TEST(OrderedDict, keeps_order_and_finds_by_key_and_place) {
  OrderedDict<std::string, int> dict{{"b", 1}, {"a", 2}, {"c", 3}};
  EXPECT_EQ(dict.size(), 3u);
  EXPECT_EQ(dict.keys(), (Names{"b", "a", "c"}));
  EXPECT_EQ(dict.values(), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(dict["a"], 2);
  EXPECT_EQ(dict[2].key(), "c");
  EXPECT_EQ(*dict[2], 3);
  EXPECT_EQ(dict.front().value(), 1);
  EXPECT_EQ(dict.back().pair().second, 3);
  EXPECT_TRUE(dict.contains("b"));
  EXPECT_EQ(dict.find("x"), nullptr);
  *dict.find("b") = 7;
  int sum = 0;
  for (const auto& item : dict) sum += item.value();
  EXPECT_EQ(sum, 12);
  dict["a"] = 5;
  EXPECT_EQ(dict.pairs()[1], (std::pair<std::string, int>("a", 5)));
}

TEST(OrderedDict, inserts_erases_and_updates) {
  OrderedDict<std::string, int> dict("Thing");
  dict.insert("a", 1);
  dict.insert("b", 2);
  dict.insert("c", 3);
  EXPECT_ERROR(dict.insert("a", 4), "Thing 'a' is defined already");
  dict.erase("a");
  EXPECT_EQ(dict.keys(), (Names{"b", "c"}));
  EXPECT_EQ(dict["c"], 3);
  EXPECT_ERROR(dict["a"], "Thing 'a' is not defined");
  EXPECT_ERROR(dict.erase("a"), "not defined");
  EXPECT_ERROR(dict[2], "out of range");
  OrderedDict<std::string, int> more{{"x", 8}, {"c", 9}};
  EXPECT_ERROR(dict.update(more), "'c' is defined already");
  EXPECT_EQ(dict.size(), 2u);
  more.erase("c");
  dict.update(more);
  EXPECT_EQ(dict.keys(), (Names{"b", "c", "x"}));
  dict.clear();
  EXPECT_TRUE(dict.is_empty());
  EXPECT_THROW(dict.front(), Error);
  EXPECT_THROW(dict.back(), Error);
  EXPECT_ERROR((OrderedDict<std::string, int>{{"a", 1}, {"a", 2}}), "'a' is defined already");
}

// ---- Module ----

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
  for (const auto& p : net->parameters()) expect_values(p.grad(), std::vector<double>(p.numel(), 0.0), 0);
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
  expect_values(copy->count, {4, 4}, 0);
  {
    NoGradGuard no_grad;
    net->scale.fill_(9);
    net->body->ptr<nn::Linear>(0)->weight.zero_();
  }
  // The copy's own handles see its own tensors.
  expect_values(copy->scale, {3}, 0);
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

// ---- holders ----

TEST(ModuleHolder, shares_and_may_be_empty) {
  nn::Linear a(3, 4);
  nn::Linear b = a, empty = nullptr;
  EXPECT_EQ(a.ptr(), b.ptr());
  EXPECT_EQ(a.get(), &*b);
  EXPECT_TRUE(a && !a.is_empty());
  EXPECT_TRUE(!empty && empty.is_empty());
  EXPECT_ERROR(empty->options, "ModuleHolder: it is empty");
  EXPECT_ERROR(empty.ptr(), "empty");
  EXPECT_ERROR(*empty, "empty");
  empty = b;
  EXPECT_EQ(empty->weight.sizes(), IntArrayRef({4, 3}));
  EXPECT_EQ(nn::Linear(std::make_shared<nn::LinearImpl>(1, 2))->options.out_features(), 2);
  EXPECT_TRUE((std::is_same_v<nn::Linear::ContainedType, nn::LinearImpl>));
  EXPECT_TRUE((std::is_same_v<nn::Linear::Impl, nn::LinearImpl>));
  EXPECT_EQ(a(ones({2, 3})).sizes(), IntArrayRef({2, 4}));
}

// ---- AnyModule and Sequential ----

namespace {
struct Weigh : nn::Module {
  explicit Weigh(int w) : weight(w) {}
  int forward(int a, const std::string& b, double& c) const { return weight * a + static_cast<int>(b.size() + c); }
  int weight;
};
struct Scale : nn::Module {
  Tensor forward(const Tensor& x, int factor = 2, double shift = 0) { return x * factor + shift; }

 protected:
  EMBER_FORWARD_HAS_DEFAULT_ARGS({1, nn::AnyValue(2)}, {2, nn::AnyValue(0.0)})
};
struct Size : nn::Module {
  int64_t forward(Tensor x) noexcept { return x.numel(); }
};
struct Pair : nn::Module {
  Tensor forward(const Tensor& a, const Tensor& b) { return a + b; }
};
}  // namespace

TEST(AnyModule, calls_forward_with_exact_types) {
  nn::AnyModule any(Weigh(10));
  EXPECT_EQ(any.forward<int>(3, std::string("ab"), 1.0), 33);
  EXPECT_EQ(any.any_forward(3, std::string("ab"), 1.0).get<int>(), 33);
  EXPECT_ERROR(any.forward<int>(3, std::string("ab"), 1), "argument #2 of forward() must be a double, but a int");
  EXPECT_ERROR(any.forward<int>(3), "takes 3 argument(s), but 1 were given");
  EXPECT_ERROR(any.forward(3, std::string("ab"), 1.0), "ember::Tensor was asked for");
  EXPECT_EQ(any.get<Weigh>().weight, 10);
  EXPECT_ERROR(any.get<Scale>(), "was asked for, but the module is a");
  EXPECT_EQ(any.type_info(), typeid(Weigh));
}

TEST(AnyModule, copies_share_and_clones_do_not) {
  nn::AnyModule any{nn::Linear(2, 2)};
  nn::AnyModule copy = any, clone = any.clone();
  EXPECT_EQ(any.ptr(), copy.ptr());
  EXPECT_NE(any.ptr(), clone.ptr());
  EXPECT_TRUE(equal(any.get<nn::LinearImpl>().weight, clone.get<nn::LinearImpl>().weight));
  EXPECT_EQ(any.get<nn::Linear>().ptr(), any.ptr());
  nn::AnyModule empty;
  EXPECT_TRUE(empty.is_empty() && empty.clone().is_empty());
  EXPECT_ERROR(empty.forward(ones({1})), "cannot call forward() of an empty AnyModule");
  EXPECT_ERROR(empty.ptr(), "empty AnyModule");
  empty = nn::ReLU().ptr();
  EXPECT_FALSE(empty.is_empty());
}

TEST(AnyModule, default_arguments) {
  nn::AnyModule any{Scale()};
  expect_values(any.forward(ones({1})), {2}, 0);
  expect_values(any.forward(ones({1}), 3), {3}, 0);
  expect_values(any.forward(ones({1}), 3, 0.5), {3.5}, 0);
  EXPECT_ERROR(any.forward(), "takes 1 to 3 arguments, but 0 were given");
}

TEST(Sequential, forwards_through_modules_holders_and_pointers) {
  nn::Sequential seq(nn::Linear(3, 4), nn::ReLUImpl(), std::make_shared<nn::LinearImpl>(4, 2));
  EXPECT_EQ(seq->size(), 3u);
  const Tensor x = ones({5, 3});
  const Tensor expected = seq->at<nn::LinearImpl>(2).forward(relu(seq->at<nn::LinearImpl>(0).forward(x)));
  EXPECT_TRUE(equal(seq->forward(x), expected));
  EXPECT_TRUE(equal(seq(x), expected));
  EXPECT_EQ(seq->named_parameters().keys(), (Names{"0.weight", "0.bias", "2.weight", "2.bias"}));
}

TEST(Sequential, several_inputs_and_other_results) {
  nn::Sequential seq(Pair{}, Scale{}, Size{});
  EXPECT_EQ(seq->forward<int64_t>(ones({2, 2}), ones({2, 2})), 4);
  EXPECT_ERROR(seq->forward(ones({2, 2}), ones({2, 2})), "ember::Tensor was asked for");
  EXPECT_ERROR(seq->forward<int64_t>(ones({2, 2})), "2 argument(s), but 1 were given");
  EXPECT_ERROR(nn::Sequential()->forward(ones({1})), "Sequential");
}

TEST(Sequential, named_modules) {
  nn::Sequential seq(
      {{"fc", nn::Linear(3, 4)}, {"act", nn::ReLUImpl()}, {"out", std::make_shared<nn::LinearImpl>(4, 1)}});
  EXPECT_EQ(seq->named_children().keys(), (Names{"fc", "act", "out"}));
  OrderedDict<std::string, nn::AnyModule> dict;
  dict.insert("a", nn::AnyModule(nn::Linear(3, 4)));
  dict.insert("b", nn::AnyModule(nn::ReLU()));
  nn::Sequential other(std::move(dict));
  EXPECT_EQ(other->named_children().keys(), (Names{"a", "b"}));
  EXPECT_ERROR(nn::Sequential({{"a", nn::ReLU()}, {"a", nn::ReLU()}}), "'a' is defined already");
}

TEST(Sequential, grows) {
  nn::Sequential seq;
  EXPECT_TRUE(seq->is_empty());
  seq->push_back(nn::Linear(3, 4));
  seq->push_back("act", nn::ReLU());
  seq->push_back(nn::TanhImpl());
  seq->push_back("any", nn::AnyModule(nn::Sigmoid()));
  seq->push_back(nn::Linear(4, 1).ptr());
  seq->extend(*nn::Sequential(nn::ReLU(), nn::ReLU()));
  seq->extend(std::vector<nn::ReLU>{nn::ReLU()});
  EXPECT_EQ(seq->named_children().keys(), (Names{"0", "act", "2", "any", "4", "5", "6", "7"}));
}

TEST(Sequential, access_by_place) {
  nn::Linear linear(3, 4);
  nn::Sequential seq(linear, nn::ReLU());
  EXPECT_EQ(seq->ptr(0), linear.ptr());
  EXPECT_EQ((*seq)[0], linear.ptr());
  EXPECT_EQ(seq->ptr<nn::LinearImpl>(0), linear.ptr());
  EXPECT_EQ(&seq->at<nn::Linear>(0), linear.get());
  EXPECT_ERROR(seq->at<nn::ReLUImpl>(0), "a ember::nn::ReLUImpl was asked for");
  EXPECT_ERROR(seq->ptr(2), "Sequential: index 2 is out of range for 2 modules");
  EXPECT_THROW(seq->at<nn::ReLUImpl>(9), IndexError);
  size_t count = 0;
  for (auto& module : *seq) count += module.ptr() != nullptr;
  EXPECT_EQ(count, 2u);
}

TEST(Sequential, clone_keeps_names_and_mode_and_copies_modules) {
  nn::Sequential seq({{"fc", nn::Linear(3, 4)}, {"act", nn::ReLU()}});
  seq->eval();
  const auto copy = std::dynamic_pointer_cast<nn::SequentialImpl>(seq->clone());
  EXPECT_EQ(copy->named_children().keys(), (Names{"fc", "act"}));
  EXPECT_FALSE(copy->is_training());
  EXPECT_TRUE(equal(copy->forward(ones({2, 3})), seq->forward(ones({2, 3}))));
  {
    NoGradGuard no_grad;
    for (const auto& p : seq->parameters()) p.zero_();
  }
  EXPECT_NE(values(copy->parameters()[0])[0], 0);
  EXPECT_NE(copy->ptr(0), seq->ptr(0));
}

// ---- layers ----

TEST(Linear, initial_values_are_those_of_the_seed_in_pytorch) {
  manual_seed(0);
  nn::Linear linear(3, 2);
  expect_floats(linear->weight,
                {-0.00432251766f, 0.309715837f, -0.475185335f, -0.424894601f, -0.222368971f, 0.154820725f});
  expect_floats(linear->bias, {-0.0114391446f, 0.457774937f});

  manual_seed(42);
  nn::Sequential seq{nn::Linear(8, 5), nn::ReLU(), nn::Linear(5, 2)};  // braces: from left to right
  const auto p = seq->named_parameters();
  expect_floats(
      p["0.weight"],
      {0.270305187f,   0.293452114f,   -0.0828278288f, 0.32477814f,   -0.0774648115f, 0.0713437796f,  -0.172129244f,
       0.207635775f,   0.311672479f,   -0.259376705f,  0.307307243f,  0.0661708042f,  0.261208385f,   0.0478819385f,
       0.170479238f,   -0.0499185584f, 0.272549301f,   0.0522583388f, -0.165052831f,  0.0901201591f,  -0.162894994f,
       -0.0414622128f, -0.143598646f,  0.23453705f,    -0.279084504f, -0.162991762f,  -0.0998345464f, -0.212581918f,
       0.0333694704f,  -0.349197298f,  0.319297284f,   -0.300332367f, 0.272952884f,   0.0588380545f,  -0.114800386f,
       0.218478307f,   0.055101566f,   0.285658181f,   0.0386503451f, -0.111501254f});
  expect_floats(p["0.bias"], {0.0949940234f, -0.0958764106f, 0.148795605f, 0.315660298f, 0.204374909f});
  expect_floats(p["2.weight"], {-0.195509493f, 0.258160591f, 0.0800182447f, 0.227110729f, -0.272578955f, -0.442700505f,
                                -0.172785684f, -0.343023032f, 0.366956145f, 0.128811523f});
  expect_floats(p["2.bias"], {0.185241923f, 0.141436294f});
}

TEST(Linear, computes_and_checks) {
  nn::Linear linear(2, 1);
  {
    NoGradGuard no_grad;
    linear->weight.copy_(tensor({{2.0f, 3.0f}}));
    linear->bias.fill_(1);
  }
  expect_values(linear(tensor({{1.0f, 1.0f}, {0.0f, 2.0f}})), {6, 7}, 0);
  EXPECT_EQ(linear(ones({4, 5, 2})).sizes(), IntArrayRef({4, 5, 1}));
  EXPECT_TRUE(equal(nn::functional::linear(ones({4, 2}), linear->weight, linear->bias), linear(ones({4, 2}))));
  nn::Linear plain(nn::LinearOptions(2, 1).bias(false));
  EXPECT_FALSE(plain->bias.defined());
  EXPECT_EQ(plain->named_parameters().keys(), Names{"weight"});
  EXPECT_THROW(linear(ones({2, 3})), Error);
  EXPECT_ERROR(nn::Linear(-1, 2), "must not be negative");
  EXPECT_EQ(nn::Linear(0, 3)(ones({2, 0})).sizes(), IntArrayRef({2, 3}));
}

TEST(Activation, values_and_functional_forms) {
  namespace F = nn::functional;
  const Tensor x = tensor({{-1.0, 0.0, 2.0}}, kFloat64);
  expect_values(nn::ReLU()(x), {0, 0, 2}, 0);
  expect_values(F::relu(x), {0, 0, 2}, 0);
  expect_values(nn::Sigmoid()(x), {1 / (1 + std::exp(1.0)), 0.5, 1 / (1 + std::exp(-2.0))}, 1e-12);
  expect_values(nn::Tanh()(x), {std::tanh(-1.0), 0, std::tanh(2.0)}, 1e-12);
  const double sum = std::exp(-1.0) + 1 + std::exp(2.0);
  expect_values(nn::Softmax(1)(x), {std::exp(-1.0) / sum, 1 / sum, std::exp(2.0) / sum}, 1e-12);
  expect_values(nn::LogSoftmax(1)(x), {-1 - std::log(sum), -std::log(sum), 2 - std::log(sum)}, 1e-12);
  EXPECT_EQ(F::softmax(x, F::SoftmaxFuncOptions(1).dtype(kFloat32)).dtype(), kFloat32);
  EXPECT_EQ(F::log_softmax(x, 1).dtype(), kFloat64);
  const Tensor y = x.clone();
  EXPECT_TRUE(nn::ReLU(nn::ReLUOptions().inplace(true))(y).is_same(y));
  expect_values(y, {0, 0, 2}, 0);
  EXPECT_TRUE(nn::Identity()(x).is_same(x));
  EXPECT_EQ(nn::Flatten()(ones({2, 3, 4})).sizes(), IntArrayRef({2, 12}));
  EXPECT_EQ(nn::Flatten(nn::FlattenOptions().start_dim(0).end_dim(1))(ones({2, 3, 4})).sizes(), IntArrayRef({6, 4}));
}

TEST(Dropout, zeroes_and_scales_when_training) {
  manual_seed(3);
  nn::Dropout dropout(0.25);
  const Tensor x = ones({100, 100});
  const auto y = values(dropout(x));
  size_t zeros = 0;
  for (double v : y) {
    zeros += v == 0;
    EXPECT_TRUE(v == 0 || std::abs(v - 1 / 0.75) < 1e-6) << v;
  }
  EXPECT_NEAR(static_cast<double>(zeros) / 1e4, 0.25, 0.02);
  dropout->eval();
  EXPECT_TRUE(equal(dropout(x), x));
  dropout->train();
  dropout->options.p(0);
  EXPECT_TRUE(equal(dropout(x), x));
  dropout->options.p(1);
  EXPECT_TRUE(equal(dropout(x), zeros_like(x)));
}

TEST(Dropout, the_gradient_is_the_mask) {
  nn::Dropout dropout;
  const Tensor x = ones({1000}, requires_grad());
  const Tensor y = dropout(x);
  y.sum().backward();
  EXPECT_TRUE(equal(y.detach(), x.grad()));
}

TEST(Dropout, inplace_functional_and_errors) {
  namespace F = nn::functional;
  Tensor x = ones({1000});
  EXPECT_TRUE(F::dropout(x, F::DropoutFuncOptions().p(0.5).training(true).inplace(true)).is_same(x));
  EXPECT_NEAR(x.mean().item<double>(), 1, 0.2);
  EXPECT_NE(x.min().item<double>(), x.max().item<double>());
  EXPECT_TRUE(equal(F::dropout(ones({10})), ones({10})));
  for (double p : {-0.1, 1.1, std::nan("")}) {
    EXPECT_ERROR(nn::Dropout(p), "between 0 and 1");
    EXPECT_THROW(F::dropout(x, F::DropoutFuncOptions().p(p)), Error);
  }
}

// ---- losses ----

TEST(MSELoss, reductions) {
  const Tensor x = tensor({1.0, 2.0, 4.0}, kFloat64), y = tensor({0.0, 2.0, 1.0}, kFloat64);
  expect_values(nn::MSELoss()(x, y), {10.0 / 3}, 1e-12);
  expect_values(nn::MSELoss(kSum)(x, y), {10}, 1e-12);
  expect_values(nn::MSELoss(nn::MSELossOptions().reduction(kNone))(x, y), {1, 0, 9}, 1e-12);
  expect_values(nn::functional::mse_loss(x, y, kSum), {10}, 1e-12);
  x.requires_grad_();
  nn::MSELoss()(x, y).backward();
  expect_values(x.grad(), {2.0 / 3, 0, 2}, 1e-12);
}

namespace {
struct CrossEntropyCase {
  const char* name;
  nn::CrossEntropyLossOptions options;
  Tensor target;
  std::vector<double> loss, grad;
};
}  // namespace

TEST(CrossEntropyLoss, agrees_with_pytorch) {
  const Tensor y = tensor({3, 0, 1}), ignoring = tensor({3, -100, 1});
  const Tensor w = tensor({0.5, 1.0, 2.0, 0.25}, kFloat64);
  const Tensor p = tensor({{0.1, 0.2, 0.3, 0.4}, {0.7, 0.1, 0.1, 0.1}, {0.0, 0.5, 0.25, 0.25}}, kFloat64);
  using O = nn::CrossEntropyLossOptions;
  const CrossEntropyCase cases[] = {
      {"mean",
       O(),
       y,
       {0.90803942684911954},
       {0.034875726741230892, 0.0077818264930637222, 0.05750035250939263, -0.10015790574368721, -0.16663119805587717,
        0.050209718258974696, 0.024933408194914037, 0.091488071601988422, 0.0076546324472996138, -0.27082430415043113,
        0.093252513560632383, 0.16991715814249914}},
      {"sum",
       O().reduction(kSum),
       y,
       {2.7241182805473585},
       {0.10462718022369268, 0.023345479479191168, 0.1725010575281779, -0.30047371723106164, -0.49989359416763157,
        0.1506291547769241, 0.074800224584742114, 0.27446421480596528, 0.022963897341898843, -0.81247291245129349,
        0.27975754068189718, 0.50975147442749746}},
      {"none",
       O().reduction(kNone),
       y,
       {0.35735191193138183, 0.69293439153639869, 1.673831977079578},
       {0.10462718022369268, 0.023345479479191168, 0.1725010575281779, -0.30047371723106164, -0.49989359416763157,
        0.1506291547769241, 0.074800224584742114, 0.27446421480596528, 0.022963897341898843, -0.81247291245129349,
        0.27975754068189718, 0.50975147442749746}},
      {"weight",
       O().weight(w),
       y,
       {1.2055069433317844},
       {0.014946740031956096, 0.0033350684970273096, 0.024643008218311127, -0.042924816747294516, -0.14282674119075187,
        0.043036901364835456, 0.021371492738497744, 0.078418347087418641, 0.013122227052513624, -0.46427023568645337,
        0.15986145181822695, 0.2912865568157128}},
      {"weight, ignored target, smoothing",
       O().weight(w).label_smoothing(0.1),
       ignoring,
       {1.5648211593207666},
       {0.016679930957041633, -0.014046902732806253, 0.0039877696696853657, -0.0066207978939207138, 0, 0, 0, 0,
        0.0082562983868095813, -0.59091596539877822, 0.18240724484210827, 0.40025242216986051}},
      {"ignored target",
       O(),
       ignoring,
       {1.01559194450548},
       {0.052313590111846338, 0.011672739739595584, 0.086250528764088952, -0.15023685861553082, 0, 0, 0, 0,
        0.011481948670949422, -0.40623645622564675, 0.13987877034094859, 0.25487573721374873}},
      {"ignore_index",
       O().ignore_index(0),
       tensor({3, 0, 0}),
       {0.35735191193138183},
       {0.10462718022369268, 0.023345479479191168, 0.1725010575281779, -0.30047371723106164, 0, 0, 0, 0, 0, 0, 0, 0}},
      {"smoothing",
       O().label_smoothing(0.2),
       y,
       {1.0930394268491195},
       {0.018209060074564222, -0.0088848401736029443, 0.040833685842725967, -0.050157905743687219, -0.1166311980558772,
        0.033543051592308026, 0.0082667415282473705, 0.074821404935321759, -0.0090120342193670527, -0.22082430415043114,
        0.07658584689396572, 0.15325049147583247}},
      {"smoothing, weight, sum",
       O().label_smoothing(0.2).weight(w).reduction(kSum),
       y,
       {2.8134818982671281},
       {0.015543032336680918, -0.040953626701813427, -0.033155840207831057, 0.058566434572963635, -0.13118748657348359,
        0.038494628431442905, -0.056054868056464015, 0.1487477261985046, -0.0023231513748748927, -0.66481700104565233,
        0.17626057142337348, 0.49087958099715379}},
      {"smoothing, weight, ignored target, none",
       O().label_smoothing(0.2).weight(w).reduction(kNone),
       ignoring,
       {0.49597386587341052, 0, 1.6529090773660835},
       {0.015543032336680918, -0.040953626701813427, -0.033155840207831057, 0.058566434572963635, 0, 0, 0, 0,
        -0.0023231513748748927, -0.66481700104565233, 0.17626057142337348, 0.49087958099715379}},
      {"probabilities",
       O(),
       p,
       {1.3447060935157864},
       {0.0015423934078975629, -0.058884840173602945, -0.042499647490607348, 0.099842094256312811, -0.06663119805587718,
        0.016876384925641363, -0.0083999251384192959, 0.058154738268655089, 0.0076546324472996138, -0.10415763748376447,
        0.0099191802272990577, 0.086583824809165821}},
      {"probabilities, weight, smoothing",
       O().weight(w).label_smoothing(0.1),
       p,
       {1.5235771481477851},
       {0.013921679079076143, -0.060950325448039119, -0.14211320722338042, 0.18914185359234345, 0.0077332056966494646,
        -0.0031237684042273281, -0.059182114169983202, 0.054572676877561052, 0.0038706974029979278,
        -0.092698852691286041, -0.068751527428002654, 0.15757968271629078}},
  };
  for (const CrossEntropyCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Tensor x = tensor({{0.2, -1.3, 0.7, 2.1}, {1.5, 0.3, -0.4, 0.9}, {-2.0, 0.1, 0.5, 1.1}},
                            TensorOptions(kFloat64).requires_grad(true));
    nn::CrossEntropyLoss module(c.options);
    const Tensor loss = module(x, c.target);
    expect_values(loss, c.loss, 1e-12);
    loss.sum().backward();
    expect_values(x.grad(), c.grad, 1e-12);
    EXPECT_TRUE(equal(nn::functional::cross_entropy(x, c.target, c.options), loss));
  }
}

TEST(CrossEntropyLoss, is_nll_loss_of_log_softmax) {
  const Tensor x = tensor({{0.2, -1.3, 0.7, 2.1}, {1.5, 0.3, -0.4, 0.9}, {-2.0, 0.1, 0.5, 1.1}}, kFloat64);
  const Tensor y = tensor({3, 0, 1}), w = tensor({0.5, 1.0, 2.0, 0.25}, kFloat64);
  const Tensor loss = nn::NLLLoss(nn::NLLLossOptions().weight(w))(log_softmax(x, 1), y);
  expect_values(loss, {1.2055069433317844}, 1e-12);
  EXPECT_TRUE(equal(nn::functional::nll_loss(log_softmax(x, 1), y, nn::NLLLossOptions().weight(w)), loss));
}

TEST(CrossEntropyLoss, the_weight_is_a_buffer_and_bad_input_throws) {
  nn::CrossEntropyLoss loss(nn::CrossEntropyLossOptions().weight(ones({4})));
  EXPECT_EQ(loss->named_buffers().keys(), Names{"weight"});
  loss->to(kFloat64);
  EXPECT_EQ(loss->weight.dtype(), kFloat64);
  EXPECT_EQ(loss->options.weight().dtype(), kFloat32);
  const auto copy = std::dynamic_pointer_cast<nn::CrossEntropyLossImpl>(loss->clone());
  EXPECT_TRUE(equal(copy->weight, loss->weight));
  EXPECT_NE(copy->weight.data_ptr(), loss->weight.data_ptr());
  EXPECT_TRUE(copy->weight.is_same(copy->buffers()[0]));
  EXPECT_EQ(nn::CrossEntropyLoss()->buffers().size(), 0u);
  EXPECT_THROW(nn::CrossEntropyLoss()(ones({2, 3}), tensor({0, 3})), Error);
  EXPECT_THROW(nn::CrossEntropyLoss()(ones({2, 3}), tensor({0, 1, 2})), Error);
  EXPECT_THROW(nn::CrossEntropyLoss(nn::CrossEntropyLossOptions().weight(ones({2})))(ones({2, 3}), tensor({0, 1})),
               Error);
  EXPECT_THROW(nn::CrossEntropyLoss(nn::CrossEntropyLossOptions().label_smoothing(1.5))(ones({2, 3}), tensor({0, 1})),
               Error);
}

TEST(Enum, tags_have_names) {
  EXPECT_EQ(enumtype::get_enum_name(nn::MSELossOptions(kSum).reduction()), "kSum");
  EXPECT_EQ(enumtype::get_enum_name(nn::MSELossOptions().reduction()), "kMean");
}

// ---- init ----

TEST(Init, constants) {
  expect_values(nn::init::ones_(empty({2})), {1, 1}, 0);
  expect_values(nn::init::zeros_(empty({2})), {0, 0}, 0);
  expect_values(nn::init::constant_(empty({2}), 2.5), {2.5, 2.5}, 0);
  expect_values(nn::init::eye_(empty({2, 3})), {1, 0, 0, 0, 1, 0}, 0);
  EXPECT_ERROR(nn::init::eye_(empty({2})), "2 dimensions");
}

TEST(Init, fills_parameters_outside_autograd) {
  const Tensor p = ones({3, 3}, requires_grad());
  EXPECT_TRUE(nn::init::uniform_(p, 2, 3).is_same(p));
  EXPECT_TRUE(p.is_leaf() && p.requires_grad());
  for (double v : values(p)) EXPECT_TRUE(v >= 2 && v < 3);
  EXPECT_TRUE(GradMode::is_enabled());
}

TEST(Init, draws_are_those_of_the_seed_in_pytorch) {
  manual_seed(1);
  expect_values(
      nn::init::kaiming_normal_(empty({4, 6})),
      {-0.880803168, -0.433146536, -0.377576053, -0.929236472,  -0.0578315444, -0.351715386, -0.565671802, -0.929012179,
       0.253538489,  0.676193058,  1.0204246,    -0.0550572053, 0.0804661736,  -0.911348045, -0.185110524, -0.172827527,
       -0.460979432, 0.193834111,  0.158963874,  0.990907788,   -0.0324122496, 0.525794029,  -0.803894341, 1.55254507},
      1e-6);
  manual_seed(1);
  expect_values(nn::init::xavier_uniform_(empty({2, 3}), 2.0),
                {1.12888515, -0.967011273, -0.424729258, 1.02833581, -2.06258488, 1.31391478}, 1e-6);
  manual_seed(1);
  expect_values(nn::init::xavier_normal_(empty({2, 3}), 2.0),
                {0.836551666, 0.337635249, 0.0780162439, 0.785911143, -0.571620882, -0.210139975}, 1e-6);
  manual_seed(1);
  expect_values(nn::init::kaiming_uniform_(empty({2, 3}), 0, kFanOut, kReLU),
                {0.892462015, -0.764489532, -0.335777938, 0.812970817, -1.63061655, 1.03874075}, 1e-6);
}

TEST(Init, statistics) {
  manual_seed(5);
  const auto check = [](const Tensor& t, double std, double bound) {
    const auto v = values(t);
    double sum = 0, squares = 0, largest = 0;
    for (double x : v) sum += x, squares += x * x, largest = std::max(largest, std::abs(x));
    const double n = static_cast<double>(v.size());
    EXPECT_NEAR(sum / n, 0, 0.03 * std);
    EXPECT_NEAR(std::sqrt(squares / n), std, 0.02 * std);
    EXPECT_LE(largest, bound);
  };
  const double none = std::numeric_limits<double>::infinity();
  const double xavier = std::sqrt(2.0 / 500), kaiming = std::sqrt(2.0 / 300);
  check(nn::init::xavier_uniform_(empty({200, 300})), xavier, xavier * std::sqrt(3.0));
  check(nn::init::xavier_normal_(empty({200, 300})), xavier, none);
  check(nn::init::kaiming_uniform_(empty({200, 300})), kaiming, kaiming * std::sqrt(3.0));
  check(nn::init::kaiming_normal_(empty({200, 300})), kaiming, none);
  check(nn::init::kaiming_normal_(empty({200, 300}), 0, kFanOut), std::sqrt(2.0 / 200), none);
  check(nn::init::normal_(empty({200, 300}), 0, 0.5), 0.5, none);
}

TEST(Init, gains_and_fans) {
  EXPECT_EQ(nn::init::calculate_gain(kLinear), 1);
  EXPECT_EQ(nn::init::calculate_gain(kSigmoid), 1);
  EXPECT_EQ(nn::init::calculate_gain(kTanh), 5.0 / 3);
  EXPECT_EQ(nn::init::calculate_gain(kReLU), std::sqrt(2.0));
  EXPECT_EQ(nn::init::calculate_gain(kLeakyReLU, 0.2), std::sqrt(2.0 / 1.04));
  EXPECT_EQ(nn::init::_calculate_fan_in_and_fan_out(empty({2, 3})), std::make_tuple(3, 2));
  EXPECT_EQ(nn::init::_calculate_fan_in_and_fan_out(empty({2, 3, 4, 5})), std::make_tuple(60, 40));
  EXPECT_ERROR(nn::init::_calculate_fan_in_and_fan_out(empty({2})), "2 dimensions or more");
  EXPECT_THROW(nn::init::xavier_uniform_(empty({2})), Error);
  EXPECT_THROW(nn::init::kaiming_normal_(Tensor()), Error);
  EXPECT_EQ(nn::init::kaiming_uniform_(empty({2, 0})).numel(), 0);
}

// ---- utils ----

namespace {
std::vector<Tensor> parameters_with_gradients() {
  const Tensor a = ones({2}, requires_grad()), b = ones({1}, requires_grad()), c = ones({3}, requires_grad());
  a.set_grad(tensor({1.0f, -2.0f}));
  b.set_grad(tensor({2.0f}));
  return {a, b, c};
}
}  // namespace

TEST(ClipGrad, scales_to_the_norm) {
  auto p = parameters_with_gradients();
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 1.5), 3, 1e-6);
  expect_values(p[0].grad(), {0.5, -1}, 1e-6);
  expect_values(p[1].grad(), {1}, 1e-6);
  EXPECT_FALSE(p[2].grad().defined());
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100), 1.5, 1e-6);
  expect_values(p[1].grad(), {1}, 1e-6);
  p = parameters_with_gradients();
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100, 1), 5, 1e-6);
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100, 3), std::cbrt(17.0), 1e-5);
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100, std::numeric_limits<double>::infinity()), 2, 1e-6);
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p[1], 1), 2, 1e-6);
  expect_values(p[1].grad(), {1}, 1e-5);
  EXPECT_EQ(nn::utils::clip_grad_norm_(std::vector<Tensor>{}, 1), 0);
}

TEST(ClipGrad, reports_a_norm_that_is_not_finite) {
  const auto p = parameters_with_gradients();
  p[0].grad().fill_(std::numeric_limits<double>::infinity());
  EXPECT_ERROR(nn::utils::clip_grad_norm_(p, 1, 2, true), "clip_grad_norm_");
  expect_values(p[1].grad(), {2}, 0);
  EXPECT_TRUE(std::isinf(nn::utils::clip_grad_norm_(p, 1)));
  EXPECT_ERROR(nn::utils::clip_grad_norm_(p, 1, -1), "norm_type");
}

TEST(ClipGrad, clamps_values) {
  const auto p = parameters_with_gradients();
  nn::utils::clip_grad_value_(p, 1.5);
  expect_values(p[0].grad(), {1, -1.5}, 0);
  expect_values(p[1].grad(), {1.5}, 0);
}

TEST(ParametersToVector, and_back) {
  nn::Linear linear(2, 3), other(2, 3);
  const Tensor vec = nn::utils::parameters_to_vector(linear->parameters());
  EXPECT_EQ(vec.sizes(), IntArrayRef({9}));
  EXPECT_TRUE(vec.requires_grad());
  nn::utils::vector_to_parameters(vec, other->parameters());
  EXPECT_TRUE(equal(other->weight, linear->weight));
  EXPECT_TRUE(equal(other->bias, linear->bias));
  EXPECT_TRUE(other->weight.is_leaf() && other->weight.requires_grad());
  EXPECT_ERROR(nn::utils::vector_to_parameters(ones({8}), other->parameters()), "8 elements");
}
