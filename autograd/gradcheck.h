// Gradients compared with finite differences.
#pragma once

#include <functional>
#include <vector>

#include <ember/core/tensor.h>

namespace ember::autograd {

using GradcheckFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

struct GradcheckOptions {
  double eps = 1e-6;   // step of the central difference
  double atol = 1e-5;  // |analytical − numerical| <= atol + rtol·|numerical|
  double rtol = 1e-3;
  bool raise_exception = true;       // throw Error that shows the first difference, else return false
  double nondet_tol = 0;             // how far the gradients of two backwards through one graph may differ
  bool check_undefined_grad = true;  // undefined gradients of the results must give undefined ones or zeros
};

// Compares f's recorded gradient with central differences for every element of every input that requires
// one and every element of every floating output. Inputs should be float64.
bool gradcheck(const GradcheckFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

// The same for the gradient's gradient, with random gradients of the outputs drawn from a fixed seed.
bool gradgradcheck(const GradcheckFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace ember::autograd
