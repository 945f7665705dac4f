#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
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

}  // namespace

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  EMBER_CHECK(norm_type > 0, "clip_grad_norm_: norm_type must be positive, got ", norm_type);
  NoGradGuard no_grad;
  std::vector<Tensor> grads;
  for (const Tensor& p : parameters)
    if (p.grad().defined() && p.grad().numel() > 0) grads.push_back(p.grad());
  if (grads.empty()) return 0.0;

  // The norm of the norms; added up on the host in double if the gradients differ in dtype or device.
  const bool alike = std::all_of(grads.begin(), grads.end(), [&](const Tensor& g) {
    return g.dtype() == grads[0].dtype() && g.device() == grads[0].device();
  });
  std::vector<Tensor> norms;
  norms.reserve(grads.size());
  for (const Tensor& g : grads) {
    const Tensor norm = vector_norm(g, norm_type);
    norms.push_back(alike ? norm : norm.to(Device(kCPU), kFloat64));
  }
  const double total = vector_norm(ember::stack(norms), norm_type).item<double>();
  EMBER_CHECK(!error_if_nonfinite || std::isfinite(total), "clip_grad_norm_: the norm of order ", norm_type,
              " of the gradients is ", total);

  // The small term keeps a norm of zero from dividing by it. A NaN must pass through, hence not std::min.
  const double coefficient = max_norm / (total + 1e-6);
  if (!(coefficient >= 1))
    for (const Tensor& g : grads) g.mul_(coefficient);
  return total;
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
