// Scalar functions of the activations and of their gradients. Those of two operands take the incoming gradient first,
// and second the activation's input unless they say otherwise. Included by functors.h.
#pragma once

namespace ember::functors {

template <class T>
struct Relu {
  EMBER_HD T operator()(T x) const { return x < T(0) ? T(0) : x; }
};
template <class T>
struct ReluBackward {  // the second is the input or the result of relu
  EMBER_HD T operator()(T g, T y) const { return y <= T(0) ? T(0) : g; }
};

template <class T>
struct Sigmoid {
  EMBER_HD T operator()(T x) const { return T(1) / (T(1) + std::exp(-x)); }
};
template <class T>
struct SigmoidBackward {  // the second is the result
  EMBER_HD T operator()(T g, T y) const { return g * (T(1) - y) * y; }
};

template <class T>
struct HardtanhBackward {  // 0 outside of (a, b)
  T low, high;
  explicit HardtanhBackward(const Params& p) : low(p.a.cast<T>()), high(p.b.cast<T>()) {}
  EMBER_HD T operator()(T g, T x) const { return x > low && x < high ? g : T(0); }
};

template <class T>
struct Threshold {  // x where above a, else b
  T limit, value;
  explicit Threshold(const Params& p) : limit(p.a.cast<T>()), value(p.b.cast<T>()) {}
  EMBER_HD T operator()(T x) const { return x <= limit ? value : x; }
};
template <class T>
struct ThresholdBackward {  // 0 where not above a
  T limit;
  explicit ThresholdBackward(const Params& p) : limit(p.a.cast<T>()) {}
  EMBER_HD T operator()(T g, T x) const { return x <= limit ? T(0) : g; }
};

template <class T>
struct LeakyRelu {  // a·x below 0
  T slope;
  explicit LeakyRelu(const Params& p) : slope(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x) const { return x > T(0) ? x : x * slope; }
};
template <class T>
struct LeakyReluBackward {  // the second may be the result where a is not negative
  T slope;
  explicit LeakyReluBackward(const Params& p) : slope(p.a.cast<T>()) {}
  EMBER_HD T operator()(T g, T x) const { return x > T(0) ? g : g * slope; }
};

// alpha = a, scale = b, input scale = c.
template <class T>
struct EluNumbers {
  T negative, positive, inner;
  explicit EluNumbers(const Params& p)
      : negative(p.a.cast<T>() * p.b.cast<T>()), positive(p.b.cast<T>()), inner(p.c.to<T>()) {}
};
template <class T>
struct Elu : EluNumbers<T> {  // scale·x, below 0 scale·alpha·(exp(input scale·x) − 1)
  using EluNumbers<T>::EluNumbers;
  EMBER_HD T operator()(T x) const {
    return x < T(0) ? std::expm1(x * this->inner) * this->negative : x * this->positive;
  }
};
template <class T>
struct EluBackward : EluNumbers<T> {
  using EluNumbers<T>::EluNumbers;
  EMBER_HD T operator()(T g, T x) const {
    return x > T(0) ? g * this->positive : g * this->inner * this->negative * std::exp(x * this->inner);
  }
};
template <class T>
struct EluBackwardOfResult : EluNumbers<T> {  // the second is the result; scale·alpha not negative
  using EluNumbers<T>::EluNumbers;
  EMBER_HD T operator()(T g, T y) const {
    return y > T(0) ? g * this->positive : g * this->inner * (y + this->negative);
  }
};

template <class T>
struct Silu {  // x·σ(x)
  EMBER_HD T operator()(T x) const { return x / (T(1) + std::exp(-x)); }
};
template <class T>
struct SiluBackward {
  EMBER_HD T operator()(T g, T x) const {
    const T s = T(1) / (T(1) + std::exp(-x));
    return g * s * (T(1) + x * (T(1) - s));
  }
};

template <class T>
struct Gelu {  // x·Φ(x), Φ of the normal distribution
  EMBER_HD T operator()(T x) const { return x * T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440))); }
};
template <class T>
struct GeluBackward {  // Φ(x) + x·φ(x)
  EMBER_HD T operator()(T g, T x) const {
    const T cumulative = T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440)));
    const T density = T(0.39894228040143267794) * std::exp(x * x * T(-0.5));
    return g * (cumulative + x * density);
  }
};

// tanh's argument in the approximation of gelu, √(2/π)·(x + 0.044715·x³), and its derivative.
template <class T>
EMBER_HD T gelu_inner(T x) {
  return T(0.79788456080286535588) * (x + T(0.044715) * x * x * x);
}
template <class T>
EMBER_HD T gelu_inner_slope(T x) {
  return T(0.79788456080286535588) * (T(1) + T(3 * 0.044715) * x * x);
}
template <class T>
struct GeluTanh {
  EMBER_HD T operator()(T x) const { return T(0.5) * x * (T(1) + std::tanh(gelu_inner(x))); }
};
template <class T>
struct GeluTanhBackward {
  EMBER_HD T operator()(T g, T x) const {
    const T t = std::tanh(gelu_inner(x));
    return g * (T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * gelu_inner_slope(x));
  }
};

template <class T>
struct Softplus {  // log(1 + exp(a·x)) / a, x itself where a·x is above b
  T beta, threshold;
  explicit Softplus(const Params& p) : beta(p.a.cast<T>()), threshold(p.b.cast<T>()) {}
  EMBER_HD T operator()(T x) const { return x * beta > threshold ? x : std::log1p(std::exp(x * beta)) / beta; }
};
template <class T>
struct SoftplusBackward {
  T beta, threshold;
  explicit SoftplusBackward(const Params& p) : beta(p.a.cast<T>()), threshold(p.b.cast<T>()) {}
  EMBER_HD T operator()(T g, T x) const {
    const T z = std::exp(x * beta);
    return x * beta > threshold ? g : g * z / (z + T(1));
  }
};

template <class T>
struct LogSigmoid {  // −log(1 + exp(−x))
  EMBER_HD T operator()(T x) const { return (x < T(0) ? x : T(0)) - std::log1p(std::exp(-std::fabs(x))); }
};
template <class T>
struct LogSigmoidBackward {  // σ(−x)
  EMBER_HD T operator()(T g, T x) const {
    const T z = std::exp(-std::fabs(x));
    const T s = z / (T(1) + z);
    return g * (x < T(0) ? T(1) - s : s);
  }
};

template <class T>
struct Glu {  // x·σ(y)
  EMBER_HD T operator()(T x, T y) const { return x * (T(1) / (T(1) + std::exp(-y))); }
};

}  // namespace ember::functors
