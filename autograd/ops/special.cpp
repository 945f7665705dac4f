// The error function, the gamma family and logit: each forward beside its gradient.
#include <limits>

#include <ember/autograd/ops/unary_forms.h>

namespace ember {

namespace ops {
namespace {

constexpr double kTwoOverSqrtPi = 1.12837916709551257390;

Tensor erf_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"erf", kernels.erf}, dest, x);
  if (!recording(x)) return y;
  return record("ErfBackward0", y,
                wrt(x, [x = save(x)](const Tensor& g) { return g * (x.get().square().neg().exp() * kTwoOverSqrtPi); }));
}

Tensor erfc_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"erfc", kernels.erfc}, dest, x);
  if (!recording(x)) return y;
  return record("ErfcBackward0", y, wrt(x, [x = save(x)](const Tensor& g) {
                  return g * (x.get().square().neg().exp() * -kTwoOverSqrtPi);
                }));
}

Tensor erfinv_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"erfinv", kernels.erfinv}, dest, x);
  if (!recording(x)) return y;
  return record("ErfinvBackward0", y, wrt(x, [y = save_output(y)](const Tensor& g) {
                  return g * (y.get().square().exp() * (1 / kTwoOverSqrtPi));
                }));
}

Tensor lgamma_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"lgamma", kernels.lgamma}, dest, x);
  if (!recording(x)) return y;
  return record("LgammaBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * x.get().digamma(); }));
}

Tensor digamma_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"digamma", kernels.digamma}, dest, x);
  if (!recording(x)) return y;
  return record("DigammaBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * polygamma(1, x.get()); }));
}

Tensor polygamma_to(Dest dest, int64_t n, const Tensor& x) {
  check_defined("polygamma", x);
  EMBER_CHECK(n >= 0, "polygamma: the order must not be negative, got ", n);
  Tensor y = n == 0 ? unary_floating({"polygamma", kernels.digamma}, dest, x)
                    : unary_floating({"polygamma", kernels.polygamma, {n, {}}}, dest, x);
  if (!recording(x)) return y;
  return record("PolygammaBackward0", y,
                wrt(x, [x = save(x), n](const Tensor& g) { return g * polygamma(n + 1, x.get()); }));
}

// 1 / (x(1 − x)) inside; outside 0 where there the argument was moved to the limits, else not a number.
Tensor logit_gradient(const Tensor& g, const Tensor& x, std::optional<double> eps) {
  const double low = eps ? *eps : 0;
  const Tensor inside = mul(x >= low, x <= 1 - low);
  const double elsewhere = eps ? 0 : std::numeric_limits<double>::quiet_NaN();
  return where(inside, g / (x * (1 - x)), full({}, elsewhere, g.options().requires_grad(false)));
}

Tensor logit_to(Dest dest, const Tensor& x, std::optional<double> eps) {
  if (eps && *eps < 0) eps.reset();
  Tensor y = unary_floating({"logit", kernels.logit, {eps.value_or(-1.0), {}}}, dest, x);
  if (!recording(x)) return y;
  return record("LogitBackward0", y,
                wrt(x, [x = save(x), eps](const Tensor& g) { return logit_gradient(g, x.get(), eps); }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

EMBER_UNARY_OPERATION(erf, true, Converted)
EMBER_UNARY_OPERATION(erfc, true, Converted)
EMBER_UNARY_OPERATION(erfinv, false, Converted)
EMBER_UNARY_OPERATION(lgamma, true, Converted)
EMBER_UNARY_OPERATION(digamma, true, Converted)

Tensor polygamma(int64_t n, const Tensor& self) { return polygamma_to({}, n, self); }
Tensor& Tensor::polygamma_(int64_t n) const {
  check_defined("polygamma_", *this);
  return in_place(
      "polygamma_", *this, [&](Dest dest, const Tensor& x) { polygamma_to(dest, n, x); }, requires_grad());
}
Tensor& polygamma_out(Tensor& out, int64_t n, const Tensor& self) {
  return unary_out("polygamma_out", out, self, OutDtype::Converted,
                   [&](Dest dest, const Tensor& x) { polygamma_to(dest, n, x); });
}

Tensor logit(const Tensor& self, std::optional<double> eps) { return logit_to({}, self, eps); }
Tensor& Tensor::logit_(std::optional<double> eps) const {
  check_defined("logit_", *this);
  return in_place(
      "logit_", *this, [&](Dest dest, const Tensor& x) { logit_to(dest, x, eps); }, requires_grad());
}
Tensor& logit_out(Tensor& out, const Tensor& self, std::optional<double> eps) {
  return unary_out("logit_out", out, self, OutDtype::Converted,
                   [&](Dest dest, const Tensor& x) { logit_to(dest, x, eps); });
}

}  // namespace ember
