// A bounded map that forgets what was used longest ago. Looking up allocates nothing. Host code; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace ember::cuda {

// Key needs == and a member `uint64_t hash() const`, whose low bits are good.
template <class Key, class Value>
class LruCache {
 public:
  explicit LruCache(size_t capacity) : capacity_(capacity < 1 ? 1 : capacity) {
    size_t buckets = 1;
    while (buckets < 2 * capacity_) buckets *= 2;
    buckets_.assign(buckets, nullptr);
  }
  LruCache(const LruCache&) = delete;
  LruCache& operator=(const LruCache&) = delete;

  size_t size() const { return entries_.size(); }
  size_t capacity() const { return capacity_; }

  // The value of a key, now the one that was used last, or null. Valid until it is evicted by an insertion.
  Value* find(const Key& key) {
    for (Entry* e = bucket_of(key); e != nullptr; e = e->chain) {
      if (e->key == key) {
        if (e != newest_) {
          unlink(e);
          push_front(e);
        }
        return &e->value;
      }
    }
    return nullptr;
  }

  // Adds a key that is not there; the one that was used longest ago goes where there is no room.
  Value& insert(const Key& key, Value value) {
    Entry* e = nullptr;
    if (entries_.size() < capacity_) {
      e = &entries_.emplace_back();
    } else {
      e = oldest_;
      unlink(e);
      remove_from_bucket(e);
    }
    e->key = key;
    e->value = std::move(value);
    Entry*& bucket = bucket_of(key);
    e->chain = bucket;
    bucket = e;
    push_front(e);
    return e->value;
  }

 private:
  struct Entry {
    Key key{};
    Value value{};
    Entry* chain = nullptr;  // the next one of the bucket
    Entry* newer = nullptr;
    Entry* older = nullptr;
  };

  Entry*& bucket_of(const Key& key) { return buckets_[key.hash() & (buckets_.size() - 1)]; }

  void remove_from_bucket(Entry* e) {
    Entry** at = &bucket_of(e->key);
    while (*at != e) at = &(*at)->chain;
    *at = e->chain;
  }

  void unlink(Entry* e) {
    (e->newer != nullptr ? e->newer->older : newest_) = e->older;
    (e->older != nullptr ? e->older->newer : oldest_) = e->newer;
  }

  void push_front(Entry* e) {
    e->newer = nullptr;
    e->older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = e;
    newest_ = e;
  }

  size_t capacity_;
  std::deque<Entry> entries_;  // which never moves them
  std::vector<Entry*> buckets_;
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
};

}  // namespace ember::cuda
