// What a device provides for captured graphs. Not for users: cuda_graph.h is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <ember/core/device.h>

namespace ember::detail {

// One graph of one device; see CUDAGraph. Destroying it gives up the work and its claim to the pool.
class GraphBackend {
 public:
  virtual ~GraphBackend() = default;
  virtual void capture_begin(std::pair<uint64_t, uint64_t> pool, bool keep_for_dump) = 0;
  virtual void capture_end() = 0;
  virtual void replay() = 0;
  virtual std::pair<uint64_t, uint64_t> pool() const = 0;
  virtual void dump(const std::string& path) = 0;
};

}  // namespace ember::detail
