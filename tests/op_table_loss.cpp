// Rows of the losses.
#include <algorithm>
#include <cmath>

#include "op_table.h"

namespace ember::test {
namespace {

struct Reducing {
  Reduction reduction;
  const char* name;
};
const std::vector<Reducing> kReductions = {
    {Reduction::None, "none"}, {Reduction::Mean, "mean"}, {Reduction::Sum, "sum"}};

HostArray reduced(const HostArray& losses, Reduction reduction, double weight) {
  if (reduction == Reduction::None) return losses;
  double total = 0;
  for (double x : losses.data) total += x;
  return scalar(reduction == Reduction::Mean ? total / weight : total);
}

constexpr int64_t kIgnored = 1;

// scores: [C] or [N, C] log-probabilities.
HostArray nll(const HostArray& scores, const HostArray& target, const HostArray* weight, Reduction reduction,
              int64_t ignored) {
  HostArray losses = filled(target.sizes);
  const int64_t classes = scores.sizes.back();
  double total = 0;
  for (int64_t i = 0; i < target.numel(); ++i) {
    const auto c = static_cast<int64_t>(target.data[static_cast<size_t>(i)]);
    if (c == ignored) continue;
    const double w = weight == nullptr ? 1 : weight->data[static_cast<size_t>(c)];
    losses.data[static_cast<size_t>(i)] = -w * scores.data[static_cast<size_t>(i * classes + c)];
    total += w;
  }
  return reduced(losses, reduction, total);
}

HostArray log_softmax_rows(HostArray a) {
  const int64_t classes = a.sizes.back();
  for (auto row = a.data.begin(); row != a.data.end(); row += classes) {
    const double top = *std::max_element(row, row + classes);
    double total = 0;
    for (auto x = row; x != row + classes; ++x) total += std::exp(*x - top);
    for (auto x = row; x != row + classes; ++x) *x -= top + std::log(total);
  }
  return a;
}

// Class probabilities as the target, smoothed; weights scale the classes.
HostArray soft_cross_entropy(const HostArray& scores, HostArray target, const HostArray* weight, Reduction reduction,
                             double smoothing) {
  const HostArray logs = log_softmax_rows(scores);
  const int64_t classes = scores.sizes.back();
  const int64_t rows = logs.numel() / classes;
  HostArray losses = scores.dim() == 1 ? filled({}) : filled({rows});
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < classes; ++c) {
      const auto at = static_cast<size_t>(i * classes + c);
      const double p = target.data[at] * (1 - smoothing) + smoothing / static_cast<double>(classes);
      const double w = weight == nullptr ? 1 : weight->data[static_cast<size_t>(c)];
      losses.data[static_cast<size_t>(i)] -= w * p * logs.data[at];
    }
  }
  return reduced(losses, reduction, static_cast<double>(rows));
}

// Class indices with label smoothing, as PyTorch defines it: (1 − ε)·nll + ε/C · Σ_c −w_c·log p_c, the
// mean over the weight of the targets.
HostArray hard_cross_entropy(const HostArray& scores, const HostArray& target, const HostArray* weight,
                             Reduction reduction, int64_t ignored, double smoothing) {
  const HostArray logs = log_softmax_rows(scores);
  const int64_t classes = scores.sizes.back();
  HostArray losses = filled(target.sizes);
  double total = 0;
  for (int64_t i = 0; i < target.numel(); ++i) {
    const auto c = static_cast<int64_t>(target.data[static_cast<size_t>(i)]);
    if (c == ignored) continue;
    const double w = weight == nullptr ? 1 : weight->data[static_cast<size_t>(c)];
    double smooth = 0;
    for (int64_t k = 0; k < classes; ++k) {
      smooth -= (weight == nullptr ? 1 : weight->data[static_cast<size_t>(k)]) *
                logs.data[static_cast<size_t>(i * classes + k)];
    }
    losses.data[static_cast<size_t>(i)] = (1 - smoothing) * -w * logs.data[static_cast<size_t>(i * classes + c)] +
                                          smoothing / static_cast<double>(classes) * smooth;
    total += w;
  }
  return reduced(losses, reduction, total);
}

Input constant(Input input) {
  input.differentiable = false;
  return input;
}

void add_mse(std::vector<Op>& table) {
  Op op;
  op.name = "mse_loss";
  op.dtypes = kFloatDtypes;
  op.refused = {kInt64, kBool};
  op.tolerance = {16, 64, true};
  for (const Reducing& r : kReductions) {
    const Reduction reduction = r.reduction;
    for (const auto& [a, b] : std::vector<std::pair<Sizes, Sizes>>{{{}, {}},
                                                                   {{1}, {1}},
                                                                   {{5}, {5}},
                                                                   {{3, 4}, {3, 4}},
                                                                   {{3, 4}, {4}},
                                                                   {{3, 4}, {3, 1}},
                                                                   {{0}, {0}},
                                                                   {{2, 0}, {2, 0}},
                                                                   {{31, 20}, {31, 20}}}) {
      Variant v{std::string(r.name) + " " + to_string(a) + to_string(b),
                {value(a, -1, 1), value(b, -1, 1)},
                call([=](const Tensors& t) { return mse_loss(t[0], t[1], reduction); }),
                ref([=](const Arrays& x) {
                  const HostArray losses = map(x[0], x[1], [](double p, double q) { return (p - q) * (p - q); });
                  return reduced(losses, reduction, static_cast<double>(losses.numel()));
                })};
      v.gradient = count(a) < 50;
      op.variants.push_back(v);
    }
  }
  table.push_back(op);
}

void add_nll(std::vector<Op>& table) {
  Op op;
  op.name = "nll_loss";
  op.dtypes = kFloatDtypes;
  op.tolerance = {16, 64, true};
  struct Case {
    Sizes scores, target;
    std::vector<double> classes;
  };
  for (const Case& c :
       std::vector<Case>{{{4, 3}, {4}, {0, 2, 1, 2}}, {{3}, {}, {2}}, {{1, 5}, {1}, {4}}, {{0, 3}, {0}, {}}}) {
    for (const Reducing& r : kReductions) {
      for (const bool weighted : {false, true}) {
        for (const int64_t ignored : {int64_t{-100}, kIgnored}) {
          const Reduction reduction = r.reduction;
          Variant v{
              std::string(r.name) + " " + to_string(c.scores) + (weighted ? " weighted" : "") +
                  (ignored == kIgnored ? " ignoring" : ""),
              {value(c.scores), index(c.target, c.classes)},
              call([=](const Tensors& t) {
                return nll_loss(t[0], t[1], weighted ? t[2] : Tensor(), reduction, ignored);
              }),
              ref([=](const Arrays& a) { return nll(a[0], a[1], weighted ? &a[2] : nullptr, reduction, ignored); })};
          if (weighted) v.inputs.push_back(constant(value({c.scores.back()}, 0.5, 2)));
          op.variants.push_back(v);
        }
      }
    }
  }
  // What an ignored row holds does not matter, not even infinities in the place of every class.
  for (const Reducing& r : kReductions) {
    const Reduction reduction = r.reduction;
    Variant infinite{std::string(r.name) + " ignoring infinities",
                     {given({3, 2}, {-1, -2, -__builtin_inf(), -__builtin_inf(), -0.5, -4}), index({3}, {0, 1, 0})},
                     call([=](const Tensors& t) { return nll_loss(t[0], t[1], {}, reduction, kIgnored); }),
                     ref([=](const Arrays& a) { return nll(a[0], a[1], nullptr, reduction, kIgnored); })};
    infinite.gradient = false;
    op.variants.push_back(infinite);
  }
  table.push_back(op);
}

void add_cross_entropy(std::vector<Op>& table) {
  Op op;
  op.name = "cross_entropy_loss";
  op.dtypes = kFloatDtypes;
  op.refused = {kInt64, kBool};
  op.tolerance = {16, 100, true};
  struct Case {
    Sizes scores, target;
    std::vector<double> classes;
  };
  for (const Case& c : std::vector<Case>{{{4, 3}, {4}, {0, 2, 1, 2}}, {{3}, {}, {2}}}) {
    for (const Reducing& r : kReductions) {
      for (const bool weighted : {false, true}) {
        for (const double smoothing : {0.0, 0.25}) {
          const Reduction reduction = r.reduction;
          Variant v{std::string(r.name) + " " + to_string(c.scores) + (weighted ? " weighted" : "") +
                        (smoothing != 0 ? " smoothed" : ""),
                    {value(c.scores), index(c.target, c.classes)},
                    call([=](const Tensors& t) {
                      return cross_entropy_loss(t[0], t[1], weighted ? t[2] : Tensor(), reduction, kIgnored, smoothing);
                    }),
                    ref([=](const Arrays& a) {
                      return hard_cross_entropy(a[0], a[1], weighted ? &a[2] : nullptr, reduction, kIgnored, smoothing);
                    })};
          if (weighted) v.inputs.push_back(constant(value({c.scores.back()}, 0.5, 2)));
          op.variants.push_back(v);

          Variant w = v;
          w.label += " probabilities";
          w.inputs[1] = value(c.scores, 0, 1);
          w.call = call([=](const Tensors& t) {
            return cross_entropy_loss(t[0], t[1], weighted ? t[2] : Tensor(), reduction, -100, smoothing);
          });
          w.reference = ref([=](const Arrays& a) {
            return soft_cross_entropy(a[0], a[1], weighted ? &a[2] : nullptr, reduction, smoothing);
          });
          op.variants.push_back(w);
        }
      }
    }
  }
  // None and one, all of them ignored, and more than the CUDA kernel of one block takes.
  std::vector<double> many;
  for (int i = 0; i < 530; ++i) many.push_back(i % 7);
  for (const Case& c : std::vector<Case>{{{0, 3}, {0}, {}},
                                         {{1, 1}, {1}, {0}},
                                         {{1, 5}, {1}, {4}},
                                         {{3, 4}, {3}, {kIgnored, kIgnored, kIgnored}},
                                         {{530, 7}, {530}, many},
                                         {{2, 530}, {2}, {0, 529}}}) {
    for (const Reducing& r : kReductions) {
      const Reduction reduction = r.reduction;
      Variant v{std::string(r.name) + " " + to_string(c.scores),
                {value(c.scores), index(c.target, c.classes)},
                call([=](const Tensors& t) { return cross_entropy_loss(t[0], t[1], {}, reduction, kIgnored); }),
                ref([=](const Arrays& a) { return hard_cross_entropy(a[0], a[1], nullptr, reduction, kIgnored, 0); })};
      // The mean of nothing is NaN.
      v.gradient = count(c.scores) != 0 && count(c.scores) < 50 && c.classes[0] != kIgnored;
      op.variants.push_back(v);
    }
  }
  // An infinity among the scores of an ignored row: its log-probabilities are NaN.
  for (const Reducing& r : kReductions) {
    for (const double smoothing : {0.0, 0.25}) {
      const Reduction reduction = r.reduction;
      Variant v{
          std::string(r.name) + (smoothing != 0 ? " smoothed" : "") + " ignoring an infinity",
          {given({3, 2}, {-1, -2, __builtin_inf(), 0, -0.5, -4}), index({3}, {0, 1, 0})},
          call([=](const Tensors& t) { return cross_entropy_loss(t[0], t[1], {}, reduction, kIgnored, smoothing); }),
          ref([=](const Arrays& a) {
            return hard_cross_entropy(a[0], a[1], nullptr, reduction, kIgnored, smoothing);
          })};
      v.gradient = false;
      op.variants.push_back(v);
    }
  }
  table.push_back(op);
}

}  // namespace

void add_loss_ops(std::vector<Op>& table) {
  add_mse(table);
  add_nll(table);
  add_cross_entropy(table);
}

}  // namespace ember::test
