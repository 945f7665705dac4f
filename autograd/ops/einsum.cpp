// Einstein summation. The equation is parsed; every operand gets one dimension per subscript, in one order;
// then operands are multiplied two at a time, and a subscript is summed over as soon as no other operand has it.
#include <algorithm>
#include <string>

#include <ember/autograd/ops/linalg.h>

namespace ember {

namespace ops {
namespace {

constexpr int kLetters = 52;         // A to Z, then a to z: the order of implicit outputs
constexpr int kEllipsis = kLetters;  // stands for the dimensions of an ellipsis
constexpr int kLabels = kLetters + 1;

using Subscripts = std::vector<int>;

char letter_of(int label) { return static_cast<char>(label < 26 ? 'A' + label : 'a' + (label - 26)); }

struct Equation {
  std::vector<Subscripts> operands;
  Subscripts output;
  bool explicit_output = false;
};

// Subscripts from `at` up to a comma, an arrow or the end; `at` is moved there.
Subscripts parse_subscripts(std::string_view equation, size_t& at) {
  Subscripts result;
  for (; at < equation.size(); ++at) {
    const char c = equation[at];
    if (c == ' ') continue;
    if (c == ',' || equation.substr(at, 2) == "->") break;
    if (c == '.') {
      EMBER_CHECK(equation.substr(at, 3) == "...", "einsum: a '.' at position ", at, " of \"", equation,
                  "\" is not part of an ellipsis");
      EMBER_CHECK(std::find(result.begin(), result.end(), kEllipsis) == result.end(),
                  "einsum: a second ellipsis in one operand at position ", at, " of \"", equation, "\"");
      result.push_back(kEllipsis);
      at += 2;
    } else if (c >= 'A' && c <= 'Z') {
      result.push_back(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      result.push_back(c - 'a' + 26);
    } else {
      EMBER_CHECK(false, "einsum: '", c, "' at position ", at, " of \"", equation,
                  "\" is no subscript; they are the letters a to z and A to Z");
    }
  }
  return result;
}

Equation parse(std::string_view equation) {
  Equation e;
  size_t at = 0;
  while (true) {
    e.operands.push_back(parse_subscripts(equation, at));
    if (at == equation.size()) return e;
    if (equation[at] != ',') break;
    ++at;
  }
  at += 2;
  e.explicit_output = true;
  e.output = parse_subscripts(equation, at);
  EMBER_CHECK(at == equation.size(), "einsum: unexpected '", equation[at], "' at position ", at, " of \"", equation,
              "\"");
  return e;
}

struct Axes {
  int first[kLabels];  // the dimension of each label in the common order, or −1
  int dims = 0;
  int output_dims = 0;
};

// Counts and checks subscripts; the output's come first, then what is summed over.
Axes lay_out(Equation& e, TensorList tensors, std::string_view equation, int& ellipsis_dims) {
  int count[kLabels] = {};
  ellipsis_dims = 0;
  for (size_t i = 0; i < e.operands.size(); ++i) {
    const Subscripts& s = e.operands[i];
    const bool has_ellipsis = std::find(s.begin(), s.end(), kEllipsis) != s.end();
    const auto letters = static_cast<int64_t>(s.size()) - (has_ellipsis ? 1 : 0);
    const int64_t rank = tensors[i].dim();
    EMBER_CHECK(has_ellipsis ? letters <= rank : letters == rank, "einsum: ", letters, " subscripts of operand ", i,
                " in \"", equation, "\" do not fit ", describe(tensors[i]));
    if (has_ellipsis) ellipsis_dims = std::max(ellipsis_dims, static_cast<int>(rank - letters));
    for (const int label : s) ++count[label];
  }
  if (!e.explicit_output) {
    if (count[kEllipsis] > 0) e.output.push_back(kEllipsis);
    for (int label = 0; label < kLetters; ++label)
      if (count[label] == 1) e.output.push_back(label);
  }
  Axes layout;
  std::fill(std::begin(layout.first), std::end(layout.first), -1);
  const auto add = [&](int label) {
    layout.first[label] = layout.dims;
    layout.dims += label == kEllipsis ? ellipsis_dims : 1;
  };
  for (const int label : e.output) {
    if (label != kEllipsis) {
      EMBER_CHECK(count[label] > 0, "einsum: the output's subscript ", letter_of(label), " is not in any operand of \"",
                  equation, "\"");
      EMBER_CHECK(layout.first[label] < 0, "einsum: the subscript ", letter_of(label),
                  " appears twice in the output of \"", equation, "\"");
    }
    add(label);
  }
  layout.output_dims = layout.dims;
  for (int label = 0; label < kLabels; ++label)
    if (count[label] > 0 && layout.first[label] < 0) add(label);
  EMBER_CHECK(layout.dims <= kMaxDims, "einsum: \"", equation, "\" has more than ", kMaxDims, " subscripts");
  return layout;
}

// An operand as a view with all dimensions of the layout, 1 where it lacks one; repeated subscripts are diagonals.
Tensor expand_operand(Tensor t, const Subscripts& s, const Axes& layout, int ellipsis_dims, size_t position) {
  Dims place(static_cast<size_t>(layout.dims), -1);  // in t, of each dimension of the layout
  const int64_t own_ellipsis = t.dim() - static_cast<int64_t>(s.size()) + 1;
  int64_t at = 0;
  for (const int label : s) {
    const int first = layout.first[label];
    if (label == kEllipsis) {
      // The last dimensions of an ellipsis are aligned.
      for (int64_t k = 0; k < own_ellipsis; ++k)
        place[static_cast<size_t>(first + ellipsis_dims - own_ellipsis + k)] = at++;
      continue;
    }
    int64_t& where = place[static_cast<size_t>(first)];
    if (where < 0) {
      where = at++;
      continue;
    }
    EMBER_CHECK(t.size(where) == t.size(at), "einsum: the subscript ", letter_of(label), " of operand ", position,
                " stands for sizes ", t.size(where), " and ", t.size(at));
    t = t.diagonal(0, where, at);
    Dims order;  // the diagonal, which is last, goes to its first subscript's place
    for (int64_t d = 0; d + 1 < t.dim(); ++d) order.push_back(d);
    order.insert(static_cast<size_t>(where), t.dim() - 1);
    t = t.permute(order);
  }
  Dims order;
  for (const int64_t p : place)
    if (p >= 0) order.push_back(p);
  t = t.permute(order);
  for (size_t d = 0; d < place.size(); ++d)
    if (place[d] < 0) t = t.unsqueeze(static_cast<int64_t>(d));
  return t;
}

// a·b, summed over the dimensions of the mask, which stay with size 1.
Tensor contract(Tensor a, Tensor b, DimMask sum) {
  const int64_t rank = a.dim();
  // Which operands have the dimension: both (kept), one, or both (summed).
  Dims batch, left, right, inner;
  Dims sizes;
  for (int64_t d = 0; d < rank; ++d) {
    const bool in_a = a.size(d) != 1;
    const bool in_b = b.size(d) != 1;
    const bool summed = (sum >> d & 1u) != 0;
    if (summed && in_a != in_b) {
      (in_a ? a : b) = (in_a ? a : b).sum(d, true);
      sum &= ~(DimMask{1} << d);
      batch.push_back(d);
    } else if (summed && in_a) {
      inner.push_back(d);
    } else if (in_a == in_b) {
      batch.push_back(d);
    } else {
      (in_a ? left : right).push_back(d);
    }
  }
  if (inner.empty()) return a * b;
  const auto numel_of = [](const Tensor& t, const Dims& dims) {
    int64_t n = 1;
    for (const int64_t d : dims) n *= t.size(d);
    return n;
  };
  const auto joined = [](std::initializer_list<const Dims*> lists) {
    Dims all;
    for (const Dims* list : lists)
      for (const int64_t d : *list) all.push_back(d);
    return all;
  };
  const int64_t n_batch = numel_of(a, batch);
  const int64_t n_inner = numel_of(a, inner);
  const Tensor x = a.permute(joined({&batch, &left, &inner, &right})).reshape({n_batch, numel_of(a, left), n_inner});
  const Tensor y = b.permute(joined({&batch, &inner, &right, &left})).reshape({n_batch, n_inner, numel_of(b, right)});
  const Dims order = joined({&batch, &left, &inner, &right});
  Dims shape;
  Dims back(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t d = order[i];
    back[static_cast<size_t>(d)] = static_cast<int64_t>(i);
    shape.push_back((sum >> d & 1u) != 0 ? 1 : a.size(d) != 1 ? a.size(d) : b.size(d));
  }
  return x.bmm(y).view(shape).permute(back);
}

// Checks a contraction path: pairs of positions in the list, from which the two go and to whose end the product comes.
void check_path(IntArrayRef path, size_t operands) {
  EMBER_CHECK(path.size() == 2 * (operands - 1), "einsum: expected a path of ", 2 * (operands - 1), " numbers, got ",
              path.size());
  auto left = static_cast<int64_t>(operands);
  for (size_t i = 0; i < path.size(); i += 2, --left) {
    EMBER_CHECK(path[i] >= 0 && path[i] < left && path[i + 1] >= 0 && path[i + 1] < left, "einsum: the path's pair ",
                path[i], ", ", path[i + 1], " is out of range for ", left, " operands");
    EMBER_CHECK(path[i] != path[i + 1], "einsum: the path contracts operand ", path[i], " with itself");
  }
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor einsum(std::string_view equation, TensorList tensors, OptionalIntArrayRef path) {
  EMBER_CHECK(!tensors.empty(), "einsum: expected at least one operand");
  for (const Tensor& t : tensors) {
    check_defined("einsum", t, "tensors");
    check_same_device("einsum", tensors[0], t);
  }
  Equation e = parse(equation);
  EMBER_CHECK(e.operands.size() == tensors.size(), "einsum: \"", equation, "\" is for ", e.operands.size(),
              " operands, got ", tensors.size());
  if (path) check_path(*path, tensors.size());
  int ellipsis_dims = 0;
  const Axes axes = lay_out(e, tensors, equation, ellipsis_dims);

  std::vector<Tensor> operands;
  Dims sizes(static_cast<size_t>(axes.dims), 1);
  Dims having(static_cast<size_t>(axes.dims), 0);  // how many operands have each dimension
  for (size_t i = 0; i < tensors.size(); ++i) {
    operands.push_back(expand_operand(tensors[i], e.operands[i], axes, ellipsis_dims, i));
    for (size_t d = 0; d < sizes.size(); ++d) {
      const int64_t size = operands.back().sizes()[d];
      if (size == 1) continue;
      EMBER_CHECK(sizes[d] == 1 || sizes[d] == size, "einsum: a subscript of operand ", i, ", ", describe(tensors[i]),
                  ", in \"", equation, "\" has size ", size, ", which does not broadcast with ", sizes[d]);
      sizes[d] = size;
      ++having[d];
    }
  }

  for (size_t step = 0; operands.size() > 1; ++step) {
    int64_t i = 0;
    int64_t j = 1;
    if (path) {
      i = (*path)[2 * step];
      j = (*path)[2 * step + 1];
    }
    const Tensor a = operands[static_cast<size_t>(i)];
    const Tensor b = operands[static_cast<size_t>(j)];
    operands.erase(operands.begin() + std::max(i, j));
    operands.erase(operands.begin() + std::min(i, j));
    // Summed over: what no operand that is left has.
    DimMask sum = 0;
    for (int d = 0; d < axes.dims; ++d) {
      const auto k = static_cast<size_t>(d);
      const int mine = (a.size(d) != 1 ? 1 : 0) + (b.size(d) != 1 ? 1 : 0);
      if (mine == 0) continue;
      having[k] -= mine;
      if (having[k] == 0 && d >= axes.output_dims) {
        sum |= DimMask{1} << d;
      } else {
        ++having[k];
      }
    }
    // Without a path the product stays in front.
    operands.insert(path ? operands.end() : operands.begin(), contract(a, b, sum));
  }

  Tensor y = operands.front();
  if (axes.dims == axes.output_dims) return y;
  // What is left to sum over was in one operand only; after a product these dimensions have size 1.
  Dims rest;
  for (int d = axes.output_dims; d < axes.dims; ++d) rest.push_back(d);
  if (tensors.size() == 1) return y.sum(IntArrayRef(rest));
  for (int d = axes.dims - 1; d >= axes.output_dims; --d) y = y.squeeze(d);
  return y;
}

}  // namespace ember
