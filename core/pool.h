// Free lists for the small objects that every operation makes (tensors, storages, graph nodes).
#pragma once

#include <cstddef>

namespace ember::detail {

// Memory of at least `bytes`, aligned for any object, from the calling thread's free list of that size
// class; large requests go to operator new. Freed on any thread. Thread-safe without locks.
void* pool_allocate(size_t bytes);
void pool_free(void* p, size_t bytes) noexcept;

// Gives a class operator new and delete from the pool. A class deleted through a base needs a virtual
// destructor, so that the sized delete gets the right size.
struct Pooled {
  static void* operator new(size_t bytes) { return pool_allocate(bytes); }
  static void* operator new(size_t, void* p) { return p; }
  static void operator delete(void* p, size_t bytes) noexcept { pool_free(p, bytes); }
  static void operator delete(void*, void*) noexcept {}
};

// The pool as a container's allocator.
template <class T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) noexcept {}  // NOLINT: implicit, as containers want it
  T* allocate(size_t n) { return static_cast<T*>(pool_allocate(n * sizeof(T))); }
  void deallocate(T* p, size_t n) noexcept { pool_free(p, n * sizeof(T)); }
  friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

}  // namespace ember::detail
