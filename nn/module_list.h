// ModuleList: modules by their places, without a forward() of its own.
//
//   ModuleList layers(Linear(3, 4), ReLU());
//   for (const auto& layer : *layers) …
#pragma once

#include <string>
#include <vector>

#include <ember/nn/any.h>
#include <ember/nn/cloneable.h>

namespace ember::nn {

class ModuleListImpl : public Cloneable<ModuleListImpl> {
 public:
  using Iterator = std::vector<std::shared_ptr<Module>>::iterator;
  using ConstIterator = std::vector<std::shared_ptr<Module>>::const_iterator;

  ModuleListImpl();
  // Modules, holders or shared_ptrs, named "0", "1", … by their places.
  template <class... Modules>
  requires(sizeof...(Modules) > 0 && !(std::same_as<std::remove_cvref_t<Modules>, ModuleListImpl> ||
                                       ...)) explicit ModuleListImpl(Modules&&... modules) {
    (push_back(std::forward<Modules>(modules)), ...);
  }

  void push_back(std::shared_ptr<Module> module);
  template <detail::ModuleType M>
  void push_back(M&& module) {
    push_back(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module)));
  }
  template <class M>
  void push_back(const ModuleHolder<M>& holder) {
    push_back(std::shared_ptr<Module>(holder.ptr()));
  }
  // Appends every item of a container.
  template <class Container>
  void extend(const Container& container) {
    for (const auto& module : container) push_back(module);
  }
  // In front of the module at `index`, or at the end for size(); the names of those behind change.
  void insert(size_t index, std::shared_ptr<Module> module);
  template <detail::ModuleType M>
  void insert(size_t index, M&& module) {
    insert(index, std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module)));
  }
  template <class M>
  void insert(size_t index, const ModuleHolder<M>& holder) {
    insert(index, std::shared_ptr<Module>(holder.ptr()));
  }

  Iterator begin() { return modules_.begin(); }
  ConstIterator begin() const { return modules_.begin(); }
  Iterator end() { return modules_.end(); }
  ConstIterator end() const { return modules_.end(); }
  size_t size() const noexcept { return modules_.size(); }
  bool is_empty() const noexcept { return modules_.empty(); }

  // The module at a place; throws if there is none or, for at(), if it is not a T. ptr<T>() is null then.
  template <detail::ModuleType T>
  T& at(size_t index) {
    return checked_cast<T>(*ptr(index), index);
  }
  template <detail::ModuleType T>
  const T& at(size_t index) const {
    return checked_cast<T>(*ptr(index), index);
  }
  const std::shared_ptr<Module>& ptr(size_t index) const;
  template <detail::ModuleType T>
  std::shared_ptr<T> ptr(size_t index) const {
    return std::dynamic_pointer_cast<T>(ptr(index));
  }
  std::shared_ptr<Module> operator[](size_t index) const { return ptr(index); }

  // Nothing: the modules come from outside, and clone() clones each.
  void reset() override {}
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

 private:
  template <class T>
  static T& checked_cast(Module& module, size_t index) {
    T* const typed = module.as<T>();
    if (typed == nullptr) detail::throw_cast("ModuleList", std::to_string(index), module, typeid(T));
    return *typed;
  }

  std::vector<std::shared_ptr<Module>> modules_;
};
extern template class Cloneable<ModuleListImpl>;
EMBER_MODULE(ModuleList);

}  // namespace ember::nn
