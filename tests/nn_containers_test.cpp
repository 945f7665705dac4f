// What holds modules: OrderedDict, ModuleHolder, AnyModule, Sequential.
#include <memory>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {
using Names = std::vector<std::string>;
}

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
  EXPECT_EQ(any.forward<int>(nn::AnyValue(3), nn::AnyValue(std::string("ab")), 1.0), 33);
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
  EXPECT_VALUES(any.forward(ones({1})), {2}, 0);
  EXPECT_VALUES(any.forward(ones({1}), 3), {3}, 0);
  EXPECT_VALUES(any.forward(ones({1}), 3, 0.5), {3.5}, 0);
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
