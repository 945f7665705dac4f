// Optimizer: updates parameters from their gradients. The base of every optimizer, with parameter groups, each with
// options of its own, and a state per parameter.
//
//   optim::SGD optimizer(model->parameters(), optim::SGDOptions(0.01).momentum(0.9));
//   optimizer.zero_grad();
//   loss.backward();
//   optimizer.step();
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ember/core/tensor.h>

namespace ember::optim {

// What an optimizer remembers of one parameter (its momentum, say).
class OptimizerParamState {
 public:
  OptimizerParamState() = default;
  OptimizerParamState(const OptimizerParamState&) = default;
  OptimizerParamState& operator=(const OptimizerParamState&) = default;
  virtual ~OptimizerParamState() = default;
  // A copy that shares the tensors.
  virtual std::unique_ptr<OptimizerParamState> clone() const;
};

template <class Derived>
class OptimizerCloneableParamState : public OptimizerParamState {
  std::unique_ptr<OptimizerParamState> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
};

class OptimizerOptions {
 public:
  OptimizerOptions() = default;
  OptimizerOptions(const OptimizerOptions&) = default;
  OptimizerOptions& operator=(const OptimizerOptions&) = default;
  virtual ~OptimizerOptions() = default;

  virtual std::unique_ptr<OptimizerOptions> clone() const;
  virtual double get_lr() const;
  virtual void set_lr(double lr);
  // Throws if a value is out of its range.
  virtual void check() const {}
  // Takes every option that was not set here from `defaults`, which is of the same type (else nothing is taken).
  virtual void inherit(const OptimizerOptions& defaults);
};

// EMBER_OPTIM_ARG(T, name) = default;  is EMBER_ARG that knows whether it was set, by its setter or to another value
// by its reference, so that a group's options can take what they leave open from the optimizer's.
namespace detail {
template <class T>
struct Setting {
  template <class U>
  requires(std::is_constructible_v<T, U>) Setting(U&& initial)  // NOLINT: implicit
      : value(std::forward<U>(initial)), unset(value) {}
  void set(T v) {
    value = std::move(v);
    is_set = true;
  }
  void inherit(const Setting& other) {
    if (!is_set && value == unset) value = unset = other.value;
  }

  T value;
  T unset;  // what `value` is while nobody has set it
  bool is_set = false;
};
}  // namespace detail
#define EMBER_OPTIM_ARG(T, name) \
 public: \
  auto name(const T& new_##name)->decltype(*this) { \
    this->name##_.set(new_##name); \
    return *this; \
  } \
  const T& name() const noexcept { return this->name##_.value; } \
  T& name() noexcept { return this->name##_.value; } \
\
 private: \
  ::ember::optim::detail::Setting<T> name##_

// Derived has lr(). It overrides inherit(), by inherit_settings(), if groups are to take what they leave open.
template <class Derived>
class OptimizerCloneableOptions : public OptimizerOptions {
 public:
  std::unique_ptr<OptimizerOptions> clone() const override {
    return std::make_unique<Derived>(static_cast<const Derived&>(*this));
  }
  double get_lr() const override { return static_cast<const Derived&>(*this).lr(); }
  void set_lr(double lr) override { static_cast<Derived&>(*this).lr(lr); }

 protected:
  // inherit() of these settings: inherit_settings(defaults, &Options::lr_, …).
  template <class... Settings>
  void inherit_settings(const OptimizerOptions& defaults, Settings Derived::*... settings) {
    const auto* typed = dynamic_cast<const Derived*>(&defaults);
    if (!typed) return;
    auto& self = static_cast<Derived&>(*this);
    ((self.*settings).inherit(typed->*settings), ...);
  }
};

// Parameters that are updated with the same options; without options of its own, the optimizer's.
class OptimizerParamGroup {
 public:
  OptimizerParamGroup(std::vector<Tensor> params);  // NOLINT: implicit
  OptimizerParamGroup(std::vector<Tensor> params, std::unique_ptr<OptimizerOptions> options);
  OptimizerParamGroup(const OptimizerParamGroup& other);
  OptimizerParamGroup(OptimizerParamGroup&&) noexcept;
  OptimizerParamGroup& operator=(const OptimizerParamGroup&) = delete;
  OptimizerParamGroup& operator=(OptimizerParamGroup&&) noexcept;
  ~OptimizerParamGroup();

  bool has_options() const { return options_ != nullptr; }
  // Throws if the group has none.
  OptimizerOptions& options();
  const OptimizerOptions& options() const;
  void set_options(std::unique_ptr<OptimizerOptions> options);
  std::vector<Tensor>& params() { return params_; }
  const std::vector<Tensor>& params() const { return params_; }

 private:
  std::vector<Tensor> params_;
  std::unique_ptr<OptimizerOptions> options_;
};

class Optimizer {
 public:
  using LossClosure = std::function<Tensor()>;
  // The key is Tensor::unsafe_impl() of the parameter.
  using State = std::unordered_map<void*, std::unique_ptr<OptimizerParamState>>;

  Optimizer(const std::vector<OptimizerParamGroup>& param_groups, std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  Optimizer(Optimizer&& other) noexcept;
  Optimizer& operator=(Optimizer&& other) noexcept;
  virtual ~Optimizer();

  // Options that the group leaves open are taken from the defaults. Throws, and adds nothing, if a parameter is
  // undefined, not a leaf, or in the optimizer already, or if an option is out of range.
  void add_param_group(const OptimizerParamGroup& param_group);
  // Adds to the first group.
  void add_parameters(const std::vector<Tensor>& parameters);

  // One update of every parameter that has a gradient. With a closure, calls it first (recording gradients) to
  // compute the loss and its gradients, and returns that loss; else returns an undefined tensor.
  virtual Tensor step(LossClosure closure = nullptr) = 0;
  // Drops every gradient, or fills it with zeros.
  void zero_grad(bool set_to_none = true);

  // The parameters of the first group.
  std::vector<Tensor>& parameters();
  const std::vector<Tensor>& parameters() const;
  // The number of parameters in all groups.
  size_t size() const noexcept;
  OptimizerOptions& defaults() noexcept { return *defaults_; }
  const OptimizerOptions& defaults() const noexcept { return *defaults_; }
  std::vector<OptimizerParamGroup>& param_groups() noexcept { return param_groups_; }
  const std::vector<OptimizerParamGroup>& param_groups() const noexcept { return param_groups_; }
  State& state() noexcept { return state_; }
  const State& state() const noexcept { return state_; }

 protected:
  // The group's options, which set_options() may have made another optimizer's: throws then.
  template <class Options>
  static const Options& options_of(const OptimizerParamGroup& group) {
    const auto* options = dynamic_cast<const Options*>(&group.options());
    EMBER_CHECK(options != nullptr, "Optimizer: a parameter group has the options of another optimizer");
    return *options;
  }
  // The state of a parameter, a new one the first time.
  template <class ParamState>
  ParamState& state_of(const Tensor& parameter) {
    auto& state = state_[parameter.unsafe_impl()];
    if (!state) state = std::make_unique<ParamState>();
    return static_cast<ParamState&>(*state);
  }
  // The closure's loss, computed with gradients on whatever the caller's mode; undefined without a closure.
  static Tensor evaluate(const LossClosure& closure);

  // Where the optimizer is, for captured steps: follows it when it is moved, expires with it.
  std::weak_ptr<Optimizer*> location() { return self_; }

  std::vector<OptimizerParamGroup> param_groups_;
  State state_;
  std::unique_ptr<OptimizerOptions> defaults_;

 private:
  std::shared_ptr<Optimizer*> self_;
  void check_new_parameters(const std::vector<Tensor>& parameters) const;
};

}  // namespace ember::optim
