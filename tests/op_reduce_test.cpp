// What the tables cannot say of reductions, scans and sorts: names of nodes, `_out` forms, results on any number of
// threads, gradients of both results of a pair, subgradients.
#include <ember/autograd/autograd.h>
#include <ember/autograd/gradcheck.h>
#include <ember/core/parallel.h>

#include "op_harness.h"
#include "values.h"

namespace ember::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor gradient_of(const std::function<Tensor(const Tensor&)>& f, const std::vector<double>& at) {
  const Tensor x = leaf(at);
  f(x).sum().backward();
  return x.grad();
}

TEST(Reductions, NodesHaveTheirNames) {
  const Tensor x = leaf({1, 2, 3, 4}).view({2, 2});
  const auto name = [](const Tensor& t) { return t.grad_fn() ? t.grad_fn()->name() : "none"; };
  EXPECT_EQ(name(nansum(x)), "NansumBackward0");
  EXPECT_EQ(name(prod(x)), "ProdBackward0");
  EXPECT_EQ(name(prod(x, 0)), "ProdBackward1");
  EXPECT_EQ(name(var(x, 0)), "VarBackward0");
  EXPECT_EQ(name(ember::std(x, true)), "StdBackward0");
  EXPECT_EQ(name(std::get<1>(var_mean(x))), "VarMeanBackward0");
  EXPECT_EQ(name(std::get<0>(std_mean(x))), "StdMeanBackward0");
  EXPECT_EQ(name(std::get<1>(aminmax(x))), "AminmaxBackward0");
  EXPECT_EQ(name(norm(x)), "NormBackward0");
  EXPECT_EQ(name(norm(x, 2, {0})), "NormBackward1");
  EXPECT_EQ(name(norm(x, 2, kFloat64)), "NormBackward2");
  EXPECT_EQ(name(norm(x, 2, {0}, true, kFloat64)), "NormBackward3");
  EXPECT_EQ(name(dist(x, x * 2)), "DistBackward0");
  EXPECT_EQ(name(median(x)), "MedianBackward0");
  EXPECT_EQ(name(std::get<0>(median(x, 0))), "MedianBackward1");
  EXPECT_EQ(name(std::get<0>(nanmedian(x, 0))), "NanmedianBackward1");
  EXPECT_EQ(name(std::get<0>(mode(x))), "ModeBackward0");
  EXPECT_EQ(name(std::get<0>(kthvalue(x, 1))), "KthvalueBackward0");
  EXPECT_EQ(name(std::get<0>(topk(x, 1))), "TopkBackward0");
  EXPECT_EQ(name(std::get<0>(sort(x))), "SortBackward0");
  EXPECT_EQ(name(std::get<1>(sort(x))), "none");
  EXPECT_EQ(name(logsumexp(x, {0})), "LogsumexpBackward0");
  EXPECT_EQ(name(cumsum(x, 0)), "CumsumBackward0");
  EXPECT_EQ(name(cumprod(x, 0)), "CumprodBackward0");
  EXPECT_EQ(name(logcumsumexp(x, 0)), "LogcumsumexpBackward0");
  EXPECT_EQ(name(std::get<0>(cummax(x, 0))), "CummaxBackward0");
  EXPECT_EQ(name(renorm(x, 2, 0, 1)), "RenormBackward0");
  EXPECT_EQ(name(std::get<0>(_unique2(x))), "Unique2Backward0");
  EXPECT_ERROR(std::get<0>(_unique2(x)).sum().backward(), "_unique2");
}

TEST(Reductions, Subgradients) {
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return norm(x, 2); }, {0, 0}), {0, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return norm(x, 1); }, {0, -1}), {0, -1});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return norm(x, 3); }, {0, 0}), {0, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return norm(x, 1.5); }, {0, 0}), {0, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return norm(x, 0.5); }, {0, 1}), {0, 1});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return norm(x, kInf); }, {1, -1, 0}), {0.5, -0.5, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return norm(x, -kInf); }, {1, -1, 3}), {0.5, -0.5, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return x.std(); }, {1, 1}), {0, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return var(x, 0, Scalar(2)); }, {1, 2}), {-kInf, kInf});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return x.max(); }, {2, 2, 1}), {0.5, 0.5, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return x.max(); }, {kNan, 1}), {1, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return x.median(); }, {1, 1, 2}), {0.5, 0.5, 0});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return x.nansum(); }, {kNan, 2}), {0, 1});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return logsumexp(x, {0}); }, {-kInf, 1}), {0, 1});
  EXPECT_VALUES(gradient_of([](const Tensor& x) { return std::get<0>(cummax(x, 0)); }, {1, 1, kNan, 3}), {1, 1, 2, 0});
}

// One result alone must give its own part.
TEST(Reductions, PairsHaveTwoGradients) {
  const Tensor x = leaf({1, 2, 6});
  std::get<1>(var_mean(x)).backward();
  EXPECT_VALUES(x.grad(), {1.0 / 3, 1.0 / 3, 1.0 / 3});
  const Tensor y = leaf({1, 2, 6});
  std::get<0>(var_mean(y)).backward();
  EXPECT_VALUES(y.grad(), {-2, -1, 3});
  const Tensor z = leaf({1, 2, 6});
  const auto [low, high] = aminmax(z);
  (high - low * 3).backward();
  EXPECT_VALUES(z.grad(), {-3, 0, 1});
}

TEST(Reductions, OutForms) {
  const Tensor x = doubles({1, 2, 3, 4, 5, 6}).view({2, 3});
  Tensor out = empty({0}, kFloat64);
  EXPECT_VALUES(sum_out(out, x, 0), {5, 7, 9});
  EXPECT_VALUES(mean_out(out, x, 1), {2, 5});
  EXPECT_VALUES(prod_out(out, x, 0), {4, 10, 18});
  EXPECT_VALUES(var_out(out, x, 1, true), {1, 1});
  EXPECT_VALUES(std_out(out, x, 1, Scalar(1)), {1, 1});
  EXPECT_VALUES(amax_out(out, x, {0}), {4, 5, 6});
  EXPECT_VALUES(amin_out(out, x, {1}), {1, 4});
  EXPECT_VALUES(max_out(out, x), {6});
  EXPECT_VALUES(min_out(out, x, x * 0 + 3), {1, 2, 3, 3, 3, 3});
  EXPECT_VALUES(nansum_out(out, x), {21});
  EXPECT_VALUES(nanmean_out(out, x), {3.5});
  EXPECT_VALUES(frobenius_norm_out(out, x, {1}), {std::sqrt(14.0), std::sqrt(77.0)});
  EXPECT_VALUES(cumsum_out(out, x, 1), {1, 3, 6, 4, 9, 15});
  EXPECT_VALUES(cumprod_out(out, x, 1), {1, 2, 6, 4, 20, 120});
  EXPECT_VALUES(msort_out(out, -x), {-4, -5, -6, -1, -2, -3});
  EXPECT_VALUES(histc_out(out, x, 2, 0, 6), {2, 4});
  EXPECT_VALUES(nanmedian_out(out, x), {3});
  // Into the dtype of `out`.
  Tensor integers = empty({0}, kInt32);
  EXPECT_VALUES(sum_out(integers, x.to(kInt64), 0), {5, 7, 9});
  EXPECT_EQ(integers.dtype(), kInt32);
  Tensor bytes = empty({0}, kUInt8);
  EXPECT_VALUES(all_out(bytes, x - 1, 0), {0, 1, 1});
  Tensor places = empty({0}, kInt64);
  EXPECT_VALUES(argmax_out(places, x, 1), {2, 2});
  EXPECT_VALUES(argsort_out(places, -x, true), {2, 1, 0, 2, 1, 0});
  EXPECT_VALUES(searchsorted_out(places, doubles({1, 3}), x), {0, 1, 1, 2, 2, 2});
  EXPECT_VALUES(bucketize_out(places, 2, doubles({1, 3})), {1});
  Tensor values = empty({0}, kFloat64);
  sort_out(values, places, x, -1, true);
  EXPECT_VALUES(values, {3, 2, 1, 6, 5, 4});
  EXPECT_VALUES(places, {2, 1, 0, 2, 1, 0});
  max_out(values, places, x, 0, true);
  EXPECT_EQ(values.sizes().vec(), (std::vector<int64_t>{1, 3}));
  topk_out(values, places, x, 1);
  EXPECT_VALUES(values, {3, 6});
  kthvalue_out(values, places, x, 2);
  EXPECT_VALUES(values, {2, 5});
  mode_out(values, places, x);
  EXPECT_VALUES(values, {1, 4});
  cummin_out(values, places, -x, 1);
  EXPECT_VALUES(values, {-1, -2, -3, -4, -5, -6});
  aminmax_out(values, out, x, 1);
  EXPECT_VALUES(values, {1, 4});
  EXPECT_VALUES(out, {3, 6});
  // A result may go where an input is.
  Tensor same = doubles({3, 1, 2});
  cumsum_out(same, same, 0);
  EXPECT_VALUES(same, {3, 4, 6});
}

// Bitwise, whatever the number of threads.
TEST(Reductions, ThreadsDoNotMatter) {
  manual_seed(3);
  const Tensor a = randn({300001}), b = randn({900, 331}), c = randn({331, 900}).t();
  const auto run = [&] {
    Tensors r;
    for (const Tensor& t : {a, b, c}) {
      for (const Tensor& y : {norm(t), norm(t, 3), ember::var(t), prod(t.abs() + 0.5), nansum(t), median(t)})
        r.push_back(y);
      const int64_t last = t.dim() - 1;
      for (const Tensor& y : {norm(t, 2, {0}), var(t, {last}, true), cumsum(t, 0), cumsum(t, last), logcumsumexp(t, 0),
                              logsumexp(t, {0}), std::get<1>(sort(t, 0)), std::get<1>(topk(t, 50, 0)),
                              std::get<1>(kthvalue(t, 60, 0)), std::get<0>(cummax(t, 0))}) {
        r.push_back(y);
      }
    }
    return r;
  };
  const int threads = get_num_threads();
  set_num_threads(1);
  const Tensors one = run();
  for (const int n : {2, 3, 7}) {
    set_num_threads(n);
    const Tensors many = run();
    for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same(many[i], one[i])) << "result " << i << " on " << n;
  }
  set_num_threads(threads);
}

// Long lines, where the sorts and the counts take another path.
TEST(Reductions, LongSorts) {
  manual_seed(4);
  for (const ScalarType dtype :
       {kFloat32, kFloat64, kFloat16, kBFloat16, kInt64, kInt32, kInt16, kInt8, kUInt8, kBool}) {
    for (const int64_t n : {33, 300, 20000}) {
      const Tensor drawn = randn({n}) * 20;
      const Tensor x = dtype == kBool ? drawn > 0 : (is_signed(dtype) ? drawn : drawn.abs()).to(dtype);
      for (const bool descending : {false, true}) {
        const auto [values, places] = sort(x, true, 0, descending);
        const HostArray v = read(values), p = read(places), in = read(x);
        for (size_t i = 0; i < v.data.size(); ++i) {
          ASSERT_EQ(v.data[i], in.data[static_cast<size_t>(p.data[i])]);
          if (i == 0) continue;
          ASSERT_TRUE(descending ? v.data[i - 1] >= v.data[i] : v.data[i - 1] <= v.data[i]);
          ASSERT_TRUE(v.data[i - 1] != v.data[i] || p.data[i - 1] < p.data[i]) << "not stable";
        }
      }
    }
  }
}

// Sorted results lie in memory as their input does.
TEST(Reductions, SortKeepsStrides) {
  const Tensor x = randn({2, 3, 4}).permute({2, 0, 1});
  EXPECT_EQ(std::get<0>(sort(x, 0)).strides().vec(), x.strides().vec());
  EXPECT_EQ(std::get<1>(sort(x, 2)).strides().vec(), x.strides().vec());
  EXPECT_TRUE(std::get<0>(topk(x, 1, 0)).is_contiguous());
}

// The running product and the product of elements that are 0, differentiated twice.
TEST(Reductions, ProductsOfZeros) {
  const Tensor x = leaf({0, 2, 0, 3, 5, 0, 1, 2, 3, 4, 5, 6});
  const autograd::GradcheckFunction f = [](const Tensors& t) {
    return Tensors{t[0].view({3, 4}).cumprod(1), t[0].view({3, 4}).prod(0), t[0].view({3, 4}).prod(1)};
  };
  EXPECT_TRUE(autograd::gradcheck(f, {x}));
  EXPECT_TRUE(autograd::gradgradcheck(f, {x}));
}

TEST(Reductions, WeightedCounts) {
  EXPECT_VALUES(bincount(tensor({0, 1, 1, 3}), doubles({1, 2, 3, 4})), {1, 5, 0, 4});
  EXPECT_EQ(bincount(tensor({0, 1}), tensor({1.f, 2.f})).dtype(), kFloat32);
  EXPECT_EQ(bincount(tensor({0, 1}), tensor({1, 2})).dtype(), kFloat64);
}

}  // namespace
}  // namespace ember::test
