// Which parameters a fused step can take, and how they are put together. Not a public header.
#pragma once

#include <vector>

#include <ember/core/launch.h>
#include <ember/core/tensor.h>

namespace ember::optim::detail {

// Whether the kernels of optimizers take these tensors: float32 or float64, dense, of the parameter's sizes, and no two
// of them overlapping in part.
inline bool can_fuse(const Tensor& p) {
  return (p.dtype() == kFloat32 || p.dtype() == kFloat64) && p.is_contiguous() && !p.unsafe_impl()->is_inference();
}
inline bool can_fuse_with(const Tensor& p, const Tensor& t) {
  return t.dtype() == p.dtype() && t.device() == p.device() && t.is_contiguous() && t.sizes() == p.sizes() &&
         (!t.storage().is_alias_of(p.storage()) || t.data_ptr() == p.data_ptr());
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
  void run() {
    if (!list_.empty()) launch(kernel_, device_, device_, dtype_, ArrayRef<Arrays>(list_), step_);
    list_.clear();
  }

 private:
  FusedKernel& kernel_;
  Step step_;
  Device device_;
  ScalarType dtype_ = kFloat32;
  std::vector<Arrays> list_;
};

}  // namespace ember::optim::detail
