// AnyModule: a module of any type, whose forward() is called by type-erased arguments. AnyValue: one of those.
//
//   AnyModule any(Linear(3, 4));
//   Tensor y = any.forward(x);
//   int n = AnyModule(counter).forward<int>(x, 2);  // arguments have the exact types that forward() takes
//
// A module whose forward() is a template or overloaded cannot be stored.
#pragma once

#include <any>
#include <array>
#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <ember/nn/module.h>

namespace ember::nn {

class AnyValue;
class AnyModule;

namespace detail {

[[noreturn]] void throw_value_type(const std::type_info& wanted, const std::type_info& actual);
[[noreturn]] void throw_argument_type(size_t index, const std::type_info& wanted, const std::type_info& actual);
[[noreturn]] void throw_argument_count(const std::type_info& module, size_t least, size_t most, size_t given);
[[noreturn]] void throw_module_type(const std::type_info& wanted, const Module& actual);
[[noreturn]] void throw_empty_any(const char* what);
[[noreturn]] void throw_cast(const char* container, const std::string& key, const Module& module,
                             const std::type_info& wanted);

template <class M>
concept ModuleType = std::derived_from<std::remove_cvref_t<M>, Module>;

}  // namespace detail

// A copyable value of any type. A Tensor is stored without an allocation.
class AnyValue {
 public:
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, AnyValue>) explicit AnyValue(T&& value)
      : content_(std::in_place_type<std::decay_t<T>>, std::forward<T>(value)) {}

  // The value if its type is exactly T, else null.
  template <class T>
  T* try_get() {
    return std::any_cast<T>(&content_);
  }
  // The value; throws unless its type is exactly T.
  template <class T>
  T get() {
    if (T* value = try_get<T>()) return *value;
    detail::throw_value_type(typeid(T), type_info());
  }
  const std::type_info& type_info() const noexcept { return content_.type(); }

 private:
  std::any content_;
};

namespace detail {

// The arguments, and the defaults of those behind them.
std::vector<AnyValue> with_defaults(AnyValue* arguments, size_t count,
                                    std::vector<std::pair<size_t, AnyValue>> defaults);

// A module with its type erased; knows how to call its forward().
class ErasedModule {
 public:
  virtual ~ErasedModule() = default;
  virtual AnyValue forward(AnyValue* arguments, size_t count) = 0;
  virtual std::shared_ptr<Module> ptr() const = 0;
  virtual Module& module() const = 0;
  virtual const std::type_info& type_info() const = 0;
  virtual std::shared_ptr<ErasedModule> clone(const std::optional<Device>& device) const = 0;
};

template <class M, class... Args>
class ErasedModuleOf final : public ErasedModule {
 public:
  explicit ErasedModuleOf(std::shared_ptr<M> module) : module_(std::move(module)) {}

  AnyValue forward(AnyValue* arguments, size_t count) override {
    if (count == sizeof...(Args)) return call(arguments, std::index_sequence_for<Args...>{});
    size_t least = sizeof...(Args);
    if constexpr (requires { M::forward_default_args(); }) {
      // Trailing arguments from EMBER_FORWARD_HAS_DEFAULT_ARGS.
      auto defaults = M::forward_default_args();
      least -= defaults.size();
      if (count >= least && count < sizeof...(Args)) {
        std::vector<AnyValue> all = with_defaults(arguments, count, std::move(defaults));
        return call(all.data(), std::index_sequence_for<Args...>{});
      }
    }
    throw_argument_count(typeid(M), least, sizeof...(Args), count);
  }
  std::shared_ptr<Module> ptr() const override { return module_; }
  Module& module() const override { return *module_; }
  const std::type_info& type_info() const override { return typeid(M); }
  std::shared_ptr<ErasedModule> clone(const std::optional<Device>& device) const override {
    auto copy = std::dynamic_pointer_cast<M>(module_->clone(device));
    if (!copy) throw_module_type(typeid(M), *module_);
    return std::make_shared<ErasedModuleOf>(std::move(copy));
  }

 private:
  template <size_t... I>
  AnyValue call([[maybe_unused]] AnyValue* arguments, std::index_sequence<I...>) {
    const ForwardRange range(*module_);
    return AnyValue(module_->forward(argument<Args>(arguments[I], I)...));
  }
  template <class A>
  static A&& argument(AnyValue& value, size_t index) {
    if (auto* content = value.try_get<std::decay_t<A>>()) return static_cast<A&&>(*content);
    throw_argument_type(index, typeid(A), value.type_info());
  }

  std::shared_ptr<M> module_;
};

template <class M, class R, class C, class... Args>
std::shared_ptr<ErasedModule> erase_module(std::shared_ptr<M> module, R (C::*)(Args...)) {
  static_assert(!std::is_void_v<R>, "a module whose forward() returns void cannot be stored in AnyModule");
  return std::make_shared<ErasedModuleOf<M, Args...>>(std::move(module));
}
template <class M, class R, class C, class... Args>
std::shared_ptr<ErasedModule> erase_module(std::shared_ptr<M> module, R (C::*)(Args...) const) {
  static_assert(!std::is_void_v<R>, "a module whose forward() returns void cannot be stored in AnyModule");
  return std::make_shared<ErasedModuleOf<M, Args...>>(std::move(module));
}

}  // namespace detail

// Copying an AnyModule shares the module.
class AnyModule {
 public:
  AnyModule() = default;
  template <detail::ModuleType M>
  explicit AnyModule(std::shared_ptr<M> module) {
    static_assert(
        requires { &M::forward; },
        "only a module with one forward(), neither a template nor overloaded, can be stored in AnyModule "
        "(nn::Sequential cannot)");
    if (!module) detail::throw_empty_any("store a null module");
    content_ = detail::erase_module(std::move(module), &M::forward);
  }
  template <detail::ModuleType M>
  explicit AnyModule(M&& module) : AnyModule(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))) {}
  template <class M>
  explicit AnyModule(const ModuleHolder<M>& holder) : AnyModule(holder.ptr()) {}
  template <detail::ModuleType M>
  AnyModule& operator=(std::shared_ptr<M> module) {
    return *this = AnyModule(std::move(module));
  }

  bool is_empty() const noexcept { return content_ == nullptr; }
  // A deep copy, by the module's clone().
  AnyModule clone(std::optional<Device> device = std::nullopt) const {
    AnyModule copy;
    if (content_) copy.content_ = content_->clone(device);
    return copy;
  }

  // Calls forward(). Throws if the number or the types of the arguments are not those that it takes; an AnyValue
  // stands for the value in it.
  template <class... Args>
  AnyValue any_forward(Args&&... arguments) {
    std::array<AnyValue, sizeof...(Args)> values{AnyValue(std::forward<Args>(arguments))...};
    return content("call forward() of an empty AnyModule").forward(values.data(), values.size());
  }
  template <class R = Tensor, class... Args>
  R forward(Args&&... arguments) {
    return any_forward(std::forward<Args>(arguments)...).template get<R>();
  }

  // The module as a T&, or as a holder T; throws if it is of another type.
  template <detail::ModuleType T>
  T& get() {
    return *ptr<T>();
  }
  template <detail::ModuleType T>
  const T& get() const {
    return *ptr<T>();
  }
  template <ModuleHolderType T>
  T get() const {
    return T(ptr<typename T::ContainedType>());
  }
  std::shared_ptr<Module> ptr() const { return content("call ptr() of an empty AnyModule").ptr(); }
  template <detail::ModuleType T>
  std::shared_ptr<T> ptr() const {
    auto module = ptr();
    auto typed = std::dynamic_pointer_cast<T>(module);
    if (!typed) detail::throw_module_type(typeid(T), *module);
    return typed;
  }
  const std::type_info& type_info() const { return content("call type_info() of an empty AnyModule").type_info(); }
  // The module as an M, if it is one and of no type derived from it, whose forward() might be another; else null.
  template <detail::ModuleType M>
  M* exactly() const {
    const detail::ErasedModule& module = content("ask for the type of an empty AnyModule");
    return module.type_info() == typeid(M) ? static_cast<M*>(&module.module()) : nullptr;
  }

 private:
  detail::ErasedModule& content(const char* what) const {
    if (!content_) detail::throw_empty_any(what);
    return *content_;
  }

  std::shared_ptr<detail::ErasedModule> content_;
};

// A module and its name, for Sequential({{"fc", Linear(3, 4)}, {"act", ReLU()}}).
class NamedAnyModule {
 public:
  template <detail::ModuleType M>
  NamedAnyModule(std::string name, std::shared_ptr<M> module)
      : NamedAnyModule(std::move(name), AnyModule(std::move(module))) {}
  template <detail::ModuleType M>
  NamedAnyModule(std::string name, M&& module) : NamedAnyModule(std::move(name), AnyModule(std::forward<M>(module))) {}
  template <class M>
  NamedAnyModule(std::string name, const ModuleHolder<M>& holder) : NamedAnyModule(std::move(name), holder.ptr()) {}
  NamedAnyModule(std::string name, AnyModule module) : name_(std::move(name)), module_(std::move(module)) {}

  const std::string& name() const noexcept { return name_; }
  AnyModule& module() noexcept { return module_; }
  const AnyModule& module() const noexcept { return module_; }

 private:
  std::string name_;
  AnyModule module_;
};

}  // namespace ember::nn

// In a module's class, tells AnyModule (and Sequential) the values of forward()'s trailing default arguments, which
// C++ does not let it see: for `forward(const Tensor& x, int a = 1)`, EMBER_FORWARD_HAS_DEFAULT_ARGS({1, AnyValue(1)})
#define EMBER_FORWARD_HAS_DEFAULT_ARGS(...) \
  template <class EmberModule, class... EmberArgs> \
  friend class ::ember::nn::detail::ErasedModuleOf; \
  static std::vector<std::pair<size_t, ::ember::nn::AnyValue>> forward_default_args() { \
    return std::vector<std::pair<size_t, ::ember::nn::AnyValue>>{__VA_ARGS__}; \
  }
