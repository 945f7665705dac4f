// The numbers that autograd gives its nodes. They are here so that the range of an operation, which is opened before
// its node is made, can say which number that will have.
#pragma once

#include <cstdint>

namespace ember::detail {

// Numbers are dealt to threads in blocks, so that making a node costs no atomic operation. Within a thread they grow
// with time, which is what the engine's order of execution is about.
struct SequenceNrs {
  uint64_t last = 0;
  uint64_t end = 0;  // of the block: last is the greatest in it
};
// The model spares a call for each use where the library is shared; 16 bytes fit into what is there for a library that
// is loaded late.
[[gnu::tls_model("initial-exec")]] extern thread_local constinit SequenceNrs sequence_nrs;
SequenceNrs fresh_sequence_nrs();

// The number that take_sequence_nr() gives next in this thread.
inline uint64_t next_sequence_nr() {
  SequenceNrs& nrs = sequence_nrs;
  if (nrs.last == nrs.end) [[unlikely]]
    nrs = fresh_sequence_nrs();
  return nrs.last + 1;
}
inline uint64_t take_sequence_nr() { return sequence_nrs.last = next_sequence_nr(); }

}  // namespace ember::detail
