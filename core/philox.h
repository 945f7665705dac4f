// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a
// counter-based generator, so thread i draws number j with no state. Host and device.
#pragma once

#include <cstdint>

#include <ember/core/macros.h>

namespace ember {

struct Philox {
  uint32_t key[2];
  uint32_t counter[4];

  // Stream `subsequence` of `seed`, at draw `offset` (a multiple of 4).
  EMBER_HD Philox(uint64_t seed, uint64_t subsequence, uint64_t offset)
      : key{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        counter{static_cast<uint32_t>(offset / 4), static_cast<uint32_t>((offset / 4) >> 32),
                static_cast<uint32_t>(subsequence), static_cast<uint32_t>(subsequence >> 32)} {}

  // The next four 32-bit draws.
  EMBER_HD void next4(uint32_t out[4]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c[0];
      const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c[2];
      const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0];
      const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1];
      c[1] = static_cast<uint32_t>(p1);
      c[3] = static_cast<uint32_t>(p0);
      c[0] = n0;
      c[2] = n2;
      k[0] += 0x9E3779B9u;
      k[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; ++i) out[i] = c[i];
    for (int i = 0; i < 4; ++i)
      if (++counter[i] != 0) break;
  }
};

}  // namespace ember
