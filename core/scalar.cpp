#include <ember/core/scalar.h>

#include <cmath>
#include <ostream>

namespace ember {

Scalar Scalar::operator-() const {
  EMBER_CHECK(kind_ != Kind::Bool, "Scalar: a bool has no negative");
  if (kind_ == Kind::Double) return Scalar(-value_.d);
  // Two's complement: the smallest integer is its own negative.
  return Scalar(static_cast<int64_t>(0 - to_bits()));
}

Scalar Scalar::log() const {
  EMBER_CHECK(kind_ != Kind::Bool, "Scalar: a bool has no logarithm");
  return Scalar(std::log(toDouble()));
}

std::ostream& operator<<(std::ostream& out, const Scalar& s) {
  if (s.is_boolean()) return out << (s.toBool() ? "true" : "false");
  if (s.is_floating_point()) return out << s.toDouble();
  if (s.isUnsigned()) return out << s.toUInt64();
  return out << s.toLong();
}

namespace detail {
void throw_scalar_overflow(const Scalar& value, const char* type) {
  throw_error(concat("Scalar: ", value, " is out of the range of ", type));
}
}  // namespace detail

}  // namespace ember
