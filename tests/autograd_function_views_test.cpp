// Custom functions: results that are arguments or views, arguments of all kinds, what backward is asked for.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::AutogradContext;
using autograd::variable_list;

struct Viewed : autograd::Function<Viewed> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x.view({-1}); }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 10}; }
};

struct Same : autograd::Function<Same> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x; }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 10}; }
};

struct TwoViews : autograd::Function<TwoViews> {
  static variable_list forward(AutogradContext*, const Tensor& x) { return {x.view({-1}), x.slice(0, 0, 1)}; }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0]}; }
};

TEST(FunctionView, OfAnArgument) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 1;
  const Tensor v = Viewed::apply(y);
  EXPECT_TRUE(v.is_view());
  EXPECT_TRUE(v._base().is_same(y));
  EXPECT_MENTIONS(v.grad_fn()->name(), "Viewed");
  EXPECT_VECTOR(autograd::grad({v.sum()}, {x}, {}, true)[0], {10, 10});
  EXPECT_ERROR(v.add_(1), "custom Function");
  y.add_(1);
  EXPECT_ERROR(v.grad_fn(), "custom Function");
  EXPECT_ERROR(TwoViews::apply(x * 1)[0].add_(1), "several views");
}

TEST(FunctionView, TheArgumentItself) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 1;
  const Tensor v = Same::apply(y);
  EXPECT_FALSE(v.is_same(y));
  EXPECT_TRUE(v.is_view());
  EXPECT_VECTOR(autograd::grad({v.sum()}, {x}, {}, true)[0], {10, 10});
  EXPECT_VECTOR(autograd::grad({y.sum()}, {x}, {}, true)[0], {1, 1}) << "y has kept its history";
  EXPECT_ERROR(v.add_(1), "custom Function");
  EXPECT_ERROR(Same::apply(x).add_(1), "custom Function");
}

struct AddsOne : autograd::Function<AddsOne> {
  static Tensor forward(AutogradContext* ctx, const Tensor& other, const Tensor& x) {
    x.add_(1);
    x.add_(other);
    ctx->mark_dirty({x});
    return x;
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 7, grads[0] * 10}; }
};

struct DirtyAndMore : autograd::Function<DirtyAndMore> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x) {
    x.add_(1);
    ctx->mark_dirty({x});
    return {x, x * 2};
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0]}; }
};

TEST(FunctionDirty, Tensors) {
  const Tensor x = leaf({1, 2}), z = leaf({0, 0});
  const Tensor y = x * 1;
  const Tensor r = AddsOne::apply(z, y);
  EXPECT_TRUE(r.is_same(y));
  EXPECT_EQ(y._version(), 3);
  const variable_list g = autograd::grad({y.sum()}, {x, z});
  EXPECT_VECTOR(g[0], {10, 10});
  EXPECT_VECTOR(g[1], {7, 7});
  EXPECT_THROW(AddsOne::apply(z, x), Error) << "a leaf";
}

TEST(FunctionDirty, AViewTakesItsBaseAlong) {
  const Tensor x = leaf({1, 2}), z = leaf({5});
  const Tensor y = x * 1, v = y.slice(0, 0, 1);
  AddsOne::apply(z, v);
  EXPECT_VECTOR(y, {7, 2});
  EXPECT_EQ(y.grad_fn()->name(), "torch::autograd::CopySlices");
  EXPECT_EQ(v.grad_fn()->name(), "AsStridedBackward0");
  const variable_list g = autograd::grad({y.sum()}, {x, z});
  EXPECT_VECTOR(g[0], {10, 1});
  EXPECT_VECTOR(g[1], {7});
  const Tensor w = x * 1;
  EXPECT_ERROR(DirtyAndMore::apply(w.slice(0, 0, 1)), "one result only");
  EXPECT_THROW(AddsOne::apply(z, x.slice(0, 0, 1)), Error) << "a view of a leaf";
}

struct Listed : autograd::Function<Listed> {
  static Tensor forward(AutogradContext*, const std::vector<Tensor>& data, const Tensor& x, double factor,
                        std::optional<Tensor> none, const char*) {
    EXPECT_FALSE(none.has_value());
    return x * data[0] * factor;
  }
  static variable_list backward(AutogradContext*, variable_list grads) {
    return {Tensor(), grads[0] * 2, Tensor(), Tensor(), Tensor()};  // one for the list
  }
};

TEST(FunctionArguments, AListMayHaveOneUndefinedGradient) {
  const Tensor x = leaf({1, 2});
  const std::vector<Tensor> data{doubles({1, 1}), doubles({2, 2}), doubles({3, 3})};
  Listed::apply(data, x, 2.0, std::optional<Tensor>(), "text").sum().backward();
  EXPECT_VECTOR(x.grad(), {2, 2});
}

struct Asked : autograd::Function<Asked> {
  static Tensor forward(AutogradContext*, const Tensor& a, const Tensor& b, const Tensor& c) { return a + b + c; }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    last = {ctx->needs_input_grad(0), ctx->needs_input_grad(1), ctx->needs_input_grad({{1, 3}})};
    EXPECT_THROW(ctx->needs_input_grad(3), Error);
    return {grads[0], grads[0], grads[0]};
  }
  static inline std::vector<bool> last;
};

TEST(FunctionArguments, NeedsInputGrad) {
  const Tensor a = leaf({1}), b = leaf({2}), c = doubles({3});
  const Tensor y = Asked::apply(a, b, c);
  y.backward({}, true);
  EXPECT_EQ(Asked::last, (std::vector<bool>{true, true, true}));
  autograd::grad({y}, {a}, {}, true);
  EXPECT_EQ(Asked::last, (std::vector<bool>{true, false, false})) << "only what this backward is after";
  y.backward({}, true, false, std::vector<Tensor>{b});
  EXPECT_EQ(Asked::last, (std::vector<bool>{false, true, true}));
}

struct GivesNothing : autograd::Function<GivesNothing> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x * 1; }
  static variable_list backward(AutogradContext*, variable_list) { return {Tensor()}; }
};

struct SeesZeros : autograd::Function<SeesZeros> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x, bool materialize) {
    ctx->set_materialize_grads(materialize);
    return {x * 1, x * 2};
  }
  static variable_list backward(AutogradContext*, variable_list grads) {
    defined = {grads[0].defined(), grads[1].defined()};
    return {grads[0], Tensor()};
  }
  static inline std::vector<bool> defined;
};

TEST(FunctionArguments, UndefinedGradients) {
  const Tensor x = leaf({1, 2});
  GivesNothing::apply(SeesZeros::apply(x, true)[0]).sum().backward();
  EXPECT_EQ(SeesZeros::defined, (std::vector<bool>{true, true}));
  EXPECT_VECTOR(x.grad(), {0, 0});
  SeesZeros::apply(x, false)[1].sum().backward();
  EXPECT_EQ(SeesZeros::defined, (std::vector<bool>{false, true}));
  const Tensor y = leaf({1});
  GivesNothing::apply(y * 3).backward();
  EXPECT_FALSE(y.grad().defined());
  EXPECT_ERROR(autograd::grad({GivesNothing::apply(y * 3)}, {y}), "allow_unused");
}

TEST(SavedData, HoldsValuesOfManyTypes) {
  std::map<std::string, IValue> data;
  data["none"] = {};
  data["int"] = 3;
  data["size"] = size_t{7};
  data["double"] = 2.5;
  data["bool"] = true;
  data["text"] = "abc";
  data["scalar"] = Scalar(1.5);
  data["device"] = Device("cuda:1");
  data["dtype"] = kFloat16;
  data["tensor"] = doubles({1, 2});
  data["ints"] = std::vector<int64_t>{1, 2};
  data["doubles"] = std::vector<double>{1, 2};
  data["bools"] = std::vector<bool>{true, false};
  data["tensors"] = std::vector<Tensor>{doubles({1})};
  data["scalars"] = std::vector<Scalar>{1, 2.5, true};
  data["texts"] = std::vector<std::string>{"a", "b"};
  data["dict"] = std::map<std::string, double>{{"x", 1.0}, {"y", 2.0}};
  data["optional"] = std::optional<int64_t>(4);
  data["empty"] = std::optional<int64_t>();
  EXPECT_TRUE(data["none"].isNone());
  EXPECT_EQ(data["int"].toInt(), 3);
  EXPECT_EQ(data["size"].to<size_t>(), 7u);
  EXPECT_EQ(data["double"].toDouble(), 2.5);
  EXPECT_TRUE(data["bool"].toBool());
  EXPECT_EQ(data["text"].toStringRef(), "abc");
  EXPECT_EQ(data["scalar"].toScalar().toDouble(), 1.5);
  EXPECT_EQ(data["scalar"].toDouble(), 1.5);
  EXPECT_EQ(data["int"].toScalar().toLong(), 3);
  EXPECT_EQ(data["device"].toDevice(), Device(kCUDA, 1));
  EXPECT_EQ(data["dtype"].toScalarType(), kFloat16);
  EXPECT_VECTOR(data["tensor"].toTensor(), {1, 2});
  EXPECT_EQ(data["ints"].toIntVector(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(data["doubles"].toDoubleVector(), (std::vector<double>{1, 2}));
  EXPECT_EQ(data["bools"].toBoolList(), (std::vector<bool>{true, false}));
  EXPECT_VECTOR(data["tensors"].toTensorVector()[0], {1});
  const auto scalars = data["scalars"].to<std::vector<Scalar>>();
  EXPECT_TRUE(scalars[0].is_integral());
  EXPECT_EQ(scalars[1].toDouble(), 2.5);
  EXPECT_TRUE(scalars[2].is_boolean());
  EXPECT_EQ(data["texts"].to<std::vector<std::string>>()[1], "b");
  EXPECT_EQ(data["dict"].toGenericDict().at("y").toDouble(), 2);
  EXPECT_EQ((data["dict"].to<std::unordered_map<std::string, double>>()["x"]), 1);
  EXPECT_EQ(data["optional"].toOptional<int64_t>(), 4);
  EXPECT_EQ(data["empty"].toOptional<int64_t>(), std::nullopt);
  EXPECT_EQ(data["ints"].toList().size(), 2u);
  EXPECT_ERROR(data["int"].toDouble(), "Int");
  EXPECT_ERROR(data["text"].toTensor(), "String");
  EXPECT_STREQ(data["dict"].tagKind(), "GenericDict");
}

}  // namespace
