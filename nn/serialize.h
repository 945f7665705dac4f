// save() and load(): a tensor, a vector of tensors, or a module with all its parameters and buffers, to and from what
// OutputArchive::save_to() and InputArchive::load_from() take.
//
//   save(net, "net.ember");
//   load(net, "net.ember");          // net is a module of the same kind
//   load(net, "net.ember", kCUDA);
//
// A type of one's own has operator<<(serialize::OutputArchive&, const T&) and operator>>(serialize::InputArchive&, T&).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ember/nn/archive.h>
#include <ember/nn/module.h>

namespace ember {

inline serialize::OutputArchive& operator<<(serialize::OutputArchive& archive, const Tensor& tensor) {
  archive.write("0", tensor);
  return archive;
}
inline serialize::InputArchive& operator>>(serialize::InputArchive& archive, Tensor& tensor) {
  archive.read("0", tensor);
  return archive;
}

template <class Value, class... SaveToArgs>
void save(const Value& value, SaveToArgs&&... args) {
  serialize::OutputArchive archive;
  archive << value;
  archive.save_to(std::forward<SaveToArgs>(args)...);
}

template <class... SaveToArgs>
void save(const std::vector<Tensor>& tensors, SaveToArgs&&... args) {
  serialize::OutputArchive archive;
  for (size_t i = 0; i < tensors.size(); ++i) archive.write(std::to_string(i), tensors[i]);
  archive.save_to(std::forward<SaveToArgs>(args)...);
}

template <class Value, class... LoadFromArgs>
void load(Value& value, LoadFromArgs&&... args) {
  serialize::InputArchive archive;
  archive.load_from(std::forward<LoadFromArgs>(args)...);
  archive >> value;
}

// Appends.
template <class... LoadFromArgs>
void load(std::vector<Tensor>& tensors, LoadFromArgs&&... args) {
  serialize::InputArchive archive;
  archive.load_from(std::forward<LoadFromArgs>(args)...);
  Tensor tensor;
  for (size_t i = 0; archive.try_read(std::to_string(i), tensor); ++i) tensors.push_back(std::exchange(tensor, {}));
}

}  // namespace ember
