// Linear algebra.
#include "driver.h"

namespace differential {

namespace {
Types kinds(Draw& d) { return d.chance(0.7) ? Types::Floating : Types::All; }
}  // namespace

void add_linear_algebra_cases() {
  add_case("matmul", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const auto t = d.dtype(kinds(d));
    const int64_t n = d.integer(0, 4), k = d.integer(0, 5), m = d.integer(1, 4);
    Sizes a = {n, k}, b = {d.chance(0.97) ? k : k + 1, m};
    if (d.chance(0.25)) a = {k};
    if (d.chance(0.25)) b = {k};
    const Sizes batch = d.shape(2, 3);
    if (a.size() == 2 && d.chance(0.4)) a.insert(a.begin(), batch.begin(), batch.end());
    if (b.size() == 2 && d.chance(0.4)) {
      const Sizes other = d.broadcastable(batch);
      b.insert(b.begin(), other.begin(), other.end());
    }
    const Tensor x = d.tensor(a, t);
    return {torch::matmul(x, d.tensor(b, t))};
  });
  add_case("products", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const auto t = d.dtype(kinds(d));
    const Tensor a = d.tensor(Sizes{3, 4}, t), b = d.tensor(Sizes{4, 2}, t), v = d.tensor(Sizes{4}, t),
                 w = d.tensor(Sizes{4}, t);
    switch (d.note("form", d.integer(0, 7))) {
      case 0: return {a.mm(b)};
      case 1: return {a.mv(v)};
      case 2: return {v.dot(w), torch::vdot(v, w)};
      case 3: return {torch::outer(v, w), v.ger(w)};
      case 4: return {torch::inner(a, v), torch::inner(a, a)};
      case 5: return {torch::kron(a, b)};
      case 6: return {torch::tensordot(a, b, {1}, {0}), torch::tensordot(a, a, {0, 1}, {0, 1})};
      default:
        return {torch::bmm(a.unsqueeze(0), b.unsqueeze(0)), torch::bmm(a.expand({2, 3, 4}), b.expand({2, 4, 2}))};
    }
  });
  add_case("addmm", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const auto t = d.dtype(kinds(d));
    const Scalar beta = d.scalar(0, 2), alpha = d.scalar(-2, 2);
    const Tensor c = d.tensor(d.broadcastable({3, 2}), t);
    switch (d.note("form", d.integer(0, 4))) {
      case 0: {
        const Tensor a = d.tensor(Sizes{3, 4}, t);
        return {torch::addmm(c, a, d.tensor(Sizes{4, 2}, t), beta, alpha)};
      }
      case 1: {
        const Tensor a = d.tensor(Sizes{5, 3, 4}, t);
        return {torch::baddbmm(c, a, d.tensor(Sizes{5, 4, 2}, t), beta, alpha)};
      }
      case 2: {
        const Tensor a = d.tensor(Sizes{5, 3, 4}, t);
        return {torch::addbmm(c, a, d.tensor(Sizes{5, 4, 2}, t), beta, alpha)};
      }
      case 3: {
        const Tensor a = d.tensor(Sizes{2, 4}, t);
        return {torch::addmv(d.tensor(d.broadcastable({2}), t), a, d.tensor(Sizes{4}, t), beta, alpha)};
      }
      default: {
        const Tensor a = d.tensor(Sizes{3}, t);
        return {torch::addr(c, a, d.tensor(Sizes{2}, t), beta, alpha)};
      }
    }
  });
  add_case("einsum", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const auto t = d.dtype(Types::Wide);
    const Tensor a = d.tensor(Sizes{3, 4}, t), b = d.tensor(Sizes{4, 2}, t), c = d.tensor(Sizes{2, 3, 4}, t),
                 s = d.tensor(Sizes{3, 3}, t);
    switch (d.note("form", d.integer(0, 9))) {
      case 0: return {torch::einsum("ij,jk->ik", {a, b})};
      case 1: return {torch::einsum("ij,jk", {a, b})};
      case 2: return {torch::einsum("ii->i", {s}), torch::einsum("ii", {s})};
      case 3: return {torch::einsum("bij,bij->b", {c, c})};
      case 4: return {torch::einsum("...ij,jk->...ik", {c, b})};
      case 5: return {torch::einsum("ij->ji", {a}), torch::einsum("ij->", {a}), torch::einsum("ba", {a})};
      case 6: return {torch::einsum("bij,ij,jk->bk", {c, a, b})};
      case 7: return {torch::einsum("i j , j k -> k i", {a, b})};
      case 8: return {torch::einsum("ij,kl->ijkl", {a, b})};
      default: return {torch::einsum("ij,jk->il", {a, b})};
    }
  });
  add_case("triangles", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t k = d.note("k", d.integer(-3, 3));
    return {x.tril(k), x.triu(k)};
  });
  add_case("diag", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3), d.dtype(Types::All));
    const int64_t k = d.note("k", d.integer(-2, 2));
    switch (d.note("form", d.integer(0, 2))) {
      case 0: return {torch::diag(x, k)};
      case 1: return {torch::diag_embed(x, k)};
      default: return {torch::diagflat(x, k)};
    }
  });
  add_case("trace", [](Draw& d) -> Tensors { return {torch::trace(d.tensor(d.shape(3), d.dtype(Types::All)))}; });
  add_case("indices_of_triangles", [](Draw& d) -> Tensors {
    const int64_t r = d.note("r", d.integer(0, 4)), c = d.note("c", d.integer(0, 4)), k = d.note("k", d.integer(-3, 3));
    return {torch::tril_indices(r, c, k), torch::triu_indices(r, c, k)};
  });
  add_case("cross", [](Draw& d) -> Tensors {
    const auto t = d.dtype(Types::Numeric);
    const Tensor a = d.tensor(Sizes{2, 3}, t);
    return {torch::cross(a, d.tensor(Sizes{2, 3}, t), 1)};
  });
  add_case("inverse", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const int64_t n = d.note("n", d.integer(0, 5));
    const auto t = d.dtype(Types::Wide);
    const Tensor noise = d.tensor(d.chance(0.5) ? Sizes{n, n} : Sizes{2, n, n}, t, -1, 1);
    const Tensor a = noise + torch::eye(n, t) * 3;
    switch (d.note("form", d.integer(0, 3))) {
      case 0: return {torch::inverse(a)};
      case 1: return {torch::det(a), torch::logdet(a.matmul(a.transpose(-1, -2)))};
      case 2: return list(torch::slogdet(a));
      default: return {torch::linalg_solve(a, d.tensor(Sizes{n, 2}, t))};
    }
  });
  add_case("matrix_power", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const Tensor a = d.tensor(Sizes{3, 3}, d.dtype(Types::Wide), -1, 1) + torch::eye(3) * 3;
    return {torch::matrix_power(a, d.note("n", d.integer(-2, 4)))};
  });
  add_case("vector_norm", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::Wide);
    const double p = d.note("p", d.pick(std::vector<double>{0, 1, 2, 3}));
    if (d.chance(0.5)) return {torch::linalg_vector_norm(x, p)};
    const Sizes dims = d.dims(x);
    return {torch::linalg_vector_norm(x, p, torch::IntArrayRef(dims), d.chance(0.5))};
  });
  add_case("linear", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const auto t = d.dtype(Types::Floating);
    Sizes s = d.shape(3);
    s.push_back(4);
    const Tensor x = d.tensor(s, t), w = d.tensor(Sizes{3, 4}, t);
    if (d.chance(0.5)) return {torch::linear(x, w)};
    return {torch::linear(x, w, d.tensor(Sizes{3}, t))};
  });
}

}  // namespace differential
