#include <ember/core/error.h>

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

#if defined(EMBER_HAS_LIBBACKTRACE)
#include <backtrace.h>
#endif

#include <cstdlib>
#include <cstring>
#include <mutex>

namespace ember {

// The return addresses where the error was made. Finding out what they mean costs milliseconds, so that
// waits until somebody asks.
struct Error::Trace {
  static constexpr int kMaxFrames = 48;
  void* frames[kMaxFrames];
  int count = 0;
  std::once_flag resolved;
  std::string text;  // the message and the caller
};

namespace {

std::string demangle(const char* name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  if (status != 0 || text == nullptr) return name;
  std::string result = text;
  std::free(text);
  return result;
}

// Whether a function is part of this library, by its name: a caller's own code is what is looked for.
bool is_internal(const std::string& function) {
  for (const char* prefix :
       {"ember::", "std::", "void ember::", "__gnu", "non-virtual thunk to ember::", "__interceptor_"}) {
    if (function.rfind(prefix, 0) == 0) return true;
  }
  return function.find(" ember::") < function.find('(') || function.rfind("decltype", 0) == 0;
}

// The same by the file: what debug information calls an inlined function may be its bare name.
bool is_internal_file(const char* file) {
  if (file == nullptr) return false;
  const std::string path = file;
  if (path.find("/include/ember/") != std::string::npos) return true;
  static const std::string root = [] {
    const std::string here = __FILE__;
    return here.substr(0, here.size() - std::strlen("core/error.cpp"));
  }();
  if (path.rfind(root, 0) != 0) return false;
  const std::string inside = path.substr(root.size());
  for (const char* folder : {"core/", "cpu/", "cuda/", "autograd/", "nn/", "optim/"}) {
    if (inside.rfind(folder, 0) == 0) return true;
  }
  return false;
}

struct Caller {
  std::string function;
  std::string file;
  int line = 0;
  bool found() const { return !function.empty(); }
};

#if defined(EMBER_HAS_LIBBACKTRACE)
void ignore_error(void*, const char*, int) {}

backtrace_state* symbols() {
  static backtrace_state* const state = backtrace_create_state(nullptr, 1, ignore_error, nullptr);
  return state;
}

struct Lookup {
  Caller caller;
  bool known = false;
};

// Called for a frame's functions, the innermost inlined one first.
int on_frame(void* context, uintptr_t, const char* file, int line, const char* function) {
  auto& lookup = *static_cast<Lookup*>(context);
  if (function == nullptr) return 0;
  lookup.known = true;
  const std::string name = demangle(function);
  if (is_internal(name) || is_internal_file(file)) return 0;
  lookup.caller = {name, file == nullptr ? "" : file, line};
  return 1;
}

void on_symbol(void* context, uintptr_t, const char* symbol, uintptr_t, uintptr_t) {
  auto& lookup = *static_cast<Lookup*>(context);
  if (symbol == nullptr) return;
  const std::string name = demangle(symbol);
  if (!is_internal(name)) lookup.caller.function = name;
}
#endif

Caller find_caller(void* const* frames, int count) {
  for (int i = 0; i < count; ++i) {
    // A return address is behind the call: one byte back is inside it.
    const uintptr_t pc = reinterpret_cast<uintptr_t>(frames[i]) - 1;
#if defined(EMBER_HAS_LIBBACKTRACE)
    Lookup lookup;
    if (symbols() != nullptr) {
      backtrace_pcinfo(symbols(), pc, on_frame, ignore_error, &lookup);
      if (!lookup.known) backtrace_syminfo(symbols(), pc, on_symbol, ignore_error, &lookup);
    }
    if (lookup.caller.found()) return lookup.caller;
#else
    Dl_info info;
    if (dladdr(reinterpret_cast<void*>(pc), &info) != 0 && info.dli_sname != nullptr) {
      std::string name = demangle(info.dli_sname);
      if (!is_internal(name)) return {std::move(name), "", 0};
    }
#endif
  }
  return {};
}

}  // namespace

Error::Error(std::string message)
    : message_(std::make_shared<std::string>(std::move(message))), trace_(std::make_shared<Trace>()) {
  trace_->count = ::backtrace(trace_->frames, Trace::kMaxFrames);
}

const char* Error::what() const noexcept {
  try {
    std::call_once(trace_->resolved, [this] {
      trace_->text = *message_;
      const Caller caller = find_caller(trace_->frames, trace_->count);
      if (!caller.found()) return;
      trace_->text += "\n  called from " + caller.function;
      if (!caller.file.empty()) trace_->text += " at " + caller.file + ":" + std::to_string(caller.line);
    });
    return trace_->text.c_str();
  } catch (...) {
    return message_->c_str();
  }
}

const char* Error::what_without_backtrace() const noexcept { return message_->c_str(); }

void Error::prepend(const std::string& context) {
  // Copies of the exception share what they know; this one gets its own.
  auto trace = std::make_shared<Trace>();
  trace->count = trace_->count;
  std::memcpy(trace->frames, trace_->frames, sizeof(trace->frames));
  message_ = std::make_shared<std::string>(context + *message_);
  trace_ = std::move(trace);
}

namespace detail {
void throw_error(std::string message) { throw Error(std::move(message)); }
void throw_index_error(std::string message) { throw IndexError(std::move(message)); }
}  // namespace detail

}  // namespace ember
