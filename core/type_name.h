// Readable names of types, for printing and messages.
#pragma once

#include <string>
#include <typeinfo>

namespace ember {

// What std::type_info::name() gives, as one writes it: "ember::nn::LinearImpl"; the argument if it is no such name.
std::string demangle(const char* name);

template <class T>
const char* demangle_type() {
  static const std::string& name = *new std::string(demangle(typeid(T).name()));  // still there at exit
  return name.c_str();
}

namespace detail {
inline std::string type_name(const std::type_info& type) { return demangle(type.name()); }
}  // namespace detail

}  // namespace ember
