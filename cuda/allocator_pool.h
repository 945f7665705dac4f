// What is behind the allocator's PrivatePool; for its own files.
#pragma once

#include <memory>
#include <vector>

#include <ember/cuda/allocator.h>

namespace ember::cuda {

class PrivatePool {
 public:
  std::vector<std::unique_ptr<StreamPool>> pools;
  std::vector<Block*> kept;  // freed during its capture, with other users
  size_t held = 0;           // blocks that are not free
  int routes = 0;            // streams whose allocations come here
  bool released = false;
};

}  // namespace ember::cuda
