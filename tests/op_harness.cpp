#include "op_harness.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace ember::test {

const std::vector<Layout> kLayouts = {Layout::Contiguous, Layout::Transposed, Layout::Sliced, Layout::Broadcast};

const char* name_of(Layout layout) {
  switch (layout) {
    case Layout::Contiguous: return "contiguous";
    case Layout::Transposed: return "transposed";
    case Layout::Sliced: return "sliced";
    case Layout::Broadcast: return "broadcast";
  }
  return "";
}

ScalarType dtype_of_input(const Input& input, ScalarType dtype) {
  switch (input.role) {
    case Input::Role::Value: return dtype;
    case Input::Role::Index: return kInt64;
    case Input::Role::Mask: return kBool;
  }
  return dtype;
}

namespace {

// ε, and the spacing of the drawn values: few enough bits that every value within ±8 is exact.
struct Precision {
  double epsilon, spacing;
};
Precision precision(ScalarType dtype) {
  switch (dtype) {
    case kFloat64: return {0x1p-52, 0x1p-40};
    case kFloat32: return {0x1p-23, 0x1p-18};
    case kFloat16: return {0x1p-10, 0x1p-7};
    case kBFloat16: return {0x1p-7, 0x1p-4};
    default: return {0, 1};
  }
}

uint64_t mix(uint64_t x) {  // SplitMix64
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// What a conversion of the number to the dtype gives, without the library.
double converted(double x, ScalarType dtype) {
  switch (dtype) {
    case kFloat64: return x;
    case kFloat32: return static_cast<double>(static_cast<float>(x));
    case kFloat16: return std::fabs(x) >= 65520 ? std::copysign(std::numeric_limits<double>::infinity(), x) : x;
    case kBFloat16: return static_cast<double>(static_cast<float>(x));
    case kBool: return x != 0 ? 1 : 0;
    default: break;
  }
  const auto wide = static_cast<int64_t>(x);
  switch (dtype) {
    case kUInt8: return static_cast<double>(static_cast<uint8_t>(wide));
    case kInt8: return static_cast<double>(static_cast<int8_t>(wide));
    case kInt16: return static_cast<double>(static_cast<int16_t>(wide));
    case kInt32: return static_cast<double>(static_cast<int32_t>(wide));
    default: return static_cast<double>(wide);
  }
}

double mark(ScalarType dtype) {
  return is_floating(dtype) ? std::numeric_limits<double>::quiet_NaN() : dtype == kBool ? 1 : 99;
}

double load(const void* data, int64_t i, ScalarType dtype) {
  return visit_dtype(dtype, [&]<class T>() {
    T x;
    std::memcpy(&x, static_cast<const char*>(data) + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return static_cast<double>(x);
  });
}

void store(void* data, int64_t i, ScalarType dtype, double value) {
  visit_dtype(dtype, [&]<class T>() {
    T x;
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      x = T(static_cast<float>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      x = static_cast<T>(value);
    } else if constexpr (std::is_same_v<T, bool>) {
      x = value != 0;
    } else {
      x = static_cast<T>(static_cast<int64_t>(value));
    }
    std::memcpy(static_cast<char*>(data) + i * static_cast<int64_t>(sizeof(T)), &x, sizeof(T));
  });
}

int64_t address(const Sizes& index, IntArrayRef strides) {
  int64_t a = 0;
  for (size_t d = 0; d < index.size(); ++d) a += index[d] * strides[d];
  return a;
}

bool close(double actual, double expected, ScalarType dtype, const Tolerance& t) {
  if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) && std::isnan(actual);
  if (actual == expected) return true;
  if (!is_floating(dtype) || std::isinf(expected) || std::isinf(actual)) return false;
  const bool short_float = element_size(dtype) == 2;
  const double result = precision(dtype).epsilon;
  const double computation = short_float && !t.composite ? precision(kFloat32).epsilon : result;
  const double relative = short_float && !t.composite ? 1 : t.relative;
  return std::fabs(actual - expected) <=
         relative * result * std::fabs(expected) + (short_float && t.composite ? 2 : t.absolute) * computation;
}

}  // namespace

HostArray draw(const Input& input, size_t which, ScalarType dtype) {
  HostArray out = filled(input.sizes);
  const int64_t n = out.numel();
  if (!input.values.empty()) {
    for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = input.values[i];
    return out;
  }
  const ScalarType type = dtype_of_input(input, dtype);
  const uint64_t seed = mix(which * 1000003 + static_cast<uint64_t>(n));
  if (!is_floating(type)) {
    double low = std::ceil(input.low), high = std::floor(input.high);
    if (type == kUInt8 || type == kBool) low = std::max(low, 0.0);
    if (type == kBool) high = std::min(high, 1.0);
    const auto choices = static_cast<uint64_t>(std::max(high - low, 0.0)) + 1;
    for (size_t i = 0; i < out.data.size(); ++i) {
      out.data[i] = low + static_cast<double>(mix(seed + i) % choices);
    }
    return out;
  }
  // The middles of n equal parts of the range, shuffled; each input's a little beside the others'.
  std::vector<int64_t> order(out.data.size());
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[mix(seed + i) % i]);
  const double fraction = 0.15 + 0.23 * static_cast<double>(which % 4);
  const double q = precision(type).spacing;
  for (size_t i = 0; i < out.data.size(); ++i) {
    const double part = (static_cast<double>(order[i]) + fraction) / static_cast<double>(n);
    double x = input.low + part * (input.high - input.low);
    for (double kink : input.avoid) {
      if (std::fabs(x - kink) < 0.1) x = kink + (x < kink ? -0.1 : 0.1) + (x - kink);
    }
    // Towards the middle of the range, so that rounding does not leave it.
    x = x > (input.low + input.high) / 2 ? std::floor(x / q) * q : std::ceil(x / q) * q;
    out.data[i] = x;
  }
  return out;
}

LaidOut lay_out(const HostArray& values, ScalarType dtype, Device device, Layout layout) {
  const size_t rank = values.sizes.size();
  Sizes strides(rank, 0);
  int64_t length = 0, offset = 0;
  switch (layout) {
    case Layout::Contiguous:
    case Layout::Broadcast: {
      bool repeated = layout == Layout::Contiguous;
      size_t skip = rank;
      for (size_t d = 0; d < rank && !repeated; ++d) {
        if (values.sizes[d] > 1) {
          skip = d;
          repeated = true;
        }
      }
      length = 1;
      for (size_t d = rank; d-- > 0;) {
        if (d == skip) continue;
        strides[d] = length;
        length *= std::max<int64_t>(values.sizes[d], 1);
      }
      break;
    }
    case Layout::Transposed:
      length = 1;
      for (size_t d = 0; d < rank; ++d) {
        strides[d] = length;
        length *= std::max<int64_t>(values.sizes[d], 1);
      }
      break;
    case Layout::Sliced:
      offset = 3;
      length = 2;
      for (size_t d = rank; d-- > 0;) {
        strides[d] = length;
        length *= values.sizes[d] + 1;
      }
      length += offset;
      break;
  }
  if (count(values.sizes) == 0) length = offset = 0;
  const Tensor host = detail::empty({length}, dtype, kCPU);
  for (int64_t i = 0; i < length; ++i) store(host.data_ptr(), i, dtype, mark(dtype));
  size_t i = 0;
  for_each_index(values.sizes, [&](const Sizes& index) {
    store(host.data_ptr(), offset + address(index, strides), dtype, values.data[i++]);
  });
  const Tensor base = device.is_cpu() ? host : host.to(device);
  return {base, detail::alias(base, values.sizes, strides, offset)};
}

Tensor make(const HostArray& values, ScalarType dtype, Device device, Layout layout) {
  return lay_out(values, dtype, device, layout).tensor;
}

HostArray repeat_for_broadcast(HostArray values) {
  for (size_t d = 0; d < values.sizes.size(); ++d) {
    if (values.sizes[d] <= 1) continue;
    return broadcast_to(strided(values, static_cast<int64_t>(d), 0, 1, 1), values.sizes);
  }
  return values;
}

bool marks_intact(const LaidOut& t) {
  std::vector<bool> own(static_cast<size_t>(t.base.numel()), false);
  for_each_index(t.tensor.sizes().vec(), [&](const Sizes& index) {
    own[static_cast<size_t>(t.tensor.storage_offset() + address(index, t.tensor.strides()))] = true;
  });
  const HostArray all = read(t.base);
  const double m = mark(t.base.dtype());
  for (size_t i = 0; i < own.size(); ++i) {
    const double x = all.data[i];
    if (!own[i] && !(std::isnan(m) ? std::isnan(x) : x == m)) return false;
  }
  return true;
}

HostArray read(const Tensor& t) {
  const Tensor host = t.is_cpu() ? t : t.detach().cpu();
  HostArray out = filled(host.sizes().vec());
  size_t i = 0;
  for_each_index(out.sizes, [&](const Sizes& index) {
    out.data[i++] = load(host.data_ptr(), address(index, host.strides()), host.dtype());
  });
  return out;
}

::testing::AssertionResult matches(const Tensor& actual, const HostArray& expected, ScalarType dtype,
                                   const Tolerance& tolerance) {
  if (!actual.defined()) return ::testing::AssertionFailure() << "undefined";
  if (actual.dtype() != dtype) {
    return ::testing::AssertionFailure() << "dtype " << dtype_name(actual.dtype()) << ", expected "
                                         << dtype_name(dtype);
  }
  if (!(actual.sizes() == IntArrayRef(expected.sizes))) {
    return ::testing::AssertionFailure() << "sizes " << actual.sizes() << ", expected " << to_string(expected.sizes);
  }
  const HostArray values = read(actual);
  for (size_t i = 0; i < values.data.size(); ++i) {
    const double wanted = converted(expected.data[i], dtype);
    if (!close(values.data[i], wanted, dtype, tolerance)) {
      return ::testing::AssertionFailure() << "element " << i << " of " << describe(actual) << " is " << values.data[i]
                                           << ", expected " << wanted << ", off by " << values.data[i] - wanted;
    }
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult same(const Tensor& a, const Tensor& b) {
  return matches(a, read(b), b.dtype(), {0, 0, true});
}

namespace {
class Generated : public ::testing::Test {
 public:
  explicit Generated(std::function<void()> body) : body_(std::move(body)) {}
  void TestBody() override { body_(); }

 private:
  std::function<void()> body_;
};
}  // namespace

void register_test(const char* suite, const std::string& name, std::function<void()> body) {
  ::testing::RegisterTest(suite, name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [body = std::move(body)]() -> ::testing::Test* { return new Generated(body); });
}

}  // namespace ember::test
