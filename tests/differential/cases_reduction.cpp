// Reductions, scans, sorting and counting.
#include "driver.h"

#include <limits>

namespace differential {

#define REDUCE_WHOLE(name, types, low, high) \
  add_case(#name, [](Draw& d) -> Tensors { return {torch::name(d.tensor(types, low, high))}; })
#define REDUCE_DIM(name, types, low, high) \
  add_case(#name "_dim", [](Draw& d) -> Tensors { \
    const Tensor x = d.tensor(types, low, high); \
    const int64_t dim = d.dim(x); \
    return list(torch::name(x, dim, d.note("keepdim", d.chance(0.5)))); \
  })
#define REDUCE_DIMS(name, types, low, high) \
  add_case(#name "_dims", [](Draw& d) -> Tensors { \
    const Tensor x = d.tensor(types, low, high); \
    const Sizes dims = d.dims(x); \
    return {torch::name(x, torch::IntArrayRef(dims), d.note("keepdim", d.chance(0.5)))}; \
  })

void add_reduction_cases() {
  REDUCE_WHOLE(sum, Types::All, -3, 3);
  REDUCE_WHOLE(nansum, Types::All, -3, 3);
  REDUCE_WHOLE(mean, Types::All, -3, 3);
  REDUCE_WHOLE(prod, Types::All, -2, 2);
  REDUCE_WHOLE(max, Types::All, -3, 3);
  REDUCE_WHOLE(min, Types::All, -3, 3);
  REDUCE_WHOLE(all, Types::All, 0, 1);
  REDUCE_WHOLE(any, Types::All, 0, 1);
  REDUCE_WHOLE(median, Types::All, -3, 3);
  REDUCE_WHOLE(nanmedian, Types::All, -3, 3);
  REDUCE_WHOLE(norm, Types::All, -3, 3);
  REDUCE_WHOLE(argmax, Types::All, -3, 3);
  REDUCE_WHOLE(argmin, Types::All, -3, 3);
  REDUCE_WHOLE(count_nonzero, Types::All, -1, 1);
  REDUCE_DIM(max, Types::All, -3, 3);
  REDUCE_DIM(min, Types::All, -3, 3);
  REDUCE_DIM(median, Types::All, -3, 3);
  REDUCE_DIM(nanmedian, Types::All, -3, 3);
  REDUCE_DIM(mode, Types::All, -1, 1);
  REDUCE_DIMS(sum, Types::All, -3, 3);
  REDUCE_DIMS(nansum, Types::All, -3, 3);
  REDUCE_DIMS(mean, Types::All, -3, 3);
  REDUCE_DIMS(amax, Types::All, -3, 3);
  REDUCE_DIMS(amin, Types::All, -3, 3);
  REDUCE_DIMS(logsumexp, Types::All, -3, 3);
  REDUCE_DIMS(all, Types::All, 0, 1);
  REDUCE_DIMS(any, Types::All, 0, 1);
  add_case("sum_dtype", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const Sizes dims = d.dims(x);
    return {torch::sum(x, torch::IntArrayRef(dims), d.chance(0.5), d.note("dtype", d.dtype(Types::All)))};
  });
  add_case("prod_dim", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, -2, 2);
    return {torch::prod(x, d.dim(x), d.note("keepdim", d.chance(0.5)))};
  });
  add_case("argmax_dim", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    return {torch::argmax(x, dim, d.chance(0.5)), torch::argmin(x, dim)};
  });
  add_case("var", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const bool unbiased = d.note("unbiased", d.chance(0.5));
    switch (d.note("form", d.integer(0, 3))) {
      case 0: return {torch::var(x, unbiased), torch::std(x, unbiased)};
      case 1: {
        const Sizes dims = d.dims(x);
        return {torch::var(x, torch::IntArrayRef(dims), unbiased, true),
                torch::std(x, torch::IntArrayRef(dims), unbiased)};
      }
      case 2: return list(torch::var_mean(x, unbiased));
      default: {
        const Sizes dims = d.dims(x);
        return list(torch::std_mean(x, torch::IntArrayRef(dims), Scalar(d.note("correction", d.integer(0, 2))), true));
      }
    }
  });
  add_case("norm_p", [](Draw& d) -> Tensors {
    const double inf = std::numeric_limits<double>::infinity();
    const double p = d.note("p", d.pick(std::vector<double>{0, 1, 2, 3, 0.5, -1, inf, -inf}));
    const Tensor x = d.tensor(Types::Floating);
    if (d.chance(0.3)) return {torch::norm(x, p)};
    const Sizes dims = d.dims(x);
    return {torch::norm(x, Scalar(p), torch::IntArrayRef(dims), d.chance(0.5))};
  });
  add_case("dist", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const auto t = d.dtype(Types::Wide);
    const Tensor a = d.tensor(sizes, t);
    return {torch::dist(a, d.tensor(d.broadcastable(sizes), t), d.scalar(0, 3))};
  });
  add_case("aminmax", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    if (d.chance(0.5)) return list(torch::aminmax(x));
    return list(torch::aminmax(x, d.dim(x), d.chance(0.5)));
  });
  add_case("all_any_dim", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, 0, 1);
    const int64_t dim = d.dim(x);
    return {torch::all(x, dim), torch::any(x, dim, true)};
  });
  add_case("count_nonzero_dim", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, -1, 1);
    return {torch::count_nonzero(x, c10::optional<int64_t>(d.dim(x)))};
  });
#define SCAN(name, types, low, high) \
  add_case(#name, [](Draw& d) -> Tensors { \
    const Tensor x = d.tensor(types, low, high); \
    return {torch::name(x, d.dim(x))}; \
  })
  SCAN(cumsum, Types::All, -3, 3);
  SCAN(cumprod, Types::All, -2, 2);
  SCAN(logcumsumexp, Types::Floating, -3, 3);
  add_case("cummax", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    return list(d.chance(0.5) ? torch::cummax(x, dim) : torch::cummin(x, dim));
  });
  add_case("diff", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t n = d.note("n", d.integer(0, 2));
    return {torch::diff(x, n, d.dim(x))};
  });
  add_case("renorm", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3), d.dtype(Types::Wide));
    const int64_t dim = d.dim(x);
    return {torch::renorm(x, d.pick(std::vector<double>{1, 2, 3}), dim, 1.5)};
  });
  add_case("sort", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, -2, 2);
    const int64_t dim = d.dim(x);
    return list(torch::sort(x, /*stable=*/true, dim, d.note("descending", d.chance(0.5))));
  });
  add_case("argsort", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, -2, 2);
    const int64_t dim = d.dim(x);
    return {torch::argsort(x, /*stable=*/true, dim, d.note("descending", d.chance(0.5)))};
  });
  add_case("topk_values", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::Numeric);
    const int64_t dim = d.dim(x);
    const int64_t k = d.note("k", d.integer(0, 4));
    return {std::get<0>(torch::topk(x, k, dim, d.note("largest", d.chance(0.5))))};
  });
  add_case("kthvalue_values", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::Numeric);
    const int64_t dim = d.dim(x);
    const int64_t k = d.note("k", d.integer(0, 4));
    return {std::get<0>(torch::kthvalue(x, k, dim, d.note("keepdim", d.chance(0.5))))};
  });
  add_case("unique", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, -2, 2);
    return list(torch::_unique2(x, true, true, true));
  });
  add_case("unique_consecutive", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, -1, 1);
    return list(torch::unique_consecutive(x, true, true));
  });
  add_case("unique_dim", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3, 3), d.dtype(Types::All), -1, 1);
    return list(torch::unique_dim(x, d.dim(x), true, true, true));
  });
  add_case("bincount", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(2, 6), d.dtype(Types::Integral), 0, 5);
    if (d.chance(0.5)) return {torch::bincount(x, {}, d.note("minlength", d.integer(0, 8)))};
    return {torch::bincount(x, d.tensor(x.sizes().vec(), d.dtype(Types::Numeric)))};
  });
  add_case("histc", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const Tensor x = d.tensor(Types::Wide);
    return {torch::histc(x, d.note("bins", d.integer(1, 6)), d.note("min", d.integer(-2, 0)),
                         d.note("max", d.integer(0, 2)))};
  });
  add_case("searchsorted", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const Tensor sorted = std::get<0>(d.plain({d.integer(0, 6)}, d.dtype(Types::Wide)).sort());
    const Tensor values = d.tensor(d.shape(), sorted.scalar_type());
    return {torch::searchsorted(sorted, values, d.chance(0.5), d.note("right", d.chance(0.5))),
            torch::bucketize(values, sorted)};
  });
}

}  // namespace differential
