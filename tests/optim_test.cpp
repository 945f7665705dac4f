// Optimizers: ten steps of each against PyTorch's in double precision, parameter groups, gradients, bad options.
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/parallel.h>
#include <ember/nn/linear.h>
#include <ember/optim/optim.h>

#include <gtest/gtest.h>

#include <cmath>

#include "values.h"

using namespace ember;
using namespace ember::optim;
using namespace ember::test;

namespace {

// The problem of the golden numbers: the sum of k·(p - t)², from p = (1, -2, 3, -0.5).
Tensor start() { return leaf({1, -2, 3, -0.5}); }
void set_gradient(const Tensor& p) {
  NoGradGuard no_grad;
  const Tensor k = tensor({1.0, 0.5, 2.0, 3.0}, kFloat64), t = tensor({0.5, 0.1, -1.0, 0.25}, kFloat64);
  p.set_grad((p - t) * k * 2);
}

template <class Optim, class Options>
void expect_ten_steps(const Options& options, const std::vector<double>& expected) {
  const Tensor p = start();
  Optim optimizer({p}, options);
  for (int i = 0; i < 10; ++i) {
    set_gradient(p);
    optimizer.step();
  }
  EXPECT_VALUES(p, expected);
  EXPECT_TRUE(p.is_leaf() && p.requires_grad());
}

}  // namespace

// ---- against PyTorch ----

TEST(SGD, ten_steps) {
  using O = SGDOptions;
  expect_ten_steps<SGD>(O(0.05), {0.67433922005000002, -1.1573475724005955, -0.57050327040000004, 0.228814356325});
  expect_ten_steps<SGD>(O(0.05).momentum(0.9),
                        {0.20560530560000007, 0.75293811240622099, -0.98240051759999947, -0.16299145040000007});
  expect_ten_steps<SGD>(O(0.05).momentum(0.9).dampening(0.3),
                        {0.22862978016588009, 0.32184762128039318, -2.4880651402655372, 0.098188229228954566});
  expect_ten_steps<SGD>(O(0.05).weight_decay(0.1),
                        {0.64893478319341324, -1.0966445512451535, -0.57467377364449601, 0.22628929058482314});
  expect_ten_steps<SGD>(O(0.05).momentum(0.9).nesterov(true),
                        {0.32671091417713649, 0.65018415210309688, -0.79455705734839255, 0.16533157180559918});
  expect_ten_steps<SGD>(O(0.05).momentum(0.5).weight_decay(0.2).dampening(0.1),
                        {0.4907866936683532, -0.57401619354751054, -1.087123411911703, 0.23363264163019135});
}

TEST(Adam, ten_steps) {
  using O = AdamOptions;
  expect_ten_steps<Adam>(O(), {0.99000654792207521, -1.990001539791276, 2.9900008068834785, -0.49000434154187089});
  expect_ten_steps<Adam>(O(0.05),
                         {0.53812458030987753, -1.5046725178405362, 2.5022311229584289, -0.018976706581004234});
  expect_ten_steps<Adam>(O(0.05).betas({0.8, 0.95}),
                         {0.55165590252936503, -1.507009137706687, 2.5034061461010033, -0.026786386403073056});
  expect_ten_steps<Adam>(O(0.05).eps(0.1),
                         {0.58280230889384188, -1.5280893535811864, 2.5053957199420815, -0.030432844547634993});
  expect_ten_steps<Adam>(O(0.05).weight_decay(0.2),
                         {0.53251367079569545, -1.5047174928504587, 2.5022608323567153, -0.019306034029477212});
  expect_ten_steps<Adam>(O(0.5).betas({0.5, 0.6}).amsgrad(true).weight_decay(0.1),
                         {0.47114209104220206, 0.15972114130137918, -0.49571570731701564, 0.25656335404847419});
}

TEST(AdamW, ten_steps) {
  using O = AdamWOptions;
  expect_ten_steps<AdamW>(O(), {0.98990706864820555, -1.9898020296172301, 2.9897012945863839, -0.48995481550368897});
  expect_ten_steps<AdamW>(O(0.05),
                          {0.53485632646818526, -1.4959181828209285, 2.4884563724052979, -0.017696428012083654});
  expect_ten_steps<AdamW>(O(0.05).betas({0.8, 0.95}),
                          {0.54855320302566002, -1.4982995765597527, 2.4896650784290295, -0.025533330271259903});
  expect_ten_steps<AdamW>(O(0.05).eps(0.1),
                          {0.57938240720501688, -1.5193004826339191, 2.4916160364452842, -0.029130296528733099});
  expect_ten_steps<AdamW>(O(0.05).weight_decay(0.2),
                          {0.47724113970380466, -1.3373820431608789, 2.2386574018305971, 0.0051380865413954702});
  expect_ten_steps<AdamW>(O(0.5).betas({0.5, 0.6}).amsgrad(true).weight_decay(0.1),
                          {0.48864572995790534, 0.13424408294534795, -0.61056237033115868, 0.25014852989569508});
}

// ---- one launch for all parameters ----

namespace {

// Parameters that the fused step takes, or (`strided`) the same elements in transposed memory, which go through tensor
// operations.
std::vector<Tensor> some_parameters(ScalarType dtype, bool strided) {
  manual_seed(7);
  std::vector<Tensor> parameters;
  for (const int64_t rows : {1, 3, 37}) {
    const Tensor p = randn({rows, 29}, dtype);
    parameters.push_back((strided ? p.t().contiguous().t() : p).detach().requires_grad_());
  }
  return parameters;
}

template <class Optim, class Options>
void expect_same_when_strided(const Options& options) {
  for (const ScalarType dtype : {kFloat32, kFloat64}) {
    const std::vector<Tensor> fused = some_parameters(dtype, false), strided = some_parameters(dtype, true);
    Optim a(fused, options), b(strided, options);
    manual_seed(8);
    for (int step = 0; step < 4; ++step) {
      for (size_t i = 0; i < fused.size(); ++i) {
        const Tensor g = randn(fused[i].sizes(), dtype);
        fused[i].set_grad(g);
        strided[i].set_grad(g);
      }
      const auto version = fused[0]._version();
      a.step();
      b.step();
      EXPECT_GT(fused[0]._version(), version);
    }
    EXPECT_FALSE(strided[1].is_contiguous());
    for (size_t i = 0; i < fused.size(); ++i) {
      EXPECT_TRUE(fused[i].equal(strided[i])) << i << ": " << (fused[i] - strided[i]).abs().max();
    }
  }
}

}  // namespace

TEST(Optimizer, fused_steps_give_what_tensor_operations_give) {
  expect_same_when_strided<SGD>(SGDOptions(0.1));
  expect_same_when_strided<SGD>(SGDOptions(0.1).weight_decay(0.3));
  expect_same_when_strided<SGD>(SGDOptions(0.1).momentum(0.9).dampening(0.2));
  expect_same_when_strided<SGD>(SGDOptions(0.1).momentum(0.9).nesterov(true).weight_decay(0.3));
  expect_same_when_strided<Adam>(AdamOptions(0.1));
  expect_same_when_strided<Adam>(AdamOptions(0.1).weight_decay(0.2).amsgrad(true));
  expect_same_when_strided<AdamW>(AdamWOptions(0.1));
  expect_same_when_strided<AdamW>(AdamWOptions(0.1).weight_decay(0.2).amsgrad(true));
}

TEST(Optimizer, fused_steps_are_the_same_on_any_number_of_threads) {
  const auto stepped = [](int threads) {
    set_num_threads(threads);
    manual_seed(9);
    const Tensor a = randn({100003}).requires_grad_(), b = randn({70001}).requires_grad_();
    a.set_grad(randn({100003}));
    b.set_grad(randn({70001}));
    Adam adam({a, b}, AdamOptions(0.1));
    adam.step();
    adam.step();
    return cat({a.detach(), b.detach()});
  };
  const int threads = get_num_threads();
  const Tensor one = stepped(1), three = stepped(3);
  set_num_threads(threads);
  EXPECT_TRUE(one.equal(three));
}

TEST(Optimizer, parameters_that_share_memory_are_updated_one_after_the_other) {
  manual_seed(10);
  const Tensor values = randn({90000}), g = randn({60000}), h = randn({60000});
  const auto stepped = [&](bool together) {
    const Tensor memory = values.clone();
    const Tensor a = memory.slice(0, 0, 60000).detach().requires_grad_();
    const Tensor b = memory.slice(0, 30000, 90000).detach().requires_grad_();
    a.set_grad(g);
    b.set_grad(h);
    if (together) {
      SGD({a, b}, SGDOptions(0.1).weight_decay(0.5)).step();
    } else {
      SGD({a}, SGDOptions(0.1).weight_decay(0.5)).step();
      SGD({b}, SGDOptions(0.1).weight_decay(0.5)).step();
    }
    return memory;
  };
  EXPECT_TRUE(stepped(true).equal(stepped(false)));
}

TEST(Optimizer, an_error_leaves_the_parameters_before_it_updated) {
  const Tensor a = leaf({1, 2}), b = leaf({1, 2}), alone = leaf({1, 2});
  SGD sgd({a, b}, SGDOptions(0.1).momentum(0.5)), single({alone}, SGDOptions(0.1).momentum(0.5));
  for (const Tensor& p : {a, b, alone}) p.set_grad(full_like(p.detach(), 3));
  b.set_requires_grad(false);
  b.set_data(zeros({3}, kFloat64));  // the gradient does not fit it any more
  EXPECT_THROW(sgd.step(), Error);
  single.step();
  EXPECT_TRUE(a.equal(alone));
}

// ---- what they leave alone ----

TEST(Optimizer, skips_parameters_without_gradients) {
  const Tensor a = start(), b = start();
  SGD sgd({a, b}, SGDOptions(0.1).momentum(0.9));
  Adam adam({a, b}, AdamOptions());
  AdamW adamw({a, b}, AdamWOptions());
  set_gradient(a);
  sgd.step();
  adam.step();
  adamw.step();
  EXPECT_VALUES(b, {1, -2, 3, -0.5}, 0);
  EXPECT_NE(values(a)[0], 1);
  EXPECT_EQ(sgd.state().size(), 1u);
  EXPECT_EQ(adam.state().size(), 1u);
  EXPECT_EQ(adamw.state().size(), 1u);
}

TEST(Optimizer, does_not_touch_the_gradient_or_record) {
  const Tensor p = start();
  SGD plain({p}, SGDOptions(0.1).momentum(0.9)), nesterov({p}, SGDOptions(0.1).momentum(0.9).nesterov(true));
  Adam adam({p}, AdamOptions(0.1).weight_decay(0.1));
  AdamW adamw({p}, AdamWOptions(0.1));
  set_gradient(p);
  const auto grad = values(p.grad());
  for (int i = 0; i < 3; ++i) {
    plain.step();
    nesterov.step();
    adam.step();
    adamw.step();
    EXPECT_VALUES(p.grad(), grad, 0);
  }
  EXPECT_TRUE(p.is_leaf());
  EXPECT_TRUE(GradMode::is_enabled());
}

TEST(Optimizer, closure_is_called_with_gradients_and_its_loss_returned) {
  const Tensor p = leaf({2});
  SGD sgd({p}, 0.25);
  const auto closure = [&] {
    sgd.zero_grad();
    const Tensor loss = (p * p).sum();
    loss.backward();
    return loss;
  };
  NoGradGuard no_grad;
  EXPECT_EQ(sgd.step(closure).item<double>(), 4);
  EXPECT_VALUES(p, {1}, 0);
  EXPECT_EQ(Adam({p}, 0.1).step(closure).item<double>(), 1);
  EXPECT_FALSE(sgd.step().defined());
}

TEST(Optimizer, zero_grad_drops_or_clears) {
  const Tensor a = start(), b = start();
  SGD sgd({a, b}, 0.1);
  set_gradient(a);
  const Tensor grad = a.grad();
  sgd.zero_grad(false);
  EXPECT_TRUE(a.grad().is_same(grad));
  EXPECT_VALUES(a.grad(), {0, 0, 0, 0}, 0);
  EXPECT_FALSE(b.grad().defined());
  sgd.zero_grad();
  EXPECT_FALSE(a.grad().defined());
}

TEST(Optimizer, zero_grad_cuts_a_gradient_that_has_history) {
  const Tensor p = leaf({3});
  (p * p).sum().backward({}, std::nullopt, /*create_graph=*/true);
  ASSERT_TRUE(p.grad().requires_grad());
  SGD({p}, 0.1).zero_grad(false);
  EXPECT_FALSE(p.grad().requires_grad());
  EXPECT_VALUES(p.grad(), {0}, 0);
}

TEST(Optimizer, trains_a_module) {
  manual_seed(0);
  nn::Linear linear(2, 1);
  AdamW optimizer(linear->parameters(), AdamWOptions(0.05).weight_decay(0));
  const Tensor x = randn({64, 2}), y = x.matmul(tensor({{2.0f}, {-3.0f}})) + 0.5;
  double loss_value = 0;
  for (int i = 0; i < 300; ++i) {
    optimizer.zero_grad();
    const Tensor loss = mse_loss(linear(x), y);
    loss.backward();
    optimizer.step();
    loss_value = loss.item<double>();
  }
  EXPECT_LT(loss_value, 1e-3);
  EXPECT_VALUES(linear->weight, {2, -3}, 0.05);
}

// ---- state ----

TEST(Optimizer, state_per_parameter) {
  const Tensor p = start();
  Adam adam({p}, AdamOptions(0.1).amsgrad(true));
  SGD sgd({p}, SGDOptions(0.1).momentum(0.5));
  for (int i = 0; i < 3; ++i) {
    p.set_grad(ones_like(p));
    adam.step();
    sgd.step();
  }
  auto& state = static_cast<AdamParamState&>(*adam.state().at(p.unsafe_impl()));
  EXPECT_EQ(state.step(), 3);
  EXPECT_VALUES(state.exp_avg(), std::vector<double>(4, 1 - std::pow(0.9, 3)));
  EXPECT_VALUES(state.exp_avg_sq(), std::vector<double>(4, 1 - std::pow(0.999, 3)));
  EXPECT_VALUES(state.max_exp_avg_sq(), std::vector<double>(4, 1 - std::pow(0.999, 3)));
  auto& momentum = static_cast<SGDParamState&>(*sgd.state().at(p.unsafe_impl()));
  EXPECT_VALUES(momentum.momentum_buffer(), {1.75, 1.75, 1.75, 1.75});
  EXPECT_FALSE(momentum.momentum_buffer().requires_grad());
}

// ---- groups ----

TEST(Optimizer, groups_have_their_own_options_and_inherit_the_rest) {
  const Tensor a = leaf({1}), b = leaf({1}), c = leaf({1});
  std::vector<OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<Tensor>{a}, std::make_unique<SGDOptions>(0.5));
  groups.emplace_back(std::vector<Tensor>{b});
  SGD sgd(groups, SGDOptions(0.1).weight_decay(1));
  sgd.add_param_group(OptimizerParamGroup({c}, std::make_unique<SGDOptions>(SGDOptions(0.1).weight_decay(0))));
  ASSERT_EQ(sgd.param_groups().size(), 3u);
  EXPECT_EQ(sgd.size(), 3u);
  EXPECT_EQ(sgd.parameters().size(), 1u);
  for (const Tensor& p : {a, b, c}) p.set_grad(ones_like(p));
  sgd.step();
  EXPECT_VALUES(a, {0});
  EXPECT_VALUES(b, {0.8});
  EXPECT_VALUES(c, {0.9});

  auto& options = static_cast<SGDOptions&>(sgd.param_groups()[1].options());
  EXPECT_EQ(options.get_lr(), 0.1);
  options.set_lr(0.2);
  EXPECT_EQ(options.lr(), 0.2);
  options.lr() = 0.25;
  options.weight_decay(0);
  sgd.step();
  EXPECT_VALUES(b, {0.55});
  EXPECT_EQ(static_cast<SGDOptions&>(sgd.defaults()).lr(), 0.1);
}

// An optimizer of a program's own: groups take what they leave open where its options say which settings there are.
struct SignOptions : OptimizerCloneableOptions<SignOptions> {
  EMBER_OPTIM_ARG(double, lr) = 0.5;
  EMBER_OPTIM_ARG(double, momentum) = 0.0;

 public:
  void inherit(const OptimizerOptions& defaults) override {
    inherit_settings(defaults, &SignOptions::lr_, &SignOptions::momentum_);
  }
};
struct PlainOptions : OptimizerCloneableOptions<PlainOptions> {
  EMBER_OPTIM_ARG(double, lr) = 0.5;
};
template <class Options>
struct SignDescent : Optimizer {
  SignDescent(const std::vector<OptimizerParamGroup>& groups, const Options& defaults)
      : Optimizer(groups, std::make_unique<Options>(defaults)) {}
  Tensor step(LossClosure closure = nullptr) override {
    const Tensor loss = evaluate(closure);
    NoGradGuard no_grad;
    for (const OptimizerParamGroup& group : param_groups_) {
      for (Tensor p : group.params()) p.sub_(p.grad().sign(), options_of<Options>(group).lr());
    }
    return loss;
  }
};

TEST(Optimizer, of_a_program) {
  const Tensor a = leaf({1}), b = leaf({1});
  std::vector<OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<Tensor>{a}, std::make_unique<SignOptions>(SignOptions().momentum(0.5)));
  groups.emplace_back(std::vector<Tensor>{b}, std::make_unique<SignOptions>(SignOptions().lr(2)));
  SignDescent<SignOptions> optimizer(groups, SignOptions().lr(0.25).momentum(0.75));
  for (const Tensor& p : {a, b}) p.set_grad(full_like(p, -3));
  optimizer.step();
  EXPECT_VALUES(a, {1.25});
  EXPECT_VALUES(b, {3});
  EXPECT_EQ(static_cast<SignOptions&>(optimizer.param_groups()[0].options()).momentum(), 0.5);
  EXPECT_EQ(static_cast<SignOptions&>(optimizer.param_groups()[1].options()).momentum(), 0.75);

  std::vector<OptimizerParamGroup> plain;
  plain.emplace_back(std::vector<Tensor>{a}, std::make_unique<PlainOptions>());
  SignDescent<PlainOptions> takes_nothing(plain, PlainOptions().lr(0.25));
  EXPECT_EQ(takes_nothing.param_groups()[0].options().get_lr(), 0.5);
}

TEST(Optimizer, a_group_keeps_what_it_sets_even_to_the_usual_default) {
  const Tensor a = leaf({1}), b = leaf({1});
  std::vector<OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<Tensor>{a}, std::make_unique<AdamOptions>(AdamOptions().weight_decay(0)));
  groups.emplace_back(std::vector<Tensor>{b}, std::make_unique<AdamOptions>(1e-3));
  Adam adam(groups, AdamOptions(0.5).weight_decay(0.25).betas({0.5, 0.5}));
  const auto& first = static_cast<const AdamOptions&>(adam.param_groups()[0].options());
  const auto& second = static_cast<const AdamOptions&>(adam.param_groups()[1].options());
  EXPECT_EQ(first.weight_decay(), 0);
  EXPECT_EQ(first.lr(), 0.5);
  EXPECT_EQ(std::get<0>(first.betas()), 0.5);
  EXPECT_EQ(second.lr(), 1e-3);
  EXPECT_EQ(second.weight_decay(), 0.25);
}

TEST(Optimizer, parameters_are_checked) {
  const Tensor a = start(), b = start();
  EXPECT_ERROR(SGD({a * 2}, 0.1), "only leaf tensors");
  EXPECT_ERROR(SGD({a, Tensor()}, 0.1), "parameter #1 of the group is undefined");
  EXPECT_ERROR(SGD({a, a}, 0.1), "in the optimizer twice");
  SGD sgd({a}, 0.1);
  EXPECT_ERROR(sgd.add_param_group(OptimizerParamGroup({b, a})), "parameter #1");
  EXPECT_ERROR(sgd.add_parameters({a}), "twice");
  EXPECT_EQ(sgd.size(), 1u);
  sgd.add_parameters({b});
  EXPECT_EQ(sgd.param_groups().size(), 1u);
  EXPECT_EQ(sgd.size(), 2u);
}

TEST(Optimizer, options_of_another_optimizer_are_refused) {
  const Tensor a = start(), b = start();
  SGD sgd({a}, 0.1);
  EXPECT_ERROR(sgd.add_param_group(OptimizerParamGroup({b}, std::make_unique<AdamOptions>())), "another optimizer");
  sgd.param_groups()[0].set_options(std::make_unique<AdamOptions>());
  EXPECT_ERROR(sgd.step(), "another optimizer");
  EXPECT_ERROR(OptimizerParamGroup({a}).options(), "no options");
}

TEST(Optimizer, bad_options_throw) {
  const Tensor p = start();
  const double nan = std::nan("");
  EXPECT_ERROR(SGD({p}, -0.1), "learning rate");
  EXPECT_ERROR(SGD({p}, nan), "learning rate");
  EXPECT_ERROR(SGD({p}, SGDOptions(0.1).momentum(-1)), "momentum");
  EXPECT_ERROR(SGD({p}, SGDOptions(0.1).weight_decay(-1)), "weight decay");
  EXPECT_ERROR(SGD({p}, SGDOptions(0.1).nesterov(true)), "Nesterov");
  EXPECT_ERROR(SGD({p}, SGDOptions(0.1).nesterov(true).momentum(0.9).dampening(0.1)), "Nesterov");
  EXPECT_ERROR(Adam({p}, -1), "Adam: the learning rate");
  EXPECT_ERROR(Adam({p}, AdamOptions().eps(-1)), "eps");
  EXPECT_ERROR(Adam({p}, AdamOptions().betas({1, 0.9})), "first beta");
  EXPECT_ERROR(Adam({p}, AdamOptions().betas({0.9, -0.1})), "second beta");
  EXPECT_ERROR(Adam({p}, AdamOptions().weight_decay(-1)), "weight decay");
  EXPECT_ERROR(AdamW({p}, -1), "AdamW: the learning rate");
  EXPECT_ERROR(AdamW({p}, AdamWOptions().betas({0.9, nan})), "second beta");
  SGD sgd({p}, 0.1);
  EXPECT_ERROR(sgd.add_param_group(OptimizerParamGroup({start()}, std::make_unique<SGDOptions>(-1))), "learning rate");
  EXPECT_EQ(sgd.param_groups().size(), 1u);
}
