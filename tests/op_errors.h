// Tables of calls with bad input. The suite that runs them (op_errors_test.cpp) checks that each throws an
// Error whose message says something about it, and that the arguments are as they were.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "op_harness.h"

namespace ember::test {

inline constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
inline constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kBig = int64_t{1} << 40;

// What the calls may use, by these short names.
struct Arguments {
  Tensor u;    // undefined
  Tensor x;    // [2, 3], requires a gradient
  Tensor y;    // [2, 3]
  Tensor q;    // [3, 3]
  Tensor v;    // [4]
  Tensor s;    // []
  Tensor b3;   // [2, 3, 4]
  Tensor d;    // [2, 3] float64
  Tensor n;    // [2, 3] int64
  Tensor m;    // [2, 3] bool
  Tensor i;    // [2] int64: 0, 1
  Tensor e;    // [0]
  Tensor rep;  // [2, 3] expanded from [3]

  explicit Arguments(Device device) {
    const auto floats = [&](Sizes sizes) { return make(draw(value(std::move(sizes)), 0, kFloat32), kFloat32, device); };
    x = floats({2, 3}).requires_grad_();
    y = floats({2, 3});
    q = floats({3, 3});
    v = floats({4});
    s = floats({});
    b3 = floats({2, 3, 4});
    d = make(draw(value({2, 3}), 1, kFloat64), kFloat64, device);
    n = make(draw(value({2, 3}), 1, kInt64), kInt64, device);
    m = make(draw(mask({2, 3}), 1, kBool), kBool, device);
    i = make({{0, 1}, {2}}, kInt64, device);
    e = floats({0});
    rep = floats({3}).expand({2, 3});
  }
  Tensors all() const { return {u, x, y, q, v, s, b3, d, n, m, i, e, rep}; }
};

struct Bad {
  const char* text;
  void (*call)(const Arguments&);
  std::string mentions;  // parts of which the message must have one, separated by |
};

#define BAD(expression, mentions) \
  { \
#expression, [](const Arguments& a) { \
     [[maybe_unused]] const auto& [u, x, y, q, v, s, b3, d, n, m, i, e, rep] = a; \
     (void)(expression); \
   }, mentions \
  }

// Every function of functions.h and every method of tensor.h, with an undefined tensor in each place.
const std::vector<Bad>& undefined_functions();
const std::vector<Bad>& undefined_methods();
const std::vector<Bad>& bad_creation();
const std::vector<Bad>& bad_elementwise();
const std::vector<Bad>& bad_arithmetic();
const std::vector<Bad>& bad_in_place();
const std::vector<Bad>& bad_reductions();
const std::vector<Bad>& bad_statistics();
const std::vector<Bad>& bad_linalg();
const std::vector<Bad>& bad_shapes();
const std::vector<Bad>& bad_arrangements();
const std::vector<Bad>& undefined_arrangements();
const std::vector<Bad>& bad_indices();
const std::vector<Bad>& undefined_indexing();
const std::vector<Bad>& bad_indexing();
const std::vector<Bad>& bad_losses();
const std::vector<Bad>& bad_autograd();
const std::vector<Bad>& undefined_math();
const std::vector<Bad>& bad_math();

}  // namespace ember::test
