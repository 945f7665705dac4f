// Switches in the environment.
#pragma once

#include <cstdlib>
#include <cstring>

namespace ember::detail {

// Whether the variable is there, and neither empty nor 0.
inline bool is_switched_on(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && std::strcmp(value, "") != 0 && std::strcmp(value, "0") != 0;
}

}  // namespace ember::detail
