// Rows of the operations that take a tensor of indices.
#include "op_table.h"

namespace ember::test {
namespace {

int64_t wrap(int64_t dim, const HostArray& a) { return dim < 0 ? dim + a.dim() : dim; }

// out[…, i, …] = in[…, index[i], …]
HostArray selected(const HostArray& a, int64_t dim, const HostArray& index) {
  if (a.dim() == 0) return a;
  Sizes sizes = a.sizes;
  sizes[static_cast<size_t>(dim)] = index.numel();
  HostArray out = filled(sizes);
  size_t i = 0;
  for_each_index(sizes, [&](Sizes at) {
    int64_t& x = at[static_cast<size_t>(dim)];
    x = static_cast<int64_t>(index.data[static_cast<size_t>(x)]);
    out.data[i++] = a.at(at);
  });
  return out;
}

// One index per element: calls f(position in index, position with the index in `dim`).
void scattered(const HostArray& index, int64_t dim, const std::function<void(const Sizes&, const Sizes&)>& f) {
  size_t i = 0;
  for_each_index(index.sizes, [&](const Sizes& from) {
    Sizes to = from;
    const auto x = static_cast<int64_t>(index.data[i++]);
    if (!to.empty()) to[static_cast<size_t>(dim)] = x;
    f(from, to);
  });
}

}  // namespace

void add_index_ops(std::vector<Op>& table) {
  Op select_op;
  select_op.name = "index_select";
  select_op.dtypes = kAllDtypes;
  Op add_op;
  add_op.name = "index_add";
  add_op.dtypes = kNumericDtypes;
  add_op.tolerance = {8, 64, true};
  struct Row {
    Sizes self;
    int64_t dim;
    Sizes index_sizes;
    std::vector<double> index;
  };
  for (const Row& c : std::vector<Row>{{{4, 3}, 0, {3}, {2, 0, 2}},
                                       {{4, 3}, 1, {4}, {2, 2, 2, 0}},
                                       {{2, 3, 2}, -2, {2}, {1, 0}},
                                       {{5}, 0, {3}, {4, 0, 4}},
                                       {{4, 3}, 0, {0}, {}},
                                       {{0, 3}, 1, {2}, {1, 0}},
                                       {{33, 70}, 0, {5}, {32, 0, 7, 7, 1}},
                                       {{33, 70}, 1, {4}, {69, 0, 7, 7}}}) {
    const int64_t dim = c.dim;
    const std::string label = to_string(c.self) + " along " + std::to_string(dim);
    Variant v{label,
              {value(c.self), index(c.index_sizes, c.index)},
              call([=](const Tensors& t) { return index_select(t[0], dim, t[1]); }),
              ref([=](const Arrays& a) { return selected(a[0], wrap(dim, a[0]), a[1]); }),
              call([=](const Tensors& t) { return t[0].index_select(dim, t[1]); })};
    v.gradient = count(c.self) < 50;
    select_op.variants.push_back(v);

    Sizes source = c.self;
    source[static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(c.self.size()) : dim)] =
        static_cast<int64_t>(c.index.size());
    Variant w{label,
              {value(c.self), index(c.index_sizes, c.index), value(source)},
              call([=](const Tensors& t) { return index_add(t[0], dim, t[1], t[2], 2); }),
              ref([=](const Arrays& a) {
                HostArray out = a[0];
                const auto d = static_cast<size_t>(wrap(dim, a[0]));
                size_t i = 0;
                for_each_index(a[2].sizes, [&](Sizes at) {
                  at[d] = static_cast<int64_t>(a[1].data[static_cast<size_t>(at[d])]);
                  out.at(at) += 2 * a[2].data[i++];
                });
                return out;
              }),
              call([=](const Tensors& t) { return t[0].index_add(dim, t[1], t[2], 2); }),
              [=](const Tensors& t) { t[0].index_add_(dim, t[1], t[2], 2); }};
    w.gradient = v.gradient;
    add_op.variants.push_back(w);
  }
  select_op.variants.push_back({"0-dimensional index",
                                {value({4, 3}), index({}, {2})},
                                call([](const Tensors& t) { return index_select(t[0], 0, t[1]); }),
                                ref([](const Arrays& a) { return selected(a[0], 0, a[1]); })});
  select_op.variants.push_back({"int32 index",
                                {value({4, 3}), index({2}, {2, 1})},
                                call([](const Tensors& t) { return index_select(t[0], 0, t[1].to(kInt32)); }),
                                ref([](const Arrays& a) { return selected(a[0], 0, a[1]); })});
  table.push_back(select_op);
  table.push_back(add_op);

  Op gather_op;
  gather_op.name = "gather";
  gather_op.dtypes = kAllDtypes;
  Op scatter_op;
  scatter_op.name = "scatter_add";
  scatter_op.dtypes = kNumericDtypes;
  scatter_op.tolerance = {8, 64, true};
  for (const Row& c : std::vector<Row>{{{3, 4}, 0, {2, 4}, {2, 0, 1, 2, 1, 1, 0, 2}},
                                       {{3, 4}, 1, {3, 2}, {3, 0, 1, 1, 2, 3}},
                                       {{3, 4}, -1, {2, 3}, {3, 0, 1, 1, 1, 1}},  // fewer rows than self
                                       {{2, 2, 2}, 1, {2, 3, 1}, {0, 1, 1, 1, 0, 0}},
                                       {{5}, 0, {7}, {4, 4, 0, 1, 2, 3, 4}},
                                       {{}, 0, {}, {0}},
                                       {{3, 4}, 0, {0, 4}, {}},
                                       {{66, 3}, 0, {2, 3}, {65, 0, 1, 65, 64, 1}}}) {
    const int64_t dim = c.dim;
    const std::string label = to_string(c.self) + " along " + std::to_string(dim);
    Variant v{label,
              {value(c.self), index(c.index_sizes, c.index)},
              call([=](const Tensors& t) { return gather(t[0], dim, t[1]); }),
              ref([=](const Arrays& a) {
                HostArray out = filled(a[1].sizes);
                scattered(a[1], wrap(dim, a[0]),
                          [&](const Sizes& from, const Sizes& to) { out.at(from) = a[0].at(to); });
                return out;
              }),
              call([=](const Tensors& t) { return t[0].gather(dim, t[1]); })};
    v.gradient = count(c.self) < 50;
    gather_op.variants.push_back(v);

    // The source may be larger than the index; what is beyond does not count.
    Sizes source = c.index_sizes;
    if (!source.empty()) source[0] += 1;
    Variant w{label,
              {value(c.self), index(c.index_sizes, c.index), value(source)},
              call([=](const Tensors& t) { return scatter_add(t[0], dim, t[1], t[2]); }),
              ref([=](const Arrays& a) {
                HostArray out = a[0];
                scattered(a[1], wrap(dim, a[0]),
                          [&](const Sizes& from, const Sizes& to) { out.at(to) += a[2].at(from); });
                return out;
              }),
              call([=](const Tensors& t) { return t[0].scatter_add(dim, t[1], t[2]); }),
              [=](const Tensors& t) { t[0].scatter_add_(dim, t[1], t[2]); }};
    w.gradient = v.gradient;
    scatter_op.variants.push_back(w);
  }
  table.push_back(gather_op);
  table.push_back(scatter_op);
}

}  // namespace ember::test
