#include <ember/core/sequence_nr.h>

#include <atomic>

namespace ember::detail {

thread_local constinit SequenceNrs sequence_nrs;

SequenceNrs fresh_sequence_nrs() {
  constexpr uint64_t kBlock = 1 << 20;
  static std::atomic<uint64_t> next_block{0};
  const uint64_t start = next_block.fetch_add(kBlock, std::memory_order_relaxed);
  return {start, start + kBlock};
}

}  // namespace ember::detail
