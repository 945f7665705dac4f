// Indexing as a program writes it. The expected numbers are PyTorch's, strides included.
#include <sstream>

#include <ember/autograd/autograd.h>
#include <ember/autograd/node.h>

#include "values.h"

namespace ember::test {
namespace {

using namespace indexing;  // NOLINT: Slice and None, as a program would write them
using OT = std::optional<Tensor>;

// "[sizes] [strides] elements"
std::string shown(const Tensor& t) {
  std::ostringstream out;
  out << t.sizes() << ' ' << t.strides();
  for (const double x : values(t)) out << ' ' << x;
  return out.str();
}

template <class F>
Tensor put(const Tensor& x, F f) {
  Tensor y = x.clone();
  f(y);
  return y;
}

class Indexing : public testing::Test {
 protected:
  Tensor x = arange(12, kFloat).reshape({2, 3, 2}), p = x.permute({2, 0, 1}), m = x[0], v = x[1][0];
  Tensor s = tensor(5.f);
  Tensor i = tensor({0, 1}, kInt64), ii = tensor({0, 1, 1, 0}, kInt64).view({2, 2}), n = tensor({-1, 0, -2}, kInt64);
  Tensor none = empty({0}, kInt64);
  Tensor si = tensor({1, 0, 1, 1}, kInt64).view({2, 2}), src = arange(4, kFloat).view({2, 2}) + 10;
};

TEST_F(Indexing, Views) {
  EXPECT_EQ(shown(x.index({1})), "[3, 2] [2, 1] 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({-1, 2})), "[2] [1] 10 11");
  EXPECT_EQ(shown(x.index({0, 1, 1})), "[] [] 3");
  EXPECT_EQ(shown(x.index({Slice()})), "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({Slice(1)})), "[1, 3, 2] [6, 2, 1] 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({Slice(), Slice(None, None, 2)})), "[2, 2, 2] [6, 4, 1] 0 1 4 5 6 7 10 11");
  EXPECT_EQ(shown(x.index({Slice(), Slice(-2, None)})), "[2, 2, 2] [6, 2, 1] 2 3 4 5 8 9 10 11");
  EXPECT_EQ(shown(x.index({Slice(5, 9)})), "[0, 3, 2] [6, 2, 1]");
  EXPECT_EQ(shown(x.index({Slice(None, -1), Ellipsis, Slice(1, 2)})), "[1, 3, 1] [6, 2, 1] 1 3 5");
  EXPECT_EQ(shown(x.index({"...", 0})), "[2, 3] [6, 2] 0 2 4 6 8 10");
  EXPECT_EQ(shown(x.index({None, 1})), "[1, 3, 2] [12, 2, 1] 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({0, None, Slice(1, 3), None})), "[1, 2, 1, 2] [6, 2, 2, 1] 2 3 4 5");
  EXPECT_EQ(shown(x.index({Ellipsis, None})), "[2, 3, 2, 1] [6, 2, 1, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({Ellipsis})), "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(s.index({None})), "[1] [1] 5");
  EXPECT_EQ(shown(s.index({"..."})), "[] [] 5");
}

TEST_F(Indexing, Tensors) {
  EXPECT_EQ(shown(x.index({i})), "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({Slice(), i})), "[2, 2, 2] [4, 2, 1] 0 1 2 3 6 7 8 9");
  EXPECT_EQ(shown(x.index({Slice(), Slice(), i})), "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({ii})), "[2, 2, 3, 2] [12, 6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11 6 7 8 9 10 11 0 1 2 3 4 5");
  EXPECT_EQ(shown(x.index({Slice(), ii})), "[2, 2, 2, 2] [8, 4, 2, 1] 0 1 2 3 2 3 0 1 6 7 8 9 8 9 6 7");
  EXPECT_EQ(shown(x.index({i, i})), "[2, 2] [2, 1] 0 1 8 9");
  EXPECT_EQ(shown(x.index({i, Slice(), i})), "[2, 3] [3, 1] 0 2 4 7 9 11");
  EXPECT_EQ(shown(x.index({Slice(), i, i})), "[2, 2] [2, 1] 0 3 6 9");
  EXPECT_EQ(shown(x.index({i, Ellipsis, i})), "[2, 3] [3, 1] 0 2 4 7 9 11");
  EXPECT_EQ(shown(x.index({Ellipsis, i, None})), "[2, 3, 2, 1] [6, 2, 1, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({i, None, i})), "[2, 1, 2] [2, 2, 1] 0 1 8 9");
  EXPECT_EQ(shown(x.index({0, Slice(), i})), "[3, 2] [2, 1] 0 1 2 3 4 5");
  EXPECT_EQ(shown(x.index({Slice(), 0, i})), "[2, 2] [2, 1] 0 1 6 7");
  EXPECT_EQ(shown(x.index({i, 0})), "[2, 2] [2, 1] 0 1 6 7");
  EXPECT_EQ(shown(x.index({i.view({2, 1}), i})), "[2, 2, 2] [4, 2, 1] 0 1 2 3 6 7 8 9");
  EXPECT_EQ(shown(x.index({ii, ii, ii})), "[2, 2] [2, 1] 0 9 9 0");
  EXPECT_EQ(shown(x.index({ii.t(), i})), "[2, 2, 2] [2, 4, 1] 0 1 8 9 6 7 2 3");
  EXPECT_EQ(shown(x.index({Slice(), ii.t()})), "[2, 2, 2, 2] [8, 2, 4, 1] 0 1 2 3 2 3 0 1 6 7 8 9 8 9 6 7");
  EXPECT_EQ(shown(x.index({n})), "[3, 3, 2] [6, 2, 1] 6 7 8 9 10 11 0 1 2 3 4 5 0 1 2 3 4 5");
  EXPECT_EQ(shown(x.index({n, n.slice(0, 0, 1)})), "[3, 2] [2, 1] 10 11 4 5 4 5");
  EXPECT_EQ(shown(x.index({i.to(kInt), n.slice(0, 0, 2)})), "[2, 2] [2, 1] 4 5 6 7");
  EXPECT_EQ(shown(x.index({tensor(1, kInt64), Slice(), i})), "[3, 2] [2, 1] 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({none})), "[0, 3, 2] [6, 2, 1]");
  EXPECT_EQ(shown(x.index({Slice(), none.view({0, 2})})), "[2, 0, 2, 2] [4, 4, 2, 1]");
  EXPECT_EQ(shown(p.index({i})), "[2, 2, 3] [6, 3, 1] 0 2 4 6 8 10 1 3 5 7 9 11");
  EXPECT_EQ(shown(p.index({Slice(), i})), "[2, 2, 3] [1, 2, 4] 0 2 4 6 8 10 1 3 5 7 9 11");
  EXPECT_EQ(shown(p.index({Slice(), i, i})), "[2, 2] [2, 1] 0 8 1 9");
  EXPECT_EQ(shown(p.index({Slice(), ii})),
            "[2, 2, 2, 3] [1, 4, 2, 8] 0 2 4 6 8 10 6 8 10 0 2 4 1 3 5 7 9 11 7 9 11 1 3 5");
  EXPECT_EQ(shown(p.index({i, Slice(), i})), "[2, 2] [2, 1] 0 6 3 9");
  EXPECT_EQ(shown(zeros({0, 3}).index({none})), "[0, 3] [3, 1]");
}

TEST_F(Indexing, Masks) {
  EXPECT_EQ(shown(x.index({x > 6})), "[5] [1] 7 8 9 10 11");
  EXPECT_EQ(shown(p.index({p > 6})), "[5] [1] 8 10 7 9 11");
  EXPECT_EQ(shown(x.index({x.select(2, 0) > 3})), "[4, 2] [2, 1] 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({Slice(), m > 2})), "[2, 3] [3, 1] 3 4 5 9 10 11");
  EXPECT_EQ(shown(p.index({Slice(), p[0] > 2})), "[2, 4] [4, 1] 4 6 8 10 5 7 9 11");
  EXPECT_EQ(shown(x.index({tensor({0, 1}, kInt64).to(kBool), i.slice(0, 0, 1)})), "[1, 2] [2, 1] 6 7");
  EXPECT_EQ(shown(x.index({(x > 6).to(kByte)})), "[5] [1] 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({x > 100})), "[0] [1]");
  EXPECT_EQ(shown(x.index({true})), "[1, 2, 3, 2] [12, 6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({false})), "[0, 2, 3, 2] [12, 6, 2, 1]");
  EXPECT_EQ(shown(x.index({Slice(), true, i})), "[2, 2, 2] [4, 2, 1] 0 1 2 3 6 7 8 9");
  EXPECT_EQ(shown(x.index({ones({}, kBool)})), "[1, 2, 3, 2] [12, 6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(x.index({Slice(), zeros({}, kBool)})), "[2, 0, 3, 2] [6, 6, 2, 1]");
  EXPECT_EQ(shown(s.index({true})), "[1] [1] 5");
  EXPECT_EQ(shown(s.index({ones({}, kBool)})), "[1] [1] 5");
}

TEST_F(Indexing, Put) {
  EXPECT_EQ(shown(put(x, [&](auto& y) { y.index_put_({0}, 7); })), "[2, 3, 2] [6, 2, 1] 7 7 7 7 7 7 6 7 8 9 10 11");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({1, Slice(1, 3)}, arange(2, kFloat));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 0 1 0 1");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({Slice(), 1}, ones({1, 1, 2, 2}));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 1 1 4 5 6 7 1 1 10 11");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({Ellipsis, 0}, arange(3, kInt64));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 1 3 2 5 0 7 1 9 2 11");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({None, 0}, -1);
                      })),
            "[2, 3, 2] [6, 2, 1] -1 -1 -1 -1 -1 -1 6 7 8 9 10 11");
  EXPECT_EQ(shown(put(x, [&](auto& y) { y.index_put_({true}, arange(2, kInt64)); })),
            "[2, 3, 2] [6, 2, 1] 0 1 0 1 0 1 0 1 0 1 0 1");
  EXPECT_EQ(shown(put(x, [&](auto& y) { y.index_put_({false}, 9); })), "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(put(x, [&](auto& y) { y.index_put_({i}, 7); })), "[2, 3, 2] [6, 2, 1] 7 7 7 7 7 7 7 7 7 7 7 7");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({i, i}, arange(2, kFloat));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 0 1 10 11");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({i, Slice(), i}, arange(6, kFloat).view({2, 3}));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 1 3 2 5 6 3 8 4 10 5");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({Slice(), n}, arange(3, kFloat).view({3, 1}));
                      })),
            "[2, 3, 2] [6, 2, 1] 1 1 2 2 0 0 1 1 2 2 0 0");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({tensor({0, 0, 0}, kInt64), 0, 0}, arange(3, kFloat));
                      })),
            "[2, 3, 2] [6, 2, 1] 2 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(put(x, [&](auto& y) { y.index_put_({x > 6}, -1); })),
            "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 -1 -1 -1 -1 -1");
  EXPECT_EQ(shown(put(x, [&](auto& y) { y.index_put_({x > 6}, arange(5, kFloat)); })),
            "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 0 1 2 3 4");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({Slice(), m > 2}, arange(3, kFloat));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 2 0 1 2 6 7 8 0 1 2");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({x.select(2, 0) > 3, 1}, arange(4, kFloat));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 0 6 1 8 2 10 3");
  EXPECT_EQ(shown(put(x, [&](auto& y) { y.index_put_({none}, 1); })), "[2, 3, 2] [6, 2, 1] 0 1 2 3 4 5 6 7 8 9 10 11");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.permute({2, 0, 1}).index_put_({i, i}, arange(6, kFloat).view({2, 3}));
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 1 3 2 5 6 3 8 4 10 5");
  EXPECT_EQ(shown(put(x.to(kInt64), [&](auto& y) { y.index_put_({i}, 2.7); })),
            "[2, 3, 2] [6, 2, 1] 2 2 2 2 2 2 2 2 2 2 2 2");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y[0][1] = 3;
                        y[1] = arange(2, kFloat);
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 3 3 4 5 0 1 0 1 0 1");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index({1, 2}) = tensor(4);
                        y.index({0}) = 2;
                      })),
            "[2, 3, 2] [6, 2, 1] 2 2 2 2 2 2 6 7 8 9 4 4");
  EXPECT_EQ(shown(put(s, [&](auto& y) { y.index_put_({Ellipsis}, tensor({5.f})); })), "[] [] 5");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({OT(tensor({0, 0, 1}, kInt64))}, ones({2}), true);
                      })),
            "[2, 3, 2] [6, 2, 1] 2 3 4 5 6 7 7 8 9 10 11 12");
  EXPECT_EQ(shown(put(x,
                      [&](auto& y) {
                        y.index_put_({OT(), OT(tensor({1, 1}, kInt64))}, ones({2, 2, 2}), true);
                      })),
            "[2, 3, 2] [6, 2, 1] 0 1 4 5 4 5 6 7 10 11 10 11");
}

TEST_F(Indexing, Scatters) {
  EXPECT_EQ(shown(m.scatter(0, si, src)), "[3, 2] [2, 1] 0 11 12 13 4 5");
  EXPECT_EQ(shown(m.scatter(1, si, src)), "[3, 2] [2, 1] 11 10 2 13 4 5");
  EXPECT_EQ(shown(m.t().scatter(0, si.slice(1, 0, 1), 5)), "[2, 3] [3, 1] 0 2 4 5 3 5");
  EXPECT_EQ(shown(m.scatter(0, si, src, "multiply")), "[3, 2] [2, 1] 0 11 240 39 4 5");
  EXPECT_EQ(shown(m.scatter(0, si, 3, "add")), "[3, 2] [2, 1] 0 4 8 6 4 5");
  EXPECT_EQ(shown(s.scatter(0, zeros({1}, kInt64), ones({1}))), "[] [] 1");
  EXPECT_EQ(shown(m.scatter_reduce(0, si, src, "prod", false)), "[3, 2] [2, 1] 0 11 120 13 4 5");
  EXPECT_EQ(shown(m.scatter_reduce(0, si, src, "mean", true)), "[3, 2] [2, 1] 0 6 8 8 4 5");
  EXPECT_EQ(shown(m.scatter_reduce(0, si, src, "amin", false)), "[3, 2] [2, 1] 0 11 10 13 4 5");
  EXPECT_EQ(shown(m.to(kInt64).scatter_reduce(0, si, (src - 9).to(kInt64), "mean")), "[3, 2] [2, 1] 0 1 2 3 4 5");
  EXPECT_EQ(shown(m.index_add(0, tensor({1, 1}, kInt64), src, -2)), "[3, 2] [2, 1] 0 1 -42 -45 4 5");
  EXPECT_EQ(shown(m.to(kInt64).index_add(0, tensor({1, 1}, kInt64), src.to(kInt64), 1.5)),
            "[3, 2] [2, 1] 0 1 24 27 4 5");
  EXPECT_EQ(shown(m.index_copy(0, tensor({1, 1}, kInt64), src)), "[3, 2] [2, 1] 0 1 12 13 4 5");
  EXPECT_EQ(shown(v.index_copy(0, tensor(1, kInt64), s)), "[2] [1] 6 5");
  EXPECT_EQ(shown(m.index_fill(0, n, 9)), "[3, 2] [2, 1] 9 9 9 9 9 9");
  EXPECT_EQ(shown(m.masked_scatter(m > 2, src)), "[3, 2] [2, 1] 0 1 2 10 11 12");
  EXPECT_EQ(shown(v.masked_scatter(m > 2, src)), "[3, 2] [2, 1] 6 7 6 10 11 12");
  EXPECT_EQ(shown(m.take(n)), "[3] [1] 5 0 4");
  EXPECT_EQ(shown(m.t().take(ii)), "[2, 2] [2, 1] 0 2 2 0");
  EXPECT_EQ(shown(m.put(n, arange(3, kFloat))), "[3, 2] [2, 1] 1 1 2 3 2 0");
  EXPECT_EQ(shown(m.put(zeros({2}, kInt64), ones({2}), true)), "[3, 2] [2, 1] 2 1 2 3 4 5");
  EXPECT_EQ(shown(take_along_dim(m, si, 0)), "[2, 2] [2, 1] 2 1 2 3");
  EXPECT_EQ(shown(take_along_dim(m, n + 2)), "[3] [1] 1 2 0");
  EXPECT_EQ(shown(x.nonzero()), "[11, 3] [1, 11] 0 0 1 0 1 0 0 1 1 0 2 0 0 2 1 1 0 0 1 0 1 1 1 0 1 1 1 1 2 0 1 2 1");
  EXPECT_EQ(shown(p.nonzero()), "[11, 3] [1, 11] 0 0 1 0 0 2 0 1 0 0 1 1 0 1 2 1 0 0 1 0 1 1 0 2 1 1 0 1 1 1 1 1 2");
  EXPECT_EQ(shown(s.nonzero()), "[1, 0] [1, 1]");
  EXPECT_EQ(shown(s.nonzero_numpy()[0]), "[1] [1] 0");
  EXPECT_EQ(shown(zeros({}).nonzero_numpy()[0]), "[0] [1]");
  EXPECT_EQ(shown(one_hot(ii)), "[2, 2, 2] [4, 2, 1] 1 0 0 1 0 1 1 0");
  EXPECT_EQ(shown(one_hot(i, 4)), "[2, 4] [4, 1] 1 0 0 0 0 1 0 0");
  EXPECT_EQ(shown(zeros({7, 2}).fill_diagonal_(1, true)), "[7, 2] [2, 1] 1 0 0 1 0 0 1 0 0 1 0 0 1 0");
  EXPECT_EQ(shown(m.narrow(0, tensor(-2), 1)), "[1, 2] [2, 1] 2 3");
  EXPECT_EQ(shown(m[tensor(1)]), "[2] [1] 2 3");
}

// What only views is a view, and what gathers is not.
TEST_F(Indexing, ViewsShareMemory) {
  EXPECT_TRUE(x.index({0, Slice(1, 3)}).is_alias_of(x));
  EXPECT_TRUE(x.index({Ellipsis}).is_view());
  EXPECT_FALSE(x.index({Ellipsis}).is_same(x));
  EXPECT_TRUE(x.index({None, Slice()}).is_view());
  EXPECT_FALSE(x.index({i}).is_alias_of(x));
  EXPECT_FALSE(x.index({true}).is_alias_of(x));
  x.index({1, 2, 0}) = 70;
  EXPECT_EQ(x[1][2][0].item<float>(), 70);
}

TEST_F(Indexing, BadIndicesAreIndexErrorsAndChangeNothing) {
  const Tensor before = x.clone();
  EXPECT_THROW(x.index({2}), IndexError);
  EXPECT_THROW(x.index({0, 0, 0, 0}), IndexError);
  EXPECT_THROW(x.index({tensor({0, 2}, kInt64)}), IndexError);
  EXPECT_THROW(x.index({i, i, i, i}), IndexError);
  EXPECT_THROW(x.index({i, n}), IndexError);
  EXPECT_THROW(x.index({tensor({1.5f})}), IndexError);
  EXPECT_THROW(x.index({zeros({3}, kBool)}), IndexError);
  EXPECT_THROW(s.index({Slice()}), IndexError);
  EXPECT_THROW(s[0], IndexError);
  EXPECT_THROW(x.index({Slice(None, None, -1)}), Error);
  EXPECT_THROW(Slice(0, 1, 0), Error);
  EXPECT_THROW(TensorIndex("…"), Error);
  EXPECT_THROW(x.index_put_({tensor({0, 2}, kInt64)}, 1), IndexError);
  EXPECT_THROW(x.index_put_({tensor({0, 2}, kInt64)}, ones({2})), IndexError);
  EXPECT_THROW(x.scatter_(0, full({1, 3, 2}, 5, kInt64), 1), IndexError);
  EXPECT_THROW(x.index_copy_(0, tensor({0, 2}, kInt64), ones({2, 3, 2})), IndexError);
  EXPECT_THROW(x.put_(tensor({0, 12}, kInt64), ones({2})), IndexError);
  EXPECT_TRUE(equal(x, before));
  EXPECT_EQ(x._version(), 0);
}

TEST(TensorIndexes, KnowWhatTheyAre) {
  EXPECT_TRUE(TensorIndex(None).is_none());
  EXPECT_TRUE(TensorIndex("...").is_ellipsis());
  EXPECT_TRUE(TensorIndex(3).is_integer());
  EXPECT_EQ(TensorIndex(int64_t{-3}).integer(), -3);
  EXPECT_TRUE(TensorIndex(true).is_boolean());
  EXPECT_TRUE(TensorIndex(true).boolean());
  EXPECT_TRUE(TensorIndex(Slice(1)).is_slice());
  EXPECT_EQ(TensorIndex(Slice(1, 5, 2)).slice().stop(), 5);
  EXPECT_TRUE(TensorIndex(ones({2})).is_tensor());
}

TEST(TensorIndexes, Print) {
  EXPECT_EQ(printed(Slice()), "0:4611686018427387903:1");
  EXPECT_EQ(printed(Slice(1, None, 2)), "1:4611686018427387903:2");
  EXPECT_EQ(printed(Slice(None, None, -1)), "4611686018427387903:-4611686018427387904:-1");
  const std::vector<TensorIndex> indices = {None, "...", Ellipsis, 0, true, false, Slice(-2, 5, 3)};
  EXPECT_EQ(printed(indices), "(None, ..., ..., 0, true, false, -2:5:3)");
  EXPECT_EQ(printed(std::vector<TensorIndex>()), "()");
}

// Of equal indices the last value stays, whatever the number of threads; sums come out the same every time.
TEST(IndexPut, IsDeterministic) {
  const Tensor index = arange(1000, kInt64).expand({200, 1000}).reshape({-1});
  const Tensor values = arange(200000, kFloat);
  const Tensor assigned = zeros({1000}).index_put_({OT(index)}, values);
  EXPECT_TRUE(equal(assigned, arange(199000, 200000, kFloat)));
  const Tensor small = values * 1e-3;
  const Tensor once = zeros({1000}).index_put_({OT(index)}, small, true);
  for (int k = 0; k < 3; ++k) EXPECT_TRUE(equal(zeros({1000}).index_put_({OT(index)}, small, true), once));
}

TEST(IndexPut, OfAViewReachesItsBase) {
  const Tensor x = arange(6, kDouble).view({2, 3}).requires_grad_();
  const Tensor y = x * 1;
  y.t().index_put_({tensor({0, 2}, kInt64), 1}, tensor({10., 20.}, kDouble));
  EXPECT_VALUES(y, {0, 1, 2, 10, 4, 20});
  (y * arange(6, kDouble).view({2, 3})).sum().backward();
  EXPECT_VALUES(x.grad(), {0, 1, 2, 0, 4, 0});
}

TEST(IndexPut, AssignsThroughExpressions) {
  Tensor x = zeros({2, 2}, kDouble);
  const Tensor w = ones({}, kDouble).requires_grad_();
  x[0][1] = w * 3;
  x[1] = 4;
  EXPECT_VALUES(x, {0, 3, 4, 4});
  EXPECT_TRUE(x.requires_grad());
  x.sum().backward();
  EXPECT_VALUES(w.grad(), {3});
}

TEST(Gradients, HaveTheirNames) {
  const Tensor x = ones({2, 3}).requires_grad_();
  const Tensor i = tensor({0, 1}, kInt64), i2 = zeros({1, 3}, kInt64), mask = ones({2, 3}, kBool);
  EXPECT_EQ(x.index({i}).grad_fn()->name(), "IndexBackward0");
  EXPECT_EQ(x.index_put({OT(i)}, ones({3})).grad_fn()->name(), "IndexPutBackward0");
  EXPECT_EQ(x.take(i).grad_fn()->name(), "TakeBackward0");
  EXPECT_EQ(x.put(i, ones({2})).grad_fn()->name(), "PutBackward0");
  EXPECT_EQ(x.masked_select(mask).grad_fn()->name(), "MaskedSelectBackward0");
  EXPECT_EQ(x.masked_scatter(mask, ones({6})).grad_fn()->name(), "MaskedScatterBackward0");
  EXPECT_EQ(x.scatter(0, i2, ones({1, 3})).grad_fn()->name(), "ScatterBackward0");
  EXPECT_EQ(x.scatter(0, i2, 2).grad_fn()->name(), "ScatterBackward1");
  EXPECT_EQ(x.scatter_add(0, i2, ones({1, 3})).grad_fn()->name(), "ScatterAddBackward0");
  EXPECT_EQ(x.scatter_reduce(0, i2, ones({1, 3}), "amax").grad_fn()->name(), "ScatterReduceBackward0");
  EXPECT_EQ(x.index_copy(0, i, ones({2, 3})).grad_fn()->name(), "IndexCopyBackward0");
  EXPECT_EQ(x.index_fill(0, i, 1).grad_fn()->name(), "IndexFillBackward0");
  EXPECT_EQ(x.index_fill(0, i, tensor(1.f)).grad_fn()->name(), "IndexFillBackward1");
  EXPECT_EQ(x.select_scatter(ones({3}), 0, 0).grad_fn()->name(), "SelectScatterBackward0");
  EXPECT_EQ(x.slice_scatter(ones({1, 3}), 0, 0, 1).grad_fn()->name(), "SliceScatterBackward0");
  EXPECT_EQ(x.diagonal_scatter(ones({2})).grad_fn()->name(), "DiagonalScatterBackward0");
  EXPECT_EQ(take_along_dim(x, i2, 0).grad_fn()->name(), "GatherBackward0");
  EXPECT_FALSE(x.nonzero().requires_grad());
}

// Elements equal to an extreme share its gradient; a product's goes around zeros.
TEST(Gradients, OfReductionsWithTiesAndZeros) {
  const Tensor at = tensor({0, 0, 1, 0}, kInt64);
  struct Case {
    const char* reduce;
    bool include_self;
    std::vector<double> self, src, grad_self, grad_src;
  };
  const double third = 1.0 / 3;
  for (const Case& c :
       std::vector<Case>{{"prod", true, {0, 2, 3}, {0, 2, 3, 0}, {0, 3, 1}, {0, 0, 2, 0}},
                         {"prod", false, {1, 2, 3}, {0, 2, 3, 4}, {0, 0, 1}, {8, 0, 1, 0}},
                         {"amax", true, {4, 2, 3}, {0, 4, 3, 4}, {third, 0, 1}, {0, third, 1, third}},
                         {"amax", false, {4, 2, 3}, {0, 4, 3, 4}, {0, 0, 1}, {0, third, 1, third}},
                         {"mean", true, {4, 2, 3}, {0, 4, 3, 4}, {0.25, 0.5, 1}, {0.25, 0.25, 0.5, 0.25}},
                         {"mean", false, {4, 2, 3}, {0, 4, 3, 4}, {0, 0, 1}, {third, third, 1, third}}}) {
    SCOPED_TRACE(std::string(c.reduce) + (c.include_self ? "" : " without self"));
    const Tensor self = leaf(c.self), src = leaf(c.src);
    scatter_reduce(self, 0, at, src, c.reduce, c.include_self).sum().backward();
    EXPECT_VALUES(self.grad(), c.grad_self);
    EXPECT_VALUES(src.grad(), c.grad_src);
  }
}

// Sums of 2-byte floats are rounded once: one by one they would stay at 256.
TEST(Scatters, AddUpBeyondTheirPrecision) {
  const Tensor start = zeros({1}, kBFloat16), each = ones({5000}, kBFloat16), at = zeros({5000}, kInt64);
  EXPECT_VALUES(start.scatter_add(0, at, each), {4992});
  EXPECT_VALUES(start.scatter_reduce(0, at, each, "sum"), {4992});
  EXPECT_VALUES(start.scatter_reduce(0, at, each, "mean", false), {1});
  EXPECT_VALUES(start.index_add(0, at, each), {4992});
  const Tensor x = zeros({1}, kBFloat16).requires_grad_();
  x.index({at}).sum().backward();
  EXPECT_VALUES(x.grad(), {4992});
}

TEST(OutForms, WriteIntoTheirTensor) {
  const Tensor x = arange(6, kFloat).view({2, 3}), i = tensor({1, 0}, kInt64), n = zeros({1, 3}, kInt64);
  Tensor out = empty({7});
  index_select_out(out, x, 0, i);
  EXPECT_TRUE(equal(out, x.index_select(0, i)));
  gather_out(out, x, 0, n);
  EXPECT_TRUE(equal(out, x.gather(0, n)));
  scatter_out(out, x, 0, n, x);
  EXPECT_TRUE(equal(out, x.scatter(0, n, x)));
  scatter_out(out, x, 0, n, 2, "multiply");
  EXPECT_TRUE(equal(out, x.scatter(0, n, 2, "multiply")));
  scatter_add_out(out, x, 0, n, x);
  EXPECT_TRUE(equal(out, x.scatter_add(0, n, x)));
  scatter_reduce_out(out, x, 0, n, x, "amin", false);
  EXPECT_TRUE(equal(out, x.scatter_reduce(0, n, x, "amin", false)));
  index_add_out(out, x, 0, i, x, 2);
  EXPECT_TRUE(equal(out, x.index_add(0, i, x, 2)));
  index_copy_out(out, x, 0, i, x);
  EXPECT_TRUE(equal(out, x.index_copy(0, i, x)));
  index_fill_out(out, x, 1, i, 9);
  EXPECT_TRUE(equal(out, x.index_fill(1, i, 9)));
  masked_select_out(out, x, x > 2);
  EXPECT_TRUE(equal(out, x.masked_select(x > 2)));
  take_out(out, x, i);
  EXPECT_TRUE(equal(out, x.take(i)));
  take_along_dim_out(out, x, n, 0);
  EXPECT_TRUE(equal(out, take_along_dim(x, n, 0)));
  EXPECT_THROW(nonzero_out(out, x), Error);
  EXPECT_THROW(take_out(out, x.to(kDouble), i), Error);
  Tensor where = empty({0}, kInt64);
  nonzero_out(where, x);
  EXPECT_TRUE(equal(where, x.nonzero()));
}

}  // namespace
}  // namespace ember::test
