#include "blas_memory.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "machine.h"
#include "memory.h"

namespace emulator {

namespace {

[[noreturn]] void fail(FaultKind kind, const char* operation, const std::string& text) {
  throw Fault(kind, std::string(operation) + ": " + text);
}

size_t extent_bytes(const MatrixMemory& m, int64_t batch) {
  const int64_t elements = (batch - 1) * m.stride + (m.columns - 1) * m.ld + m.rows;
  return static_cast<size_t>(elements) * element_bytes(m.type);
}

// Of each column, where it begins and ends.
using Interval = std::pair<const std::byte*, const std::byte*>;
std::vector<Interval> columns_of(const MatrixMemory& m, int64_t batch) {
  const auto element = static_cast<int64_t>(element_bytes(m.type));
  std::vector<Interval> columns;
  columns.reserve(static_cast<size_t>(batch * m.columns));
  for (int64_t b = 0; b < (m.stride == 0 ? 1 : batch); ++b) {
    for (int64_t j = 0; j < m.columns; ++j) {
      const std::byte* const begin = m.matrix(b) + j * m.ld * element;
      columns.emplace_back(begin, begin + m.rows * element);
    }
  }
  std::sort(columns.begin(), columns.end());
  return columns;
}

}  // namespace

void check_bytes(const char* operation, const char* what, const void* address, size_t bytes, size_t alignment) {
  const auto begin = reinterpret_cast<uintptr_t>(address);
  const auto describe = [&](const char* problem) {
    std::ostringstream text;
    text << what << ", " << bytes << " bytes at 0x" << std::hex << begin << ", " << problem;
    return text.str();
  };
  if (begin % alignment != 0) fail(FaultKind::kMisaligned, operation, describe("is not aligned"));
  if (bytes != 0 && !find_range(begin).contains(begin, bytes)) {
    fail(FaultKind::kIllegalAddress, operation, describe("is not all accessible"));
  }
}

void check_matrix(const char* operation, const char* what, const MatrixMemory& memory, int64_t batch) {
  check_bytes(operation, what, memory.data, extent_bytes(memory, batch), element_bytes(memory.type));
}

void check_read(const char* operation, const char* what, const MatrixMemory& memory, int64_t batch) {
  check_matrix(operation, what, memory, batch);
  if (!options().init) return;
  for (const auto& [begin, end] : columns_of(memory, batch)) {
    const auto bytes = static_cast<size_t>(end - begin);
    if (first_unwritten(begin, bytes) == bytes) continue;
    fail(FaultKind::kUnwritten, operation, std::string("nobody has written all of ") + what);
  }
}

void mark_written(const MatrixMemory& memory, int64_t batch) {
  if (!options().init) return;
  for (const auto& [begin, end] : columns_of(memory, batch)) mark_written(begin, static_cast<size_t>(end - begin));
}

void check_written_once(const char* operation, const MatrixMemory& out, int64_t batch) {
  if (batch == 1 || out.stride >= (out.columns - 1) * out.ld + out.rows) return;
  // The matrices may lie between each other's columns.
  if (out.stride != 0) {
    const std::vector<Interval> columns = columns_of(out, batch);
    const auto overlap = [](const Interval& a, const Interval& b) { return b.first < a.second; };
    if (std::adjacent_find(columns.begin(), columns.end(), overlap) == columns.end()) return;
  }
  fail(FaultKind::kIllegalAddress, operation, "the matrices of the batch that are written overlap");
}

void check_disjoint(const char* operation, const MatrixMemory& out, const MatrixMemory& in, const char* in_name,
                    int64_t batch) {
  const std::byte* const out_end = out.data + extent_bytes(out, batch);
  const std::byte* const in_end = in.data + extent_bytes(in, batch);
  if (out.data >= in_end || in.data >= out_end) return;
  const std::vector<Interval> written = columns_of(out, batch), read = columns_of(in, batch);
  auto w = written.begin();
  for (const Interval& r : read) {
    while (w != written.end() && w->second <= r.first) ++w;
    if (w == written.end()) return;
    if (w->first < r.second) {
      fail(FaultKind::kIllegalAddress, operation, std::string("the result overlaps ") + in_name);
    }
  }
}

}  // namespace emulator
