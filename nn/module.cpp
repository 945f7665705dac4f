#include <ember/autograd/grad_mode.h>
#include <ember/core/type_name.h>
#include <ember/core/warning.h>
#include <ember/nn/module.h>
#include <ember/nn/utils.h>

#include <atomic>
#include <ostream>
#include <string_view>

namespace ember {
template class OrderedDict<std::string, Tensor>;
template class OrderedDict<std::string, std::shared_ptr<nn::Module>>;
}  // namespace ember

namespace ember::nn {

namespace detail {

namespace {
std::atomic<const char*> printed_namespace{"ember"};
}

std::string printed_prefix() { return std::string(printed_namespace.load()) + "::nn::"; }

void throw_empty_holder() { throw Error("ModuleHolder: it is empty; assign a module before using it"); }

}  // namespace detail

void set_printed_namespace(const char* name) noexcept { detail::printed_namespace.store(name); }

namespace {

std::string join_name(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + '.' + name;
}

void check_name(const char* kind, const std::string& name) {
  EMBER_CHECK(!name.empty(), kind, " name must not be empty");
  EMBER_CHECK(name.find('.') == std::string::npos, kind, " name must not contain a dot (got '", name, "')");
}

template <class Convert>
void convert_tensor(Tensor& tensor, const Convert& convert) {
  if (!tensor.defined()) return;
  const Tensor data = convert(tensor);
  if (data.is_same(tensor)) return;
  const Tensor grad = tensor.grad();
  tensor.set_data(data);
  // A gradient of another dtype or on another device than its parameter would be of no use.
  if (grad.defined()) tensor.mutable_grad() = convert(grad);
}

template <class Convert>
void convert_tensors(OrderedDict<std::string, Tensor>& parameters, OrderedDict<std::string, Tensor>& buffers,
                     const Convert& convert) {
  NoGradGuard no_grad;
  for (auto& item : parameters) convert_tensor(item.value(), convert);
  for (auto& item : buffers) convert_tensor(item.value(), convert);
}

// Checked before anything is converted, so that a failure leaves no half-converted module.
void check_dtype(const Module& module, ScalarType dtype) {
  if (is_floating(dtype)) return;
  for (const auto& item : module.named_parameters())
    EMBER_CHECK(!item.value().requires_grad(), "Module::to: ", module.name(), " cannot be converted to ",
                dtype_name(dtype), ": parameter '", item.key(), "' requires a gradient, so it must be floating");
}

}  // namespace

Module::Module(const Module&) = default;
Module& Module::operator=(const Module&) = default;
Module::Module(Module&&) noexcept = default;
Module& Module::operator=(Module&&) noexcept = default;
Module::~Module() = default;

Module::Module() : parameters_("Parameter"), buffers_("Buffer"), children_("Submodule") {}
Module::Module(std::string name) : Module() { name_ = std::move(name); }

const std::string& Module::name() const noexcept {
  if (!name_) {
    std::string name = demangle(typeid(*this).name());
    constexpr std::string_view kPrefix = "ember::nn::";
    if (name.starts_with(kPrefix)) name.replace(0, kPrefix.size(), detail::printed_prefix());
    name_ = std::move(name);
  }
  return *name_;
}

std::shared_ptr<Module> Module::clone(const std::optional<Device>&) const {
  throw Error("clone() is not implemented for " + name() + "; derive it from ember::nn::Cloneable<" + name() +
              "> instead of ember::nn::Module to have it");
}

void Module::clone_(Module&, const std::optional<Device>&) {
  throw Error("a submodule of type " + name() + " cannot be cloned; derive it from ember::nn::Cloneable");
}

// ---- traversal ----

void Module::apply(const ModuleApplyFunction& function) {
  function(*this);
  apply_to_submodules([&](const std::string&, const std::shared_ptr<Module>& module) { function(*module); }, {});
}

void Module::apply(const ConstModuleApplyFunction& function) const {
  function(*this);
  apply_to_submodules([&](const std::string&, const std::shared_ptr<Module>& module) { function(*module); }, {});
}

void Module::apply(const NamedModuleApplyFunction& function, const std::string& name_prefix) {
  function(name_prefix, *this);
  apply_to_submodules([&](const std::string& name, const std::shared_ptr<Module>& module) { function(name, *module); },
                      name_prefix);
}

void Module::apply(const ConstNamedModuleApplyFunction& function, const std::string& name_prefix) const {
  function(name_prefix, *this);
  apply_to_submodules([&](const std::string& name, const std::shared_ptr<Module>& module) { function(name, *module); },
                      name_prefix);
}

void Module::apply(const ModulePointerApplyFunction& function) const {
  function(shared_from_this_checked());
  apply_to_submodules([&](const std::string&, const std::shared_ptr<Module>& module) { function(module); }, {});
}

void Module::apply(const NamedModulePointerApplyFunction& function, const std::string& name_prefix) const {
  function(name_prefix, shared_from_this_checked());
  apply_to_submodules(function, name_prefix);
}

void Module::apply_to_submodules(const NamedModulePointerApplyFunction& function,
                                 const std::string& name_prefix) const {
  for (const auto& child : children_) {
    const std::string name = join_name(name_prefix, child.key());
    function(name, child.value());
    child.value()->apply_to_submodules(function, name);
  }
}

std::shared_ptr<Module> Module::shared_from_this_checked() const {
  const auto self = weak_from_this().lock();
  EMBER_CHECK(self != nullptr, name(),
              ": the module itself was asked for as a shared_ptr, but none holds it: make it with std::make_shared "
              "instead of on the stack, or pass include_self = false");
  return std::const_pointer_cast<Module>(self);
}

std::vector<Tensor> Module::parameters(bool recurse) const { return named_parameters(recurse).values(); }
std::vector<Tensor> Module::buffers(bool recurse) const { return named_buffers(recurse).values(); }

OrderedDict<std::string, Tensor> Module::named_parameters(bool recurse) const {
  return collect(&Module::parameters_, recurse);
}
OrderedDict<std::string, Tensor> Module::named_buffers(bool recurse) const {
  return collect(&Module::buffers_, recurse);
}

OrderedDict<std::string, Tensor> Module::collect(OrderedDict<std::string, Tensor> Module::*tensors,
                                                 bool recurse) const {
  OrderedDict<std::string, Tensor> result((this->*tensors).key_description());
  const auto add = [&](const std::string& name, const Module& module) {
    for (const auto& item : module.*tensors)
      if (item.value().defined()) result.insert(join_name(name, item.key()), item.value());
  };
  add({}, *this);
  if (recurse)
    apply_to_submodules([&](const std::string& name, const std::shared_ptr<Module>& m) { add(name, *m); }, {});
  return result;
}

std::vector<std::shared_ptr<Module>> Module::modules(bool include_self) const {
  return named_modules({}, include_self).values();
}

OrderedDict<std::string, std::shared_ptr<Module>> Module::named_modules(const std::string& name_prefix,
                                                                        bool include_self) const {
  OrderedDict<std::string, std::shared_ptr<Module>> result("Submodule");
  if (include_self) result.insert(name_prefix, shared_from_this_checked());
  apply_to_submodules(
      [&result](const std::string& name, const std::shared_ptr<Module>& module) { result.insert(name, module); },
      name_prefix);
  return result;
}

std::vector<std::shared_ptr<Module>> Module::children() const { return children_.values(); }
OrderedDict<std::string, std::shared_ptr<Module>> Module::named_children() const { return children_; }

// ---- state ----

void Module::train(bool on) {
  for (auto& child : children_) child.value()->train(on);
  is_training_ = on;
}

void Module::eval() { train(false); }
bool Module::is_training() const noexcept { return is_training_; }

void Module::to(Device device, ScalarType dtype, bool non_blocking) {
  check_dtype(*this, dtype);
  for (auto& child : children_) child.value()->to(device, dtype, non_blocking);
  convert_tensors(parameters_, buffers_, [=](const Tensor& t) { return t.to(device, dtype, non_blocking); });
}

void Module::to(ScalarType dtype, bool non_blocking) {
  check_dtype(*this, dtype);
  for (auto& child : children_) child.value()->to(dtype, non_blocking);
  convert_tensors(parameters_, buffers_, [=](const Tensor& t) { return t.to(dtype, non_blocking); });
}

void Module::to(Device device, bool non_blocking) {
  for (auto& child : children_) child.value()->to(device, non_blocking);
  convert_tensors(parameters_, buffers_, [=](const Tensor& t) { return t.to(device, non_blocking); });
}

void Module::zero_grad(bool set_to_none) {
  for (auto& child : children_) child.value()->zero_grad(set_to_none);
  for (auto& item : parameters_)
    if (item.value().defined()) utils::zero_grad_(item.value(), set_to_none);
}

// ---- registration ----

Tensor& Module::register_parameter(std::string name, Tensor tensor, bool requires_grad) {
  check_name("Parameter", name);
  EMBER_CHECK(!parameters_.contains(name), "Parameter '", name, "' is defined already");
  if (tensor.defined()) {
    tensor.set_requires_grad(requires_grad);
  } else if (requires_grad) {
    EMBER_WARN("register_parameter: '", name,
               "' is undefined and cannot require a gradient; requires_grad = true is ignored");
  }
  return parameters_.insert(std::move(name), std::move(tensor));
}

Tensor& Module::register_buffer(std::string name, Tensor tensor) {
  check_name("Buffer", name);
  return buffers_.insert(std::move(name), std::move(tensor));
}

void Module::insert_child(std::string name, std::shared_ptr<Module> module) {
  check_name("Submodule", name);
  EMBER_CHECK(module != nullptr, "Submodule '", name, "' must not be null");
  Module& child = *module;
  children_.insert(name, std::move(module));
  child.registered_as_ = std::move(name);
}

void Module::replace_child(const std::string& name, std::shared_ptr<Module> module) {
  EMBER_CHECK(module != nullptr, "Submodule '", name, "' must not be null");
  module->registered_as_ = name;
  children_[name] = std::move(module);
}

void Module::unregister_module(const std::string& name) { children_.erase(name); }

// ---- printing ----

void Module::pretty_print(std::ostream& stream) const { stream << name(); }

void Module::pretty_print_recursive(std::ostream& stream, const std::string& indentation) const {
  pretty_print(stream);
  if (children_.is_empty()) return;
  const std::string deeper = indentation + "  ";
  stream << "(\n";
  for (const auto& child : children_) {
    stream << deeper << '(' << child.key() << "): ";
    child.value()->pretty_print_recursive(stream, deeper);
    stream << '\n';
  }
  stream << indentation << ')';
}

std::ostream& operator<<(std::ostream& stream, const Module& module) {
  module.pretty_print_recursive(stream, {});
  return stream;
}

}  // namespace ember::nn
