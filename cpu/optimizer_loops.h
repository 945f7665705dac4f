// Elements [begin, end) of one parameter's step; the dtype is float32 or float64.
#pragma once

#include <ember/core/dtype.h>
#include <ember/core/optimizer_step.h>

namespace ember::cpu {

void sgd_range(ScalarType dtype, const SgdArrays& a, const SgdStep& step, int64_t begin, int64_t end);
void adam_range(ScalarType dtype, const AdamArrays& a, const AdamStep& step, int64_t begin, int64_t end);

}  // namespace ember::cpu
