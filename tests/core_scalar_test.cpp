// Scalar, the floats of two bytes, what there is to know of a dtype, devices as text.
#include <cmath>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include <ember/core/dispatch.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

template <class T>
concept ConvertsToScalar = std::is_convertible_v<T, Scalar>;

}  // namespace

TEST(Scalar, category_follows_the_C_type) {
  EXPECT_TRUE(Scalar(1).isIntegral(false) && !Scalar(1).isFloatingPoint() && !Scalar(1).isBoolean());
  EXPECT_TRUE(Scalar(1.0f).isFloatingPoint() && Scalar(Half(1.0f)).isFloatingPoint());
  EXPECT_TRUE(Scalar(true).isBoolean() && !Scalar(true).isIntegral(false) && Scalar(true).isIntegral(true));
  EXPECT_FALSE(Scalar(1).isComplex());
  EXPECT_EQ(Scalar(1ULL).type(), kInt64);
  EXPECT_EQ(Scalar(1.5f).type(), kFloat64);
  EXPECT_EQ(Scalar(false).type(), kBool);
  EXPECT_EQ(Scalar().toLong(), 0);
  static_assert(ConvertsToScalar<unsigned long long> && ConvertsToScalar<long> && ConvertsToScalar<uint16_t>);
  static_assert(ConvertsToScalar<BFloat16> && !ConvertsToScalar<const char*> && !ConvertsToScalar<int*>);
}

TEST(Scalar, conversions_check_the_range) {
  EXPECT_EQ(Scalar(127).toChar(), 127);
  EXPECT_ERROR(Scalar(128).toChar(), "Scalar: 128 is out of the range of int8");
  EXPECT_ERROR(Scalar(-129).toChar(), "int8");
  EXPECT_ERROR(Scalar(40000).toShort(), "int16");
  EXPECT_ERROR(Scalar(int64_t{1} << 40).toInt(), "int32");
  EXPECT_ERROR(Scalar(1e20).toLong(), "int64");
  EXPECT_ERROR(Scalar(9223372036854775808.0).toLong(), "int64");
  EXPECT_EQ(Scalar(-9223372036854775808.0).toLong(), INT64_MIN);
  EXPECT_ERROR(Scalar(kNan).toInt(), "int32");
  EXPECT_ERROR(Scalar(kInf).toLong(), "int64");
  EXPECT_ERROR(Scalar(1e300).toFloat(), "float32");
  EXPECT_ERROR(Scalar(70000).toHalf(), "float16");
  EXPECT_EQ(Scalar(65504).toHalf(), Half(65504.0f));
  EXPECT_TRUE(std::isinf(float(Scalar(kInf).toHalf())));
  EXPECT_TRUE(std::isnan(Scalar(kNan).toFloat()));
  EXPECT_EQ(float(Scalar(2.5).toBFloat16()), 2.5f);
}

TEST(Scalar, negative_integers_wrap_into_unsigned_ones) {
  EXPECT_EQ(Scalar(-1).toByte(), 255);
  EXPECT_EQ(Scalar(-255).toByte(), 1);
  EXPECT_ERROR(Scalar(-256).toByte(), "uint8");
  EXPECT_ERROR(Scalar(256).toByte(), "uint8");
  EXPECT_EQ(Scalar(255.7).toByte(), 255);
  EXPECT_ERROR(Scalar(256.0).toByte(), "uint8");
  EXPECT_ERROR(Scalar(-0.5).toByte(), "uint8");
  EXPECT_ERROR(Scalar(-1.0).toByte(), "uint8");
}

TEST(Scalar, what_is_not_zero_is_true) {
  EXPECT_TRUE(Scalar(2).toBool() && Scalar(0.5).toBool() && Scalar(kNan).toBool() && Scalar(-1).to<bool>());
  EXPECT_FALSE(Scalar(0).toBool() || Scalar(-0.0).toBool() || Scalar(false).toBool());
  EXPECT_EQ(Scalar(true).toInt(), 1);
  EXPECT_EQ(Scalar(true).toDouble(), 1.0);
}

TEST(Scalar, integers_past_int64) {
  const Scalar big(std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(big.isIntegral(false) && big.isUnsigned());
  EXPECT_EQ(big.toUInt64(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(big.toDouble(), 18446744073709551616.0);
  EXPECT_ERROR(big.toLong(), "18446744073709551615 is out of the range of int64");
  EXPECT_EQ(printed(big), "18446744073709551615");
  EXPECT_EQ((-big).toLong(), 1);
  EXPECT_TRUE(big.equal(std::numeric_limits<uint64_t>::max()));
  EXPECT_FALSE(big.equal(-1));
  EXPECT_EQ(Scalar(uint64_t{7}).toLong(), 7);
}

TEST(Scalar, cast_never_throws) {
  EXPECT_EQ(Scalar(300).cast<uint8_t>(), 44);
  EXPECT_EQ(Scalar(kNan).cast<int>(), 0);
  EXPECT_EQ(Scalar(1e30).cast<int64_t>(), INT64_MAX);
  EXPECT_TRUE(std::isinf(Scalar(1e300).cast<float>()));
}

TEST(Scalar, arithmetic_and_comparison) {
  EXPECT_EQ((-Scalar(3)).toLong(), -3);
  EXPECT_EQ((-Scalar(2.5)).toDouble(), -2.5);
  EXPECT_EQ((-Scalar(INT64_MIN)).toLong(), INT64_MIN);
  EXPECT_ERROR(-Scalar(true), "bool");
  EXPECT_DOUBLE_EQ(Scalar(3).log().toDouble(), std::log(3.0));
  EXPECT_ERROR(Scalar(true).log(), "bool");
  EXPECT_EQ(Scalar(3).conj().toLong(), 3);
  EXPECT_TRUE(Scalar(2).equal(2.0) && Scalar(2.0).equal(2) && Scalar(true).equal(true));
  EXPECT_FALSE(Scalar(true).equal(1) || Scalar(1).equal(true) || Scalar(2.5).equal(2));
  EXPECT_FALSE(Scalar(-1).equal(std::numeric_limits<uint64_t>::max()));
}

TEST(Scalar, prints_as_its_number) {
  EXPECT_EQ(printed(Scalar(2)) + printed(Scalar(2.5)) + printed(Scalar(true)) + printed(Scalar(-3)), "22.5true-3");
}

TEST(Half, arithmetic_types) {
  const Half h = 1.5;
  static_assert(std::is_same_v<decltype(h + h), Half> && std::is_same_v<decltype(h * 2), Half>);
  static_assert(std::is_same_v<decltype(2 - h), Half> && std::is_same_v<decltype(h / int64_t{2}), Half>);
  static_assert(std::is_same_v<decltype(h + 1.0f), float> && std::is_same_v<decltype(1.0 * h), double>);
  static_assert(std::is_same_v<decltype(-h), Half>);
  EXPECT_EQ(float(h * 2 + h - 1), 3.5f);
  EXPECT_EQ(float(3 / h), 2.0f);
  EXPECT_EQ(float(-h), -1.5f);
  EXPECT_TRUE(std::signbit(float(-Half(0.0f))));
  Half x = h;
  x += 1;
  x *= h;
  x -= 0.25;
  x /= Half(0.5f);
  EXPECT_EQ(float(x), 7.0f);
  float f = 1;
  f += h;
  EXPECT_EQ(f, 2.5f);
  EXPECT_TRUE(h < 2 && h == 1.5 && h != Half(1.0f) && h >= Half(1.5f));
  EXPECT_EQ(printed(h), "1.5");
  EXPECT_EQ(float(Half(0x3e00, Half::from_bits())), 1.5f);
  EXPECT_EQ(float(Half(65504.0f) + Half(65504.0f)), std::numeric_limits<float>::infinity());
}

TEST(Half, limits) {
  using L = std::numeric_limits<Half>;
  static_assert(L::max().x == 0x7bff && L::digits == 11 && L::digits10 == 3 && L::has_quiet_NaN);
  EXPECT_EQ(float(L::max()), 65504.0f);
  EXPECT_EQ(float(L::denorm_min()), std::ldexp(1.0f, -24));
  EXPECT_EQ(float(L::epsilon()), std::ldexp(1.0f, -10));
  EXPECT_EQ(float(L::min()), std::ldexp(1.0f, L::min_exponent - 1));
  EXPECT_TRUE(std::isnan(float(L::signaling_NaN())));
}

TEST(BFloat16, arithmetic_and_limits) {
  const BFloat16 b = 1.5;
  static_assert(std::is_same_v<decltype(b + 1), BFloat16> && std::is_same_v<decltype(b * 1.0), double>);
  EXPECT_EQ(float(b * b - 1), 1.25f);
  EXPECT_EQ(printed(b), "1.5");
  using L = std::numeric_limits<BFloat16>;
  EXPECT_EQ(float(L::epsilon()), std::ldexp(1.0f, -7));
  EXPECT_EQ(float(L::denorm_min()), std::ldexp(1.0f, -133));
  EXPECT_EQ(float(BFloat16(0x3fc0, BFloat16::from_bits())), 1.5f);
}

TEST(Dtype, names_and_properties) {
  EXPECT_STREQ(toString(kF16), "Half");
  EXPECT_EQ(printed(kI64), "Long");
  EXPECT_EQ(elementSize(kU8) + elementSize(kF32) + elementSize(kF64), 13u);
  EXPECT_ERROR(elementSize(ScalarType::Undefined), "undefined");
  EXPECT_TRUE(isFloatingType(kBFloat16) && isReducedFloatingType(kHalf) && !isReducedFloatingType(kFloat));
  EXPECT_TRUE(isIntegralType(kBool, true) && !isIntegralType(kBool, false) && !isComplexType(kF32));
  EXPECT_TRUE(isSignedType(kI8) && !isSignedType(kBool));
  EXPECT_EQ(promoteTypes(kInt, kHalf), kHalf);
  EXPECT_TRUE(canCast(kInt, kFloat) && !canCast(kFloat, kInt));
  EXPECT_EQ(typeMetaToScalarType(ones({1}, kI16).dtype()), kI16);
  EXPECT_EQ(get_default_dtype_as_scalartype(), kF32);
  static_assert(CppTypeToScalarType<int32_t>::value == kInt32 && CppTypeToScalarType<bool>() == kBool);
  static_assert(std::is_same_v<impl::ScalarTypeToCPPTypeT<kBFloat16>, BFloat16>);
  static_assert(std::is_same_v<impl::ScalarTypeToCPPType<kF64>::type, double>);
}

TEST(Dispatch, gives_the_C_type) {
  const auto size = [](ScalarType t) {
    return EMBER_DISPATCH_FLOATING_TYPES_AND2(kHalf, kBFloat16, t, "size", [&] { return sizeof(scalar_t); });
  };
  EXPECT_EQ(size(kF16) + size(kF64), 10u);
  EXPECT_ERROR(size(kI32), "size: not implemented for int32");
  EXPECT_THROW(size(kBool), NotImplementedError);
  int count = 0;
  for (const ScalarType t : {kU8, kI8, kI16, kI32, kI64, kF32, kF64})
    EMBER_DISPATCH_ALL_TYPES(ones({2}, t).dtype(), "count", [&] { count += static_cast<int>(sizeof(scalar_t)); });
  EXPECT_EQ(count, 28);
  const auto is_bool = [](ScalarType t) {
    return EMBER_DISPATCH_ALL_TYPES_AND(kBool, t, "b", [] { return std::is_same_v<scalar_t, bool>; });
  };
  EXPECT_TRUE(is_bool(kBool) && !is_bool(kLong));
  const auto integer = [](ScalarType t) {
    return EMBER_DISPATCH_INTEGRAL_TYPES(t, "i", [] { return sizeof(scalar_t); });
  };
  EXPECT_ERROR(integer(kF32), "i: not implemented");
}

TEST(Device, text_both_ways) {
  EXPECT_EQ(Device("cuda:3").str(), "cuda:3");
  EXPECT_EQ(printed(Device(kCUDA, 1)) + printed(kCPU) + printed(Device("cpu")), "cuda:1cpucpu");
  for (const char* bad : {"", "gpu", "cuda:", "cuda:01", "cuda:-1", "cuda:1:2", "cuda:x", "cpu:1", "CUDA"})
    EXPECT_ERROR(Device(bad), "is not a device") << bad;
  Device d = kCUDA;
  EXPECT_FALSE(d.has_index());
  d.set_index(2);
  EXPECT_EQ(d, Device(kCUDA, 2));
  EXPECT_TRUE(d.is_cuda() && !d.is_cpu() && !d.is_meta() && d.supports_as_strided());
  EXPECT_EQ(DeviceTypeName(kCUDA) + DeviceTypeName(kCPU, true), "CUDAcpu");
  EXPECT_NE(std::hash<Device>()(Device(kCUDA, 1)), std::hash<Device>()(Device(kCUDA, 2)));
  EXPECT_EQ(std::hash<Device>()(Device("cuda:1")), std::hash<Device>()(Device(kCUDA, 1)));
}
