#include <ember/core/type_name.h>

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace ember {

std::string demangle(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return status == 0 && text ? text.get() : name;
}

}  // namespace ember
