#include <ember/autograd/grad_mode.h>
#include <ember/nn/utils.h>
#include <ember/optim/optimizer.h>

#include <typeinfo>
#include <unordered_set>

namespace ember::optim {

std::unique_ptr<OptimizerParamState> OptimizerParamState::clone() const {
  throw Error("OptimizerParamState: clone() is not implemented; derive from OptimizerCloneableParamState");
}

std::unique_ptr<OptimizerOptions> OptimizerOptions::clone() const {
  throw Error("OptimizerOptions: clone() is not implemented; derive from OptimizerCloneableOptions");
}
double OptimizerOptions::get_lr() const { throw Error("OptimizerOptions: get_lr() is not implemented"); }
void OptimizerOptions::set_lr(double) { throw Error("OptimizerOptions: set_lr() is not implemented"); }
void OptimizerOptions::inherit(const OptimizerOptions&) {}

OptimizerParamGroup::OptimizerParamGroup(std::vector<Tensor> params) : params_(std::move(params)) {}
OptimizerParamGroup::OptimizerParamGroup(std::vector<Tensor> params, std::unique_ptr<OptimizerOptions> options)
    : params_(std::move(params)), options_(std::move(options)) {}
OptimizerParamGroup::OptimizerParamGroup(const OptimizerParamGroup& other)
    : params_(other.params_), options_(other.options_ ? other.options_->clone() : nullptr) {}
OptimizerParamGroup::OptimizerParamGroup(OptimizerParamGroup&&) noexcept = default;
OptimizerParamGroup& OptimizerParamGroup::operator=(OptimizerParamGroup&&) noexcept = default;
OptimizerParamGroup::~OptimizerParamGroup() = default;

void OptimizerParamGroup::set_options(std::unique_ptr<OptimizerOptions> options) { options_ = std::move(options); }
OptimizerOptions& OptimizerParamGroup::options() {
  EMBER_CHECK(options_ != nullptr, "OptimizerParamGroup: the group has no options");
  return *options_;
}
const OptimizerOptions& OptimizerParamGroup::options() const {
  EMBER_CHECK(options_ != nullptr, "OptimizerParamGroup: the group has no options");
  return *options_;
}

Optimizer::Optimizer(const std::vector<OptimizerParamGroup>& param_groups, std::unique_ptr<OptimizerOptions> defaults)
    : defaults_(std::move(defaults)), self_(std::make_shared<Optimizer*>(this)) {
  EMBER_CHECK(defaults_ != nullptr, "Optimizer: the default options must not be null");
  defaults_->check();
  for (const OptimizerParamGroup& group : param_groups) add_param_group(group);
}

Optimizer::Optimizer(std::vector<Tensor> parameters, std::unique_ptr<OptimizerOptions> defaults)
    : Optimizer(std::vector<OptimizerParamGroup>{OptimizerParamGroup(std::move(parameters))}, std::move(defaults)) {}

Optimizer::~Optimizer() = default;

Optimizer::Optimizer(Optimizer&& other) noexcept
    : param_groups_(std::move(other.param_groups_)),
      state_(std::move(other.state_)),
      defaults_(std::move(other.defaults_)),
      self_(std::move(other.self_)) {
  if (self_) *self_ = this;
}

Optimizer& Optimizer::operator=(Optimizer&& other) noexcept {
  param_groups_ = std::move(other.param_groups_);
  state_ = std::move(other.state_);
  defaults_ = std::move(other.defaults_);
  self_ = std::move(other.self_);
  if (self_) *self_ = this;
  return *this;
}

void Optimizer::check_new_parameters(const std::vector<Tensor>& parameters) const {
  std::unordered_set<void*> known;
  for (const OptimizerParamGroup& group : param_groups_)
    for (const Tensor& p : group.params()) known.insert(p.unsafe_impl());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& p = parameters[i];
    EMBER_CHECK(p.defined(), "Optimizer: parameter #", i, " of the group is undefined");
    EMBER_CHECK(p.is_leaf(), "Optimizer: only leaf tensors can be optimized, but parameter #", i, " of the group, ",
                describe(p), ", is the result of an operation");
    EMBER_CHECK(known.insert(p.unsafe_impl()).second, "Optimizer: parameter #", i, " of the group, ", describe(p),
                ", is in the optimizer twice");
  }
}

void Optimizer::add_param_group(const OptimizerParamGroup& param_group) {
  check_new_parameters(param_group.params());
  OptimizerParamGroup group(param_group);
  if (group.has_options()) {
    const OptimizerOptions& given = group.options();
    const OptimizerOptions& wanted = *defaults_;
    EMBER_CHECK(typeid(given) == typeid(wanted), "Optimizer: a parameter group has the options of another optimizer");
    group.options().inherit(*defaults_);
  } else {
    group.set_options(defaults_->clone());
  }
  group.options().check();
  param_groups_.push_back(std::move(group));
}

void Optimizer::add_parameters(const std::vector<Tensor>& parameters) {
  if (param_groups_.empty()) return add_param_group(parameters);
  check_new_parameters(parameters);
  auto& params = param_groups_[0].params();
  params.insert(params.end(), parameters.begin(), parameters.end());
}

void Optimizer::zero_grad(bool set_to_none) {
  for (const OptimizerParamGroup& group : param_groups_)
    for (const Tensor& p : group.params()) nn::utils::zero_grad_(p, set_to_none);
}

std::vector<Tensor>& Optimizer::parameters() {
  EMBER_CHECK(!param_groups_.empty(), "Optimizer: there is no parameter group");
  return param_groups_[0].params();
}
const std::vector<Tensor>& Optimizer::parameters() const {
  EMBER_CHECK(!param_groups_.empty(), "Optimizer: there is no parameter group");
  return param_groups_[0].params();
}

size_t Optimizer::size() const noexcept {
  size_t count = 0;
  for (const OptimizerParamGroup& group : param_groups_) count += group.params().size();
  return count;
}

Tensor Optimizer::evaluate(const LossClosure& closure) {
  if (!closure) return {};
  EnableGradGuard enable_grad;
  return closure();
}

}  // namespace ember::optim
