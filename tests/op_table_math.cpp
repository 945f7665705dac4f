// Rows of the mathematical functions of one tensor.
#include <cmath>
#include <limits>

#include "op_table_unary.h"

namespace ember::test {
namespace {

constexpr double kPi = 3.14159265358979323846;

// ---- references that the standard library has not ----

// The sums of the definition, and Euler and Maclaurin's formula for the rest of them.
double digamma_of(double x) {
  if (std::isnan(x) || x == std::numeric_limits<double>::infinity()) return x;
  if (x == 0) return std::copysign(std::numeric_limits<double>::infinity(), -x);
  if (x < 0 && std::floor(x) == x) return std::numeric_limits<double>::quiet_NaN();
  long double sum = 0, w = x;
  for (; w < 300; w += 1) sum -= 1 / w;
  return static_cast<double>(sum + std::log(w) - 1 / (2 * w) - 1 / (12 * w * w) + 1 / (120 * w * w * w * w));
}

double polygamma_of(int n, double x) {
  if (n == 0) return digamma_of(x);
  const double sign = n % 2 == 0 ? -1 : 1;
  if (std::isnan(x)) return x;
  if (x == std::numeric_limits<double>::infinity()) return 0;
  if (std::isinf(x) && n == 1) return std::numeric_limits<double>::quiet_NaN();
  if (x <= 0 && std::floor(x) == x) return sign * std::numeric_limits<double>::infinity();
  const long double s = n + 1;
  long double sum = 0, w = x;
  for (; w < 300; w += 1) sum += std::pow(w, -s);
  sum += std::pow(w, 1 - s) / (s - 1) + std::pow(w, -s) / 2 + s * std::pow(w, -s - 1) / 12;
  sum -= s * (s + 1) * (s + 2) * std::pow(w, -s - 3) / 720;
  return static_cast<double>(sign * std::tgamma(s) * sum);
}

// Newton's method.
double erfinv_of(double x) {
  if (!(std::fabs(x) < 1)) return std::fabs(x) == 1 ? x * std::numeric_limits<double>::infinity() : std::nan("");
  long double y = 0;
  for (int i = 0; i < 60; ++i) {
    const long double step = (std::erf(y) - x) / (2 / std::sqrt(static_cast<long double>(kPi)) * std::exp(-y * y));
    y -= step;
    if (std::fabs(step) < 1e-19L) break;
  }
  return static_cast<double>(y);
}

double sinc_of(double x) { return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x); }
double round_of(double x, double power) { return std::nearbyint(x * power) / power; }

// Rows with numbers beside the tensor.
void add_with_numbers(std::vector<Op>& table) {
  Op rounds;
  rounds.name = "round_decimals";
  rounds.dtypes = kFloatDtypes;
  rounds.refused = {kInt32, kUInt8, kBool};
  rounds.tolerance = {4, 16};
  for (const int decimals : {0, 1, 2, -1}) {
    const double power = std::pow(10.0, decimals);
    for (Variant& v : unary_variants(call([=](const Tensors& t) { return round(t[0], decimals); }),
                                     call([=](const Tensors& t) { return t[0].round(decimals); }),
                                     [=](const Tensors& t) { t[0].round_(decimals); }, ref([=](const Arrays& a) {
                                       return map(a[0], [=](double x) { return round_of(x, power); });
                                     }),
                                     -3, 3, {})) {
      if (v.label == "special" || v.label == "large" || v.label == "rows") continue;
      for (Input& input : v.inputs) {
        if (input.sizes.empty()) {
          input.values = {-1.8125};
        } else {
          // Odd sixteenths, none of which is half way between two roundings; or numbers that tens are made of.
          for (int64_t i = 0; i < count(input.sizes); ++i) {
            const auto k = static_cast<double>(i - 4);
            input.values.push_back(decimals < 0 ? k * 3.5 + 0.3125 : (2 * k + 1) / 16);
          }
        }
      }
      v.label += " to " + std::to_string(decimals);
      rounds.variants.push_back(v);
    }
  }
  table.push_back(rounds);

  Op logits;
  logits.name = "logit";
  logits.result = Result::Floating;
  logits.dtypes = kAllDtypes;
  logits.tolerance = {4, 16};
  logits.variants = unary_variants(
      call([](const Tensors& t) { return logit(t[0]); }), call([](const Tensors& t) { return t[0].logit(); }),
      [](const Tensors& t) { t[0].logit_(); },
      ref([](const Arrays& a) { return map(a[0], [](double x) { return std::log(x / (1 - x)); }); }), 0.05, 0.95, {});
  for (Variant& v : unary_variants(call([](const Tensors& t) { return logit(t[0], 0.25); }),
                                   call([](const Tensors& t) { return t[0].logit(0.25); }),
                                   [](const Tensors& t) { t[0].logit_(0.25); }, ref([](const Arrays& a) {
                                     return map(a[0], [](double x) {
                                       const double in = x < 0.25 ? 0.25 : x > 0.75 ? 0.75 : x;
                                       return std::log(in / (1 - in));
                                     });
                                   }),
                                   -1, 2, {0.25, 0.75})) {
    v.label += " eps";
    logits.variants.push_back(v);
  }
  table.push_back(logits);

  Op polygammas;
  polygammas.name = "polygamma";
  polygammas.result = Result::Floating;
  polygammas.dtypes = kAllDtypes;
  polygammas.tolerance = {8, 8};
  for (const int n : {0, 1, 2, 5}) {
    for (Variant& v : unary_variants(
             call([n](const Tensors& t) { return polygamma(n, t[0]); }),
             call([n](const Tensors& t) { return t[0].polygamma(n); }), [n](const Tensors& t) { t[0].polygamma_(n); },
             ref([n](const Arrays& a) { return map(a[0], [n](double x) { return polygamma_of(n, x); }); }), 0.6, 4,
             {})) {
      if (v.label == "large") continue;
      v.label = std::to_string(n) + " " + v.label;
      polygammas.variants.push_back(v);
    }
    Variant negative{std::to_string(n) + " negative",
                     {given({10}, {-0.5, -0.25, -1.75, -2.625, -3.3125, -7.25, -29.75, -30.25, -33.75, -61.25})},
                     call([n](const Tensors& t) { return polygamma(n, t[0]); }),
                     ref([n](const Arrays& a) { return map(a[0], [n](double x) { return polygamma_of(n, x); }); })};
    negative.gradient = false;  // where they are so steep finite differences are not good
    negative.dtypes = std::vector<ScalarType>{kFloat32, kFloat64};
    polygammas.variants.push_back(negative);
  }
  table.push_back(polygammas);
}

}  // namespace

void add_math_ops(std::vector<Op>& table) {
  using T = Tensor;
  const std::vector<ScalarType> none;
  const auto floating = [&](const char* name, Tensor (*f)(const T&), Tensor (T::*m)() const, T& (T::*i)() const,
                            Scalar1 reference, double low, double high, std::vector<double> avoid = {}) {
    table.push_back(
        make_unary({name, f, m, i, reference, low, high, std::move(avoid), Result::Floating, kAllDtypes, {}}));
  };
  const auto rounding = [&](const char* name, Tensor (*f)(const T&), Tensor (T::*m)() const, T& (T::*i)() const,
                            Scalar1 reference) {
    table.push_back(
        make_unary({name, f, m, i, reference, -3, 3, {-3, -2, -1, 0, 1, 2, 3}, Result::Same, kNumericDtypes, {kBool}}));
  };
  rounding("floor", floor, &T::floor, &T::floor_, [](double x) { return std::floor(x); });
  rounding("ceil", ceil, &T::ceil, &T::ceil_, [](double x) { return std::ceil(x); });
  rounding("trunc", trunc, &T::trunc, &T::trunc_, [](double x) { return std::trunc(x); });
  table.push_back(make_unary({"round",
                              round,
                              &T::round,
                              &T::round_,
                              [](double x) { return std::nearbyint(x); },
                              -3,
                              3,
                              {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5},
                              Result::Same,
                              kNumericDtypes,
                              {kBool}}));
  table.push_back(make_unary({"frac",
                              frac,
                              &T::frac,
                              &T::frac_,
                              [](double x) { return x - std::trunc(x); },
                              -3,
                              3,
                              {-3, -2, -1, 0, 1, 2, 3},
                              Result::Same,
                              kFloatDtypes,
                              {kInt32, kUInt8, kBool}}));
  table.push_back(make_unary({"sgn",
                              sgn,
                              &T::sgn,
                              &T::sgn_,
                              [](double x) { return x > 0   ? 1.0
                                                    : x < 0 ? -1.0
                                                            : 0.0; },
                              -3,
                              3,
                              {0},
                              Result::Same,
                              kAllDtypes,
                              {}}));

  floating(
      "exp2", exp2, &T::exp2, &T::exp2_, [](double x) { return std::exp2(x); }, -4, 4);
  floating(
      "expm1", expm1, &T::expm1, &T::expm1_, [](double x) { return std::expm1(x); }, -4, 4);
  floating(
      "log2", log2, &T::log2, &T::log2_, [](double x) { return std::log2(x); }, 0.2, 4);
  floating(
      "log10", log10, &T::log10, &T::log10_, [](double x) { return std::log10(x); }, 0.2, 4);
  floating(
      "log1p", log1p, &T::log1p, &T::log1p_, [](double x) { return std::log1p(x); }, -0.7, 4);
  floating(
      "tan", tan, &T::tan, &T::tan_, [](double x) { return std::tan(x); }, -1.2, 1.2);
  floating(
      "asin", asin, &T::asin, &T::asin_, [](double x) { return std::asin(x); }, -0.9, 0.9);
  floating(
      "acos", acos, &T::acos, &T::acos_, [](double x) { return std::acos(x); }, -0.9, 0.9);
  floating(
      "atan", atan, &T::atan, &T::atan_, [](double x) { return std::atan(x); }, -4, 4);
  floating(
      "sinh", sinh, &T::sinh, &T::sinh_, [](double x) { return std::sinh(x); }, -3, 3);
  floating(
      "cosh", cosh, &T::cosh, &T::cosh_, [](double x) { return std::cosh(x); }, -3, 3);
  floating(
      "asinh", asinh, &T::asinh, &T::asinh_, [](double x) { return std::asinh(x); }, -4, 4);
  floating("acosh", acosh, &T::acosh, &T::acosh_, [](double x) { return std::acosh(x); }, 1, 5, {1});
  floating(
      "atanh", atanh, &T::atanh, &T::atanh_, [](double x) { return std::atanh(x); }, -0.8, 0.8);
  floating("sinc", sinc, &T::sinc, &T::sinc_, sinc_of, -2.5, 2.5);
  floating(
      "rad2deg", rad2deg, &T::rad2deg, &T::rad2deg_, [](double x) { return x * (180 / kPi); }, -3, 3);
  floating(
      "deg2rad", deg2rad, &T::deg2rad, &T::deg2rad_, [](double x) { return x * (kPi / 180); }, -3, 3);
  floating(
      "erf", erf, &T::erf, &T::erf_, [](double x) { return std::erf(x); }, -2.5, 2.5);
  floating(
      "erfc", erfc, &T::erfc, &T::erfc_, [](double x) { return std::erfc(x); }, -2.5, 2.5);
  floating("erfinv", erfinv, &T::erfinv, &T::erfinv_, erfinv_of, -0.9, 0.9);
  floating(
      "lgamma", lgamma, &T::lgamma, &T::lgamma_, [](double x) { return std::lgamma(x); }, 0.4, 5);
  floating("digamma", digamma, &T::digamma, &T::digamma_, digamma_of, 0.4, 5);
  table.back().tolerance = {4, 16};  // near its zeros

  Op signs;
  signs.name = "signbit";
  signs.result = Result::Bool;
  signs.dtypes = kAllDtypes;
  signs.differentiable = false;
  signs.variants = unary_variants(
      call([](const Tensors& t) { return signbit(t[0]); }), call([](const Tensors& t) { return t[0].signbit(); }),
      nullptr, ref([](const Arrays& a) { return map(a[0], [](double x) { return double(std::signbit(x)); }); }), -3, 3,
      {});
  table.push_back(signs);

  Op positives;
  positives.name = "positive";
  positives.dtypes = kNumericDtypes;
  positives.refused = {kBool};
  positives.variants = unary_variants(call([](const Tensors& t) { return positive(t[0]); }),
                                      call([](const Tensors& t) { return t[0].positive(); }), nullptr,
                                      ref([](const Arrays& a) { return a[0]; }), -3, 3, {});
  table.push_back(positives);

  add_with_numbers(table);
}

}  // namespace ember::test
