// The sizes of the caching allocator: how requests are rounded, which pool serves them, when a block is
// split. Plain arithmetic, tested on the host.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace ember::cuda {

// Blocks are multiples of this: 512 bytes keep every block aligned for any vector load.
inline constexpr size_t kBlockQuantum = 512;
// Requests up to here come from the small pool, whose segments are of one size.
inline constexpr size_t kSmallLimit = size_t{1} << 20;
inline constexpr size_t kSmallSegment = size_t{2} << 20;
// The smallest segment of the large pool, and what larger ones are multiples of.
inline constexpr size_t kLargeSegment = size_t{20} << 20;
inline constexpr size_t kSegmentQuantum = size_t{2} << 20;

// The largest request that is rounded; more cannot be had from any device.
inline constexpr size_t kMaxRequest = SIZE_MAX / 2;

constexpr size_t round_up(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// The size of the block that serves a request, 0 < nbytes <= kMaxRequest.
constexpr size_t block_size(size_t nbytes) { return round_up(nbytes, kBlockQuantum); }

constexpr bool is_small(size_t block) { return block <= kSmallLimit; }

// How much to ask of the driver when no cached block serves.
constexpr size_t segment_size(size_t block) {
  if (is_small(block)) return kSmallSegment;
  return block <= kLargeSegment ? kLargeSegment : round_up(block, kSegmentQuantum);
}

// Whether a block of `have` bytes is split when `want` are needed. In the large pool a rest that could
// serve only small requests, which never come there, stays with its block.
constexpr bool should_split(size_t have, size_t want) {
  const size_t rest = have - want;
  return is_small(want) ? rest >= kBlockQuantum : rest > kSmallLimit;
}

// Which of the small pool's bins hold a free block: two levels of bits, so that the smallest bin that is
// large enough is found in a few instructions. Bin b is of blocks of (b + 1)·512 bytes.
class BinMap {
 public:
  static constexpr int kBins = static_cast<int>(kSmallSegment / kBlockQuantum);  // 4096
  static constexpr int bin_of(size_t block) { return static_cast<int>(block / kBlockQuantum) - 1; }

  void set(int bin) {
    words_[bin / 64] |= bit(bin % 64);
    summary_ |= bit(bin / 64);
  }
  void clear(int bin) {
    words_[bin / 64] &= ~bit(bin % 64);
    if (words_[bin / 64] == 0) summary_ &= ~bit(bin / 64);
  }
  // The first bin >= `bin` that is set, or -1.
  int find(int bin) const {
    const int word = bin / 64;
    if (const uint64_t here = words_[word] & (~uint64_t{0} << (bin % 64))) return word * 64 + std::countr_zero(here);
    if (word == 63) return -1;
    const uint64_t later = summary_ & (~uint64_t{0} << (word + 1));
    if (later == 0) return -1;
    const int found = std::countr_zero(later);
    return found * 64 + std::countr_zero(words_[found]);
  }

 private:
  static constexpr uint64_t bit(int i) { return uint64_t{1} << i; }
  static_assert(kBins == 64 * 64);
  uint64_t summary_ = 0;
  uint64_t words_[64] = {};
};

}  // namespace ember::cuda
