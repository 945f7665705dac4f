#pragma once

#include <cstdint>
#include <string>

namespace gpu {

// Of a sample on the device, however long they take, so that no few of them decide.
constexpr int64_t kLeastCalls = 10;

// A product as cuBLASLt would be asked for it: out[m, n] = a·b of row-major operands, of which `a` is stored [k, m]
// with transpose_a, `b` [n, k] with transpose_b. dtype: "float32", "tf32" or "bfloat16".
struct Product {
  std::string dtype;
  int64_t m, n, k;
  bool transpose_a, transpose_b;
};

}  // namespace gpu
