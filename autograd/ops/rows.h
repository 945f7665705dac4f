// A dimension of a tensor as the rows of a contiguous matrix, which sorts take.
#pragma once

#include <ember/autograd/ops/reduce.h>

namespace ember::ops {

// The lines of `self` along d as [R, n], contiguous, unrecorded; of a 0-dimensional tensor [1, 1]. The last dimension
// and d change places for it.
Tensor to_rows(const Tensor& self, int64_t d);
// Writes such rows, of as many elements as `out` has along d, to where they belong in `out`.
void from_rows(const Tensor& out, const Tensor& rows, int64_t d);

}  // namespace ember::ops
