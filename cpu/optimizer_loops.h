// Elements [begin, end) of one parameter's step (float32 or float64) or of a gradient (any floating dtype).
#pragma once

#include <ember/core/dtype.h>
#include <ember/core/optimizer_step.h>

namespace ember::cpu {

void sgd_range(ScalarType dtype, const SgdArrays& a, const SgdStep& step, int64_t begin, int64_t end);
void adam_range(ScalarType dtype, const AdamArrays& a, const AdamStep& step, int64_t begin, int64_t end);
double sum_of_squares(ScalarType dtype, const GradientArray& a, int64_t begin, int64_t end);
void multiply(ScalarType dtype, const GradientArray& a, double factor, int64_t begin, int64_t end);

}  // namespace ember::cpu
