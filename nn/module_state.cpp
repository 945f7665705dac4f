// A module's parameters and buffers, in and out: archives and state dictionaries.
#include <ember/autograd/grad_mode.h>
#include <ember/nn/archive.h>
#include <ember/nn/module.h>

namespace ember::nn {

void Module::save(serialize::OutputArchive& archive) const {
  for (const auto& parameter : named_parameters(/*recurse=*/false)) archive.write(parameter.key(), parameter.value());
  for (const auto& buffer : named_buffers(/*recurse=*/false))
    archive.write(buffer.key(), buffer.value(), /*is_buffer=*/true);
  for (const auto& child : children_) {
    if (!child.value()->is_serializable()) continue;
    serialize::OutputArchive nested;
    child.value()->save(nested);
    archive.write(child.key(), nested);
  }
}

void Module::load(serialize::InputArchive& archive) {
  // Copies of the handles: read() changes what they refer to.
  for (auto& parameter : named_parameters(/*recurse=*/false)) archive.read(parameter.key(), parameter.value());
  for (auto& buffer : named_buffers(/*recurse=*/false)) archive.read(buffer.key(), buffer.value(), /*is_buffer=*/true);
  for (auto& child : children_) {
    if (!child.value()->is_serializable()) continue;
    serialize::InputArchive nested;
    archive.read(child.key(), nested);
    child.value()->load(nested);
  }
}

bool Module::is_serializable() const { return true; }

serialize::OutputArchive& operator<<(serialize::OutputArchive& archive, const std::shared_ptr<Module>& module) {
  EMBER_CHECK(module != nullptr, "save: the module is null");
  module->save(archive);
  return archive;
}

serialize::InputArchive& operator>>(serialize::InputArchive& archive, const std::shared_ptr<Module>& module) {
  EMBER_CHECK(module != nullptr, "load: the module is null; make one of the same kind first");
  module->load(archive);
  return archive;
}

OrderedDict<std::string, Tensor> Module::state_dict() const {
  OrderedDict<std::string, Tensor> state;
  const auto add = [&state](const std::string& prefix, const Module& module) {
    const std::string dot = prefix.empty() ? "" : prefix + '.';
    for (const auto* tensors : {&module.parameters_, &module.buffers_})
      for (const auto& item : *tensors)
        if (item.value().defined()) state.insert(dot + item.key(), item.value().detach());
  };
  add({}, *this);
  apply_to_submodules([&](const std::string& name, const std::shared_ptr<Module>& module) { add(name, *module); }, {});
  return state;
}

IncompatibleKeys Module::load_state_dict(const OrderedDict<std::string, Tensor>& state, bool strict) {
  const OrderedDict<std::string, Tensor> own = state_dict();
  IncompatibleKeys result;
  std::string errors;
  for (const auto& item : own) {
    const Tensor* from = state.find(item.key());
    if (from == nullptr) {
      result.missing_keys.push_back(item.key());
    } else if (!from->defined() || from->sizes() != item.value().sizes()) {
      errors += str("\n  '", item.key(), "' is ", describe(item.value()), ", the tensor for it is ", describe(*from));
    }
  }
  for (const auto& item : state)
    if (!own.contains(item.key())) result.unexpected_keys.push_back(item.key());
  if (strict) {
    if (!result.missing_keys.empty()) errors += "\n  missing: " + Join(", ", result.missing_keys);
    if (!result.unexpected_keys.empty()) errors += "\n  unexpected: " + Join(", ", result.unexpected_keys);
  }
  EMBER_CHECK(errors.empty(), "load_state_dict: the state does not fit ", name(), ':', errors);

  NoGradGuard no_grad;
  for (const auto& item : own)
    if (const Tensor* from = state.find(item.key())) item.value().copy_(from->detach());
  return result;
}

}  // namespace ember::nn
