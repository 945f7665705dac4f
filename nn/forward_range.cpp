#include <ember/nn/forward_range.h>
#include <ember/nn/module.h>

#include <string>
#include <vector>

namespace ember::nn {

namespace {

struct Running {
  const Module* module;
  std::string path;
};

// The modules whose ranges are open in this thread, the outermost first.
std::vector<Running>& running() {
  static thread_local std::vector<Running> stack;
  return stack;
}

// "Linear" of ember::nn::LinearImpl.
std::string short_name(const Module& module) {
  std::string name = module.name();
  const size_t arguments = name.find('<');
  const size_t colons = name.rfind("::", arguments);
  if (arguments != std::string::npos) name.resize(arguments);
  if (colons != std::string::npos) name.erase(0, colons + 2);
  if (name.size() > 4 && name.ends_with("Impl")) name.resize(name.size() - 4);
  return name;
}

// The path by which a module that is open holds `module`; empty if none does.
std::string path_below_running(const Module& module) {
  const std::vector<Running>& stack = running();
  for (auto above = stack.rbegin(); above != stack.rend(); ++above) {
    for (const auto& below : above->module->named_modules({}, /*include_self=*/false)) {
      if (below.value().get() == &module) return above->path + '.' + below.key();
    }
  }
  return {};
}

}  // namespace

bool ForwardRange::open(const Module& module) noexcept {
  std::vector<Running>& stack = running();
  if (!stack.empty() && stack.back().module == &module) return false;
  std::string path = path_below_running(module);
  if (path.empty()) path = module.registered_as_;
  const std::string type = short_name(module);
  const std::string text = path.empty() ? type : path + " (" + type + ')';
  stack.push_back({&module, path.empty() ? type : std::move(path)});
  ember::detail::push_range(text.c_str());
  return true;
}

void ForwardRange::close() noexcept {
  running().pop_back();
  ember::detail::pop_range();
}

}  // namespace ember::nn
