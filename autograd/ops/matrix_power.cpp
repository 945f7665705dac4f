// Powers of square matrices.
#include <ember/autograd/ops/linalg.h>

namespace ember {

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor matrix_power(const Tensor& self, int64_t n) {
  check_square("matrix_power", self);
  if (n == 0) {
    Tensor y = self.clone(MemoryFormat::Contiguous);
    return y.copy_(eye(self.size(-1), self.options()));
  }
  EMBER_CHECK(n != INT64_MIN, "matrix_power: the exponent ", n, " is out of range");
  const Tensor base = n < 0 ? linalg_inv(self) : self;
  uint64_t e = static_cast<uint64_t>(n < 0 ? -n : n);
  if (e == 1) return n < 0 ? base : base.clone();
  if (e == 3) return base.matmul(base).matmul(base);
  // The bits of the exponent from below: x, x², x⁴, …
  Tensor power = base;
  Tensor y;
  while (true) {
    if ((e & 1u) != 0) y = y.defined() ? y.matmul(power) : power;
    e >>= 1u;
    if (e == 0) return y;
    power = power.matmul(power);
  }
}
Tensor& matrix_power_out(Tensor& out, const Tensor& self, int64_t n) {
  return out_of_dtype("matrix_power", out, {&self}, [&] { return matrix_power(self, n); });
}

}  // namespace ember
