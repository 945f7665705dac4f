// PTX as functions that a machine can run.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "ptx.h"

namespace emulator {

/// The PTX of one fat binary. Functions are parsed when somebody asks for them.
class Module {
 public:
  Module(const void* fat_binary, unsigned capability) : fat_binary_(fat_binary), capability_(capability) {}
  explicit Module(std::string ptx) : text_(std::move(ptx)) {}

  /// The entry or function of that mangled name. Throws std::runtime_error if there is none or it is not understood.
  const Function& function(const std::string& name);
  const Kernel& kernel(const std::string& name);

  /// Where a .global or .const variable is; 0 if there is none of that name.
  uint64_t variable(std::string_view name) const;
  /// Bytes of a .shared variable outside of functions, and their alignment; 0 if there is none of that name.
  Parameter shared_variable(std::string_view name) const;

  std::string_view text() const { return text_; }

 private:
  void index();

  const void* const fat_binary_ = nullptr;
  const unsigned capability_ = 0;
  unsigned architecture_ = 0;
  std::string text_;
  bool indexed_ = false;
  std::unordered_map<std::string_view, size_t> where_;  ///< where a function's directive begins
  std::unordered_map<std::string_view, uint64_t> variables_;
  std::unordered_map<std::string_view, Parameter> shared_;  ///< offset is the alignment
  std::map<uint32_t, std::string> files_;
  std::unordered_map<std::string, std::unique_ptr<Function>> functions_;
  std::unordered_map<std::string, std::unique_ptr<Kernel>> kernels_;
  std::recursive_mutex mutex_;
};

/// Parses the function whose directive begins at `at` in the module's text.
void parse_function(Module& module, size_t at, Function* into);

}  // namespace emulator
