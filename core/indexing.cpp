#include <ember/core/indexing.h>

#include <cstring>
#include <limits>
#include <ostream>

namespace ember::indexing {

namespace {
// What an absent bound stands for; PyTorch's, since they are printed.
constexpr int64_t kLowestIndex = std::numeric_limits<int64_t>::min() / 2;
constexpr int64_t kHighestIndex = -(kLowestIndex + 1);
}  // namespace

Slice::Slice(std::optional<int64_t> start, std::optional<int64_t> stop, std::optional<int64_t> step)
    : step_(step.value_or(1)) {
  EMBER_CHECK(step_ != 0, "Slice: the step must not be zero");
  start_ = start.value_or(step_ < 0 ? kHighestIndex : 0);
  stop_ = stop.value_or(step_ < 0 ? kLowestIndex : kHighestIndex);
}

TensorIndex::TensorIndex(const char* text) : type_(TensorIndexType::Ellipsis) {
  EMBER_CHECK(text != nullptr && std::strcmp(text, "...") == 0,
              "TensorIndex: the only text that indexes is \"...\", got ", text == nullptr ? "null" : text);
}

std::ostream& operator<<(std::ostream& out, const Slice& slice) {
  return out << slice.start() << ':' << slice.stop() << ':' << slice.step();
}

std::ostream& operator<<(std::ostream& out, const TensorIndex& index) {
  switch (index.type()) {
    case TensorIndexType::None: return out << "None";
    case TensorIndexType::Ellipsis: return out << "...";
    case TensorIndexType::Integer: return out << index.integer();
    case TensorIndexType::Boolean: return out << (index.boolean() ? "true" : "false");
    case TensorIndexType::Slice: return out << index.slice();
    case TensorIndexType::Tensor: return out << index.tensor();
  }
  return out;
}

std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices) {
  out << '(';
  for (size_t i = 0; i < indices.size(); ++i) out << (i == 0 ? "" : ", ") << indices[i];
  return out << ')';
}

}  // namespace ember::indexing
