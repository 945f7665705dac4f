// The CUDA side of core/cuda_graph.h.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <ember/core/graph_backend.h>

namespace ember::cuda {

// On the current device.
std::unique_ptr<ember::detail::GraphBackend> new_graph();
std::pair<uint64_t, uint64_t> new_pool_id();
// Whether this thread is between the begin and the end of a capture.
bool is_capturing() noexcept;
// Throws if it is. `what`: "item()", the beginning of a sentence.
void check_not_capturing(const char* what);

}  // namespace ember::cuda
