// Scalar functions of the special kind: the error function and its inverse, and the gamma family. Computed in
// double whatever the element type, where that is what makes float results good to the last place. Included by
// functors.h.
#pragma once

namespace ember::functors {

template <class T>
struct Erf {
  EMBER_HD T operator()(T x) const { return std::erf(x); }
};
template <class T>
struct Erfc {
  EMBER_HD T operator()(T x) const { return std::erfc(x); }
};

// c[0]·x^(N−1) + … + c[N−1]
template <int N>
EMBER_HD double polynomial(const double (&c)[N], double x) {
  double y = c[0];
  for (int i = 1; i < N; ++i) y = y * x + c[i];
  return y;
}

// The rational approximations of M. J. Wichura, Algorithm AS 241: The Percentage Points of the Normal Distribution,
// Applied Statistics 37 (1988); the inverse of erf is the normal quantile with its argument moved and scaled.
EMBER_HD inline double inverse_erf(double x) {
  constexpr double kSqrtHalf = 0.70710678118654752440;
  const double q = x * 0.5;
  if (std::fabs(q) <= 0.425) {
    constexpr double a[] = {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
                            4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
                            1.3314166789178437745e+2, 3.3871328727963666080e+0};
    constexpr double b[] = {
        5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
        5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0};
    const double r = 0.180625 - q * q;
    return q * (polynomial(a, r) / polynomial(b, r)) * kSqrtHalf;
  }
  const double tail = 0.5 - std::fabs(q);
  if (!(tail >= 0)) return std::numeric_limits<double>::quiet_NaN();
  if (tail == 0) return std::copysign(std::numeric_limits<double>::infinity(), x);
  double r = std::sqrt(-std::log(tail));
  if (r <= 5) {
    constexpr double c[] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                            1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
                            4.63033784615654529590e+0, 1.42343711074968357734e+0};
    constexpr double d[] = {
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
        6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0};
    r -= 1.6;
    r = polynomial(c, r) / polynomial(d, r);
  } else {
    constexpr double e[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                            2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e+0,
                            5.46378491116411436990e+0, 6.65790464350110377720e+0};
    constexpr double f[] = {
        2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
        1.48753612908506148525e-2,  1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};
    r -= 5;
    r = polynomial(e, r) / polynomial(f, r);
  }
  return std::copysign(r * kSqrtHalf, x);
}

template <class T>
struct Erfinv {
  EMBER_HD T operator()(T x) const {
#if defined(__CUDA_ARCH__)
    return ::erfinv(x);  // also for float: an overload
#else
    return static_cast<T>(inverse_erf(static_cast<double>(x)));
#endif
  }
};

template <class T>
struct Lgamma {  // log |Γ(x)|
  EMBER_HD T operator()(T x) const {
#if defined(__CUDA_ARCH__) || !defined(__GLIBC__)
    return std::lgamma(x);
#else
    int sign;  // std::lgamma writes it to a global, which threads share
    if constexpr (std::is_same_v<T, float>) {
      return ::lgammaf_r(x, &sign);
    } else {
      return ::lgamma_r(x, &sign);
    }
#endif
  }
};

// ψ(x) = Γ'(x)/Γ(x) for x > 0.
EMBER_HD inline double digamma_of_positive(double x) {
  // Near its zero x0 (the sum of two doubles) the Taylor series about it, else much would cancel.
  const double d = (x - 1.4616321449683622) - 9.549995429965697e-17;
  if (std::fabs(d) < 0.25) {
    constexpr double c[] = {0.00023635601564027052792,  -0.00034546802510630769956, 0.00050495326583460203518,
                            -0.00073807093899600512957, 0.0010788252019162965807,   -0.0015769367714301972593,
                            0.0023051263267349278369,   -0.0033698016554393280828,  0.0049267813957298534464,
                            -0.007204534386356868241,   0.010538791616612175388,    -0.015424765904948959139,
                            0.02259764823221810466,     -0.033161126474847359292,   0.048804288164143107225,
                            -0.072199561256454710926,   0.10782405069126236576,     -0.1639427054424065275,
                            0.25849976095565101062,     -0.44276316898359210609,    0.96767224544762117043};
    return d * polynomial(c, d);
  }
  // ψ(x) = ψ(x + 1) − 1/x up to where the asymptotic series is good.
  double below = 0;
  for (; x < 10; x += 1) below += 1 / x;
  constexpr double b[] = {0.083333333333333333333,   -0.021092796092796092796, 0.0075757575757575757576,
                          -0.0041666666666666666667, 0.003968253968253968254,  -0.0083333333333333333333,
                          0.083333333333333333333};  // B_2j / 2j
  const double w = 1 / (x * x);
  return std::log(x) - 0.5 / x - w * polynomial(b, w) - below;
}

EMBER_HD inline double digamma(double x) {
  constexpr double kPi = 3.14159265358979323846;
  if (x > 0 || std::isnan(x)) return std::isinf(x) || std::isnan(x) ? x : digamma_of_positive(x);
  if (x == 0) return std::copysign(std::numeric_limits<double>::infinity(), -x);
  const double fraction = x - std::trunc(x);
  if (fraction == 0 || std::isinf(x)) return std::numeric_limits<double>::quiet_NaN();
  return digamma_of_positive(1 - x) - kPi / std::tan(kPi * fraction);  // reflection
}

template <class T>
struct Digamma {
  EMBER_HD T operator()(T x) const { return static_cast<T>(digamma(static_cast<double>(x))); }
};

// Hurwitz's ζ(s, q) = Σ_k (q + k)^−s for an integer s > 1 and q > −30 that is not one of its poles, times scale^s:
// terms directly, then Euler and Maclaurin's formula (DLMF 25.11.10).
EMBER_HD inline double hurwitz_zeta(double s, double q, double scale = 1) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon() / 4;
  double sum = 0;
  double term = 0;
  for (int k = 0; k < 10 || q < 10; ++k, q += 1) {
    term = std::pow(q / scale, -s);
    sum += term;
    if (q > 0 && !(term > kEpsilon * std::fabs(sum))) return sum;  // also where q is infinite
  }
  // ∫ and half a term, then the corrections with B_2j / (2j)!.
  constexpr double b[] = {0.083333333333333333333,   -0.0013888888888888888889,  0.000033068783068783068783,
                          -8.2671957671957671958e-7, 2.0876756987868098979e-8,   -5.2841901386874931848e-10,
                          1.3382536530684678833e-11, -3.3896802963225828668e-13, 8.5860620562778445641e-15,
                          -2.174868698558061873e-16, 5.5090028283602295152e-18,  -1.3954464685812523341e-19};
  term = std::pow(q / scale, -s);
  sum += term * (q / (s - 1) + 0.5);
  double factor = term * s / q;  // s (s+1) … (s+2j−2) q^(−s−2j+1)
  for (int j = 0; j < 12; ++j) {
    const double correction = factor * b[j];
    sum += correction;
    if (!(std::fabs(correction) > kEpsilon * std::fabs(sum))) break;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
  }
  return sum;
}

// The n-th derivative of ψ, n = a ≥ 1: (−1)^(n+1) n! ζ(n + 1, x).
template <class T>
struct Polygamma {
  double s;
  double factorial;  // n!, infinite for n > 170
  double log_factorial;
  bool even;  // s
  explicit Polygamma(const Params& p) : s(p.a.toDouble() + 1), factorial(1), even(std::fmod(s, 2) == 0) {
    for (double k = 2; k < s && factorial < std::numeric_limits<double>::infinity(); ++k) factorial *= k;
    log_factorial = std::lgamma(s);
  }
  EMBER_HD double of_positive(double x) const {
    const double zeta = hurwitz_zeta(s, x);
    if (zeta > 1e-290 && factorial <= std::numeric_limits<double>::max()) return factorial * zeta;
    if (std::isinf(x)) return 0;
    // A factor overflows or underflows: their logarithms do not.
    return std::exp(log_factorial - s * std::log(x)) * hurwitz_zeta(s, x, x);
  }
  EMBER_HD double compute(double x) const {
    if (x > 0 || std::isnan(x)) return std::isnan(x) ? x : of_positive(x);
    const double whole = std::floor(-x);
    if (whole == -x) {  // a pole, or minus infinity: of the first derivative alone not a pole, as in PyTorch
      return s == 2 && std::isinf(x) ? std::numeric_limits<double>::quiet_NaN()
                                     : std::numeric_limits<double>::infinity();
    }
    if (whole < 30) return factorial * hurwitz_zeta(s, x);
    // The terms far to the left of 0 are the difference of two series.
    const double near = x + (whole - 20);
    const double far = of_positive(1 - near) - of_positive(1 - x);
    return factorial * hurwitz_zeta(s, near) + (even ? far : -far);
  }
  EMBER_HD T operator()(T x) const {
    const double y = compute(static_cast<double>(x));
    return static_cast<T>(even ? y : -y);
  }
};

}  // namespace ember::functors
