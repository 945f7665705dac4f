#include <ember/core/backend.h>
#include <ember/core/environment.h>
#include <ember/core/profiler.h>
#include <ember/core/sequence_nr.h>
#include <ember/core/tensor.h>
#include <ember/core/tensor_impl.h>
#include <ember/core/tensor_iterator.h>

namespace ember {

namespace detail {

bool profiler_ranges = is_switched_on("EMBER_NVTX");

namespace {
constinit RangeSink sink;
}

void set_range_sink(const RangeSink& s) { sink = s; }

void push_range(const char* text, uint64_t node) noexcept {
  if (sink.push != nullptr) return sink.push(text, node);
  if (Backend* b = backend_or_null(kCUDA)) b->range_push(text, node);
}

void pop_range() noexcept {
  if (sink.pop != nullptr) return sink.pop();
  if (Backend* b = backend_or_null(kCUDA)) b->range_pop();
}

void append_to_range(std::string& text, const char* part) { text += part; }
void append_to_range(std::string& text, const std::string& part) { text += part; }

void append_to_range(std::string& text, const Tensor& tensor) {
  if (tensor.defined()) append_to_range(text, tensor.sizes());
}

void append_to_range(std::string& text, IntArrayRef sizes) { text += concat(' ', sizes); }

void append_to_range(std::string& text, const TensorIterator& iterator) {
  Dims sizes;
  for (int d = iterator.dim() - 1; d >= 0; --d) sizes.push_back(iterator.size(d));
  append_to_range(text, IntArrayRef(sizes));
}

void append_length_to_range(std::string& text, size_t length) { text += concat(" (", length, ')'); }

void append_to_range(RangeText& text, NextNode) {
  if (modes.grad && !modes.inference) text.node = next_sequence_nr();
}

}  // namespace detail

void set_profiler_ranges(bool enabled) { detail::profiler_ranges = enabled; }

}  // namespace ember
