// What clone() does whatever the module, and the instantiations of Cloneable for this library's modules.
#include <ember/nn/nn.h>

namespace ember::nn {

namespace {

template <class Dict>
void check_same(const Module& module, const Dict& fresh, const Dict& old) {
  bool same = fresh.size() == old.size();
  for (size_t i = 0; same && i < old.size(); ++i) same = fresh.contains(old[i].key());
  EMBER_CHECK(same, "clone: ", module.name(), "::reset() does not register what the original has under '",
              old.key_description(), "'; parameters, buffers and submodules must be registered in reset(), not ",
              "only in the constructor");
}

void copy_tensors(const Module& module, OrderedDict<std::string, Tensor>& fresh,
                  const OrderedDict<std::string, Tensor>& old, const std::optional<Device>& device) {
  for (const auto& item : old) {
    const Tensor& from = item.value();
    Tensor& to = fresh[item.key()];
    if (!from.defined() || !to.defined()) {
      to = from.defined() ? from.detach().clone() : Tensor();
      continue;
    }
    EMBER_CHECK(!to.is_same(from), "clone: ", module.name(), "::reset() registers the original's own '", item.key(),
                "'; it must make a new tensor");
    // Into the tensor that reset() made, so that the module's own handles to it see the values.
    const bool requires_grad = from.requires_grad();
    to.requires_grad_(false);
    to.set_data(device && *device != from.device() ? from.detach().to(*device) : from.detach().clone());
    to.requires_grad_(requires_grad);
  }
}

}  // namespace

void Module::clear_registered(Module& module) {
  module.parameters_.clear();
  module.buffers_.clear();
  module.children_.clear();
}

void Module::copy_registered(Module& copy, const std::optional<Device>& device) const {
  check_same(*this, copy.parameters_, parameters_);
  check_same(*this, copy.buffers_, buffers_);
  check_same(*this, copy.children_, children_);
  copy_tensors(*this, copy.parameters_, parameters_, device);
  copy_tensors(*this, copy.buffers_, buffers_, device);
  for (const auto& child : children_) copy.children_[child.key()]->clone_(*child.value(), device);
}

void Module::throw_replaced(const Module& original) const {
  throw Error(str("clone: a submodule of type ", name(), " stands where one of type ", original.name(),
                  " was; reset() must make submodules of the same types"));
}

template class Cloneable<CrossEntropyLossImpl>;
template class Cloneable<DropoutImpl>;
template class Cloneable<FlattenImpl>;
template class Cloneable<FunctionalImpl>;
template class Cloneable<GELUImpl>;
template class Cloneable<IdentityImpl>;
template class Cloneable<LayerNormImpl>;
template class Cloneable<LinearImpl>;
template class Cloneable<LogSoftmaxImpl>;
template class Cloneable<MSELossImpl>;
template class Cloneable<ModuleDictImpl>;
template class Cloneable<ModuleListImpl>;
template class Cloneable<NLLLossImpl>;
template class Cloneable<ParameterDictImpl>;
template class Cloneable<ParameterListImpl>;
template class Cloneable<ReLUImpl>;
template class Cloneable<SequentialImpl>;
template class Cloneable<SigmoidImpl>;
template class Cloneable<SoftmaxImpl>;
template class Cloneable<TanhImpl>;

}  // namespace ember::nn
