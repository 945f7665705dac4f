// What the tests of a linear layer with its activation share: networks by one operation and by two, on every device.
#pragma once

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/ops/linear_activation.h>
#include <ember/core/product_kernels.h>

#include "layer_calls.h"
#include "op_harness.h"
#include "values.h"

namespace ember::test {

using ops::linear_activation;

inline constexpr Activation kActivations[] = {Activation::Relu, Activation::GeluTanh};

inline Tensor in_two(const Tensor& x, const Tensor& w, const Tensor& c, Activation activation) {
  const Tensor y = linear(x, w, c);
  return activation == Activation::Relu ? relu(y) : gelu(y, "tanh");
}

// The same bits on the CPU. Elsewhere other kernels round at other places, by which a number close to 0 can come to the
// other side of relu: so few that they count little in the norm.
inline testing::AssertionResult agree(const Tensor& a, const Tensor& b) {
  if (a.defined() != b.defined()) return testing::AssertionFailure() << "one is undefined";
  if (!a.defined()) return testing::AssertionSuccess();
  if (a.is_cpu()) return same(a.detach(), b.detach());
  if (!(a.sizes() == b.sizes()) || a.dtype() != b.dtype()) return testing::AssertionFailure() << "of another kind";
  const double unit = a.dtype() == kFloat64   ? 1e-10
                      : a.dtype() == kFloat32 ? 1e-3
                      : a.dtype() == kFloat16 ? 5e-2
                                              : 2e-1;
  const Tensor x = a.detach().cpu().to(kFloat64), y = b.detach().cpu().to(kFloat64);
  const double error = (x - y).norm().item<double>(), size = y.norm().item<double>();
  if (error <= unit * (size + 1e-3)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "differ by " << error << " of " << size << ":\n" << x << '\n' << y;
}

class LinearActivation : public testing::TestWithParam<DeviceType> {
 protected:
  Device device() const { return Device(GetParam()); }

  // Layers of these widths, by one way or the other, and the gradients of everything that requires one.
  struct Network {
    Tensor x;
    std::vector<Tensor> weights, biases;

    Network(const std::vector<int64_t>& widths, int64_t rows, ScalarType dtype, Device device,
            unsigned required = ~0u) {
      x = random({rows, widths[0]}, dtype, device, 1).requires_grad_(required & 1);
      for (size_t i = 1; i < widths.size(); ++i) {
        weights.push_back(random({widths[i], widths[i - 1]}, dtype, device, 10 + i)
                              .mul(0.5)
                              .detach()
                              .requires_grad_((required >> (2 * i - 1) & 1) != 0));
        biases.push_back(random({widths[i]}, dtype, device, 20 + i).requires_grad_((required >> (2 * i) & 1) != 0));
      }
    }
    // Without an activation behind the last.
    template <class Layer>
    std::vector<Tensor> forward(Activation activation, Layer layer) const {
      std::vector<Tensor> values = {x};
      for (size_t i = 0; i + 1 < weights.size(); ++i) {
        values.push_back(layer(values.back(), weights[i], biases[i], activation));
      }
      values.push_back(linear(values.back(), weights.back(), biases.back()));
      return values;
    }
    std::vector<Tensor> leaves() const {
      std::vector<Tensor> all = {x};
      for (size_t i = 0; i < weights.size(); ++i) {
        all.push_back(weights[i]);
        all.push_back(biases[i]);
      }
      return all;
    }
  };
};
#define EMBER_SKIP_WITHOUT_DEVICE() EMBER_SKIP_WITHOUT(device())

}  // namespace ember::test
