// Reference counting inside the object: one allocation, one word per handle.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace ember {

// Base of a counted object. The object is created with no owner; the first IntrusivePtr makes it one.
class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void retain() const noexcept {
    // An object that has no owner yet is known to one thread only.
    if (refs_.load(std::memory_order_relaxed) == 0) {
      refs_.store(1, std::memory_order_relaxed);
    } else {
      refs_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  // Whether this was the last owner.
  [[nodiscard]] bool drop() const noexcept { return refs_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  // The same, without an atomic change by a last owner; only where no weak reference can become another owner.
  [[nodiscard]] bool drop_strong() const noexcept { return use_count() == 1 || drop(); }
  // Adds an owner unless there is none left (for a weak reference that is being promoted).
  [[nodiscard]] bool retain_if_alive() const noexcept {
    uint32_t n = refs_.load(std::memory_order_relaxed);
    while (n != 0 && !refs_.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel)) {
    }
    return n != 0;
  }
  uint32_t use_count() const noexcept { return refs_.load(std::memory_order_acquire); }

 protected:
  RefCounted() = default;
  ~RefCounted() = default;

 private:
  mutable std::atomic<uint32_t> refs_{0};
};

// Owns a T that has retain() and release(); release() frees the object with its last owner.
template <class T>
class IntrusivePtr {
 public:
  using element_type = T;

  constexpr IntrusivePtr() noexcept = default;
  constexpr IntrusivePtr(std::nullptr_t) noexcept {}  // NOLINT: implicit
  explicit IntrusivePtr(T* p) noexcept : p_(p) {
    if (p_ != nullptr) p_->retain();
  }
  IntrusivePtr(const IntrusivePtr& other) noexcept : IntrusivePtr(other.p_) {}
  IntrusivePtr(IntrusivePtr&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  template <class U>
  requires(std::is_convertible_v<U*, T*>) IntrusivePtr(const IntrusivePtr<U>& other)
  noexcept : IntrusivePtr(static_cast<T*>(other.get())) {}  // NOLINT
  ~IntrusivePtr() {
    if (p_ != nullptr) p_->release();
  }
  IntrusivePtr& operator=(IntrusivePtr other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }

  // Takes over a reference that is already counted.
  static IntrusivePtr adopt(T* p) noexcept {
    IntrusivePtr r;
    r.p_ = p;
    return r;
  }
  // Gives up the reference without dropping it.
  [[nodiscard]] T* detach() noexcept { return std::exchange(p_, nullptr); }

  void reset() noexcept { *this = IntrusivePtr(); }
  T* get() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  T* operator->() const noexcept { return p_; }
  // For code that keeps it in a std::shared_ptr: one that holds a reference here.
  template <class U>
  requires(std::is_convertible_v<T*, U*>) operator std::shared_ptr<U>() const {  // NOLINT: implicit
    if (p_ == nullptr) return nullptr;
    return std::shared_ptr<U>(p_, [kept = *this](U*) {});
  }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  friend bool operator==(const IntrusivePtr& a, const IntrusivePtr& b) { return a.p_ == b.p_; }
  friend bool operator==(const IntrusivePtr& a, std::nullptr_t) { return a.p_ == nullptr; }

 private:
  T* p_ = nullptr;
};

}  // namespace ember
