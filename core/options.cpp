#include <ember/core/options.h>
#include <ember/core/scalar.h>

#include <ostream>

namespace ember {

namespace {
// The element type as C++ names it, which is what PyTorch prints here.
const char* cpp_name(ScalarType t) {
  switch (t) {
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
  return "undefined";
}
}  // namespace

std::ostream& operator<<(std::ostream& out, const TensorOptions& o) {
  return out << "TensorOptions(dtype=" << cpp_name(o.dtype()) << (o.has_dtype() ? "" : " (default)")
             << ", device=" << o.device() << (o.has_device() ? "" : " (default)")
             << ", layout=Strided (default), requires_grad=" << (o.requires_grad() ? "true" : "false")
             << (o.has_requires_grad() ? "" : " (default)")
             << ", pinned_memory=false (default), memory_format=(nullopt))";
}

std::ostream& operator<<(std::ostream& out, const Scalar& s) {
  if (s.is_boolean()) return out << (s.toBool() ? "true" : "false");
  if (s.is_integral()) return out << s.toLong();
  return out << s.toDouble();
}

}  // namespace ember
