// One element's step of the optimizers, for host and device, in the order of operations that the tensor operations have
// (optim/), so that both give the same.
#pragma once

#include <cmath>

#include <ember/core/macros.h>
#include <ember/core/optimizer_step.h>

namespace ember::functors {

template <class T>
struct Sgd {
  T lr, momentum, undamped, weight_decay;
  bool decays, nesterov;
  EMBER_HD explicit Sgd(const SgdStep& s)
      : lr(static_cast<T>(-s.lr)),
        momentum(static_cast<T>(s.momentum)),
        undamped(static_cast<T>(1 - s.dampening)),
        weight_decay(static_cast<T>(s.weight_decay)),
        decays(s.weight_decay != 0),
        nesterov(s.nesterov) {}

  // g plus what the weight decay adds.
  EMBER_HD T gradient(T g, T p) const { return decays ? g + weight_decay * p : g; }
  EMBER_HD T plain(T p, T g) const { return p + lr * gradient(g, p); }
  // With a momentum, `m`, which is changed.
  EMBER_HD T with_momentum(T p, T g, T& m, bool first) const {
    g = gradient(g, p);
    m = first ? g : m * momentum + undamped * g;
    return p + lr * (nesterov ? g + momentum * m : m);
  }
};

template <class T>
struct Adam {
  T beta1, rest1, beta2, rest2, eps, weight_decay, decay;
  bool adds, multiplies;
  EMBER_HD explicit Adam(const AdamStep& s)
      : beta1(static_cast<T>(s.beta1)),
        rest1(static_cast<T>(1 - s.beta1)),
        beta2(static_cast<T>(s.beta2)),
        rest2(static_cast<T>(1 - s.beta2)),
        eps(static_cast<T>(s.eps)),
        weight_decay(static_cast<T>(s.weight_decay)),
        decay(static_cast<T>(s.decay)),
        adds(s.weight_decay != 0),
        multiplies(s.decay != 1) {}

  // `root` is √(1 − β₂ᵗ), `size` −lr / (1 − β₁ᵗ). m and v are changed; `largest` too, if it is not null.
  EMBER_HD T operator()(T p, T g, T& m, T& v, T* largest, T root, T size) const {
    if (multiplies) p = p * decay;
    if (adds) g = g + weight_decay * p;
    m = m * beta1 + rest1 * g;
    v = v * beta2 + rest2 * (g * g);
    T second = v;
    if (largest != nullptr) {
      const bool keeps = *largest != *largest || *largest > v;  // NaN stays
      *largest = second = keeps ? *largest : v;
    }
    return p + size * m / (std::sqrt(second) / root + eps);
  }
};

}  // namespace ember::functors
