#include <ember/core/dtype.h>
#include <ember/core/error.h>

#include <atomic>
#include <ostream>

namespace ember {

namespace {
std::atomic<ScalarType> default_dtype{kFloat32};
}

const char* to_string(ScalarType t) {
  switch (t) {
    case ScalarType::Byte: return "Byte";
    case ScalarType::Char: return "Char";
    case ScalarType::Short: return "Short";
    case ScalarType::Int: return "Int";
    case ScalarType::Long: return "Long";
    case ScalarType::Half: return "Half";
    case ScalarType::Float: return "Float";
    case ScalarType::Double: return "Double";
    case ScalarType::Bool: return "Bool";
    case ScalarType::BFloat16: return "BFloat16";
    case ScalarType::Undefined: break;
  }
  return "Undefined";
}

const char* dtype_name(ScalarType t) {
  switch (t) {
    case ScalarType::Byte: return "uint8";
    case ScalarType::Char: return "int8";
    case ScalarType::Short: return "int16";
    case ScalarType::Int: return "int32";
    case ScalarType::Long: return "int64";
    case ScalarType::Half: return "float16";
    case ScalarType::Float: return "float32";
    case ScalarType::Double: return "float64";
    case ScalarType::Bool: return "bool";
    case ScalarType::BFloat16: return "bfloat16";
    case ScalarType::Undefined: break;
  }
  return "undefined";
}

std::string_view TypeMeta::name() const {
  switch (type_) {
    case ScalarType::Byte: return "unsigned char";
    case ScalarType::Char: return "signed char";
    case ScalarType::Short: return "short int";
    case ScalarType::Int: return "int";
    case ScalarType::Long: return "long int";
    case ScalarType::Half: return "c10::Half";
    case ScalarType::Float: return "float";
    case ScalarType::Double: return "double";
    case ScalarType::Bool: return "bool";
    case ScalarType::BFloat16: return "c10::BFloat16";
    case ScalarType::Undefined: break;
  }
  return "nullptr (uninitialized)";
}
std::ostream& operator<<(std::ostream& out, TypeMeta t) { return out << t.name(); }

std::ostream& operator<<(std::ostream& out, ScalarType t) { return out << to_string(t); }

std::ostream& operator<<(std::ostream& out, Half h) { return out << float(h); }
std::ostream& operator<<(std::ostream& out, BFloat16 b) { return out << float(b); }

ScalarType promote_types(ScalarType a, ScalarType b) {
  if (a == b) return a;
  if (a == ScalarType::Undefined || b == ScalarType::Undefined) return ScalarType::Undefined;
  if (a == kBool) return b;
  if (b == kBool) return a;
  const bool a_floating = is_floating(a);
  const bool b_floating = is_floating(b);
  if (a_floating != b_floating) return a_floating ? a : b;
  if (a_floating) {
    if (element_size(a) != element_size(b)) return element_size(a) > element_size(b) ? a : b;
    return kFloat32;  // float16 with bfloat16
  }
  if (a == kUInt8 || b == kUInt8) {
    const ScalarType other = a == kUInt8 ? b : a;
    return other == kInt8 ? kInt16 : other;
  }
  return element_size(a) > element_size(b) ? a : b;
}

size_t elementSize(ScalarType t) {
  EMBER_CHECK(t != ScalarType::Undefined, "elementSize: an undefined dtype has no size");
  return element_size(t);
}

ScalarType get_default_dtype() { return default_dtype.load(std::memory_order_relaxed); }

void set_default_dtype(ScalarType t) {
  EMBER_CHECK(is_floating(t), "set_default_dtype: expected a floating dtype, got ", dtype_name(t));
  default_dtype.store(t, std::memory_order_relaxed);
}

namespace detail {
void throw_unsupported_dtype(ScalarType t, DtypeSet set) {
  throw_error(concat("not implemented for ", dtype_name(t), "; expected ",
                     set == DtypeSet::Floating   ? "a floating dtype (float32, float64, float16, bfloat16)"
                     : set == DtypeSet::Numeric  ? "a numeric dtype (any but bool)"
                     : set == DtypeSet::Integral ? "an integral dtype (uint8, int8, int16, int32, int64)"
                     : set == DtypeSet::Bits     ? "an integral dtype or bool"
                                                 : "a defined dtype"));
}
}  // namespace detail

}  // namespace ember
