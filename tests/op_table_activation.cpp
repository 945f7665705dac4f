// Rows of the activations.
#include <algorithm>
#include <cmath>

#include "op_table_unary.h"

namespace ember::test {
namespace {

// One activation with one choice of its numbers.
struct Activation {
  const char* label;
  Call call;
  InPlace in_place;
  Reference reference;
  std::vector<double> avoid;
};

template <class F>
Reference pointwise(F f) {
  return ref([f](const Arrays& a) { return map(a[0], f); });
}

Op& add(std::vector<Op>& table, const char* name, const std::vector<Activation>& choices,
        std::vector<ScalarType> dtypes = kFloatDtypes, std::vector<ScalarType> refused = {kInt32, kUInt8, kBool}) {
  Op op;
  op.name = name;
  op.dtypes = std::move(dtypes);
  op.refused = std::move(refused);
  op.tolerance = {8, 8};
  for (const Activation& c : choices) {
    for (Variant& v : unary_variants(c.call, nullptr, c.in_place, c.reference, -3, 3, c.avoid)) {
      if (*c.label != '\0') v.label = std::string(c.label) + " " + v.label;
      op.variants.push_back(v);
    }
  }
  table.push_back(op);
  return table.back();
}

double elu_of(double x, double alpha, double scale, double input_scale) {
  return x > 0 ? x * scale : x == 0 ? x : scale * alpha * std::expm1(x * input_scale);
}
double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double gelu_of(double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); }
double gelu_tanh_of(double x) {
  const double u = std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
  return x * 0.5 * (1 + std::tanh(u));
}
double softplus_of(double x, double beta, double threshold) {
  return x * beta > threshold ? x : std::log1p(std::exp(x * beta)) / beta;
}
double clamp_of(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

void add_straight(std::vector<Op>& table) {
  const std::vector<ScalarType> signed_dtypes = {kFloat32, kFloat64, kFloat16, kBFloat16,
                                                 kInt8,    kInt16,   kInt32,   kInt64};
  add(table, "relu6",
      {{"",
        call([](const Tensors& t) { return relu6(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          relu6_(x);
        },
        pointwise([](double x) { return clamp_of(x, 0, 6); }),
        {0}}},
      kNumericDtypes, {kBool});
  add(table, "hardtanh",
      {{"",
        call([](const Tensors& t) { return hardtanh(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          hardtanh_(x);
        },
        pointwise([](double x) { return clamp_of(x, -1, 1); }),
        {-1, 1}},
       {"to [-2, 1]",
        call([](const Tensors& t) { return hardtanh(t[0], -2, 1); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          hardtanh_(x, -2, 1);
        },
        pointwise([](double x) { return clamp_of(x, -2, 1); }),
        {-2, 1}}},
      signed_dtypes, {kBool});
  add(table, "threshold",
      {{"",
        call([](const Tensors& t) { return threshold(t[0], 1, -2); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          threshold_(x, 1, -2);
        },
        pointwise([](double x) { return x <= 1 ? -2 : x; }),
        {1}},
       {"to a larger value",
        call([](const Tensors& t) { return threshold(t[0], -1, 20); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          threshold_(x, -1, 20);
        },
        pointwise([](double x) { return x <= -1 ? 20 : x; }),
        {-1}}},
      signed_dtypes, {kBool});
  add(table, "leaky_relu",
      {{"",
        call([](const Tensors& t) { return leaky_relu(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          leaky_relu_(x);
        },
        pointwise([](double x) { return x > 0 ? x : x * 0.01; }),
        {0}},
       {"slope -0.5",
        call([](const Tensors& t) { return leaky_relu(t[0], -0.5); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          leaky_relu_(x, -0.5);
        },
        pointwise([](double x) { return x > 0 ? x : x * -0.5; }),
        {0}}});
}

void add_smooth(std::vector<Op>& table) {
  add(table, "elu",
      {{"",
        call([](const Tensors& t) { return elu(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          elu_(x);
        },
        pointwise([](double x) { return elu_of(x, 1, 1, 1); }),
        {0}},
       {"with numbers",
        call([](const Tensors& t) { return elu(t[0], 1.5, 0.75, 2.5); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          elu_(x, 1.5, 0.75, 2.5);
        },
        pointwise([](double x) { return elu_of(x, 1.5, 0.75, 2.5); }),
        {0}},
       {"alpha -0.5",
        call([](const Tensors& t) { return elu(t[0], -0.5); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          elu_(x, -0.5);
        },
        pointwise([](double x) { return elu_of(x, -0.5, 1, 1); }),
        {0}}});
  add(table, "selu",
      {{"",
        call([](const Tensors& t) { return selu(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          selu_(x);
        },
        pointwise([](double x) { return elu_of(x, 1.6732632423543772, 1.0507009873554805, 1); }),
        {0}}});
  add(table, "celu",
      {{"",
        call([](const Tensors& t) { return celu(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          celu_(x);
        },
        pointwise([](double x) { return elu_of(x, 1, 1, 1); }),
        {0}},
       {"alpha 2",
        call([](const Tensors& t) { return celu(t[0], 2); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          celu_(x, 2);
        },
        pointwise([](double x) { return elu_of(x, 2, 1, 0.5); }),
        {0}},
       {"alpha -2",
        call([](const Tensors& t) { return celu(t[0], -2); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          celu_(x, -2);
        },
        pointwise([](double x) { return elu_of(x, -2, 1, -0.5); }),
        {0}}});
  add(table, "gelu",
      {{"",
        call([](const Tensors& t) { return gelu(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          gelu_(x);
        },
        pointwise(gelu_of),
        {}},
       {"tanh",
        call([](const Tensors& t) { return gelu(t[0], "tanh"); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          gelu_(x, "tanh");
        },
        pointwise(gelu_tanh_of),
        {}}});
  add(table, "silu",
      {{"",
        call([](const Tensors& t) { return silu(t[0]); }),
        [](const Tensors& t) {
          Tensor x = t[0];
          silu_(x);
        },
        pointwise([](double x) { return x / (1 + std::exp(-x)); }),
        {}}});
  add(table, "softplus",
      {{"",
        call([](const Tensors& t) { return softplus(t[0]); }),
        nullptr,
        pointwise([](double x) { return softplus_of(x, 1, 20); }),
        {}},
       {"beta 2",
        call([](const Tensors& t) { return softplus(t[0], 2, 4); }),
        nullptr,
        pointwise([](double x) { return softplus_of(x, 2, 4); }),
        {2}}});
  add(table, "log_sigmoid",
      {{"",
        call([](const Tensors& t) { return log_sigmoid(t[0]); }),
        nullptr,
        pointwise([](double x) { return std::min(x, x * 0) - std::log1p(std::exp(-std::fabs(x))); }),
        {}}});
  // min(x, 0) of the reference is not a number at infinity, which has a test of its own.
  for (Variant& v : table.back().variants)
    if (v.label == "special") v.inputs = {repeated({0, 1, -1, 100, -100, 0.5})};
}

void add_glu(std::vector<Op>& table) {
  Op op;
  op.name = "glu";
  op.dtypes = kFloatDtypes;
  op.refused = {kInt32, kBool};
  op.tolerance = {8, 8};
  struct Case {
    Sizes sizes;
    int64_t dim;
  };
  for (const Case& c :
       std::vector<Case>{{{6}, -1}, {{4, 3}, 0}, {{3, 4}, 1}, {{2, 4, 3}, -2}, {{0, 4}, 1}, {{3, 0}, 1}}) {
    op.variants.push_back({to_string(c.sizes) + " " + std::to_string(c.dim),
                           {value(c.sizes)},
                           call([d = c.dim](const Tensors& t) { return glu(t[0], d); }),
                           ref([c](const Arrays& a) {
                             const int64_t d = c.dim < 0 ? c.dim + static_cast<int64_t>(c.sizes.size()) : c.dim;
                             const int64_t half = c.sizes[static_cast<size_t>(d)] / 2;
                             return map(strided(a[0], d, 0, half, 1), strided(a[0], d, half, half, 1),
                                        [](double x, double y) { return x * sigmoid_of(y); });
                           })});
  }
  table.push_back(op);
}

}  // namespace

void add_activation_ops(std::vector<Op>& table) {
  add_straight(table);
  add_smooth(table);
  add_glu(table);
}

}  // namespace ember::test
