// ModuleList, ModuleDict, ParameterList, ParameterDict, Functional.
#include <ember/autograd/grad_mode.h>
#include <ember/nn/functional_module.h>
#include <ember/nn/module_dict.h>
#include <ember/nn/module_list.h>
#include <ember/nn/parameter_list.h>

#include <ostream>

namespace ember::nn {

namespace {

void print_parameters(std::ostream& stream, const char* name, const OrderedDict<std::string, Tensor>& parameters) {
  stream << detail::printed_prefix() << name << "(\n";
  for (const auto& item : parameters) {
    stream << '(' << item.key() << "): Parameter containing: ";
    if (item.value().defined()) {
      stream << '[' << item.value().scalar_type() << " of size " << item.value().sizes() << ']';
    } else {
      stream << "[undefined]";
    }
    stream << '\n';
  }
  stream << ')';
}

// Leaves of their own with the same values.
OrderedDict<std::string, Tensor> copies_of(const OrderedDict<std::string, Tensor>& parameters,
                                           const std::optional<Device>& device) {
  NoGradGuard no_grad;
  OrderedDict<std::string, Tensor> result = parameters;
  for (auto& item : result) {
    const Tensor from = item.value();
    if (!from.defined()) continue;
    const Tensor data = from.detach();
    item.value() = device && *device != data.device() ? data.to(*device) : data.clone();
    item.value().requires_grad_(from.requires_grad());
  }
  return result;
}

}  // namespace

// ---- ModuleList ----

ModuleListImpl::ModuleListImpl() = default;

void ModuleListImpl::push_back(std::shared_ptr<Module> module) {
  register_module(std::to_string(modules_.size()), module);
  modules_.push_back(std::move(module));
}

void ModuleListImpl::insert(size_t index, std::shared_ptr<Module> module) {
  EMBER_CHECK_INDEX(index <= size(), "ModuleList: index ", index, " is out of range to insert at, there are ", size(),
                    " modules");
  if (index == size()) return push_back(std::move(module));
  EMBER_CHECK(module != nullptr, "ModuleList: the module must not be null");
  push_back(modules_.back());
  for (size_t i = size() - 2; i > index; --i) modules_[i] = modules_[i - 1];
  modules_[index] = std::move(module);
  for (size_t i = index; i + 1 < size(); ++i) replace_module(std::to_string(i), modules_[i]);
}

const std::shared_ptr<Module>& ModuleListImpl::ptr(size_t index) const {
  EMBER_CHECK_INDEX(index < size(), "ModuleList: index ", index, " is out of range for ", size(), " modules");
  return modules_[index];
}

std::shared_ptr<Module> ModuleListImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ModuleListImpl>();
  copy->train(is_training());
  for (const auto& module : modules_) copy->push_back(module->clone(device));
  return copy;
}

void ModuleListImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "ModuleList"; }

// ---- ModuleDict ----

ModuleDictImpl::ModuleDictImpl() = default;
ModuleDictImpl::ModuleDictImpl(const Items& modules) { update(modules); }
ModuleDictImpl::ModuleDictImpl(const OrderedDict<std::string, std::shared_ptr<Module>>& modules) { update(modules); }

void ModuleDictImpl::update(const Items& modules) {
  for (const auto& [key, module] : modules) set(key, module);
}

void ModuleDictImpl::set(const std::string& key, std::shared_ptr<Module> module) {
  if (contains(key)) {
    replace_module(key, std::move(module));
  } else {
    register_module(key, std::move(module));
  }
}

std::shared_ptr<Module> ModuleDictImpl::pop(const std::string& key) {
  std::shared_ptr<Module> module = children_[key];
  children_.erase(key);
  return module;
}

std::shared_ptr<Module> ModuleDictImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ModuleDictImpl>();
  copy->train(is_training());
  for (const auto& item : children_) copy->set(item.key(), item.value()->clone(device));
  return copy;
}

void ModuleDictImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "ModuleDict"; }

// ---- ParameterList ----

ParameterListImpl::ParameterListImpl() = default;

void ParameterListImpl::append(const Tensor& parameter) {
  register_parameter(std::to_string(size()), parameter, parameter.defined() && parameter.requires_grad());
}

Tensor& ParameterListImpl::at(size_t index) {
  EMBER_CHECK_INDEX(index < size(), "ParameterList: index ", index, " is out of range for ", size(), " parameters");
  return parameters_[index].value();
}

const Tensor& ParameterListImpl::at(size_t index) const {
  EMBER_CHECK_INDEX(index < size(), "ParameterList: index ", index, " is out of range for ", size(), " parameters");
  return parameters_[index].value();
}

std::shared_ptr<Module> ParameterListImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ParameterListImpl>();
  copy->train(is_training());
  copy->parameters_ = copies_of(parameters_, device);
  return copy;
}

void ParameterListImpl::pretty_print(std::ostream& stream) const {
  print_parameters(stream, "ParameterList", parameters_);
}

// ---- ParameterDict ----

ParameterDictImpl::ParameterDictImpl() = default;
ParameterDictImpl::ParameterDictImpl(const OrderedDict<std::string, Tensor>& parameters) { parameters_ = parameters; }

Tensor& ParameterDictImpl::insert(const std::string& key, const Tensor& parameter) {
  return register_parameter(key, parameter, parameter.defined() && parameter.requires_grad());
}

Tensor ParameterDictImpl::pop(const std::string& key) {
  Tensor parameter = parameters_[key];
  parameters_.erase(key);
  return parameter;
}

void ParameterDictImpl::set(const std::string& key, const Tensor& parameter) {
  if (Tensor* const old = parameters_.find(key)) {
    *old = parameter;
  } else {
    insert(key, parameter);
  }
}

std::shared_ptr<Module> ParameterDictImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<ParameterDictImpl>();
  copy->train(is_training());
  copy->parameters_ = copies_of(parameters_, device);
  return copy;
}

void ParameterDictImpl::pretty_print(std::ostream& stream) const {
  print_parameters(stream, "ParameterDict", parameters_);
}

// ---- Functional ----

FunctionalImpl::FunctionalImpl(Function function) : function_(std::move(function)) {}
Tensor FunctionalImpl::forward(Tensor input) { return function_(std::move(input)); }
Tensor FunctionalImpl::operator()(Tensor input) { return forward(std::move(input)); }

void FunctionalImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "Functional()"; }

}  // namespace ember::nn
