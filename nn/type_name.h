// Readable names of types, for printing and messages.
#pragma once

#include <string>
#include <typeinfo>

namespace ember::nn::detail {

// "ember::nn::LinearImpl"
std::string type_name(const std::type_info& type);

}  // namespace ember::nn::detail
