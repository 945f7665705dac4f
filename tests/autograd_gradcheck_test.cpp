// gradcheck and gradgradcheck find what is wrong.
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/gradcheck.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::variable_list;

// x², with a gradient that is wrong by a tenth.
struct WrongSquare : autograd::Function<WrongSquare> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return x * x;
  }
  static variable_list backward(autograd::AutogradContext* ctx, variable_list grads) {
    return {grads[0] * ctx->get_saved_variables()[0] * 2.2};
  }
};

// The right gradient, but not by recorded operations.
struct UnrecordedSquare : autograd::Function<UnrecordedSquare> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return x * x;
  }
  static variable_list backward(autograd::AutogradContext* ctx, variable_list grads) {
    return {(grads[0] * ctx->get_saved_variables()[0].detach() * 2)};
  }
};

TEST(Gradcheck, FindsWrongGradients) {
  const auto right = [](const std::vector<Tensor>& t) { return std::vector<Tensor>{t[0] * t[0] * t[1]}; };
  EXPECT_TRUE(autograd::gradcheck(right, {leaf({1, 2}), leaf({3, 4})}));
  EXPECT_TRUE(autograd::gradgradcheck(right, {leaf({1, 2}), leaf({3, 4})}));
  const auto wrong = [](const std::vector<Tensor>& t) { return std::vector<Tensor>{WrongSquare::apply(t[0])}; };
  EXPECT_ERROR(autograd::gradcheck(wrong, {leaf({1, 2})}), "numerical");
  autograd::GradcheckOptions quiet;
  quiet.raise_exception = false;
  EXPECT_FALSE(autograd::gradcheck(wrong, {leaf({1, 2})}, quiet));
  const auto unrecorded = [](const std::vector<Tensor>& t) {
    return std::vector<Tensor>{UnrecordedSquare::apply(t[0])};
  };
  EXPECT_TRUE(autograd::gradcheck(unrecorded, {leaf({1, 2})}));
  EXPECT_FALSE(autograd::gradgradcheck(unrecorded, {leaf({1, 2})}, quiet));
  // Wrong in one element of one input only.
  const auto partly = [](const std::vector<Tensor>& t) {
    const Tensor first = t[1].slice(0, 0, 1), rest = t[1].slice(0, 1);
    return std::vector<Tensor>{t[0] * cat({first, rest.detach()})};
  };
  EXPECT_FALSE(autograd::gradcheck(partly, {leaf({1, 2, 3}), leaf({4, 5, 6})}, quiet));
  // The inputs are as they were.
  const Tensor x = leaf({1, 2});
  autograd::gradcheck(right, {x, leaf({3, 4})});
  EXPECT_VECTOR(x, {1, 2});
  EXPECT_FALSE(x.grad().defined());
}

// A gradient for nothing, and one that changes from time to time.
struct AddsToNothing : autograd::Function<AddsToNothing> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    ctx->set_materialize_grads(false);
    return x * 1;
  }
  static variable_list backward(autograd::AutogradContext*, variable_list grads) {
    return {grads[0].defined() ? grads[0] : ones({2}, kFloat64)};
  }
};
struct Unsteady : autograd::Function<Unsteady> {
  static Tensor forward(autograd::AutogradContext*, const Tensor& x) { return x * 1; }
  static variable_list backward(autograd::AutogradContext*, variable_list grads) {
    static int calls = 0;
    return {grads[0] + 1e-9 * calls++};
  }
};

TEST(Gradcheck, UndefinedGradientsAndUnsteadyOnes) {
  const auto adds = [](const std::vector<Tensor>& t) { return std::vector<Tensor>{AddsToNothing::apply(t[0])}; };
  EXPECT_ERROR(autograd::gradcheck(adds, {leaf({1, 2})}), "undefined");
  autograd::GradcheckOptions options;
  options.check_undefined_grad = false;
  EXPECT_TRUE(autograd::gradcheck(adds, {leaf({1, 2})}, options));
  const auto unsteady = [](const std::vector<Tensor>& t) { return std::vector<Tensor>{Unsteady::apply(t[0])}; };
  EXPECT_ERROR(autograd::gradcheck(unsteady, {leaf({1, 2})}, options), "two backwards");
  options.nondet_tol = 1e-3;
  EXPECT_TRUE(autograd::gradcheck(unsteady, {leaf({1, 2})}, options));
}

}  // namespace
