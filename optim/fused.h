// Which parameters a fused step can take, and how they are put together. Not a public header.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <ember/core/launch.h>
#include <ember/core/tensor.h>

namespace ember::optim::detail {

// Whether the kernels of optimizers take these tensors: float32, float64 or on CUDA any floating dtype, dense, of the
// parameter's sizes, and no two of them overlapping in part.
inline bool can_fuse(const Tensor& p) {
  const bool dtype = p.dtype() == kFloat32 || p.dtype() == kFloat64 || (p.is_cuda() && is_floating(p.dtype()));
  return dtype && p.is_contiguous() && !p.unsafe_impl()->is_inference();
}
inline bool can_fuse_with(const Tensor& p, const Tensor& t) {
  return t.dtype() == p.dtype() && t.device() == p.device() && t.is_contiguous() && t.sizes() == p.sizes() &&
         (!t.storage().is_alias_of(p.storage()) || t.data_ptr() == p.data_ptr());
}

inline void for_each_array(const SgdArrays& a, auto f) {
  f(a.param);
  f(a.grad);
  f(a.momentum);
}
inline void for_each_array(const AdamArrays& a, auto f) {
  f(a.param);
  f(a.grad);
  f(a.exp_avg);
  f(a.exp_avg_sq);
  f(a.max_exp_avg_sq);
}

// Whether two arrays of the list, whoever's they are, share memory.
template <class Arrays>
bool any_overlap(const std::vector<Arrays>& list, int64_t element_size) {
  std::vector<std::pair<const char*, const char*>> ranges;
  ranges.reserve(list.size() * 5);
  for (const Arrays& a : list) {
    for_each_array(a, [&](const void* data) {
      const auto* const begin = static_cast<const char*>(data);
      if (begin != nullptr) ranges.emplace_back(begin, begin + a.numel * element_size);
    });
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) return true;
  }
  return false;
}

// Collects the arrays of parameters and launches the kernel for all that are of one device and dtype.
template <class Arrays, class Step>
class FusedStep {
 public:
  using FusedKernel = Kernel<void(Device, ScalarType, ArrayRef<Arrays>, const Step&)>;
  FusedStep(FusedKernel& kernel, const Step& step, size_t parameters) : kernel_(kernel), step_(step) {
    list_.reserve(parameters);
  }

  void add(const Tensor& p, const Arrays& arrays) {
    if (arrays.numel == 0) return;
    if (!list_.empty() && (p.device() != device_ || p.dtype() != dtype_)) run();
    device_ = p.device();
    dtype_ = p.dtype();
    list_.push_back(arrays);
  }
  // An error at a later parameter leaves those before it updated, as it would if each had its own launch: what was
  // counted for them (the step, the version) has been done then.
  ~FusedStep() {
    try {
      run();
    } catch (...) {  // the error that is on its way says more
    }
  }
  FusedStep(const FusedStep&) = delete;
  FusedStep& operator=(const FusedStep&) = delete;

  void run() {
    if (list_.empty()) return;
    const std::vector<Arrays> list = std::move(list_);
    list_.clear();
    // Parameters that share memory have their turns one after the other.
    if (any_overlap(list, static_cast<int64_t>(element_size(dtype_)))) {
      for (const Arrays& a : list) launch(kernel_, device_, device_, dtype_, ArrayRef<Arrays>(a), step_);
    } else {
      launch(kernel_, device_, device_, dtype_, ArrayRef<Arrays>(list), step_);
    }
  }

 private:
  FusedKernel& kernel_;
  Step step_;
  Device device_;
  ScalarType dtype_ = kFloat32;
  std::vector<Arrays> list_;
};

}  // namespace ember::optim::detail
