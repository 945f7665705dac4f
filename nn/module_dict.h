// ModuleDict: modules by name, in the order in which they came, without a forward() of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ember/nn/any.h>
#include <ember/nn/cloneable.h>

namespace ember::nn {

class ModuleDictImpl : public Cloneable<ModuleDictImpl> {
 public:
  using Iterator = OrderedDict<std::string, std::shared_ptr<Module>>::Iterator;
  using ConstIterator = OrderedDict<std::string, std::shared_ptr<Module>>::ConstIterator;
  using Items = std::vector<std::pair<std::string, std::shared_ptr<Module>>>;

  ModuleDictImpl();
  explicit ModuleDictImpl(const Items& modules);
  explicit ModuleDictImpl(const OrderedDict<std::string, std::shared_ptr<Module>>& modules);

  Items items() const { return children_.pairs(); }
  std::vector<std::string> keys() const { return children_.keys(); }
  std::vector<std::shared_ptr<Module>> values() const { return children_.values(); }
  Iterator begin() { return children_.begin(); }
  ConstIterator begin() const { return children_.begin(); }
  Iterator end() { return children_.end(); }
  ConstIterator end() const { return children_.end(); }
  size_t size() const noexcept { return children_.size(); }
  bool empty() const noexcept { return children_.is_empty(); }
  bool contains(const std::string& key) const noexcept { return children_.contains(key); }

  // The module of a name; throws if there is none or, for at(), if it is not a T.
  std::shared_ptr<Module> operator[](const std::string& key) const { return children_[key]; }
  template <detail::ModuleType T>
  T& at(const std::string& key) {
    return checked_cast<T>(*children_[key], key);
  }
  template <detail::ModuleType T>
  const T& at(const std::string& key) const {
    return checked_cast<T>(*children_[key], key);
  }

  void clear() { children_.clear(); }
  // Takes the module out; throws if there is none.
  std::shared_ptr<Module> pop(const std::string& key);
  // Adds the modules, in place of those that have their names.
  void update(const Items& modules);
  template <class Container>
  void update(const Container& container) {
    for (const auto& item : container) set(item.key(), item.value());
  }

  // Nothing: the modules come from outside, and clone() clones each.
  void reset() override {}
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

 private:
  void set(const std::string& key, std::shared_ptr<Module> module);
  template <class T>
  static T& checked_cast(Module& module, const std::string& key) {
    T* const typed = module.as<T>();
    if (typed == nullptr) detail::throw_cast("ModuleDict", key, module, typeid(T));
    return *typed;
  }
};
extern template class Cloneable<ModuleDictImpl>;
EMBER_MODULE(ModuleDict);

}  // namespace ember::nn
