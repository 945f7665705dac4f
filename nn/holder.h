// ModuleHolder<M>: a module by reference, which looks like a value. Copying a holder shares the module.
//
//   struct NetImpl : nn::Module { explicit NetImpl(int64_t hidden); Tensor forward(const Tensor& x); ... };
//   EMBER_MODULE(Net);
//   Net net(50), same = net, none = nullptr;
#pragma once

#include <concepts>
#include <memory>
#include <ostream>
#include <type_traits>
#include <utility>

#include <ember/core/error.h>
#include <ember/nn/forward_range.h>

namespace ember::nn {

template <class Contained>
class ModuleHolder;

namespace detail {
struct ModuleHolderBase {};
[[noreturn]] void throw_empty_holder();
}  // namespace detail

template <class T>
concept ModuleHolderType = std::derived_from<std::remove_cvref_t<T>, detail::ModuleHolderBase>;

template <class Contained>
class ModuleHolder : public detail::ModuleHolderBase {
 public:
  using ContainedType = Contained;

  ModuleHolder() : impl_(make_default()) {}
  // An empty holder; using it throws until it is assigned.
  ModuleHolder(std::nullptr_t) {}                                                // NOLINT: implicit
  ModuleHolder(std::shared_ptr<Contained> module) : impl_(std::move(module)) {}  // NOLINT: implicit
  // A new module from the arguments.
  template <class Head, class... Tail>
  requires(sizeof...(Tail) > 0 ||
           !std::derived_from<std::remove_cvref_t<Head>, ModuleHolder>) explicit ModuleHolder(Head&& head,
                                                                                              Tail&&... tail)
      : impl_(new Contained(std::forward<Head>(head), std::forward<Tail>(tail)...)) {}

  explicit operator bool() const noexcept { return !is_empty(); }
  bool is_empty() const noexcept { return impl_ == nullptr; }

  Contained* operator->() { return get(); }
  const Contained* operator->() const { return get(); }
  Contained& operator*() { return *get(); }
  const Contained& operator*() const { return *get(); }
  Contained* get() { return ptr().get(); }
  const Contained* get() const { return ptr().get(); }
  const std::shared_ptr<Contained>& ptr() const {
    if (!impl_) [[unlikely]]
      detail::throw_empty_holder();
    return impl_;
  }

  // Calls forward().
  template <class... Args>
  decltype(auto) operator()(Args&&... args) {
    Contained& module = *ptr();
    const ForwardRange range(module);
    return module.forward(std::forward<Args>(args)...);
  }
  // Calls the module's.
  template <class Arg>
  decltype(auto) operator[](Arg&& arg) {
    return (*ptr())[std::forward<Arg>(arg)];
  }

 protected:
  std::shared_ptr<Contained> impl_;

 private:
  // A template, so that it is looked at only when a holder is default-constructed.
  template <class M = Contained>
  static std::shared_ptr<M> make_default() {
    static_assert(std::is_default_constructible_v<M>,
                  "the module has no default constructor; write `= nullptr` for an empty holder");
    return std::make_shared<M>();
  }
};

template <class Contained>
std::ostream& operator<<(std::ostream& out, const ModuleHolder<Contained>& holder) {
  return out << *holder;
}

}  // namespace ember::nn

// Defines the class `Name`, a holder of `ImplType`.
#define EMBER_MODULE_IMPL(Name, ImplType) \
  class Name : public ::ember::nn::ModuleHolder<ImplType> { \
   public: \
    using ::ember::nn::ModuleHolder<ImplType>::ModuleHolder; \
    using Impl [[maybe_unused]] = ImplType; \
  }
#define EMBER_MODULE(Name) EMBER_MODULE_IMPL(Name, Name##Impl)
