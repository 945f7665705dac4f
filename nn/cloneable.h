// Cloneable<Derived>: gives a module clone(), a deep copy. Derived writes reset(), which registers the parameters,
// buffers and submodules afresh (and is what its constructors call).
//
//   struct NetImpl : nn::Cloneable<NetImpl> {
//     NetImpl() { reset(); }
//     void reset() override { fc = register_module("fc", nn::Linear(10, 1)); }
#pragma once

#include <ember/autograd/grad_mode.h>
#include <ember/nn/module.h>

namespace ember::nn {

template <class Derived>
class Cloneable : public Module {
 public:
  using Module::Module;

  virtual void reset() = 0;

  // Copies the other members as Derived's copy constructor does, then everything registered, value by value.
  // reset() draws its initial values from the default generator as usual; they are overwritten.
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override {
    NoGradGuard no_grad;
    const auto& self = static_cast<const Derived&>(*this);
    auto copy = std::make_shared<Derived>(self);
    Module& fresh = *copy;
    fresh.parameters_.clear();
    fresh.buffers_.clear();
    fresh.children_.clear();
    copy->reset();
    check_same(fresh.parameters_, parameters_);
    check_same(fresh.buffers_, buffers_);
    check_same(fresh.children_, children_);
    copy_tensors(fresh.parameters_, parameters_, device);
    copy_tensors(fresh.buffers_, buffers_, device);
    for (const auto& child : children_) fresh.children_[child.key()]->clone_(*child.value(), device);
    return copy;
  }

 private:
  void clone_(Module& other, const std::optional<Device>& device) final {
    const auto copy = std::dynamic_pointer_cast<Derived>(other.clone(device));
    EMBER_CHECK(copy != nullptr, "clone: a submodule of type ", name(), " stands where one of type ", other.name(),
                " was; reset() must make submodules of the same types");
    static_cast<Derived&>(*this) = *copy;
  }

  template <class Dict>
  void check_same(const Dict& fresh, const Dict& old) const {
    bool same = fresh.size() == old.size();
    for (size_t i = 0; same && i < old.size(); ++i) same = fresh.contains(old[i].key());
    EMBER_CHECK(same, "clone: ", name(), "::reset() does not register what the original has under '",
                old.key_description(), "'; parameters, buffers and submodules must be registered in reset(), not ",
                "only in the constructor");
  }

  void copy_tensors(OrderedDict<std::string, Tensor>& fresh, const OrderedDict<std::string, Tensor>& old,
                    const std::optional<Device>& device) const {
    for (const auto& item : old) {
      const Tensor& from = item.value();
      Tensor& to = fresh[item.key()];
      if (!from.defined() || !to.defined()) {
        to = from.defined() ? from.detach().clone() : Tensor();
        continue;
      }
      EMBER_CHECK(!to.is_same(from), "clone: ", name(), "::reset() registers the original's own '", item.key(),
                  "'; it must make a new tensor");
      // Into the tensor that reset() made, so that Derived's own handles to it see the values.
      const bool requires_grad = from.requires_grad();
      to.requires_grad_(false);
      to.set_data(device && *device != from.device() ? from.detach().to(*device) : from.detach().clone());
      to.requires_grad_(requires_grad);
    }
  }
};

}  // namespace ember::nn
