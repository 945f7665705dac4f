// ModuleList, ModuleDict, ParameterList, ParameterDict, Functional, and the printed namespace.
#include <gtest/gtest.h>

#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

using Names = std::vector<std::string>;

Tensor scale(const Tensor& x, double by, int64_t plus) { return x * by + plus; }

template <class Holder>
auto clone_of(const Holder& holder) {
  return std::dynamic_pointer_cast<typename Holder::ContainedType>(holder->clone());
}

}  // namespace

TEST(ModuleList, grows_and_inserts) {
  nn::ModuleList list(nn::Linear(3, 4), nn::ReLUImpl(), std::make_shared<nn::TanhImpl>());
  list->push_back(nn::Sigmoid());
  list->push_back(nn::ReLUImpl());
  list->extend(*nn::ModuleList(nn::Linear(4, 5)));
  EXPECT_EQ(list->size(), 6u);
  EXPECT_EQ(list->named_children().keys(), (Names{"0", "1", "2", "3", "4", "5"}));
  list->insert(0, nn::Linear(1, 2));
  list->insert(7, nn::ReLUImpl());
  list->insert(2, std::make_shared<nn::TanhImpl>());
  EXPECT_EQ(list->size(), 9u);
  EXPECT_EQ(list->at<nn::LinearImpl>(0).options.in_features(), 1);
  EXPECT_EQ(list->at<nn::LinearImpl>(1).options.in_features(), 3);
  EXPECT_NE(list->ptr<nn::TanhImpl>(2), nullptr);
  EXPECT_NE(list->ptr<nn::ReLUImpl>(8), nullptr);
  for (size_t i = 0; i < list->size(); ++i) EXPECT_EQ(list->children()[i], list->ptr(i)) << i;
  EXPECT_EQ(list->named_parameters().keys(), (Names{"0.weight", "0.bias", "1.weight", "1.bias", "7.weight", "7.bias"}));
  EXPECT_ERROR(list->insert(10, nn::ReLU()), "index 10 is out of range to insert at");
  EXPECT_ERROR(list->insert(0, std::shared_ptr<nn::Module>()), "null");
  EXPECT_EQ(list->size(), 9u);
}

TEST(ModuleList, access) {
  nn::Linear linear(3, 4);
  nn::ModuleList list(linear, nn::ReLU());
  EXPECT_EQ(list[0], linear.ptr());
  EXPECT_EQ(list->ptr(0), linear.ptr());
  EXPECT_EQ(list->ptr<nn::ReLUImpl>(0), nullptr);
  EXPECT_ERROR(list->at<nn::ReLUImpl>(0), "ModuleList: module 0 is a ember::nn::LinearImpl, not a ember::nn::ReLUImpl");
  EXPECT_ERROR(list->ptr(2), "ModuleList: index 2 is out of range for 2 modules");
  size_t count = 0;
  for (const auto& module : *list) count += module != nullptr;
  EXPECT_EQ(count, 2u);
  EXPECT_TRUE(nn::ModuleList()->is_empty());
}

TEST(ModuleList, clone_and_text) {
  nn::ModuleList list(nn::Linear(3, 4), nn::ModuleList(nn::ReLU()));
  list->eval();
  const auto copy = clone_of(list);
  EXPECT_FALSE(copy->is_training() || copy->ptr(0)->is_training());
  EXPECT_NE(copy->ptr(0), list->ptr(0));
  EXPECT_TRUE(equal(copy->parameters()[0], list->parameters()[0]));
  EXPECT_EQ(printed(list),
            "ember::nn::ModuleList(\n"
            "  (0): ember::nn::Linear(in_features=3, out_features=4, bias=true)\n"
            "  (1): ember::nn::ModuleList(\n"
            "    (0): ember::nn::ReLU()\n"
            "  )\n"
            ")");
}

TEST(ModuleDict, by_name) {
  nn::Linear linear(3, 4);
  std::vector<std::pair<std::string, std::shared_ptr<nn::Module>>> items{{"fc", linear.ptr()},
                                                                         {"act", nn::ReLU().ptr()}};
  nn::ModuleDict dict(items);
  EXPECT_EQ(dict->keys(), (Names{"fc", "act"}));
  EXPECT_EQ(dict["fc"], linear.ptr());
  EXPECT_EQ(&dict->at<nn::LinearImpl>("fc"), linear.get());
  EXPECT_EQ(dict->items()[1].first, "act");
  EXPECT_EQ(dict->values()[0], linear.ptr());
  EXPECT_TRUE(dict->contains("act") && !dict->contains("x") && !dict->empty());
  EXPECT_ERROR(dict["x"], "Submodule 'x' is not defined");
  EXPECT_ERROR(dict->at<nn::ReLUImpl>("fc"), "ModuleDict: module fc is a ember::nn::LinearImpl");
  OrderedDict<std::string, std::shared_ptr<nn::Module>> more;
  more.insert("act", nn::Tanh().ptr());
  more.insert("out", nn::Linear(4, 1).ptr());
  dict->update(more);
  EXPECT_EQ(dict->keys(), (Names{"fc", "act", "out"}));
  EXPECT_NE(dict["act"]->as<nn::Tanh>(), nullptr);
  EXPECT_EQ(dict->named_parameters().keys().back(), "out.bias");
  EXPECT_EQ(dict->pop("fc"), linear.ptr());
  EXPECT_EQ(dict->named_children().keys(), (Names{"act", "out"}));
  EXPECT_ERROR(dict->pop("fc"), "not defined");
  Names names;
  for (const auto& item : *dict) names.push_back(item.key());
  EXPECT_EQ(names, (Names{"act", "out"}));
  dict->update(*nn::ModuleDict(items));
  EXPECT_EQ(dict->size(), 3u);
  const auto copy = clone_of(dict);
  EXPECT_EQ(copy->keys(), dict->keys());
  EXPECT_NE((*copy)["fc"], dict["fc"]);
  EXPECT_MENTIONS(printed(dict), "ember::nn::ModuleDict(\n  (act): ember::nn::");
  dict->clear();
  EXPECT_TRUE(dict->empty() && dict->parameters().empty());
}

TEST(ParameterList, by_place) {
  nn::ParameterList list(ones({2, 3}).requires_grad_(), zeros({1}, kInt64));
  list->append(ones({4}));
  *list += std::vector<Tensor>{zeros({1})};
  list->extend(*nn::ParameterList(ones({5})));
  EXPECT_EQ(list->size(), 5u);
  EXPECT_EQ(list->named_parameters().keys(), (Names{"0", "1", "2", "3", "4"}));
  EXPECT_TRUE(list[0].requires_grad() && !list[2].requires_grad());
  EXPECT_EQ(list->at(4).numel(), 5);
  EXPECT_ERROR(list->at(5), "ParameterList: index 5 is out of range for 5 parameters");
  size_t count = 0;
  for (auto& item : *list) count += item.value().defined();
  EXPECT_EQ(count, 5u);
  const auto copy = clone_of(list);
  EXPECT_TRUE((*copy)[0].requires_grad() && (*copy)[0].is_leaf() && !(*copy)[2].requires_grad());
  EXPECT_NE((*copy)[0].data_ptr(), list[0].data_ptr());
  EXPECT_EQ(printed(nn::ParameterList(ones({2, 3}), zeros({1}, kInt64))),
            "ember::nn::ParameterList(\n"
            "(0): Parameter containing: [Float of size [2, 3]]\n"
            "(1): Parameter containing: [Long of size [1]]\n"
            ")");
  EXPECT_EQ(printed(nn::ParameterList()), "ember::nn::ParameterList(\n)");
}

TEST(ParameterDict, by_name) {
  nn::ParameterDict dict;
  dict->insert("w", ones({3}).requires_grad_());
  dict->insert("b", zeros({1}));
  EXPECT_TRUE(dict["w"].requires_grad() && !dict->get("b").requires_grad());
  EXPECT_ERROR(dict->insert("w", ones({1})), "Parameter 'w' is defined already");
  EXPECT_ERROR(dict["x"], "Parameter 'x' is not defined");
  OrderedDict<std::string, Tensor> more;
  more.insert("b", ones({2}));
  more.insert("c", ones({4}));
  dict->update(more);
  EXPECT_EQ(dict->keys(), (Names{"w", "b", "c"}));
  EXPECT_EQ(dict["b"].numel(), 2);
  EXPECT_EQ(dict->values()[2].numel(), 4);
  EXPECT_EQ(dict->pop("b").numel(), 2);
  EXPECT_TRUE(!dict->contains("b") && dict->size() == 2);
  EXPECT_EQ(clone_of(dict)->keys(), dict->keys());
  EXPECT_EQ(printed(dict),
            "ember::nn::ParameterDict(\n"
            "(w): Parameter containing: [Float of size [3]]\n"
            "(c): Parameter containing: [Float of size [4]]\n"
            ")");
  EXPECT_EQ(nn::ParameterDict(more)->named_parameters().keys(), (Names{"b", "c"}));
  dict->clear();
  EXPECT_TRUE(dict->empty());
}

TEST(Functional, functions_lambdas_and_bound_arguments) {
  EXPECT_VALUES(nn::Functional(relu)(tensor({-1.0, 2.0})), {0, 2}, 0);
  EXPECT_VALUES(nn::Functional(scale, 2, 3)(ones({2})), {5, 5}, 0);
  int calls = 0;
  nn::Functional counted([&calls](Tensor x) {
    ++calls;
    return x;
  });
  EXPECT_TRUE(counted->is_serializable() == false);
  nn::Sequential net(nn::Linear(2, 2), counted, nn::Functional(relu));
  EXPECT_EQ(net->forward(ones({3, 2})).sizes(), IntArrayRef({3, 2}));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(printed(counted), "ember::nn::Functional()");
  clone_of(net)->forward(ones({3, 2}));
  EXPECT_EQ(calls, 2);
}

TEST(PrintedNamespace, is_that_of_the_librarys_modules) {
  struct Mine : nn::Module {};
  const std::string mine = Mine().name();
  nn::set_printed_namespace("torch");
  const std::string text = printed(nn::ModuleList(nn::Linear(1, 2), nn::Sequential(), nn::Functional(relu)));
  const std::string name = nn::Linear(1, 1)->name();
  const std::string mine_then = Mine().name();
  nn::set_printed_namespace("ember");
  EXPECT_EQ(text,
            "torch::nn::ModuleList(\n"
            "  (0): torch::nn::Linear(in_features=1, out_features=2, bias=true)\n"
            "  (1): torch::nn::Sequential\n"
            "  (2): torch::nn::Functional()\n"
            ")");
  EXPECT_EQ(name, "torch::nn::LinearImpl");
  EXPECT_EQ(mine_then, mine);
  EXPECT_EQ(nn::Linear(1, 1)->name(), "ember::nn::LinearImpl");
}
