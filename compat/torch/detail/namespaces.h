// torch::, at:: and c10::, names for Ember's. No logic: using-declarations, from the lists that
// cmake/compat_names.py writes. They are namespaces of their own, so that a program may reopen them.
#pragma once

#include <utility>
#include <vector>

#include <ember/ember.h>

namespace at {
#include <torch/detail/ember.inc>

// The element type of the literal is the tensor's: at::tensor({1, 2}) is int32.
template <class T>
Tensor tensor(std::initializer_list<T> values) {
  return ember::native_tensor(values);
}
template <class T>
Tensor tensor(std::initializer_list<T> values, const TensorOptions& options) {
  return ember::native_tensor(values, options);
}
template <class T, class... Options>
Tensor tensor(const T& values, const Options&... options) {
  return ember::native_tensor(values, options...);
}

namespace indexing {
#include <torch/detail/ember_indexing.inc>
}
namespace detail {
using ember::detail::createCPUGenerator;
using ember::detail::getDefaultCPUGenerator;
}  // namespace detail
namespace cuda {
#include <torch/detail/ember_cuda.inc>
using ember::cuda::device_count;
using ember::cuda::is_available;
}  // namespace cuda
}  // namespace at

namespace c10 {
#include <torch/detail/ember.inc>
using std::in_place;
template <class T>
using List = std::vector<T>;

namespace WarningUtils {
#include <torch/detail/ember_WarningUtils.inc>
}
namespace impl {
#include <torch/detail/ember_impl.inc>
}
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
using c10::List;
using ember::tensor;
using std::in_place;

namespace enumtype {
#include <torch/detail/ember_enumtype.inc>
}
namespace indexing {
#include <torch/detail/ember_indexing.inc>
}
namespace linalg {
#include <torch/detail/ember_linalg.inc>
}
namespace serialize {
#include <torch/detail/ember_serialize.inc>
}
namespace autograd {
#include <torch/detail/ember_autograd.inc>
using ember::AutoGradMode;
using ember::GradMode;
namespace impl {
#include <torch/detail/ember_autograd_impl.inc>
}
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

// Modules print themselves as LibTorch's do: `torch::nn::Linear(…)`.
namespace ember::nn::detail {
inline const bool torch_names = (set_printed_namespace("torch"), true);
}
