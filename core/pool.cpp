#include <ember/core/pool.h>

#include <cstdint>
#include <memory>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define EMBER_POOL_BYPASS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMBER_POOL_BYPASS 1
#endif
#endif

namespace ember::detail {

namespace {

#if defined(EMBER_POOL_BYPASS)  // the address sanitizer must see every object come and go
constexpr bool kBypass = true;
#else
constexpr bool kBypass = false;
#endif

constexpr size_t kStep = 32;
constexpr size_t kLargest = 1024;
constexpr size_t kClasses = kLargest / kStep;
constexpr uint32_t kKept = 4096;  // objects kept per class and thread; more go back to the heap

struct FreeObject {
  FreeObject* next;
};

struct FreeLists {
  FreeObject* head[kClasses] = {};
  uint32_t count[kClasses] = {};

  ~FreeLists() {
    for (FreeObject*& list : head) {
      while (list != nullptr) {
        FreeObject* next = list->next;
        ::operator delete(list);
        list = next;
      }
    }
  }
};

// Reached through a pointer, so that the fast path has no thread_local guard; null before the thread's
// first use and after its end.
thread_local constinit FreeLists* lists = nullptr;
thread_local constinit bool ended = false;

FreeLists* open_lists() {
  if (ended) return nullptr;
  // On the heap: what a library that is opened while a program runs may have of thread-local memory is some hundred
  // bytes.
  struct Owner {
    std::unique_ptr<FreeLists> lists = std::make_unique<FreeLists>();
    ~Owner() {
      detail::lists = nullptr;
      ended = true;
    }
  };
  static thread_local Owner owner;
  return lists = owner.lists.get();
}

}  // namespace

void* pool_allocate(size_t bytes) {
  if (!kBypass && bytes <= kLargest && bytes != 0) {
    const size_t c = (bytes - 1) / kStep;
    FreeLists* l = lists;
    if (l != nullptr && l->head[c] != nullptr) {
      FreeObject* object = l->head[c];
      l->head[c] = object->next;
      --l->count[c];
      return object;
    }
    if (l == nullptr) open_lists();
    return ::operator new((c + 1) * kStep);
  }
  return ::operator new(bytes);
}

void pool_free(void* p, size_t bytes) noexcept {
  if (!kBypass && p != nullptr && bytes <= kLargest && bytes != 0) {
    const size_t c = (bytes - 1) / kStep;
    FreeLists* l = lists;
    if (l != nullptr && l->count[c] < kKept) {
      l->head[c] = new (p) FreeObject{l->head[c]};
      ++l->count[c];
      return;
    }
  }
  ::operator delete(p);
}

}  // namespace ember::detail
