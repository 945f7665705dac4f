// torch::, at:: and c10::, names for Ember's. No logic: using-declarations, from the lists that
// cmake/compat_names.py writes. They are namespaces of their own, so that a program may reopen them.
#pragma once

#include <ember/ember.h>

namespace at {
#include <torch/detail/ember.inc>

namespace indexing {
#include <torch/detail/ember_indexing.inc>
}
namespace cuda {
#include <torch/detail/ember_cuda.inc>
using ember::cuda::device_count;
using ember::cuda::is_available;
}  // namespace cuda
}  // namespace at

namespace c10 {
#include <torch/detail/ember.inc>

namespace cuda {
#include <torch/detail/ember_cuda.inc>
using ember::cuda::device_count;
namespace CUDACachingAllocator {
inline void emptyCache() { ember::cuda::empty_cache(); }
}  // namespace CUDACachingAllocator
}  // namespace cuda
}  // namespace c10

namespace torch {
#include <torch/detail/ember.inc>
using ember::tensor;

namespace enumtype {
#include <torch/detail/ember_enumtype.inc>
}
namespace indexing {
#include <torch/detail/ember_indexing.inc>
}
namespace autograd {
#include <torch/detail/ember_autograd.inc>
using Variable = ember::Tensor;
using ember::AutoGradMode;
using ember::GradMode;
}  // namespace autograd
namespace nn {
#include <torch/detail/ember_nn.inc>
namespace functional {
#include <torch/detail/ember_nn_functional.inc>
}
namespace init {
#include <torch/detail/ember_nn_init.inc>
}
namespace utils {
#include <torch/detail/ember_nn_utils.inc>
}
}  // namespace nn
namespace optim {
#include <torch/detail/ember_optim.inc>
}
namespace cuda {
using ember::cuda::device_count;
using ember::cuda::is_available;
using ember::cuda::synchronize;
}  // namespace cuda
}  // namespace torch
