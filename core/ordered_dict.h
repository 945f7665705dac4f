// OrderedDict: a map that keeps the order of insertion. Its key description ("Parameter") names the keys in errors.
// References stay valid until the next insertion or erasure.
#pragma once

#include <initializer_list>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ember/core/error.h>

namespace ember {

// A key and its value: item.key(), item.value(), *item; or `for (auto& [key, value] : dict)`.
template <class Key, class Value>
class OrderedDictItem {
 public:
  OrderedDictItem(Key key, Value value) : pair_(std::move(key), std::move(value)) {}

  const Key& key() const noexcept { return pair_.first; }
  Value& value() noexcept { return pair_.second; }
  const Value& value() const noexcept { return pair_.second; }
  const std::pair<Key, Value>& pair() const noexcept { return pair_; }
  Value& operator*() { return pair_.second; }
  const Value& operator*() const { return pair_.second; }
  Value* operator->() { return &pair_.second; }
  const Value* operator->() const { return &pair_.second; }

  template <size_t I>
  decltype(auto) get() {
    if constexpr (I == 0) {
      return key();
    } else {
      return value();
    }
  }
  template <size_t I>
  decltype(auto) get() const {
    if constexpr (I == 0) {
      return key();
    } else {
      return value();
    }
  }

 private:
  std::pair<Key, Value> pair_;
};

template <class Key, class Value>
class OrderedDict {
 public:
  using Item = OrderedDictItem<Key, Value>;
  using Iterator = typename std::vector<Item>::iterator;
  using ConstIterator = typename std::vector<Item>::const_iterator;

  explicit OrderedDict(std::string key_description = "Key");
  // Throws if a key comes twice.
  OrderedDict(std::initializer_list<Item> items);
  OrderedDict(const OrderedDict&);
  OrderedDict& operator=(const OrderedDict&);
  OrderedDict(OrderedDict&&) noexcept;
  OrderedDict& operator=(OrderedDict&&) noexcept;
  ~OrderedDict();

  const std::string& key_description() const noexcept { return key_description_; }
  size_t size() const noexcept { return items_.size(); }
  bool is_empty() const noexcept { return items_.empty(); }
  void reserve(size_t capacity);

  Item& front() { return items_[checked(0)]; }
  const Item& front() const { return items_[checked(0)]; }
  Item& back() { return items_[checked(items_.size() - 1)]; }
  const Item& back() const { return items_[checked(items_.size() - 1)]; }
  // The item at a position; throws if it is out of range.
  Item& operator[](size_t index) { return items_[checked(index)]; }
  const Item& operator[](size_t index) const { return items_[checked(index)]; }
  // The value of a key; throws if it is not there (unlike std::map).
  Value& operator[](const Key& key) { return items_[position(key)].value(); }
  const Value& operator[](const Key& key) const { return items_[position(key)].value(); }
  // The value, or null.
  Value* find(const Key& key) noexcept;
  const Value* find(const Key& key) const noexcept;
  bool contains(const Key& key) const noexcept { return find(key) != nullptr; }

  Iterator begin() { return items_.begin(); }
  ConstIterator begin() const { return items_.begin(); }
  Iterator end() { return items_.end(); }
  ConstIterator end() const { return items_.end(); }
  const std::vector<Item>& items() const noexcept { return items_; }
  std::vector<Key> keys() const;
  std::vector<Value> values() const;
  std::vector<std::pair<Key, Value>> pairs() const;

  // Appends; throws if the key is there already.
  Value& insert(Key key, Value value);
  // Appends all items of another; throws, and changes nothing, if a key is in both.
  void update(OrderedDict other);
  // Throws if the key is not there.
  void erase(const Key& key);
  void clear();

  // The same keys in the same order with equal values.
  friend bool operator==(const OrderedDict& a, const OrderedDict& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)
      if (!(a.items_[i].pair() == b.items_[i].pair())) return false;
    return true;
  }

 private:
  size_t checked(size_t index) const;
  size_t position(const Key& key) const;

  std::unordered_map<Key, size_t> index_;
  std::vector<Item> items_;
  std::string key_description_;
};

// Outside the class, so that `extern template` keeps them out of the files that only use a dictionary: members defined
// in the class are inline, and inline functions are instantiated all the same.

template <class Key, class Value>
OrderedDict<Key, Value>::OrderedDict(std::string key_description) : key_description_(std::move(key_description)) {}
template <class Key, class Value>
OrderedDict<Key, Value>::OrderedDict(std::initializer_list<Item> items) : OrderedDict() {
  reserve(items.size());
  for (const Item& item : items) insert(item.key(), item.value());
}
template <class Key, class Value>
OrderedDict<Key, Value>::OrderedDict(const OrderedDict&) = default;
template <class Key, class Value>
OrderedDict<Key, Value>& OrderedDict<Key, Value>::operator=(const OrderedDict&) = default;
template <class Key, class Value>
OrderedDict<Key, Value>::OrderedDict(OrderedDict&&) noexcept = default;
template <class Key, class Value>
OrderedDict<Key, Value>& OrderedDict<Key, Value>::operator=(OrderedDict&&) noexcept = default;
template <class Key, class Value>
OrderedDict<Key, Value>::~OrderedDict() = default;

template <class Key, class Value>
void OrderedDict<Key, Value>::reserve(size_t capacity) {
  items_.reserve(capacity);
  index_.reserve(capacity);
}

template <class Key, class Value>
Value* OrderedDict<Key, Value>::find(const Key& key) noexcept {
  const auto it = index_.find(key);
  return it == index_.end() ? nullptr : &items_[it->second].value();
}
template <class Key, class Value>
const Value* OrderedDict<Key, Value>::find(const Key& key) const noexcept {
  return const_cast<OrderedDict*>(this)->find(key);
}

template <class Key, class Value>
std::vector<Key> OrderedDict<Key, Value>::keys() const {
  std::vector<Key> result;
  result.reserve(size());
  for (const Item& item : items_) result.push_back(item.key());
  return result;
}
template <class Key, class Value>
std::vector<Value> OrderedDict<Key, Value>::values() const {
  std::vector<Value> result;
  result.reserve(size());
  for (const Item& item : items_) result.push_back(item.value());
  return result;
}
template <class Key, class Value>
std::vector<std::pair<Key, Value>> OrderedDict<Key, Value>::pairs() const {
  std::vector<std::pair<Key, Value>> result;
  result.reserve(size());
  for (const Item& item : items_) result.push_back(item.pair());
  return result;
}

template <class Key, class Value>
Value& OrderedDict<Key, Value>::insert(Key key, Value value) {
  EMBER_CHECK(!contains(key), key_description_, " '", key, "' is defined already");
  index_.emplace(key, items_.size());
  items_.emplace_back(std::move(key), std::move(value));
  return items_.back().value();
}
template <class Key, class Value>
void OrderedDict<Key, Value>::update(OrderedDict other) {
  for (const Item& item : other.items_)
    EMBER_CHECK(!contains(item.key()), key_description_, " '", item.key(), "' is defined already");
  reserve(size() + other.size());
  for (Item& item : other.items_) insert(item.key(), std::move(item.value()));
}
template <class Key, class Value>
void OrderedDict<Key, Value>::erase(const Key& key) {
  const size_t at = position(key);
  const auto offset = static_cast<std::ptrdiff_t>(at);
  index_.erase(items_[at].key());
  items_.erase(items_.begin() + offset);
  for (auto& entry : index_)
    if (entry.second > at) --entry.second;
}
template <class Key, class Value>
void OrderedDict<Key, Value>::clear() {
  index_.clear();
  items_.clear();
}

template <class Key, class Value>
size_t OrderedDict<Key, Value>::checked(size_t index) const {
  EMBER_CHECK_INDEX(index < items_.size(), "OrderedDict: index ", static_cast<std::ptrdiff_t>(index),
                    " is out of range for ", items_.size(), " items");
  return index;
}
template <class Key, class Value>
size_t OrderedDict<Key, Value>::position(const Key& key) const {
  const auto it = index_.find(key);
  EMBER_CHECK(it != index_.end(), key_description_, " '", key, "' is not defined");
  return it->second;
}

}  // namespace ember

template <class Key, class Value>
struct std::tuple_size<ember::OrderedDictItem<Key, Value>> : std::integral_constant<size_t, 2> {};
template <class Key, class Value>
struct std::tuple_element<0, ember::OrderedDictItem<Key, Value>> {
  using type = const Key;
};
template <class Key, class Value>
struct std::tuple_element<1, ember::OrderedDictItem<Key, Value>> {
  using type = Value;
};
