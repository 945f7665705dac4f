#include <ember/cpu/strided_copy.h>

#include <cstring>

#include <ember/cpu/loops.h>

namespace ember::cpu {

namespace {

// Rows of fewer bytes are copied in line: a call would cost more than they do.
constexpr int64_t kShortBytes = 512;

template <class Chunk>
void copy_chunks(char* to, const char* from, int64_t bytes) {
  constexpr auto kChunk = static_cast<int64_t>(sizeof(Chunk));
  Chunk chunk;
  int64_t i = 0;
  for (; i + kChunk <= bytes; i += kChunk) {
    std::memcpy(&chunk, from + i, sizeof(Chunk));
    std::memcpy(to + i, &chunk, sizeof(Chunk));
  }
  if (i == bytes) return;
  // The last one reaches back over what is copied already.
  std::memcpy(&chunk, from + bytes - kChunk, sizeof(Chunk));
  std::memcpy(to + bytes - kChunk, &chunk, sizeof(Chunk));
}

struct Chunk16 {
  uint64_t words[2];
};

void copy_dense_rows(Rows<char> to, Rows<const char> from, int64_t bytes, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r, to.data += to.row_stride, from.data += from.row_stride) {
    if (bytes >= kShortBytes) {
      std::memcpy(to.data, from.data, static_cast<size_t>(bytes));
    } else if (bytes >= 16) {
      copy_chunks<Chunk16>(to.data, from.data, bytes);
    } else if (bytes >= 8) {
      copy_chunks<uint64_t>(to.data, from.data, bytes);
    } else if (bytes >= 4) {
      copy_chunks<uint32_t>(to.data, from.data, bytes);
    } else if (bytes >= 2) {
      copy_chunks<uint16_t>(to.data, from.data, bytes);
    } else {
      *to.data = *from.data;
    }
  }
}

// Strides known at compile time, in elements, so that the loop is vectorised.
template <class U, int64_t kTo, int64_t kFrom>
void copy_row(char* to, const char* from, int64_t n) {
  using Element [[gnu::may_alias]] = U;
  auto* out = reinterpret_cast<Element*>(to);
  const auto* in = reinterpret_cast<const Element*>(from);
  if constexpr (kFrom == 0) {
    const U value = *in;
    for (int64_t i = 0; i < n; ++i) out[i * kTo] = value;
  } else {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i * kTo] = in[i * kFrom];
  }
}

}  // namespace

void copy_rows(int64_t element_size, Rows<char> to, Rows<const char> from, int64_t n, int64_t rows) {
  if (to.data == from.data && to.stride == from.stride && to.row_stride == from.row_stride) return;
  if (to.stride == element_size && from.stride == element_size) {
    return copy_dense_rows(to, from, n * element_size, rows);
  }
  visit_size(static_cast<size_t>(element_size), [=]<class U>() {
    const auto each_row = [=](auto copy) {
      for (int64_t r = 0; r < rows; ++r) copy(to.data + r * to.row_stride, from.data + r * from.row_stride);
    };
    if (to.stride == element_size && from.stride == 0) {
      each_row([=](char* t, const char* f) { copy_row<U, 1, 0>(t, f, n); });
    } else if (to.stride == element_size && from.stride == 2 * element_size) {
      each_row([=](char* t, const char* f) { copy_row<U, 1, 2>(t, f, n); });
    } else {
      each_row([=](char* t, const char* f) {
        for (int64_t i = 0; i < n; ++i) std::memcpy(t + i * to.stride, f + i * from.stride, sizeof(U));
      });
    }
  });
}

}  // namespace ember::cpu
