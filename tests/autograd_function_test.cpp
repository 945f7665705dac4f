// Custom functions: what forward may keep and mark, and what backward gets and may return.
#include <gtest/gtest.h>

#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/gradcheck.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::AutogradContext;
using autograd::Function;
using autograd::variable_list;

// a·x + y with a number, and the sum and the product of two tensors.
struct Scaled : Function<Scaled> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, double a, const Tensor& y, int64_t count) {
    ctx->saved_data["a"] = a;
    ctx->saved_data["count"] = count;
    ctx->saved_data["text"] = "kept";
    ctx->saved_data["flag"] = true;
    ctx->saved_data["tensor"] = x.detach() * 0;
    ctx->saved_data["list"] = std::vector<int64_t>{1, 2};
    return x * a + y * static_cast<double>(count);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    EXPECT_EQ(ctx->saved_data["text"].toStringRef(), "kept");
    EXPECT_TRUE(ctx->saved_data["flag"].toBool());
    EXPECT_EQ(ctx->saved_data["tensor"].toTensor().numel(), 2);
    EXPECT_EQ(ctx->saved_data["list"].toIntVector()[1], 2);
    EXPECT_THROW(ctx->saved_data["a"].toInt(), Error);
    EXPECT_TRUE(ctx->saved_data["missing"].isNone());
    return {grads[0] * ctx->saved_data["a"].toDouble(), Tensor(),
            grads[0] * static_cast<double>(ctx->saved_data["count"].toInt()), Tensor()};
  }
};

TEST(CustomFunction, TakesNumbersBesideTensors) {
  const Tensor x = leaf({1, 2}), y = leaf({3, 4});
  const Tensor z = Scaled::apply(x, 2.5, y, 3);
  EXPECT_VECTOR(z, {11.5, 17});
  z.sum().backward();
  EXPECT_VECTOR(x.grad(), {2.5, 2.5});
  EXPECT_VECTOR(y.grad(), {3, 3});
  EXPECT_NE(z.grad_fn()->name().find("Scaled"), std::string::npos) << z.grad_fn()->name();
}

struct SumAndProduct : Function<SumAndProduct> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x, const Tensor& y) {
    ctx->save_for_backward({x, y});
    return {x + y, x * y};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    EXPECT_EQ(grads.size(), 2u);
    const variable_list saved = ctx->get_saved_variables();
    return {grads[0] + grads[1] * saved[1], grads[0] + grads[1] * saved[0]};
  }
};

TEST(CustomFunction, SeveralResults) {
  const Tensor x = leaf({2}), y = leaf({5});
  const variable_list r = SumAndProduct::apply(x, y);
  ASSERT_EQ(r.size(), 2u);
  EXPECT_EQ(r[0].output_nr(), 0u);
  EXPECT_EQ(r[1].output_nr(), 1u);
  EXPECT_EQ(r[0].grad_fn(), r[1].grad_fn());
  (r[0] * 10 + r[1]).backward({}, true);
  EXPECT_VECTOR(x.grad(), {15});
  EXPECT_VECTOR(y.grad(), {12});
  // Only one is used: the other's gradient is zeros.
  EXPECT_VECTOR(autograd::grad({r[1]}, {x})[0], {5});
  const auto f = [](const std::vector<Tensor>& t) { return SumAndProduct::apply(t[0], t[1]); };
  EXPECT_TRUE(autograd::gradcheck(f, {leaf({1, 2}), leaf({3, 4})}));
  EXPECT_TRUE(autograd::gradgradcheck(f, {leaf({1, 2}), leaf({3, 4})}));
}

struct Unmaterialized : Function<Unmaterialized> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x) {
    ctx->set_materialize_grads(false);
    return {x * 1, x * 2};
  }
  static variable_list backward(AutogradContext*, variable_list grads) {
    EXPECT_TRUE(grads[0].defined());
    EXPECT_FALSE(grads[1].defined());
    return {grads[0]};
  }
};

TEST(CustomFunction, UndefinedGradientsWhenAsked) {
  const Tensor x = leaf({2});
  Unmaterialized::apply(x)[0].backward();
  EXPECT_VECTOR(x.grad(), {1});
}

struct ArgMaxAndDouble : Function<ArgMaxAndDouble> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x) {
    const Tensor marked = x * 3, integers = x.argmax();
    ctx->mark_non_differentiable({marked});
    return {x * 2, marked, integers};
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 2}; }
};

TEST(CustomFunction, ResultsWithoutGradient) {
  const Tensor x = leaf({1, 2});
  const variable_list r = ArgMaxAndDouble::apply(x);
  EXPECT_TRUE(r[0].requires_grad());
  EXPECT_FALSE(r[1].requires_grad());
  EXPECT_FALSE(r[2].requires_grad());
  r[0].sum().backward();
  EXPECT_VECTOR(x.grad(), {2, 2});
}

struct AddOneInPlace : Function<AddOneInPlace> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    x.add_(1);
    ctx->mark_dirty({x});
    return x;
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 7}; }
};

TEST(CustomFunction, ChangesItsInput) {
  const Tensor x = leaf({1, 2});
  const Tensor h = x * 2;
  const Tensor y = AddOneInPlace::apply(h);
  EXPECT_TRUE(y.is_same(h));
  EXPECT_VECTOR(h, {3, 5});
  y.sum().backward();
  EXPECT_VECTOR(x.grad(), {14, 14});
  EXPECT_THROW(AddOneInPlace::apply(x), Error) << "a leaf";
}

// Writes by hand, of which the library knows only by the mark.
struct DoublesByHand : Function<DoublesByHand> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    auto* data = x.data_ptr<double>();
    for (int64_t i = 0; i < x.numel(); ++i) data[i] *= 2;
    ctx->mark_dirty({x});
    return x;
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 2}; }
};

TEST(CustomFunction, MarkedChangesCount) {
  const Tensor x = leaf({1, 2});
  const Tensor h = x * 1;
  const Tensor squared = h * h;
  const int64_t version = h._version();
  const Tensor y = DoublesByHand::apply(h);
  EXPECT_GT(h._version(), version);
  EXPECT_THROW(squared.sum().backward(), Error) << "it saved what was changed";
  y.sum().backward();
  EXPECT_VECTOR(x.grad(), {2, 2});
}

struct Asks : Function<Asks> {
  static inline std::vector<bool> needed;
  static Tensor forward(AutogradContext*, const Tensor& x, double, const Tensor& y) { return x + y; }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    needed = {ctx->needs_input_grad(0), ctx->needs_input_grad(1)};
    return {grads[0], Tensor(), grads[0]};
  }
};

TEST(CustomFunction, KnowsWhichGradientsAreNeeded) {
  const Tensor x = leaf({1}), y = doubles({2});
  Asks::apply(x, 1.0, y).backward();
  EXPECT_EQ(Asks::needed, (std::vector<bool>{true, false}));
  Asks::apply(y, 1.0, x).backward();
  EXPECT_EQ(Asks::needed, (std::vector<bool>{false, true}));
}

TEST(CustomFunction, IsNotRecordedWithoutNeed) {
  EXPECT_FALSE(Scaled::apply(ones({2}), 2.0, ones({2}), 1).requires_grad());
  const Tensor x = leaf({1, 2});
  const NoGradGuard off;
  EXPECT_FALSE(Scaled::apply(x, 2.0, x, 1).requires_grad());
}

// A result that is its input, unchanged.
struct Identity : Function<Identity> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x; }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 3}; }
};

TEST(CustomFunction, MayReturnItsInput) {
  const Tensor x = leaf({1, 2});
  const Tensor y = Identity::apply(x);
  EXPECT_TRUE(x.is_leaf());
  EXPECT_FALSE(y.is_same(x));
  y.sum().backward();
  EXPECT_VECTOR(x.grad(), {3, 3});
}

struct SavesItsResult : Function<SavesItsResult> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    const Tensor y = x.tanh();
    ctx->save_for_backward({y});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    return {grads[0] * (1 - ctx->get_saved_variables()[0].square())};
  }
};

TEST(CustomFunction, DoubleBackward) {
  const auto f = [](const std::vector<Tensor>& t) {
    return std::vector<Tensor>{SavesItsResult::apply(SavesItsResult::apply(t[0]) * 2)};
  };
  EXPECT_TRUE(autograd::gradcheck(f, {leaf({-1, 0.5, 2})}));
  EXPECT_TRUE(autograd::gradgradcheck(f, {leaf({-1, 0.5, 2})}));
}

TEST(CustomFunction, SavedTensorsAreCheckedAndFreed) {
  const Tensor x = leaf({1, 2});
  Tensor y = SavesItsResult::apply(x);
  y.detach().add_(1);
  EXPECT_THROW(y.sum().backward(), Error);
  y = SavesItsResult::apply(x).sum();
  y.backward();
  EXPECT_THROW(y.backward(), Error);
}

// A backward that runs a backward of its own, as checkpointing does.
struct Checkpoint : Function<Checkpoint> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return x.sin() * x;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Tensor x = ctx->get_saved_variables()[0].detach().requires_grad_();
    const EnableGradGuard on;
    const Tensor y = x.sin() * x;
    y.backward(grads[0]);
    return {x.grad()};
  }
};

TEST(CustomFunction, NestedBackward) {
  Tensor y = leaf({0.5, 1.5});
  const Tensor x = y;
  for (int i = 0; i < 5; ++i) y = Checkpoint::apply(y);
  y.sum().backward();
  const Tensor other = leaf({0.5, 1.5});
  Tensor z = other;
  for (int i = 0; i < 5; ++i) z = z.sin() * z;
  z.sum().backward();
  EXPECT_TRUE(x.grad().allclose(other.grad()));
}

struct Throws : Function<Throws> {
  static inline bool armed = true;
  static Tensor forward(AutogradContext*, const Tensor& x) { return x * 2; }
  static variable_list backward(AutogradContext*, variable_list grads) {
    EMBER_CHECK(!armed, "from a custom backward");
    return {grads[0] * 2};
  }
};

TEST(CustomFunction, AnErrorInBackwardLeavesThingsUsable) {
  const Tensor x = leaf({3});
  const Tensor y = Throws::apply(x * x).exp();
  Throws::armed = true;
  EXPECT_THROW(y.backward({}, true), Error);
  EXPECT_FALSE(x.grad().defined());
  EXPECT_TRUE(GradMode::is_enabled());
  Throws::armed = false;
  y.backward();
  EXPECT_TRUE(x.grad().defined());
  Throws::armed = true;
}

struct WrongCount : Function<WrongCount> {
  static Tensor forward(AutogradContext*, const Tensor& x, const Tensor& y) { return x + y; }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0]}; }
};
struct WrongShape : Function<WrongShape> {
  static Tensor forward(AutogradContext*, const Tensor& x) { return x.sum(); }
  static variable_list backward(AutogradContext*, variable_list) { return {ones({3, 3}, kFloat64)}; }
};

TEST(CustomFunction, BadGradientsAreRefused) {
  const Tensor x = leaf({1, 2});
  EXPECT_THROW(WrongCount::apply(x, x).sum().backward(), Error);
  EXPECT_THROW(WrongShape::apply(x).backward(), Error);
  EXPECT_FALSE(x.grad().defined());
}

// A list of tensors is as many arguments.
struct SumOfList : Function<SumOfList> {
  static Tensor forward(AutogradContext* ctx, const variable_list& tensors) {
    ctx->saved_data["count"] = static_cast<int64_t>(tensors.size());
    Tensor total = tensors[0].clone();
    for (size_t i = 1; i < tensors.size(); ++i) total = total + tensors[i];
    return total;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    return variable_list(static_cast<size_t>(ctx->saved_data["count"].toInt()), grads[0]);
  }
};

TEST(CustomFunction, TakesLists) {
  const Tensor x = leaf({1}), y = leaf({2});
  SumOfList::apply(variable_list{x, y, x}).backward();
  EXPECT_VECTOR(x.grad(), {2});
  EXPECT_VECTOR(y.grad(), {1});
}

}  // namespace
