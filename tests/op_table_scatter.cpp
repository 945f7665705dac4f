// Rows of the operations that write along one dimension, or into a view.
#include <algorithm>
#include <limits>

#include "op_table.h"

namespace ember::test {
namespace {

struct Row {
  Sizes self;
  int64_t dim;
  Sizes index_sizes;
  std::vector<double> index;
};

size_t dim_of(const Row& c) {
  return static_cast<size_t>(c.dim < 0 ? c.dim + static_cast<int64_t>(c.self.size()) : c.dim);
}

// f(place in self, place in index) in row-major order.
void scattered(const HostArray& index, size_t dim, const std::function<void(const Sizes&, const Sizes&)>& f) {
  size_t i = 0;
  for_each_index(index.sizes, [&](const Sizes& from) {
    Sizes to = from;
    const auto x = static_cast<int64_t>(index.data[i++]);
    if (!to.empty()) to[dim] = x;
    f(to, from);
  });
}

double reduced(const std::string& how, double a, double b) {
  if (how == "sum" || how == "mean" || how == "add") return a + b;
  if (how == "prod" || how == "multiply") return a * b;
  if (how == "amax") return std::max(a, b);
  if (how == "amin") return std::min(a, b);
  return b;
}

HostArray scatter_reference(const Arrays& a, size_t dim, const std::string& how, bool include_self) {
  HostArray out = a[0];
  HostArray n = filled(out.sizes, include_self ? 1 : 0);
  scattered(a[1], dim, [&](const Sizes& to, const Sizes& from) {
    double& there = out.at(to);
    double& seen = n.at(to);
    there = seen == 0 ? a[2].at(from) : reduced(how, there, a[2].at(from));
    ++seen;
  });
  if (how != "mean") return out;
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] /= std::max(1.0, n.data[i]);
  return out;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {{{3, 4}, 0, {2, 4}, {2, 0, 1, 2, 1, 1, 0, 2}},
                                         {{3, 4}, 1, {3, 2}, {3, 0, 1, 1, 2, 3}},
                                         {{3, 4}, -1, {2, 3}, {3, 0, 1, 1, 1, 1}},
                                         {{2, 2, 2}, 1, {2, 3, 1}, {0, 1, 1, 1, 0, 0}},
                                         {{5}, 0, {7}, {4, 4, 0, 1, 2, 3, 4}},
                                         {{}, 0, {}, {0}},
                                         {{3, 4}, 0, {0, 4}, {}}};
  return table;
}

void add_scatter(std::vector<Op>& table) {
  Op assign;
  assign.name = "scatter";
  assign.dtypes = kAllDtypes;
  Op number;
  number.name = "scatter_value";
  number.dtypes = kNumericDtypes;
  for (const Row& c : rows()) {
    const std::string label = to_string(c.self) + " along " + std::to_string(c.dim);
    const int64_t dim = c.dim;
    const size_t d = dim_of(c);
    Sizes source = c.index_sizes;
    if (!source.empty()) source[0] += 1;
    Variant v{label,
              {value(c.self), index(c.index_sizes, c.index), value(source)},
              call([=](const Tensors& t) { return scatter(t[0], dim, t[1], t[2]); }),
              ref([=](const Arrays& a) { return scatter_reference(a, d, "", true); }),
              call([=](const Tensors& t) { return t[0].scatter(dim, t[1], t[2]); }),
              [=](const Tensors& t) { t[0].scatter_(dim, t[1], t[2]); }};
    v.gradient = false;  // of equal indices the last stays, but the gradient goes to all, as PyTorch's does
    assign.variants.push_back(v);
    number.variants.push_back({label,
                               {value(c.self), index(c.index_sizes, c.index)},
                               call([=](const Tensors& t) { return scatter(t[0], dim, t[1], 3); }),
                               ref([=](const Arrays& a) {
                                 return scatter_reference({a[0], a[1], filled(a[1].sizes, 3)}, d, "", true);
                               }),
                               call([=](const Tensors& t) { return t[0].scatter(dim, t[1], 3); }),
                               [=](const Tensors& t) { t[0].scatter_(dim, t[1], 3); }});
  }
  Variant distinct{"distinct",
                   {value({3, 4}), index({2, 3}, {2, 0, 1, 0, 1, 2}), value({2, 3})},
                   call([](const Tensors& t) { return scatter(t[0], 0, t[1], t[2]); }),
                   ref([](const Arrays& a) { return scatter_reference(a, 0, "", true); })};
  distinct.layouts = false;
  assign.variants.push_back(distinct);
  table.push_back(assign);
  table.push_back(number);

  for (const std::string how : {"add", "multiply"}) {
    Op op;
    op.name = "scatter_with_" + how;
    op.dtypes = kNumericDtypes;
    op.tolerance = {8, 64, true};
    const Row& c = rows()[0];
    op.variants.push_back({"with src",
                           {value(c.self, 1, 3), index(c.index_sizes, c.index), value({3, 4}, 1, 3)},
                           call([=](const Tensors& t) { return scatter(t[0], 0, t[1], t[2], how); }),
                           ref([=](const Arrays& a) { return scatter_reference(a, 0, how, true); }),
                           call([=](const Tensors& t) { return t[0].scatter(0, t[1], t[2], how); }),
                           [=](const Tensors& t) { t[0].scatter_(0, t[1], t[2], how); }});
    op.variants.push_back({"with a number",
                           {value(c.self, 1, 3), index(c.index_sizes, c.index)},
                           call([=](const Tensors& t) { return scatter(t[0], 0, t[1], 2, how); }),
                           ref([=](const Arrays& a) {
                             return scatter_reference({a[0], a[1], filled(a[1].sizes, 2)}, 0, how, true);
                           }),
                           call([=](const Tensors& t) { return t[0].scatter(0, t[1], 2, how); }),
                           [=](const Tensors& t) { t[0].scatter_(0, t[1], 2, how); }});
    table.push_back(op);
  }
}

void add_scatter_reduce(std::vector<Op>& table) {
  for (const std::string how : {"sum", "prod", "mean", "amax", "amin"}) {
    Op op;
    op.name = "scatter_reduce_" + how;
    op.dtypes = how == "mean" ? kFloatDtypes : kNumericDtypes;
    op.tolerance = {16, 64, true};
    for (const bool include_self : {true, false}) {
      for (const Row& c : rows()) {
        const int64_t dim = c.dim;
        const size_t d = dim_of(c);
        Sizes source = c.index_sizes;
        if (!source.empty()) source[0] += 1;
        Variant v{to_string(c.self) + " along " + std::to_string(dim) + (include_self ? "" : " without self"),
                  {value(c.self, 1, 3), index(c.index_sizes, c.index), value(source, 1, 3)},
                  call([=](const Tensors& t) { return scatter_reduce(t[0], dim, t[1], t[2], how, include_self); }),
                  ref([=](const Arrays& a) { return scatter_reference(a, d, how, include_self); }),
                  call([=](const Tensors& t) { return t[0].scatter_reduce(dim, t[1], t[2], how, include_self); }),
                  [=](const Tensors& t) { t[0].scatter_reduce_(dim, t[1], t[2], how, include_self); }};
        // Repeated values would be ties.
        v.layouts = how != "amax" && how != "amin";
        op.variants.push_back(v);
      }
    }
    table.push_back(op);
  }
}

void add_index_copy(std::vector<Op>& table) {
  Op copy_op;
  copy_op.name = "index_copy";
  copy_op.dtypes = kAllDtypes;
  Op fill_op;
  fill_op.name = "index_fill";
  fill_op.dtypes = kNumericDtypes;
  for (const Row& c : std::vector<Row>{{{4, 3}, 0, {3}, {2, 0, 1}},
                                       {{4, 3}, 1, {3}, {2, 2, 0}},
                                       {{2, 3, 2}, -2, {2}, {1, 0}},
                                       {{5}, 0, {2}, {4, 0}},
                                       {{}, 0, {1}, {0}},
                                       {{4, 3}, 0, {0}, {}},
                                       {{33, 70}, 0, {5}, {32, 0, 7, 7, 1}}}) {
    const int64_t dim = c.dim;
    const size_t d = dim_of(c);
    const std::string label = to_string(c.self) + " along " + std::to_string(dim);
    Sizes source = c.self.empty() ? Sizes{1} : c.self;
    source[d] = static_cast<int64_t>(c.index.size());
    const auto write = [d](const HostArray& self, const HostArray& at, const HostArray& src) {
      HostArray out = self;
      size_t i = 0;
      for_each_index(src.sizes, [&](Sizes to) {
        to[d] = static_cast<int64_t>(at.data[static_cast<size_t>(to[d])]);
        if (self.sizes.empty()) to.clear();
        out.at(to) = src.data[i++];
      });
      return out;
    };
    Variant v{label,
              {value(c.self), index(c.index_sizes, c.index), value(source)},
              call([=](const Tensors& t) { return index_copy(t[0], dim, t[1], t[2]); }),
              ref([=](const Arrays& a) { return write(a[0], a[1], a[2]); }),
              call([=](const Tensors& t) { return t[0].index_copy(dim, t[1], t[2]); }),
              [=](const Tensors& t) { t[0].index_copy_(dim, t[1], t[2]); }};
    v.gradient = false;
    copy_op.variants.push_back(v);
    Variant w{label,
              {value(c.self), index(c.index_sizes, c.index)},
              call([=](const Tensors& t) { return index_fill(t[0], dim, t[1], 7); }),
              ref([=](const Arrays& a) { return write(a[0], a[1], filled(source, 7)); }),
              call([=](const Tensors& t) { return t[0].index_fill(dim, t[1], 7); }),
              [=](const Tensors& t) { t[0].index_fill_(dim, t[1], 7); }};
    w.gradient = count(c.self) < 50;
    fill_op.variants.push_back(w);
    if (label == "[4, 3] along 0" && !c.index.empty()) {
      v.label += ", distinct";
      v.gradient = true;
      v.layouts = false;
      copy_op.variants.push_back(v);
      fill_op.variants.push_back({"a tensor's value",
                                  {value(c.self), index(c.index_sizes, c.index), value({})},
                                  call([=](const Tensors& t) { return index_fill(t[0], dim, t[1], t[2]); }),
                                  ref([=](const Arrays& a) { return write(a[0], a[1], filled(source, a[2].data[0])); }),
                                  call([=](const Tensors& t) { return t[0].index_fill(dim, t[1], t[2]); }),
                                  [=](const Tensors& t) { t[0].index_fill_(dim, t[1], t[2]); }});
      fill_op.variants.back().layouts = false;  // with equal indices the value's gradient counts each, as PyTorch's
    }
  }
  table.push_back(copy_op);
  table.push_back(fill_op);
}

// An operation that writes src where f says: f(place in src) is the place in self.
Op into_view(const char* name, const Sizes& self, const Sizes& src, Call function, Call method,
             std::function<Sizes(const Sizes&)> f) {
  Op op;
  op.name = name;
  op.dtypes = kAllDtypes;
  op.variants.push_back({to_string(self),
                         {value(self), value(src)},
                         std::move(function),
                         ref([f](const Arrays& a) {
                           HostArray out = a[0];
                           size_t i = 0;
                           for_each_index(a[1].sizes, [&](const Sizes& at) { out.at(f(at)) = a[1].data[i++]; });
                           return out;
                         }),
                         std::move(method)});
  return op;
}

void add_along_dim(std::vector<Op>& table) {
  Op op;
  op.name = "take_along_dim";
  op.dtypes = kAllDtypes;
  op.variants.push_back({"broadcast index",
                         {value({3, 4}), index({3, 1}, {2, 0, 3})},
                         call([](const Tensors& t) { return take_along_dim(t[0], t[1], 1); }),
                         ref([](const Arrays& a) {
                           HostArray out = filled({3, 1});
                           for (int64_t i = 0; i < 3; ++i) {
                             out.at({i, 0}) = a[0].at({i, static_cast<int64_t>(a[1].at({i, 0}))});
                           }
                           return out;
                         }),
                         call([](const Tensors& t) { return t[0].take_along_dim(t[1], 1); })});
  op.variants.push_back({"of all elements",
                         {value({3, 4}), index({2, 2}, {11, 0, 4, 4})},
                         call([](const Tensors& t) { return take_along_dim(t[0], t[1]); }),
                         ref([](const Arrays& a) {
                           HostArray out = filled({4});
                           for (size_t i = 0; i < 4; ++i) out.data[i] = a[0].data[static_cast<size_t>(a[1].data[i])];
                           return out;
                         }),
                         call([](const Tensors& t) { return t[0].take_along_dim(t[1]); })});
  table.push_back(op);

  Op diagonal;
  diagonal.name = "fill_diagonal_";
  diagonal.dtypes = kNumericDtypes;
  for (const auto& [sizes, wrap] : std::vector<std::pair<Sizes, bool>>{
           {{3, 4}, false}, {{7, 2}, false}, {{7, 2}, true}, {{3, 3, 3}, false}, {{0, 3}, false}}) {
    const bool again = wrap;
    diagonal.variants.push_back({to_string(sizes) + (wrap ? " wrapped" : ""),
                                 {value(sizes)},
                                 call([again](const Tensors& t) { return t[0].clone().fill_diagonal_(5, again); }),
                                 ref([again](const Arrays& a) {
                                   HostArray out = a[0];
                                   const int64_t width = a[0].sizes[1];
                                   for_each_index(a[0].sizes, [&](const Sizes& at) {
                                     const int64_t row = again ? at[0] % (width + 1) : at[0];
                                     bool same = true;
                                     for (size_t d = 1; d < at.size(); ++d) same &= at[d] == row;
                                     if (same) out.at(at) = 5;
                                   });
                                   return out;
                                 }),
                                 nullptr,
                                 [again](const Tensors& t) { t[0].fill_diagonal_(5, again); }});
  }
  table.push_back(diagonal);
}

}  // namespace

void add_scatter_ops(std::vector<Op>& table) {
  add_scatter(table);
  add_scatter_reduce(table);
  add_index_copy(table);
  table.push_back(
      into_view("select_scatter", {3, 4}, {3}, call([](const Tensors& t) { return select_scatter(t[0], t[1], 1, -2); }),
                call([](const Tensors& t) { return t[0].select_scatter(t[1], 1, -2); }), [](const Sizes& at) {
                  return Sizes{at[0], 2};
                }));
  table.push_back(into_view(
      "slice_scatter", {3, 5}, {3, 2}, call([](const Tensors& t) { return slice_scatter(t[0], t[1], 1, 1, 5, 2); }),
      call([](const Tensors& t) { return t[0].slice_scatter(t[1], 1, 1, 5, 2); }), [](const Sizes& at) {
        return Sizes{at[0], 1 + 2 * at[1]};
      }));
  table.push_back(into_view("diagonal_scatter", {3, 4}, {3},
                            call([](const Tensors& t) { return diagonal_scatter(t[0], t[1], 1); }),
                            call([](const Tensors& t) { return t[0].diagonal_scatter(t[1], 1); }), [](const Sizes& at) {
                              return Sizes{at[0], at[0] + 1};
                            }));
  add_along_dim(table);
}

}  // namespace ember::test
