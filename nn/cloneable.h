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

// For this library's own modules it is instantiated in cloneable.cpp, not in every file that includes them.
template <class Derived>
class Cloneable : public Module {
 public:
  using Module::Module;

  virtual void reset() = 0;

  // Copies the other members as Derived's copy constructor does, then everything registered, value by value.
  // reset() draws its initial values from the default generator as usual; they are overwritten.
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override {
    NoGradGuard no_grad;
    auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
    clear_registered(*copy);
    copy->reset();
    copy_registered(*copy, device);
    return copy;
  }

 private:
  void clone_(Module& other, const std::optional<Device>& device) final {
    const std::shared_ptr<Module> copy = other.clone(device);
    const auto* typed = dynamic_cast<const Derived*>(copy.get());
    if (typed == nullptr) throw_replaced(other);
    static_cast<Derived&>(*this) = *typed;
  }
};

}  // namespace ember::nn
