#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/launch.h>
#include <ember/nn/utils.h>

#include <algorithm>
#include <cmath>

namespace ember::nn::utils {

namespace {

Tensor vector_norm(const Tensor& x, double p) {
  if (p == 2) return x.square().sum().sqrt();
  if (p == 1) return x.abs().sum();
  if (std::isinf(p)) return x.abs().max();
  return x.abs().pow(p).sum().pow(1 / p);
}

void check_device(const std::vector<Tensor>& parameters, const char* function) {
  for (const Tensor& p : parameters)
    EMBER_CHECK(p.device() == parameters.front().device(), function,
                ": the parameters are on different devices: ", describe(parameters.front()), " and ", describe(p));
}

// The gradients that are there, and what their norm is computed in.
class Gradients {
 public:
  Gradients(const std::vector<Tensor>& parameters, double norm_type) : norm_type_(norm_type) {
    EMBER_CHECK(norm_type > 0, "clip_grad_norm_: norm_type must be positive, got ", norm_type);
    for (const Tensor& p : parameters) {
      if (p.grad().defined() && p.grad().numel() > 0) grads_.push_back(p.grad());
    }
    for (const Tensor& g : grads_) {
      alike_ &= g.dtype() == grads_[0].dtype() && g.device() == grads_[0].device();
      dense_ &= g.is_contiguous();
    }
    if (norm_type != 2 || !alike_ || !dense_ || grads_.empty() || any_shared()) return;
    for (const Tensor& g : grads_) list_.push_back({g.data_ptr(), g.numel()});
  }

  // Whether a gradient may be there twice: such are scaled one after the other.
  bool any_shared() const {
    std::vector<const void*> storages;
    storages.reserve(grads_.size());
    for (const Tensor& g : grads_) storages.push_back(g.storage().data());
    std::sort(storages.begin(), storages.end());
    return std::adjacent_find(storages.begin(), storages.end()) != storages.end();
  }
  bool empty() const { return grads_.empty(); }
  bool alike() const { return alike_; }

  // 0-dimensional; on the host and in float64 if the gradients differ in dtype or device.
  Tensor norm() const {
    if (!list_.empty()) {
      const Tensor& first = grads_[0];
      const Tensor result =
          ember::empty({}, TensorOptions(first.dtype() == kFloat64 ? kFloat64 : kFloat32).device(first.device()));
      launch(kernels.list_norm, first.device(), first.device(), first.dtype(), ArrayRef<GradientArray>(list_), result);
      return result;
    }
    std::vector<Tensor> norms;  // the norm of the norms is the norm
    norms.reserve(grads_.size());
    for (const Tensor& g : grads_) {
      const Tensor norm = vector_norm(g, norm_type_);
      norms.push_back(alike_ ? norm : norm.to(Device(kCPU), kFloat64));
    }
    return vector_norm(ember::stack(norms), norm_type_);
  }

  void clip(const Tensor& norm, double max_norm) const {
    if (!list_.empty()) {
      const Tensor& first = grads_[0];
      launch(kernels.list_clip, first.device(), first.device(), first.dtype(), ArrayRef<GradientArray>(list_), norm,
             max_norm);
      for (const Tensor& g : grads_) bump_version(g);
      return;
    }
    // The small term keeps a norm of zero from dividing by it. NaN passes through.
    const Tensor factor = (Scalar(max_norm) / (norm + 1e-6)).clamp_max(Scalar(1));
    for (const Tensor& g : grads_) g.mul_(factor.to(g.device(), g.dtype()));
  }

 private:
  double norm_type_;
  std::vector<Tensor> grads_;
  std::vector<GradientArray> list_;  // for the kernels that take them all at once
  bool alike_ = true, dense_ = true;
};

}  // namespace

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  NoGradGuard no_grad;
  const Gradients gradients(parameters, norm_type);
  if (gradients.empty()) return 0.0;
  const Tensor norm = gradients.norm();
  const double total = norm.item<double>();
  EMBER_CHECK(!error_if_nonfinite || std::isfinite(total), "clip_grad_norm_: the norm of order ", norm_type,
              " of the gradients is ", total);
  if (!(max_norm / (total + 1e-6) >= 1)) gradients.clip(norm, max_norm);
  return total;
}

Tensor clip_grad_norm_on_device_(const std::vector<Tensor>& parameters, double max_norm, double norm_type) {
  NoGradGuard no_grad;
  const Gradients gradients(parameters, norm_type);
  if (gradients.empty()) return ember::zeros({});
  EMBER_CHECK(gradients.alike(), "clip_grad_norm_on_device_: the gradients differ in dtype or device");
  const Tensor norm = gradients.norm();
  gradients.clip(norm, max_norm);
  return norm;
}

double clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type, bool error_if_nonfinite) {
  return clip_grad_norm_(std::vector<Tensor>{parameter}, max_norm, norm_type, error_if_nonfinite);
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  NoGradGuard no_grad;
  for (const Tensor& p : parameters)
    if (p.grad().defined()) p.grad().clamp_(Scalar(-clip_value), Scalar(clip_value));
}

void clip_grad_value_(const Tensor& parameter, double clip_value) {
  clip_grad_value_(std::vector<Tensor>{parameter}, clip_value);
}

Tensor parameters_to_vector(const std::vector<Tensor>& parameters) {
  check_device(parameters, "parameters_to_vector");
  std::vector<Tensor> flat;
  flat.reserve(parameters.size());
  for (const Tensor& p : parameters) flat.push_back(p.reshape({-1}));
  return ember::cat(flat);
}

void vector_to_parameters(const Tensor& vec, const std::vector<Tensor>& parameters) {
  check_device(parameters, "vector_to_parameters");
  EMBER_CHECK(vec.dim() == 1, "vector_to_parameters: a vector is needed, got ", describe(vec));
  int64_t total = 0;
  for (const Tensor& p : parameters) total += p.numel();
  EMBER_CHECK(vec.numel() == total, "vector_to_parameters: the vector has ", vec.numel(), " elements, the parameters ",
              total);
  NoGradGuard no_grad;
  const Tensor data = vec.detach();
  int64_t start = 0;
  for (const Tensor& p : parameters) {
    const int64_t count = p.numel();
    p.set_data(data.narrow(0, start, count).view(p.sizes()));
    start += count;
  }
}

void zero_grad_(const Tensor& parameter, bool set_to_none) {
  const Tensor& grad = parameter.grad();
  if (!grad.defined()) return;
  if (set_to_none) {
    parameter.mutable_grad().reset();
    return;
  }
  NoGradGuard no_grad;
  if (grad.requires_grad()) parameter.mutable_grad() = grad.detach();
  parameter.grad().zero_();
}

}  // namespace ember::nn::utils
