// The vector versions of the functions against the C library in double precision, over the whole range of float32.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>

using namespace ember;

namespace {

// Every exponent, a few hundred mantissas each, both signs, and what is special.
std::vector<float> samples() {
  std::vector<float> x = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1.0f, -1.0f, 88.7f, -103.9f, -88.0f, 0.625f, 4.0f};
  for (uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (uint32_t i = 0; i < 301; ++i) {
      const uint32_t bits = exponent << 23 | (i * 27869u & 0x7fffffu);
      float f;
      std::memcpy(&f, &bits, sizeof(f));
      x.push_back(f);
      x.push_back(-f);
    }
  }
  return x;
}

struct Function {
  const char* name;
  Tensor (*of)(const Tensor&);
  double (*reference)(double);
  double units;  // in the last place of the result, or of the smallest normal number
};

double units_between(float actual, double expected) {
  if (std::isnan(expected)) return std::isnan(actual) ? 0 : INFINITY;
  const float nearest = static_cast<float>(expected);
  if (std::isinf(nearest) || std::isinf(actual)) return nearest == actual ? 0 : INFINITY;
  const double magnitude = std::max(std::fabs(expected), double(std::numeric_limits<float>::min()));
  return std::fabs(static_cast<double>(actual) - expected) / std::ldexp(1.0, std::ilogb(magnitude) - 23);
}

// The functions of e^−x are what they are where that overflows float32.
double exp_of_minus(double x) { return -x > 88.7228 ? INFINITY : std::exp(-x); }

const Function kFunctions[] = {
    {"exp", [](const Tensor& x) { return x.exp(); }, [](double x) { return std::exp(x); }, 1.5},
    {"exp2", [](const Tensor& x) { return x.exp2(); }, [](double x) { return std::exp2(x); }, 1.5},
    {"expm1", [](const Tensor& x) { return x.expm1(); }, [](double x) { return std::expm1(x); }, 4},
    {"log", [](const Tensor& x) { return x.log(); }, [](double x) { return std::log(x); }, 2},
    {"log1p", [](const Tensor& x) { return x.log1p(); }, [](double x) { return std::log1p(x); }, 3},
    {"log2", [](const Tensor& x) { return x.log2(); }, [](double x) { return std::log2(x); }, 3},
    {"log10", [](const Tensor& x) { return x.log10(); }, [](double x) { return std::log10(x); }, 3},
    {"tanh", [](const Tensor& x) { return x.tanh(); }, [](double x) { return std::tanh(x); }, 2.5},
    {"sigmoid", [](const Tensor& x) { return x.sigmoid(); }, [](double x) { return 1 / (1 + exp_of_minus(x)); }, 3},
    {"erf", [](const Tensor& x) { return x.erf(); }, [](double x) { return std::erf(x); }, 1.5},
    {"atan", [](const Tensor& x) { return x.atan(); }, [](double x) { return std::atan(x); }, 3},
    {"asin", [](const Tensor& x) { return x.asin(); }, [](double x) { return std::asin(x); }, 4},
    {"acos", [](const Tensor& x) { return x.acos(); }, [](double x) { return std::acos(x); }, 4},
    {"sinh", [](const Tensor& x) { return x.sinh(); }, [](double x) { return std::sinh(x); }, 5},
    {"asinh", [](const Tensor& x) { return x.asinh(); }, [](double x) { return std::asinh(x); }, 4},
    {"sqrt", [](const Tensor& x) { return x.sqrt(); }, [](double x) { return std::sqrt(x); }, 0.5},
    {"rsqrt", [](const Tensor& x) { return x.rsqrt(); }, [](double x) { return 1 / std::sqrt(x); }, 1.5},
    {"silu", [](const Tensor& x) { return silu(x); }, [](double x) { return x == 0 ? x : x / (1 + exp_of_minus(x)); },
     4},
};

class VectorMath : public testing::TestWithParam<Function> {};

TEST_P(VectorMath, IsAccurateEverywhere) {
  const Function& f = GetParam();
  const std::vector<float> x = samples();
  const Tensor y = f.of(tensor(x));
  const float* const actual = y.data_ptr<float>();
  double worst = 0;
  float at = 0, gave = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double units = units_between(actual[i], f.reference(static_cast<double>(x[i])));
    if (units > worst) {
      worst = units;
      at = x[i];
      gave = actual[i];
    }
  }
  EXPECT_LE(worst, f.units) << "of " << at << ": " << gave << ", expected " << f.reference(static_cast<double>(at));
}

TEST_P(VectorMath, DoesNotDependOnThePosition) {
  const Function& f = GetParam();
  const std::vector<float> x = samples();
  const Tensor all = f.of(tensor(x));
  for (const int64_t start : {1, 7, 100, 2001}) {  // other places in vectors, and in the rest of the loop
    const Tensor part = tensor(x).slice(0, start, start + 37).clone();
    const Tensor y = f.of(part), same = all.slice(0, start, start + 37).clone();
    EXPECT_EQ(std::memcmp(y.data_ptr(), same.data_ptr(), 37 * sizeof(float)), 0) << "from " << start;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, VectorMath, testing::ValuesIn(kFunctions),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
