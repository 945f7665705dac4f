// Module: the base of every layer and model, a tree of modules with named parameters and buffers.
//
//   struct Net : nn::Module {
//     Net() { fc = register_module("fc", nn::Linear(10, 1)); }
//     Tensor forward(const Tensor& x) { return fc(x); }
//     nn::Linear fc = nullptr;
//   };
//
// Parameters are tensors to be trained, buffers are the rest of a module's state. Traversals go through a module
// itself first, then through its children in the order in which they were registered; names are joined by dots. A
// Module is not thread-safe to change; concurrent forwards are as safe as the forward written.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ember/core/ordered_dict.h>
#include <ember/core/tensor.h>
#include <ember/nn/holder.h>

namespace ember::nn {
class Module;
}
namespace ember::serialize {
class OutputArchive;
class InputArchive;
}  // namespace ember::serialize

namespace ember {
extern template class OrderedDict<std::string, Tensor>;
extern template class OrderedDict<std::string, std::shared_ptr<nn::Module>>;
}  // namespace ember

namespace ember::nn {

// The outermost namespace in the printed forms and names of this library's modules: "ember", so that a Linear prints
// as ember::nn::Linear(…). The text must outlive its use.
void set_printed_namespace(const char* name) noexcept;
namespace detail {
// "ember::nn::"
std::string printed_prefix();
}  // namespace detail

// What load_state_dict() left: parameters and buffers that the dictionary had no tensor for, tensors that had no place.
struct IncompatibleKeys {
  std::vector<std::string> missing_keys;
  std::vector<std::string> unexpected_keys;
};

class Module : public std::enable_shared_from_this<Module> {
 public:
  using ModuleApplyFunction = std::function<void(Module&)>;
  using ConstModuleApplyFunction = std::function<void(const Module&)>;
  using NamedModuleApplyFunction = std::function<void(const std::string&, Module&)>;
  using ConstNamedModuleApplyFunction = std::function<void(const std::string&, const Module&)>;
  using ModulePointerApplyFunction = std::function<void(const std::shared_ptr<Module>&)>;
  using NamedModulePointerApplyFunction = std::function<void(const std::string&, const std::shared_ptr<Module>&)>;

  Module();
  explicit Module(std::string name);
  Module(const Module&);
  Module& operator=(const Module&);
  Module(Module&&) noexcept;
  Module& operator=(Module&&) noexcept;
  virtual ~Module();

  // The name given to the constructor, or else that of the most derived type.
  const std::string& name() const noexcept;

  // A deep copy, on `device` if given: other tensors, other submodules. Throws unless the type derives from
  // Cloneable (cloneable.h) or overrides this.
  virtual std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const;

  // Calls the function for this module and for every module under it. The forms that pass a shared_ptr throw unless
  // this module is held by one.
  void apply(const ModuleApplyFunction& function);
  void apply(const ConstModuleApplyFunction& function) const;
  void apply(const NamedModuleApplyFunction& function, const std::string& name_prefix = {});
  void apply(const ConstNamedModuleApplyFunction& function, const std::string& name_prefix = {}) const;
  void apply(const ModulePointerApplyFunction& function) const;
  void apply(const NamedModulePointerApplyFunction& function, const std::string& name_prefix = {}) const;

  // The parameters (buffers) of this module, and with `recurse` of the modules under it. Undefined ones are left out.
  std::vector<Tensor> parameters(bool recurse = true) const;
  OrderedDict<std::string, Tensor> named_parameters(bool recurse = true) const;
  std::vector<Tensor> buffers(bool recurse = true) const;
  OrderedDict<std::string, Tensor> named_buffers(bool recurse = true) const;
  // Every module of the tree. With include_self (the default) this module must be held by a shared_ptr.
  std::vector<std::shared_ptr<Module>> modules(bool include_self = true) const;
  OrderedDict<std::string, std::shared_ptr<Module>> named_modules(const std::string& name_prefix = {},
                                                                  bool include_self = true) const;
  std::vector<std::shared_ptr<Module>> children() const;
  OrderedDict<std::string, std::shared_ptr<Module>> named_children() const;

  // Training mode, here and in every module under it; modules start in it.
  virtual void train(bool on = true);
  void eval();
  virtual bool is_training() const noexcept;

  // Converts all parameters, their gradients and all buffers in place: handles and optimizers stay valid.
  // Throws if a parameter that requires a gradient would become integral.
  virtual void to(Device device, ScalarType dtype, bool non_blocking = false);
  virtual void to(ScalarType dtype, bool non_blocking = false);
  virtual void to(Device device, bool non_blocking = false);

  // Drops the gradient of every parameter, or fills it with zeros.
  virtual void zero_grad(bool set_to_none = true);

  // Writes parameters, buffers and the children that are serializable, each of these in an archive of its own, and
  // reads them back. Reading goes by InputArchive::read(), so a tensor takes the size that it had when it was written.
  virtual void save(serialize::OutputArchive& archive) const;
  virtual void load(serialize::InputArchive& archive);
  // Whether a module that has this one as a child writes it; true unless overridden.
  virtual bool is_serializable() const;

  // The parameters and buffers, by their names, of every module of the tree; the tensors share their memory.
  OrderedDict<std::string, Tensor> state_dict() const;
  // Copies the values in. Throws, and copies nothing, if a tensor has other sizes than the one that it is for, or, with
  // `strict`, if the dictionary has names that this module does not have, or lacks some.
  IncompatibleKeys load_state_dict(const OrderedDict<std::string, Tensor>& state, bool strict = true);

  // Writes the module without its children; operator<< writes the tree.
  virtual void pretty_print(std::ostream& stream) const;

  // This module as an M (or as what holder type M holds), or null if it is none.
  template <class M>
  auto as() noexcept {
    if constexpr (ModuleHolderType<M>) {
      return dynamic_cast<typename M::ContainedType*>(this);
    } else {
      return dynamic_cast<M*>(this);
    }
  }
  template <class M>
  auto as() const noexcept {
    if constexpr (ModuleHolderType<M>) {
      return dynamic_cast<const typename M::ContainedType*>(this);
    } else {
      return dynamic_cast<const M*>(this);
    }
  }

  // Registration. A name must be new among its kind, not empty and without dots. The returned references are valid
  // until the next registration: keep a copy of the handle. An undefined tensor takes a name and is skipped in
  // traversals (a Linear without bias).
  Tensor& register_parameter(std::string name, Tensor tensor, bool requires_grad = true);
  Tensor& register_buffer(std::string name, Tensor tensor);
  template <class M>
  std::shared_ptr<M> register_module(std::string name, std::shared_ptr<M> module) {
    insert_child(std::move(name), module);
    return module;
  }
  template <class M>
  std::shared_ptr<M> register_module(std::string name, ModuleHolder<M> holder) {
    return register_module(std::move(name), holder.ptr());
  }
  // The name must be registered.
  template <class M>
  std::shared_ptr<M> replace_module(const std::string& name, std::shared_ptr<M> module) {
    replace_child(name, module);
    return module;
  }
  template <class M>
  std::shared_ptr<M> replace_module(const std::string& name, ModuleHolder<M> holder) {
    return replace_module(name, holder.ptr());
  }
  void unregister_module(const std::string& name);

  friend std::ostream& operator<<(std::ostream& stream, const Module& module);

 protected:
  OrderedDict<std::string, Tensor> parameters_;
  OrderedDict<std::string, Tensor> buffers_;
  OrderedDict<std::string, std::shared_ptr<Module>> children_;

 private:
  template <class Derived>
  friend class Cloneable;

  // Makes this module a deep copy of `other`, which must be of the same type.
  virtual void clone_(Module& other, const std::optional<Device>& device);
  // The steps of clone(): what a copy has registered goes, and after its reset() is given this module's values.
  static void clear_registered(Module& module);
  void copy_registered(Module& copy, const std::optional<Device>& device) const;
  [[noreturn]] void throw_replaced(const Module& original) const;

  void insert_child(std::string name, std::shared_ptr<Module> module);
  void replace_child(const std::string& name, std::shared_ptr<Module> module);
  OrderedDict<std::string, Tensor> collect(OrderedDict<std::string, Tensor> Module::*tensors, bool recurse) const;
  void apply_to_submodules(const NamedModulePointerApplyFunction& function, const std::string& name_prefix) const;
  std::shared_ptr<Module> shared_from_this_checked() const;
  void pretty_print_recursive(std::ostream& stream, const std::string& indentation) const;

  friend class ForwardRange;
  mutable std::optional<std::string> name_;
  std::string registered_as_;  // its last name, for the profiler
  bool is_training_ = true;
};

// Modules as values of archives, for save() and load() (serialize.h).
serialize::OutputArchive& operator<<(serialize::OutputArchive& archive, const std::shared_ptr<Module>& module);
serialize::InputArchive& operator>>(serialize::InputArchive& archive, const std::shared_ptr<Module>& module);
template <class M>
serialize::OutputArchive& operator<<(serialize::OutputArchive& archive, const ModuleHolder<M>& holder) {
  return archive << std::shared_ptr<Module>(holder.ptr());
}
template <class M>
serialize::InputArchive& operator>>(serialize::InputArchive& archive, ModuleHolder<M>& holder) {
  return archive >> std::shared_ptr<Module>(holder.ptr());
}

}  // namespace ember::nn
