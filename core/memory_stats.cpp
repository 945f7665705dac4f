#include <ember/core/memory_stats.h>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string>

namespace ember {

namespace {

std::string mib(size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", static_cast<double>(bytes) / (1024.0 * 1024.0));
  return text;
}
std::string hex(uintptr_t value) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}
std::string cell(const std::string& text, size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

const char* name_of(MemoryPool pool) {
  switch (pool) {
    case MemoryPool::Small: return "small";
    case MemoryPool::Large: return "large";
    case MemoryPool::Graph: return "graph";
  }
  return "unknown";
}
const char* name_of(MemoryBlock::State state) {
  switch (state) {
    case MemoryBlock::State::Live: return "live";
    case MemoryBlock::State::Waiting: return "waiting";
    case MemoryBlock::State::Free: return "free";
  }
  return "unknown";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, MemoryPool pool) { return out << name_of(pool); }

MemoryPoolStats MemorySnapshot::pool(MemoryPool pool) const {
  MemoryPoolStats sum;
  for (const MemorySegment& segment : segments) {
    if (segment.pool != pool) continue;
    ++sum.segments;
    sum.reserved += segment.size;
    for (const MemoryBlock& block : segment.blocks) {
      switch (block.state) {
        case MemoryBlock::State::Live:
          sum.live += block.size;
          ++sum.live_blocks;
          break;
        case MemoryBlock::State::Waiting: sum.waiting += block.size; break;
        case MemoryBlock::State::Free:
          sum.largest_free = std::max(sum.largest_free, block.size);
          ++sum.free_blocks;
          break;
      }
    }
  }
  sum.cached = sum.reserved - sum.live;
  return sum;
}

std::ostream& operator<<(std::ostream& out, const MemorySnapshot& s) {
  out << "Memory of " << s.device << " in MiB: " << mib(s.stats.live + s.stats.cached + s.stats.permanent)
      << " reserved, of it " << mib(s.stats.live) << " live, " << mib(s.stats.cached) << " cached, "
      << mib(s.stats.permanent) << " permanent; at most " << mib(s.stats.peak_reserved) << " reserved, "
      << mib(s.stats.peak_live) << " live; ";
  if (s.limit != 0) out << "limit " << mib(s.limit) << "; ";
  out << mib(s.available) << " of the device's " << mib(s.total) << " are free\n"
      << "pool      live    cached   waiting  reserved  largest free  live blocks  free blocks  segments\n";
  for (size_t i = 0; i < kMemoryPools; ++i) {
    const auto kind = static_cast<MemoryPool>(i);
    const MemoryPoolStats p = s.pool(kind);
    out << name_of(kind) << cell(mib(p.live), 9) << cell(mib(p.cached), 10) << cell(mib(p.waiting), 10)
        << cell(mib(p.reserved), 10) << cell(mib(p.largest_free), 14) << cell(std::to_string(p.live_blocks), 13)
        << cell(std::to_string(p.free_blocks), 13) << cell(std::to_string(p.segments), 10) << '\n';
  }
  for (const MemorySegment& segment : s.segments) {
    out << hex(segment.address) << ": " << mib(segment.size) << " MiB, " << segment.pool << ", stream "
        << hex(segment.stream);
    if (segment.expandable) out << ", of " << mib(segment.addresses) << " MiB of addresses";
    out << '\n';
    for (const MemoryBlock& block : segment.blocks) {
      out << "  " << hex(block.address) << cell(std::to_string(block.size), 14) << " bytes " << name_of(block.state)
          << '\n';
    }
  }
  return out;
}

}  // namespace ember
