// Sequential: modules applied one after another.
//
//   Sequential net(Linear(3, 4), ReLU(), Linear(4, 1));
//   Sequential named({{"fc1", Linear(3, 4)}, {"act", ReLU()}});
//   net->push_back(Sigmoid());
//   Tensor y = net->forward(x);  // the first module takes all the arguments, each other what the one before returns
//
// A Linear with a bias and the ReLU (but in place) or GELU by tanh behind it are computed together, with the results
// and gradients of the two: the history has one node for both, and the profiler sees the work in the Linear's range.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include <ember/nn/any.h>
#include <ember/nn/cloneable.h>

namespace ember::nn {

namespace detail {
template <class M>
concept SequentialItem = ModuleType<M> || ModuleHolderType<M> || std::same_as<std::remove_cvref_t<M>, AnyModule> ||
    requires(std::remove_cvref_t<M> m) {
  []<ModuleType T>(const std::shared_ptr<T>&) {}(m);
};
}  // namespace detail

class SequentialImpl : public Cloneable<SequentialImpl> {
 public:
  using Iterator = std::vector<AnyModule>::iterator;
  using ConstIterator = std::vector<AnyModule>::const_iterator;

  SequentialImpl();
  // Modules, holders or shared_ptrs, named "0", "1", … by their places.
  template <detail::SequentialItem... Modules>
  requires(sizeof...(Modules) > 0 && !(std::same_as<std::remove_cvref_t<Modules>, SequentialImpl> ||
                                       ...)) explicit SequentialImpl(Modules&&... modules) {
    (push_back(std::forward<Modules>(modules)), ...);
  }
  explicit SequentialImpl(OrderedDict<std::string, AnyModule>&& modules);
  explicit SequentialImpl(std::initializer_list<NamedAnyModule> modules);

  // Throws on an empty Sequential, and unless the last module's result is an R.
  template <class R = Tensor, class... Inputs>
  R forward(Inputs&&... inputs) {
    const ForwardRange range(*this);
    check_not_empty();
    if constexpr (sizeof...(Inputs) == 1) {
      return run_from(0, AnyValue(std::forward<Inputs>(inputs)...)).template get<R>();
    } else {
      return run_from(1, modules_.front().any_forward(std::forward<Inputs>(inputs)...)).template get<R>();
    }
  }

  template <detail::ModuleType M>
  void push_back(std::shared_ptr<M> module) {
    push_back(AnyModule(std::move(module)));
  }
  template <detail::ModuleType M>
  void push_back(std::string name, std::shared_ptr<M> module) {
    push_back(std::move(name), AnyModule(std::move(module)));
  }
  template <detail::ModuleType M>
  void push_back(M&& module) {
    push_back(AnyModule(std::forward<M>(module)));
  }
  template <detail::ModuleType M>
  void push_back(std::string name, M&& module) {
    push_back(std::move(name), AnyModule(std::forward<M>(module)));
  }
  template <class M>
  void push_back(const ModuleHolder<M>& holder) {
    push_back(AnyModule(holder));
  }
  template <class M>
  void push_back(std::string name, const ModuleHolder<M>& holder) {
    push_back(std::move(name), AnyModule(holder));
  }
  void push_back(AnyModule module);
  void push_back(std::string name, AnyModule module);
  // Appends every item of a container.
  template <class Container>
  void extend(const Container& container) {
    for (const auto& module : container) push_back(module);
  }

  Iterator begin() { return modules_.begin(); }
  ConstIterator begin() const { return modules_.begin(); }
  Iterator end() { return modules_.end(); }
  ConstIterator end() const { return modules_.end(); }
  size_t size() const noexcept { return modules_.size(); }
  bool is_empty() const noexcept { return modules_.empty(); }

  // The module at a place; throws if there is none or it is not a T.
  template <detail::ModuleType T>
  T& at(size_t index) {
    return checked(index).get<T>();
  }
  template <detail::ModuleType T>
  const T& at(size_t index) const {
    return checked(index).get<T>();
  }
  template <ModuleHolderType T>
  typename T::ContainedType& at(size_t index) {
    return checked(index).get<typename T::ContainedType>();
  }
  std::shared_ptr<Module> ptr(size_t index) const { return checked(index).ptr(); }
  template <detail::ModuleType T>
  std::shared_ptr<T> ptr(size_t index) const {
    return checked(index).ptr<T>();
  }
  template <ModuleHolderType T>
  std::shared_ptr<typename T::ContainedType> ptr(size_t index) const {
    return checked(index).ptr<typename T::ContainedType>();
  }
  std::shared_ptr<Module> operator[](size_t index) const { return ptr(index); }

  // Nothing: the modules come from outside, and clone() clones each.
  void reset() override {}
  std::shared_ptr<Module> clone(const std::optional<Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;

 private:
  void check_not_empty() const;
  // The modules from `first` on, of which that takes the value.
  AnyValue run_from(size_t first, AnyValue value);
  AnyModule& checked(size_t index);
  const AnyModule& checked(size_t index) const;

  std::vector<AnyModule> modules_;
};

extern template class Cloneable<SequentialImpl>;

// The holder of SequentialImpl.
class Sequential : public ModuleHolder<SequentialImpl> {
 public:
  using ModuleHolder<SequentialImpl>::ModuleHolder;
  using Impl = SequentialImpl;
  Sequential() = default;
  // Its own constructor, because braces cannot be forwarded.
  Sequential(std::initializer_list<NamedAnyModule> modules);  // NOLINT: implicit
};

}  // namespace ember::nn
