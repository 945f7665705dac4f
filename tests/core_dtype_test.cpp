// Element types: promotion against PyTorch's tables, the 2-byte floats against an exact reference, Scalar.
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>

namespace {

using namespace ember;

// The order and the letters of the tables below.
const std::vector<ScalarType> kTypes = {kUInt8,   kInt8,    kInt16,   kInt32, kInt64,
                                        kFloat16, kFloat32, kFloat64, kBool,  kBFloat16};
char letter(ScalarType t) {
  switch (t) {
    case kUInt8: return 'B';
    case kInt8: return 'C';
    case kInt16: return 'S';
    case kInt32: return 'I';
    case kInt64: return 'L';
    case kFloat16: return 'H';
    case kFloat32: return 'F';
    case kFloat64: return 'D';
    case kBool: return 'T';
    case kBFloat16: return 'b';
    case ScalarType::Undefined: break;
  }
  return '?';
}

// PyTorch 2's torch.promote_types, a row per first type.
const char* const kPromoted[] = {"BSSILHFDBb", "SCSILHFDCb", "SSSILHFDSb", "IIIILHFDIb", "LLLLLHFDLb",
                                 "HHHHHHFDHF", "FFFFFFFDFF", "DDDDDDDDDD", "BCSILHFDTb", "bbbbbFFDbb"};
// The dtype of ones({2}, first) · ones({}, second).
const char* const kWithZeroDim[] = {"BBBBBHFDBb", "CCCCCHFDCb", "SSSSSHFDSb", "IIIIIHFDIb", "LLLLLHFDLb",
                                    "HHHHHHHHHH", "FFFFFFFFFF", "DDDDDDDDDD", "BCSILHFDTb", "bbbbbbbbbb"};
// … · true, · 2, · 2.5, whatever the number of dimensions.
const char* const kWithBool = "BCSILHFDTb";
const char* const kWithInteger = "BCSILHFDLb";
const char* const kWithFloating = "FFFFFHFDFb";

TEST(Dtype, Promotion) {
  for (size_t a = 0; a < kTypes.size(); ++a) {
    for (size_t b = 0; b < kTypes.size(); ++b) {
      SCOPED_TRACE(std::string(dtype_name(kTypes[a])) + " and " + dtype_name(kTypes[b]));
      EXPECT_EQ(letter(promote_types(kTypes[a], kTypes[b])), kPromoted[a][b]);
      const Tensor x = ones({2}, kTypes[a]), y = ones({2}, kTypes[b]);
      const Tensor s = ones({}, kTypes[a]), z = ones({}, kTypes[b]);
      EXPECT_EQ(letter((x * y).dtype()), kPromoted[a][b]);
      EXPECT_EQ(letter((s * z).dtype()), kPromoted[a][b]);
      EXPECT_EQ(letter((x * z).dtype()), kWithZeroDim[a][b]);
      EXPECT_EQ(letter((z * x).dtype()), kWithZeroDim[a][b]);
      EXPECT_EQ(letter(where(ones({2}, kBool), x, y).dtype()), kPromoted[a][b]);
      EXPECT_EQ(letter(maximum(x, z).dtype()), kWithZeroDim[a][b]);
      EXPECT_EQ(letter(cat({x, y}).dtype()), kPromoted[a][b]);
      EXPECT_EQ(letter(stack({s, z}).dtype()), kPromoted[a][b]);
      EXPECT_EQ((x == y).dtype(), kBool);
      EXPECT_TRUE((x == y).all().item<bool>());
      EXPECT_EQ((x * y).to(kFloat64).sum().item<double>(), 2);
      // Division is floating division.
      const ScalarType quotient = promote_types(kTypes[a], kTypes[b]);
      EXPECT_EQ((x / y).dtype(), is_floating(quotient) ? quotient : kFloat32);
    }
  }
}

TEST(Dtype, PromotionWithNumbers) {
  for (size_t a = 0; a < kTypes.size(); ++a) {
    SCOPED_TRACE(dtype_name(kTypes[a]));
    for (const Tensor& x : {ones({2}, kTypes[a]), ones({}, kTypes[a])}) {
      EXPECT_EQ(letter((x * true).dtype()), kWithBool[a]);
      EXPECT_EQ(letter((x * 2).dtype()), kWithInteger[a]);
      EXPECT_EQ(letter((x * 2.5).dtype()), kWithFloating[a]);
      EXPECT_EQ(letter((2 + x).dtype()), kWithInteger[a]);
      EXPECT_EQ(letter(where(x > 0, x, 2.5).dtype()), kWithFloating[a]);
      EXPECT_EQ(letter(x.pow(2).dtype()), kWithInteger[a]);
      EXPECT_EQ(letter(x.pow(2.5).dtype()), kWithFloating[a]);
      EXPECT_EQ(letter(ember::pow(2.5, x).dtype()), kWithFloating[a]);
      EXPECT_EQ(letter(x.clamp_min(0.5).dtype()), kWithFloating[a]);
      EXPECT_EQ(x.masked_fill(x > 0, 1).dtype(), kTypes[a]);
    }
  }
}

TEST(Dtype, DefaultDtype) {
  EXPECT_EQ(get_default_dtype(), kFloat32);
  set_default_dtype(kFloat64);
  EXPECT_EQ(zeros({1}).dtype(), kFloat64);
  EXPECT_EQ(tensor({1.5}).dtype(), kFloat64);
  EXPECT_EQ((ones({2}, kInt64) * 2.5).dtype(), kFloat64);
  EXPECT_EQ(arange(3).dtype(), kInt64);
  EXPECT_EQ(arange(3.0).dtype(), kFloat64);
  EXPECT_EQ(zeros({1}, kFloat32).dtype(), kFloat32);
  EXPECT_THROW(set_default_dtype(kInt64), Error);
  set_default_dtype(kFloat32);
  EXPECT_EQ(zeros({1}).dtype(), kFloat32);
}

TEST(Dtype, SizesAndKinds) {
  EXPECT_EQ(element_size(kBool), 1u);
  EXPECT_EQ(element_size(kBFloat16), 2u);
  EXPECT_EQ(element_size(kInt32), 4u);
  EXPECT_EQ(element_size(kFloat64), 8u);
  for (const ScalarType t : kTypes) {
    EXPECT_EQ(is_floating(t), letter(t) == 'H' || letter(t) == 'F' || letter(t) == 'D' || letter(t) == 'b');
    EXPECT_EQ(is_signed(t), t != kUInt8 && t != kBool);
    EXPECT_EQ(zeros({3}, t).nbytes(), 3 * element_size(t));
    const size_t visited = visit_dtype(t, []<class T>() { return sizeof(T); });
    EXPECT_EQ(visited, element_size(t));
    EXPECT_EQ(visit_dtype(t, []<class T>() { return dtype_of_v<T>; }), t);
  }
  const auto visit_floating = [](ScalarType t) {
    return visit_dtype<DtypeSet::Floating>(t, []<class T>() { return sizeof(T); });
  };
  EXPECT_EQ(visit_floating(kFloat16), 2u);
  EXPECT_THROW(visit_floating(kInt32), Error);
  EXPECT_THROW((visit_dtype<DtypeSet::Numeric>(kBool, []<class T>() { return sizeof(T); })), Error);
}

// ---- Half and BFloat16 ----

// Value of a binary floating number from its fields, by exact arithmetic in double.
double decode(uint16_t bits, int exponent_bits, int fraction_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
  return sign * std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
}

// The bits nearest to a number, ties to the even ones: search among all that are not negative, which are in
// the order of their bits.
uint16_t nearest(double x, int exponent_bits, int fraction_bits) {
  const auto infinity = static_cast<uint16_t>(((1 << exponent_bits) - 1) << fraction_bits);
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double magnitude = std::fabs(x);
  uint16_t low = 0, high = infinity;  // decode(low) <= magnitude < decode(high), infinity above all
  while (high - low > 1) {
    const auto middle = static_cast<uint16_t>((low + high) / 2);
    (decode(middle, exponent_bits, fraction_bits) <= magnitude ? low : high) = middle;
  }
  if (std::isinf(x)) return static_cast<uint16_t>(sign | infinity);
  const double below = decode(low, exponent_bits, fraction_bits);
  // Infinity stands for the next number that would follow the largest.
  const double above =
      high == infinity ? std::ldexp(1.0, 1 << (exponent_bits - 1)) : decode(high, exponent_bits, fraction_bits);
  const double to_low = magnitude - below, to_high = above - magnitude;
  const uint16_t chosen = to_low < to_high ? low : to_high < to_low ? high : (low % 2 == 0 ? low : high);
  return static_cast<uint16_t>(sign | chosen);
}

template <class T>
void check_every_pattern(int exponent_bits, int fraction_bits) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const T x = T::from_bits(static_cast<uint16_t>(bits));
    const double expected = decode(x.x, exponent_bits, fraction_bits);
    const float value = x;
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(T(value)))) << bits;
      continue;
    }
    ASSERT_EQ(static_cast<double>(value), expected) << bits;
    ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    ASSERT_EQ(T(value).x, x.x) << bits;
    // Between this number and the next: the middle, and what is just beside it.
    if ((bits & 0x7fff) < 0x7000) {
      const double next = decode(static_cast<uint16_t>(bits + 1), exponent_bits, fraction_bits);
      const auto middle = static_cast<float>((expected + next) / 2);
      for (const float f : {middle, std::nextafterf(middle, 0), std::nextafterf(middle, 2 * middle)}) {
        ASSERT_EQ(T(f).x, nearest(f, exponent_bits, fraction_bits)) << f;
      }
    }
  }
}

TEST(Half, EveryPattern) { check_every_pattern<Half>(5, 10); }
TEST(BFloat16, EveryPattern) { check_every_pattern<BFloat16>(8, 7); }

template <class T>
void check_edges(int exponent_bits, int fraction_bits) {
  const double largest =
      decode(static_cast<uint16_t>((((1 << exponent_bits) - 1) << fraction_bits) - 1), exponent_bits, fraction_bits);
  const double smallest = decode(1, exponent_bits, fraction_bits);
  const double smallest_normal = decode(static_cast<uint16_t>(1 << fraction_bits), exponent_bits, fraction_bits);
  std::vector<float> edges = {0.0f, 1.0f, 65504.0f, 65519.0f, 65519.996f, 65520.0f, 65536.0f, 1e30f, 3.3e38f, 1e-30f};
  for (const double x : {largest, smallest, smallest_normal, smallest / 2, smallest * 1.5, 1.0 + 1.0 / 2048, 2049.0}) {
    edges.push_back(static_cast<float>(x));
    edges.push_back(std::nextafterf(static_cast<float>(x), 0));
    edges.push_back(std::nextafterf(static_cast<float>(x), std::numeric_limits<float>::infinity()));
  }
  edges.push_back(std::numeric_limits<float>::max());
  edges.push_back(std::numeric_limits<float>::min());
  edges.push_back(std::numeric_limits<float>::denorm_min());
  edges.push_back(std::numeric_limits<float>::infinity());
  for (const float f : edges) {
    EXPECT_EQ(T(f).x, nearest(f, exponent_bits, fraction_bits)) << f;
    EXPECT_EQ(T(-f).x, nearest(-f, exponent_bits, fraction_bits)) << -f;
  }
  // A pattern in every two hundred thousand of all floats.
  for (uint64_t bits = 0; bits < 0x7f800000u; bits += 20011) {
    const auto narrow = static_cast<uint32_t>(bits);
    float f;
    std::memcpy(&f, &narrow, sizeof f);
    ASSERT_EQ(T(f).x, nearest(f, exponent_bits, fraction_bits)) << f;
  }
  EXPECT_TRUE(std::isnan(static_cast<float>(T(std::nanf("")))));
  EXPECT_EQ(static_cast<double>(std::numeric_limits<T>::max()), largest);
  EXPECT_EQ(static_cast<double>(std::numeric_limits<T>::min()), smallest_normal);
  EXPECT_EQ(static_cast<double>(std::numeric_limits<T>::lowest()), -largest);
  EXPECT_EQ(static_cast<double>(std::numeric_limits<T>::epsilon()), std::ldexp(1.0, -fraction_bits));
}

TEST(Half, Rounding) { check_edges<Half>(5, 10); }
TEST(BFloat16, Rounding) { check_edges<BFloat16>(8, 7); }

// The library's conversion kernels on every pattern: vector code may differ from the scalar one.
TEST(Half, ConversionKernels) {
  for (const ScalarType t : {kFloat16, kBFloat16}) {
    std::vector<uint16_t> patterns(65536);
    for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
    const Tensor x = from_blob(patterns.data(), {65536}, t);
    const Tensor wide = x.to(kFloat32);
    const Tensor back = wide.to(t);
    const float* f = wide.data_ptr<float>();
    const auto* b = static_cast<const uint16_t*>(back.data_ptr());
    for (size_t i = 0; i < patterns.size(); ++i) {
      const double expected = t == kFloat16 ? decode(patterns[i], 5, 10) : decode(patterns[i], 8, 7);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(f[i])) << i;
        continue;
      }
      ASSERT_EQ(static_cast<double>(f[i]), expected) << i;
      ASSERT_EQ(b[i], patterns[i]);
    }
  }
}

// Every pair of dtypes, on values that both hold, and on those that static_cast truncates.
TEST(Dtype, ConversionBetweenAll) {
  for (const ScalarType from : kTypes) {
    for (const ScalarType to : kTypes) {
      SCOPED_TRACE(std::string(dtype_name(from)) + " to " + dtype_name(to));
      const Tensor x = arange(0, 37).to(from);
      const Tensor y = x.to(to);
      EXPECT_EQ(y.dtype(), to);
      const bool to_bool = from == kBool || to == kBool;
      for (int64_t i = 0; i < 37; ++i) {
        EXPECT_EQ(y[i].item<double>(), to_bool ? static_cast<double>(i != 0) : static_cast<double>(i));
      }
      const Tensor strided = x.slice(0, 1, 37, 3).to(to);
      for (int64_t i = 0; i < 12; ++i) {
        EXPECT_EQ(strided[i].item<double>(), to_bool ? 1 : static_cast<double>(1 + 3 * i));
      }
    }
  }
  EXPECT_EQ(tensor({1.9, -1.9}).to(kInt32)[1].item<int>(), -1);
  EXPECT_EQ(tensor({300}).to(kUInt8).item<int>(), 44);
  EXPECT_EQ(tensor({0.25}).to(kBool).item<bool>(), true);
  EXPECT_EQ(full({}, std::nan("")).to(kBool).item<bool>(), true);
}

// ---- Scalar ----

TEST(Scalar, KindsAndConversions) {
  EXPECT_EQ(Scalar(2).type(), kInt64);
  EXPECT_EQ(Scalar(2.5f).type(), kFloat64);
  EXPECT_EQ(Scalar(true).type(), kBool);
  EXPECT_EQ(Scalar(Half(1.5f)).type(), kFloat64);
  EXPECT_EQ(Scalar().toLong(), 0);
  EXPECT_EQ(Scalar(2.9).toInt(), 2);
  EXPECT_EQ(Scalar(-2.9).toLong(), -2);
  EXPECT_TRUE(Scalar(0.1).toBool());
  EXPECT_FALSE(Scalar(0.0).toBool());
  EXPECT_EQ(Scalar(int64_t{1} << 62).toLong(), int64_t{1} << 62);
  EXPECT_EQ((-Scalar(3)).toLong(), -3);
  EXPECT_EQ((-Scalar(2.5)).toDouble(), -2.5);
  // Beyond the range of int64, where static_cast has no meaning, kernels get the nearest.
  EXPECT_EQ(Scalar(1e30).cast<int64_t>(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Scalar(-1e30).cast<int64_t>(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Scalar(std::nan("")).cast<int64_t>(), 0);
  EXPECT_EQ((-Scalar(std::numeric_limits<int64_t>::min())).toLong(), std::numeric_limits<int64_t>::min());
  std::ostringstream out;
  out << Scalar(2.5) << " " << Scalar(3) << " " << Scalar(true);
  EXPECT_EQ(out.str(), "2.5 3 true");
}

}  // namespace
