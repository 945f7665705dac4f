// Elementwise operations and their in-place and _out forms.
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include <ember/core/tensor.h>

namespace ember {

Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
Tensor add(const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
Tensor& add_out(Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
Tensor& add_out(Tensor& out, const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
Tensor sub(const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
Tensor& sub_out(Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
Tensor& sub_out(Tensor& out, const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
inline Tensor subtract(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) {
  return sub(self, other, alpha);
}
inline Tensor subtract(const Tensor& self, const Scalar& other, const Scalar& alpha = 1) {
  return sub(self, other, alpha);
}
inline Tensor& subtract_out(Tensor& out, const Tensor& self, const Tensor& other, const Scalar& alpha = 1) {
  return sub_out(out, self, other, alpha);
}
Tensor mul(const Tensor& self, const Tensor& other);
Tensor mul(const Tensor& self, const Scalar& other);
Tensor& mul_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& mul_out(Tensor& out, const Tensor& self, const Scalar& other);
inline Tensor multiply(const Tensor& self, const Tensor& other) { return mul(self, other); }
inline Tensor multiply(const Tensor& self, const Scalar& other) { return mul(self, other); }
inline Tensor& multiply_out(Tensor& out, const Tensor& self, const Tensor& other) { return mul_out(out, self, other); }
Tensor div(const Tensor& self, const Tensor& other);
Tensor div(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode);
Tensor div(const Tensor& self, const Scalar& other);
Tensor div(const Tensor& self, const Scalar& other, std::optional<std::string_view> rounding_mode);
Tensor& div_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& div_out(Tensor& out, const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode);
Tensor& div_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& div_out(Tensor& out, const Tensor& self, const Scalar& other, std::optional<std::string_view> rounding_mode);
inline Tensor divide(const Tensor& self, const Tensor& other) { return div(self, other); }
inline Tensor divide(const Tensor& self, const Scalar& other) { return div(self, other); }
inline Tensor divide(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) {
  return div(self, other, rounding_mode);
}
inline Tensor divide(const Tensor& self, const Scalar& other, std::optional<std::string_view> rounding_mode) {
  return div(self, other, rounding_mode);
}
inline Tensor& divide_out(Tensor& out, const Tensor& self, const Tensor& other) { return div_out(out, self, other); }
inline Tensor& divide_out(Tensor& out, const Tensor& self, const Tensor& other,
                          std::optional<std::string_view> rounding_mode) {
  return div_out(out, self, other, rounding_mode);
}
inline Tensor true_divide(const Tensor& self, const Tensor& other) { return div(self, other); }
inline Tensor true_divide(const Tensor& self, const Scalar& other) { return div(self, other); }
inline Tensor& true_divide_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return div_out(out, self, other);
}
Tensor floor_divide(const Tensor& self, const Tensor& other);
Tensor floor_divide(const Tensor& self, const Scalar& other);
Tensor& floor_divide_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& floor_divide_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor remainder(const Tensor& self, const Scalar& other);
Tensor remainder(const Tensor& self, const Tensor& other);
Tensor remainder(const Scalar& self, const Tensor& other);
Tensor& remainder_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& remainder_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& remainder_out(Tensor& out, const Scalar& self, const Tensor& other);
Tensor fmod(const Tensor& self, const Scalar& other);
Tensor fmod(const Tensor& self, const Tensor& other);
Tensor& fmod_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& fmod_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor pow(const Tensor& self, const Tensor& exponent);
Tensor pow(const Scalar& self, const Tensor& exponent);
Tensor pow(const Tensor& self, const Scalar& exponent);
Tensor& pow_out(Tensor& out, const Tensor& self, const Tensor& exponent);
Tensor& pow_out(Tensor& out, const Scalar& self, const Tensor& exponent);
Tensor& pow_out(Tensor& out, const Tensor& self, const Scalar& exponent);
Tensor float_power(const Tensor& self, const Tensor& exponent);
Tensor float_power(const Scalar& self, const Tensor& exponent);
Tensor float_power(const Tensor& self, const Scalar& exponent);
Tensor& float_power_out(Tensor& out, const Tensor& self, const Tensor& exponent);
Tensor& float_power_out(Tensor& out, const Scalar& self, const Tensor& exponent);
Tensor& float_power_out(Tensor& out, const Tensor& self, const Scalar& exponent);
Tensor maximum(const Tensor& self, const Tensor& other);
Tensor& maximum_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor minimum(const Tensor& self, const Tensor& other);
Tensor& minimum_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor fmax(const Tensor& self, const Tensor& other);
Tensor& fmax_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor fmin(const Tensor& self, const Tensor& other);
Tensor& fmin_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor atan2(const Tensor& self, const Tensor& other);
Tensor& atan2_out(Tensor& out, const Tensor& self, const Tensor& other);
inline Tensor arctan2(const Tensor& self, const Tensor& other) { return atan2(self, other); }
inline Tensor& arctan2_out(Tensor& out, const Tensor& self, const Tensor& other) { return atan2_out(out, self, other); }
Tensor hypot(const Tensor& self, const Tensor& other);
Tensor& hypot_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor heaviside(const Tensor& self, const Tensor& values);
Tensor& heaviside_out(Tensor& out, const Tensor& self, const Tensor& values);
Tensor copysign(const Tensor& self, const Tensor& other);
Tensor copysign(const Tensor& self, const Scalar& other);
Tensor& copysign_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& copysign_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor nextafter(const Tensor& self, const Tensor& other);
Tensor& nextafter_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor logaddexp(const Tensor& self, const Tensor& other);
Tensor& logaddexp_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor logaddexp2(const Tensor& self, const Tensor& other);
Tensor& logaddexp2_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor xlogy(const Tensor& self, const Tensor& other);
Tensor xlogy(const Scalar& self, const Tensor& other);
Tensor xlogy(const Tensor& self, const Scalar& other);
inline Tensor& xlogy_(Tensor& self, const Tensor& other) { return self.xlogy_(other); }
inline Tensor& xlogy_(Tensor& self, const Scalar& other) { return self.xlogy_(other); }
Tensor& xlogy_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& xlogy_out(Tensor& out, const Scalar& self, const Tensor& other);
Tensor& xlogy_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor ldexp(const Tensor& self, const Tensor& other);
inline Tensor& ldexp_(Tensor& self, const Tensor& other) { return self.ldexp_(other); }
Tensor& ldexp_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor gcd(const Tensor& self, const Tensor& other);
inline Tensor& gcd_(Tensor& self, const Tensor& other) { return self.gcd_(other); }
Tensor& gcd_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor lcm(const Tensor& self, const Tensor& other);
inline Tensor& lcm_(Tensor& self, const Tensor& other) { return self.lcm_(other); }
Tensor& lcm_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor rsub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1);
Tensor rsub(const Tensor& self, const Scalar& other, const Scalar& alpha = 1);
Tensor neg(const Tensor& self);
inline Tensor& neg_(Tensor& self) { return self.neg_(); }
Tensor& neg_out(Tensor& out, const Tensor& self);
inline Tensor negative(const Tensor& self) { return neg(self); }
inline Tensor& negative_out(Tensor& out, const Tensor& self) { return neg_out(out, self); }
Tensor abs(const Tensor& self);
inline Tensor& abs_(Tensor& self) { return self.abs_(); }
Tensor& abs_out(Tensor& out, const Tensor& self);
inline Tensor absolute(const Tensor& self) { return abs(self); }
inline Tensor& absolute_out(Tensor& out, const Tensor& self) { return abs_out(out, self); }
Tensor sign(const Tensor& self);
Tensor& sign_out(Tensor& out, const Tensor& self);
Tensor sgn(const Tensor& self);
Tensor& sgn_out(Tensor& out, const Tensor& self);
Tensor signbit(const Tensor& self);
Tensor& signbit_out(Tensor& out, const Tensor& self);
Tensor positive(const Tensor& self);
Tensor square(const Tensor& self);
inline Tensor& square_(Tensor& self) { return self.square_(); }
Tensor& square_out(Tensor& out, const Tensor& self);
Tensor sqrt(const Tensor& self);
inline Tensor& sqrt_(Tensor& self) { return self.sqrt_(); }
Tensor& sqrt_out(Tensor& out, const Tensor& self);
Tensor rsqrt(const Tensor& self);
inline Tensor& rsqrt_(Tensor& self) { return self.rsqrt_(); }
Tensor& rsqrt_out(Tensor& out, const Tensor& self);
Tensor reciprocal(const Tensor& self);
inline Tensor& reciprocal_(Tensor& self) { return self.reciprocal_(); }
Tensor& reciprocal_out(Tensor& out, const Tensor& self);
Tensor exp(const Tensor& self);
inline Tensor& exp_(Tensor& self) { return self.exp_(); }
Tensor& exp_out(Tensor& out, const Tensor& self);
Tensor exp2(const Tensor& self);
inline Tensor& exp2_(Tensor& self) { return self.exp2_(); }
Tensor& exp2_out(Tensor& out, const Tensor& self);
Tensor expm1(const Tensor& self);
inline Tensor& expm1_(Tensor& self) { return self.expm1_(); }
Tensor& expm1_out(Tensor& out, const Tensor& self);
Tensor log(const Tensor& self);
inline Tensor& log_(Tensor& self) { return self.log_(); }
Tensor& log_out(Tensor& out, const Tensor& self);
Tensor log2(const Tensor& self);
inline Tensor& log2_(Tensor& self) { return self.log2_(); }
Tensor& log2_out(Tensor& out, const Tensor& self);
Tensor log10(const Tensor& self);
inline Tensor& log10_(Tensor& self) { return self.log10_(); }
Tensor& log10_out(Tensor& out, const Tensor& self);
Tensor log1p(const Tensor& self);
inline Tensor& log1p_(Tensor& self) { return self.log1p_(); }
Tensor& log1p_out(Tensor& out, const Tensor& self);
Tensor sin(const Tensor& self);
inline Tensor& sin_(Tensor& self) { return self.sin_(); }
Tensor& sin_out(Tensor& out, const Tensor& self);
Tensor cos(const Tensor& self);
inline Tensor& cos_(Tensor& self) { return self.cos_(); }
Tensor& cos_out(Tensor& out, const Tensor& self);
Tensor tan(const Tensor& self);
inline Tensor& tan_(Tensor& self) { return self.tan_(); }
Tensor& tan_out(Tensor& out, const Tensor& self);
Tensor asin(const Tensor& self);
inline Tensor& asin_(Tensor& self) { return self.asin_(); }
Tensor& asin_out(Tensor& out, const Tensor& self);
inline Tensor arcsin(const Tensor& self) { return asin(self); }
inline Tensor& arcsin_out(Tensor& out, const Tensor& self) { return asin_out(out, self); }
Tensor acos(const Tensor& self);
inline Tensor& acos_(Tensor& self) { return self.acos_(); }
Tensor& acos_out(Tensor& out, const Tensor& self);
inline Tensor arccos(const Tensor& self) { return acos(self); }
inline Tensor& arccos_out(Tensor& out, const Tensor& self) { return acos_out(out, self); }
Tensor atan(const Tensor& self);
inline Tensor& atan_(Tensor& self) { return self.atan_(); }
Tensor& atan_out(Tensor& out, const Tensor& self);
inline Tensor arctan(const Tensor& self) { return atan(self); }
inline Tensor& arctan_out(Tensor& out, const Tensor& self) { return atan_out(out, self); }
Tensor sinh(const Tensor& self);
inline Tensor& sinh_(Tensor& self) { return self.sinh_(); }
Tensor& sinh_out(Tensor& out, const Tensor& self);
Tensor cosh(const Tensor& self);
inline Tensor& cosh_(Tensor& self) { return self.cosh_(); }
Tensor& cosh_out(Tensor& out, const Tensor& self);
Tensor tanh(const Tensor& self);
inline Tensor& tanh_(Tensor& self) { return self.tanh_(); }
Tensor& tanh_out(Tensor& out, const Tensor& self);
Tensor asinh(const Tensor& self);
inline Tensor& asinh_(Tensor& self) { return self.asinh_(); }
Tensor& asinh_out(Tensor& out, const Tensor& self);
inline Tensor arcsinh(const Tensor& self) { return asinh(self); }
inline Tensor& arcsinh_out(Tensor& out, const Tensor& self) { return asinh_out(out, self); }
Tensor acosh(const Tensor& self);
inline Tensor& acosh_(Tensor& self) { return self.acosh_(); }
Tensor& acosh_out(Tensor& out, const Tensor& self);
inline Tensor arccosh(const Tensor& self) { return acosh(self); }
inline Tensor& arccosh_out(Tensor& out, const Tensor& self) { return acosh_out(out, self); }
Tensor atanh(const Tensor& self);
inline Tensor& atanh_(Tensor& self) { return self.atanh_(); }
Tensor& atanh_out(Tensor& out, const Tensor& self);
inline Tensor arctanh(const Tensor& self) { return atanh(self); }
inline Tensor& arctanh_out(Tensor& out, const Tensor& self) { return atanh_out(out, self); }
Tensor sinc(const Tensor& self);
inline Tensor& sinc_(Tensor& self) { return self.sinc_(); }
Tensor& sinc_out(Tensor& out, const Tensor& self);
Tensor rad2deg(const Tensor& self);
inline Tensor& rad2deg_(Tensor& self) { return self.rad2deg_(); }
Tensor deg2rad(const Tensor& self);
inline Tensor& deg2rad_(Tensor& self) { return self.deg2rad_(); }
Tensor& rad2deg_out(Tensor& out, const Tensor& self);
Tensor& deg2rad_out(Tensor& out, const Tensor& self);
Tensor floor(const Tensor& self);
inline Tensor& floor_(Tensor& self) { return self.floor_(); }
Tensor& floor_out(Tensor& out, const Tensor& self);
Tensor ceil(const Tensor& self);
inline Tensor& ceil_(Tensor& self) { return self.ceil_(); }
Tensor& ceil_out(Tensor& out, const Tensor& self);
Tensor round(const Tensor& self);
Tensor round(const Tensor& self, int64_t decimals);
inline Tensor& round_(Tensor& self) { return self.round_(); }
inline Tensor& round_(Tensor& self, int64_t decimals) { return self.round_(decimals); }
Tensor& round_out(Tensor& out, const Tensor& self);
Tensor& round_out(Tensor& out, const Tensor& self, int64_t decimals);
Tensor trunc(const Tensor& self);
inline Tensor& trunc_(Tensor& self) { return self.trunc_(); }
Tensor& trunc_out(Tensor& out, const Tensor& self);
inline Tensor fix(const Tensor& self) { return trunc(self); }
inline Tensor& fix_out(Tensor& out, const Tensor& self) { return trunc_out(out, self); }
Tensor frac(const Tensor& self);
inline Tensor& frac_(Tensor& self) { return self.frac_(); }
Tensor& frac_out(Tensor& out, const Tensor& self);
Tensor erf(const Tensor& self);
inline Tensor& erf_(Tensor& self) { return self.erf_(); }
Tensor& erf_out(Tensor& out, const Tensor& self);
Tensor erfc(const Tensor& self);
inline Tensor& erfc_(Tensor& self) { return self.erfc_(); }
Tensor& erfc_out(Tensor& out, const Tensor& self);
Tensor erfinv(const Tensor& self);
Tensor& erfinv_out(Tensor& out, const Tensor& self);
Tensor lgamma(const Tensor& self);
Tensor& lgamma_out(Tensor& out, const Tensor& self);
Tensor digamma(const Tensor& self);
Tensor& digamma_out(Tensor& out, const Tensor& self);
Tensor polygamma(int64_t n, const Tensor& self);
Tensor& polygamma_out(Tensor& out, int64_t n, const Tensor& self);
Tensor logit(const Tensor& self, std::optional<double> eps = std::nullopt);
inline Tensor& logit_(Tensor& self, std::optional<double> eps = std::nullopt) { return self.logit_(eps); }
Tensor& logit_out(Tensor& out, const Tensor& self, std::optional<double> eps = std::nullopt);
Tensor nan_to_num(const Tensor& self, std::optional<double> nan = std::nullopt,
                  std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt);
inline Tensor& nan_to_num_(Tensor& self, std::optional<double> nan = std::nullopt,
                           std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt) {
  return self.nan_to_num_(nan, posinf, neginf);
}
Tensor& nan_to_num_out(Tensor& out, const Tensor& self, std::optional<double> nan = std::nullopt,
                       std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt);
Tensor clamp(const Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max = std::nullopt);
Tensor clamp(const Tensor& self, const std::optional<Tensor>& min = {}, const std::optional<Tensor>& max = {});
inline Tensor& clamp_(Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max = std::nullopt) {
  return self.clamp_(min, max);
}
inline Tensor& clamp_(Tensor& self, const std::optional<Tensor>& min = {}, const std::optional<Tensor>& max = {}) {
  return self.clamp_(min, max);
}
Tensor& clamp_out(Tensor& out, const Tensor& self, const std::optional<Scalar>& min,
                  const std::optional<Scalar>& max = std::nullopt);
Tensor& clamp_out(Tensor& out, const Tensor& self, const std::optional<Tensor>& min = {},
                  const std::optional<Tensor>& max = {});
inline Tensor clip(const Tensor& self, const std::optional<Scalar>& min,
                   const std::optional<Scalar>& max = std::nullopt) {
  return clamp(self, min, max);
}
inline Tensor clip(const Tensor& self, const std::optional<Tensor>& min = {}, const std::optional<Tensor>& max = {}) {
  return clamp(self, min, max);
}
inline Tensor& clip_out(Tensor& out, const Tensor& self, const std::optional<Scalar>& min,
                        const std::optional<Scalar>& max = std::nullopt) {
  return clamp_out(out, self, min, max);
}
inline Tensor& clip_out(Tensor& out, const Tensor& self, const std::optional<Tensor>& min = {},
                        const std::optional<Tensor>& max = {}) {
  return clamp_out(out, self, min, max);
}
Tensor clamp_min(const Tensor& self, const Scalar& min);
Tensor clamp_min(const Tensor& self, const Tensor& min);
inline Tensor& clamp_min_(Tensor& self, const Scalar& min) { return self.clamp_min_(min); }
inline Tensor& clamp_min_(Tensor& self, const Tensor& min) { return self.clamp_min_(min); }
Tensor& clamp_min_out(Tensor& out, const Tensor& self, const Scalar& min);
Tensor& clamp_min_out(Tensor& out, const Tensor& self, const Tensor& min);
Tensor clamp_max(const Tensor& self, const Scalar& max);
Tensor clamp_max(const Tensor& self, const Tensor& max);
inline Tensor& clamp_max_(Tensor& self, const Scalar& max) { return self.clamp_max_(max); }
inline Tensor& clamp_max_(Tensor& self, const Tensor& max) { return self.clamp_max_(max); }
Tensor& clamp_max_out(Tensor& out, const Tensor& self, const Scalar& max);
Tensor& clamp_max_out(Tensor& out, const Tensor& self, const Tensor& max);
Tensor lerp(const Tensor& self, const Tensor& end, const Scalar& weight);
Tensor lerp(const Tensor& self, const Tensor& end, const Tensor& weight);
Tensor& lerp_out(Tensor& out, const Tensor& self, const Tensor& end, const Scalar& weight);
Tensor& lerp_out(Tensor& out, const Tensor& self, const Tensor& end, const Tensor& weight);
Tensor addcmul(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1);
Tensor& addcmul_out(Tensor& out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
                    const Scalar& value = 1);
Tensor addcdiv(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1);
Tensor& addcdiv_out(Tensor& out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2,
                    const Scalar& value = 1);
Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other);
Tensor where(const Tensor& condition, const Scalar& self, const Tensor& other);
Tensor where(const Tensor& condition, const Tensor& self, const Scalar& other);
Tensor where(const Tensor& condition, const Scalar& self, const Scalar& other);
std::vector<Tensor> where(const Tensor& condition);
Tensor masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value);
Tensor masked_fill(const Tensor& self, const Tensor& mask, const Tensor& value);
Tensor bitwise_and(const Tensor& self, const Scalar& other);
Tensor bitwise_and(const Scalar& self, const Tensor& other);
Tensor bitwise_and(const Tensor& self, const Tensor& other);
Tensor& bitwise_and_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& bitwise_and_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& bitwise_and_out(Tensor& out, const Scalar& self, const Tensor& other);
Tensor bitwise_or(const Tensor& self, const Scalar& other);
Tensor bitwise_or(const Scalar& self, const Tensor& other);
Tensor bitwise_or(const Tensor& self, const Tensor& other);
Tensor& bitwise_or_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& bitwise_or_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& bitwise_or_out(Tensor& out, const Scalar& self, const Tensor& other);
Tensor bitwise_xor(const Tensor& self, const Scalar& other);
Tensor bitwise_xor(const Scalar& self, const Tensor& other);
Tensor bitwise_xor(const Tensor& self, const Tensor& other);
Tensor& bitwise_xor_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& bitwise_xor_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& bitwise_xor_out(Tensor& out, const Scalar& self, const Tensor& other);
Tensor bitwise_not(const Tensor& self);
Tensor& bitwise_not_out(Tensor& out, const Tensor& self);
Tensor bitwise_left_shift(const Tensor& self, const Tensor& other);
Tensor bitwise_left_shift(const Tensor& self, const Scalar& other);
Tensor bitwise_left_shift(const Scalar& self, const Tensor& other);
Tensor& bitwise_left_shift_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& bitwise_left_shift_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& bitwise_left_shift_out(Tensor& out, const Scalar& self, const Tensor& other);
Tensor bitwise_right_shift(const Tensor& self, const Tensor& other);
Tensor bitwise_right_shift(const Tensor& self, const Scalar& other);
Tensor bitwise_right_shift(const Scalar& self, const Tensor& other);
Tensor& bitwise_right_shift_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor& bitwise_right_shift_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& bitwise_right_shift_out(Tensor& out, const Scalar& self, const Tensor& other);
inline Tensor& fill_(Tensor& self, const Scalar& value) { return self.fill_(value); }
inline Tensor& fill_(Tensor& self, const Tensor& value) { return self.fill_(value); }
inline Tensor& zero_(Tensor& self) { return self.zero_(); }

}  // namespace ember
