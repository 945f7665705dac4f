// Floating-point arithmetic. Compiled with the processor's own fused multiply-add, and without contraction.
#include <cfenv>
#include <cmath>
#include <limits>

#include "statement.h"

namespace emulator {

namespace {

/// Sets the processor's rounding for a scope. What is calculated in it has to be hidden from the optimiser.
class Rounding {
 public:
  explicit Rounding(int mode) { std::fesetround(mode); }
  ~Rounding() { std::fesetround(FE_TONEAREST); }
  Rounding(const Rounding&) = delete;
  Rounding& operator=(const Rounding&) = delete;
};

int rounding_of(const Opcode& op) {
  if (op.has("rz")) return FE_TOWARDZERO;
  if (op.has("rm")) return FE_DOWNWARD;
  if (op.has("rp")) return FE_UPWARD;
  return FE_TONEAREST;
}

template <class T>
T flush(T value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(T{0}, value) : value;
}
// The hardware's NaN, whatever went in.
template <class T>
T canonical(T value) {
  if constexpr (sizeof(T) == 4) {
    if (value != value) return std::bit_cast<float>(uint32_t{0x7fffffff});
  } else {
    if (value != value) return std::bit_cast<double>(uint64_t{0x7ff8000000000000});
  }
  return value;
}
template <class T>
T saturate(T value) {
  return value > T{0} ? (value < T{1} ? value : T{1}) : T{0};  // NaN is 0
}

template <class T>
T add(T a, T b) {
  return canonical(a + b);
}
template <class T>
T subtract(T a, T b) {
  return canonical(a - b);
}
template <class T>
T multiply(T a, T b) {
  return canonical(a * b);
}
template <class T>
T divide(T a, T b) {
  return canonical(a / b);
}
template <class T>
T fused(T a, T b, T c) {
  return canonical(std::fma(a, b, c));
}
template <class T>
T reciprocal(T a) {
  return canonical(T{1} / a);
}
template <class T>
T root(T a) {
  return canonical(std::sqrt(a));
}

// How an instruction differs from the plain operation.
template <bool ftz, bool sat>
struct Form {
  template <class T>
  static T in(T value) {
    return ftz ? flush(value) : value;
  }
  template <class T>
  static T out(T value) {
    if (ftz) value = flush(value);
    return sat ? saturate(value) : value;
  }
};

template <class T, auto f, bool ftz, bool sat, int mode>
void unary_form(Frame& frame, const Instruction& i) {
  using F = Form<ftz, sat>;
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t* const a = frame.source(i.s[0]);
  const Rounding rounding(mode);
  each_lane(frame.mask, [&](int l) {
    volatile T x = F::in(value_of<T>(a[l]));
    volatile T y = f(static_cast<T>(x));
    d[l] = bits_of(F::out(static_cast<T>(y)));
  });
}
template <class T, auto f, bool ftz, bool sat, int mode>
void binary_form(Frame& frame, const Instruction& i) {
  using F = Form<ftz, sat>;
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]);
  const Rounding rounding(mode);
  each_lane(frame.mask, [&](int l) {
    volatile T x = F::in(value_of<T>(a[l])), y = F::in(value_of<T>(b[l]));
    volatile T z = f(static_cast<T>(x), static_cast<T>(y));
    d[l] = bits_of(F::out(static_cast<T>(z)));
  });
}
template <class T, auto f, bool ftz, bool sat, int mode>
void ternary_form(Frame& frame, const Instruction& i) {
  using F = Form<ftz, sat>;
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]);
  const Rounding rounding(mode);
  each_lane(frame.mask, [&](int l) {
    volatile T x = F::in(value_of<T>(a[l])), y = F::in(value_of<T>(b[l])), z = F::in(value_of<T>(c[l]));
    volatile T r = f(static_cast<T>(x), static_cast<T>(y), static_cast<T>(z));
    d[l] = bits_of(F::out(static_cast<T>(r)));
  });
}

// The handler for the opcode's rounding and flags. What is usual, to the nearest without any flag, goes quickly.
template <class T, auto f, template <class, auto, bool, bool, int> class Maker>
Handler formed(const Opcode& op, Handler plain) {
  const bool ftz = op.has("ftz") && sizeof(T) == 4, sat = op.has("sat");
  const int mode = rounding_of(op);
  if (mode == FE_TONEAREST && !ftz && !sat) return plain;
  const auto with_mode = [&]<int m>() -> Handler {
    if (ftz) return sat ? Maker<T, f, true, true, m>::handler : Maker<T, f, true, false, m>::handler;
    return sat ? Maker<T, f, false, true, m>::handler : Maker<T, f, false, false, m>::handler;
  };
  switch (mode) {
    case FE_TOWARDZERO: return with_mode.template operator()<FE_TOWARDZERO>();
    case FE_DOWNWARD: return with_mode.template operator()<FE_DOWNWARD>();
    case FE_UPWARD: return with_mode.template operator()<FE_UPWARD>();
    default: return with_mode.template operator()<FE_TONEAREST>();
  }
}
template <class T, auto f, bool ftz, bool sat, int mode>
struct UnaryMaker {
  static constexpr Handler handler = unary_form<T, f, ftz, sat, mode>;
};
template <class T, auto f, bool ftz, bool sat, int mode>
struct BinaryMaker {
  static constexpr Handler handler = binary_form<T, f, ftz, sat, mode>;
};
template <class T, auto f, bool ftz, bool sat, int mode>
struct TernaryMaker {
  static constexpr Handler handler = ternary_form<T, f, ftz, sat, mode>;
};
template <class T, auto f>
Handler unary_of(const Opcode& op) {
  return formed<T, f, UnaryMaker>(op, unary<T, f>);
}
template <class T, auto f>
Handler binary_of(const Opcode& op) {
  return formed<T, f, BinaryMaker>(op, binary<T, f>);
}
template <class T, auto f>
Handler ternary_of(const Opcode& op) {
  return formed<T, f, TernaryMaker>(op, ternary<T, f>);
}

// min and max: the number where one is not a number, unless .NaN asks for it; -0 is less than +0.
template <class T, bool greater, bool keep_nan>
T extreme(T a, T b) {
  if (a != a || b != b) {
    if (keep_nan || (a != a && b != b)) return canonical(std::numeric_limits<T>::quiet_NaN());
    return a != a ? b : a;
  }
  if (a == b) return std::signbit(a) == greater ? b : a;
  return (a < b) == greater ? b : a;
}

// The same of each half of a word, which has two floats of 2 bytes.
float wide_half(uint32_t bits) { return static_cast<float>(std::bit_cast<_Float16>(static_cast<uint16_t>(bits))); }
float wide_bfloat(uint32_t bits) { return std::bit_cast<float>(bits << 16); }
template <bool brain, bool greater>
uint32_t extremes_of_two(uint32_t a, uint32_t b) {
  uint32_t both = 0;
  for (const int shift : {0, 16}) {
    const uint32_t x = (a >> shift) & 0xffffu, y = (b >> shift) & 0xffffu;
    const float fx = brain ? wide_bfloat(x) : wide_half(x), fy = brain ? wide_bfloat(y) : wide_half(y);
    const float most = extreme<float, greater, false>(fx, fy);
    const bool first = std::bit_cast<uint32_t>(most) == std::bit_cast<uint32_t>(fx);
    both |= (most != most ? 0x7fffu : first ? x : y) << shift;
  }
  return both;
}
Handler extremes_of_halves(const Opcode& op) {
  if (op.has("NaN") || op.has("ftz") || op.has("xorsign")) return nullptr;
  const bool brain = op.type == Type::kBF16x2;
  if (op.name == "min")
    return brain ? binary<uint32_t, extremes_of_two<true, false>> : binary<uint32_t, extremes_of_two<false, false>>;
  if (op.name == "max")
    return brain ? binary<uint32_t, extremes_of_two<true, true>> : binary<uint32_t, extremes_of_two<false, true>>;
  return nullptr;
}

// The approximations, as near as a double comes; those of the hardware are within a few units in the last place.
float exp2_approx(float a) { return static_cast<float>(std::exp2(static_cast<double>(a))); }
float log2_approx(float a) { return static_cast<float>(std::log2(static_cast<double>(a))); }
float sine_approx(float a) { return static_cast<float>(std::sin(static_cast<double>(a))); }
float cosine_approx(float a) { return static_cast<float>(std::cos(static_cast<double>(a))); }
float tanh_approx(float a) { return static_cast<float>(std::tanh(static_cast<double>(a))); }
float rsqrt_approx(float a) { return canonical(static_cast<float>(1.0 / std::sqrt(static_cast<double>(a)))); }
// Of doubles the hardware looks at the upper half only, and gives the lower as 0.
double upper_half(double a) { return std::bit_cast<double>(std::bit_cast<uint64_t>(a) & 0xffffffff00000000u); }
double reciprocal_upper(double a) { return upper_half(flush(1.0 / flush(upper_half(a)))); }
double rsqrt_upper(double a) { return upper_half(flush(1.0 / std::sqrt(flush(upper_half(a))))); }

Handler approximation(const Opcode& op) {
  if (op.type == Type::kF64) {
    if (op.name == "rcp") return unary<double, reciprocal_upper>;
    if (op.name == "rsqrt") return unary<double, rsqrt_upper>;
    return nullptr;
  }
  if (op.type != Type::kF32) return nullptr;
  if (op.name == "ex2") return unary_of<float, exp2_approx>(op);
  if (op.name == "lg2") return unary_of<float, log2_approx>(op);
  if (op.name == "sin") return unary_of<float, sine_approx>(op);
  if (op.name == "cos") return unary_of<float, cosine_approx>(op);
  if (op.name == "tanh") return unary_of<float, tanh_approx>(op);
  if (op.name == "rcp") return unary_of<float, reciprocal<float>>(op);
  if (op.name == "sqrt") return unary_of<float, root<float>>(op);
  if (op.name == "rsqrt") return unary_of<float, rsqrt_approx>(op);
  if (op.name == "div") return binary_of<float, divide<float>>(op);
  return nullptr;
}

}  // namespace

Handler float_handler(const Opcode& op) {
  if (op.has("approx") || op.has("full")) return approximation(op);
  if (op.type == Type::kF16x2 || op.type == Type::kBF16x2) return extremes_of_halves(op);
  return for_floats(op.type, [&]<class T>() -> Handler {
    if (op.name == "add") return binary_of<T, add<T>>(op);
    if (op.name == "sub") return binary_of<T, subtract<T>>(op);
    if (op.name == "mul") return binary_of<T, multiply<T>>(op);
    if (op.name == "div") return binary_of<T, divide<T>>(op);
    if (op.name == "fma" || op.name == "mad") return ternary_of<T, fused<T>>(op);
    if (op.name == "rcp") return unary_of<T, reciprocal<T>>(op);
    if (op.name == "sqrt") return unary_of<T, root<T>>(op);
    if (op.name == "min" && op.has("NaN")) return binary_of<T, extreme<T, false, true>>(op);
    if (op.name == "max" && op.has("NaN")) return binary_of<T, extreme<T, true, true>>(op);
    if (op.name == "min") return binary_of<T, extreme<T, false, false>>(op);
    if (op.name == "max") return binary_of<T, extreme<T, true, false>>(op);
    if (op.name == "neg") return unary_of<T, [](T a) { return -a; }>(op);
    if (op.name == "abs") return unary_of<T, [](T a) { return std::fabs(a); }>(op);
    if (op.name == "copysign") return binary<T, [](T a, T b) { return std::copysign(b, a); }>;
    if (op.name == "testp" && op.has("finite")) return unary<T, [](T a) -> uint8_t { return std::isfinite(a); }>;
    return nullptr;
  });
}

}  // namespace emulator
