#include <ember/core/type_name.h>
#include <ember/nn/any.h>

namespace ember::nn::detail {

void throw_value_type(const std::type_info& wanted, const std::type_info& actual) {
  throw Error("AnyValue: a " + ember::detail::type_name(wanted) + " was asked for, but the value is a " +
              ember::detail::type_name(actual));
}

void throw_argument_type(size_t index, const std::type_info& wanted, const std::type_info& actual) {
  throw Error("AnyModule: argument #" + std::to_string(index) + " of forward() must be a " +
              ember::detail::type_name(wanted) + ", but a " + ember::detail::type_name(actual) + " was given");
}

void throw_argument_count(const std::type_info& module, size_t least, size_t most, size_t given) {
  std::string message = "AnyModule: forward() of " + ember::detail::type_name(module) + " takes ";
  if (least == most) {
    message += std::to_string(most) + " argument(s), but " + std::to_string(given) + " were given";
    if (given < most)
      message += "; default arguments of forward() are seen only with EMBER_FORWARD_HAS_DEFAULT_ARGS in the class";
  } else {
    message += std::to_string(least) + " to " + std::to_string(most) + " arguments, but " + std::to_string(given) +
               " were given";
  }
  throw Error(std::move(message));
}

void throw_module_type(const std::type_info& wanted, const Module& actual) {
  throw Error("AnyModule: a " + ember::detail::type_name(wanted) + " was asked for, but the module is a " +
              ember::detail::type_name(typeid(actual)));
}

void throw_cast(const char* container, const std::string& key, const Module& module, const std::type_info& wanted) {
  throw Error(str(container, ": module ", key, " is a ", ember::detail::type_name(typeid(module)), ", not a ",
                  ember::detail::type_name(wanted)));
}

std::vector<AnyValue> with_defaults(AnyValue* arguments, size_t count,
                                    std::vector<std::pair<size_t, AnyValue>> defaults) {
  std::vector<AnyValue> all(std::make_move_iterator(arguments), std::make_move_iterator(arguments + count));
  for (auto& [index, value] : defaults)
    if (index >= count) all.push_back(std::move(value));
  return all;
}

void throw_empty_any(const char* what) { throw Error(std::string("AnyModule: cannot ") + what); }

}  // namespace ember::nn::detail
