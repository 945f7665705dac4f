#include <ember/core/error.h>
#include <ember/core/type_name.h>

#include <dlfcn.h>
#include <execinfo.h>

#if defined(EMBER_HAS_LIBBACKTRACE)
#include <backtrace.h>
#endif

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <ostream>

namespace ember {

// The return addresses where the error was made. Finding out what they mean costs milliseconds, so that
// waits until somebody asks.
struct Error::State {
  static constexpr int kMaxFrames = 48;

  State() = default;
  // All but the text of what(), which is made again.
  State(const State& other)
      : message(other.message), context(other.context), text(other.text), where(other.where), count(other.count) {
    std::memcpy(frames, other.frames, sizeof(frames));
  }
  void refresh() {
    text = message;
    if (context.size() == 1) {
      text += " (" + context.front() + ")";
      return;
    }
    for (const std::string& line : context) text += "\n  " + line;
  }

  std::string message;
  std::vector<std::string> context;
  std::string text;  // the message and the context
  SourceLocation where{nullptr, nullptr, 0};
  void* frames[kMaxFrames];
  int count = 0;
  std::once_flag resolved;
  std::string full;  // the text and the caller
};

namespace {

// Whether a function is part of this library, by its name: a caller's own code is what is looked for.
bool is_internal(const std::string& function) {
  for (const char* prefix : {"ember::", "std::", "void ember::", "__gnu",
                             "non-virtual thunk to ember::", "__interceptor_", "__libc_start"}) {
    if (function.rfind(prefix, 0) == 0) return true;
  }
  return function.find(" ember::") < function.find('(') || function.rfind("decltype", 0) == 0;
}

// The same by the file: what debug information calls an inlined function may be its bare name.
[[maybe_unused]] bool is_internal_file(const char* file) {
  if (file == nullptr) return false;
  const std::string path = file;
  // Debug information may have the path relative to the folder of the build.
  if (path.rfind("include/ember/", 0) == 0 || path.find("/include/ember/") != std::string::npos) return true;
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

std::ostream& operator<<(std::ostream& out, const SourceLocation& location) {
  return out << location.function << " at " << location.file << ':' << location.line;
}

Error::Error(std::string message) : state_(std::make_shared<State>()) {
  state_->message = std::move(message);
  state_->refresh();
  state_->count = detail::capture_frames(state_->frames, State::kMaxFrames);
}

Error::Error(SourceLocation where, std::string message) : state_(std::make_shared<State>()) {
  state_->message = std::move(message);
  state_->refresh();
  state_->where = where;
}

const char* Error::what() const noexcept {
  try {
    std::call_once(state_->resolved, [this] {
      state_->full = state_->text;
      if (state_->where.file != nullptr) {
        state_->full += detail::concat("\n  thrown from ", state_->where);
        return;
      }
      const std::string caller = detail::describe_caller(state_->frames, state_->count);
      if (!caller.empty()) state_->full += "\n  called from " + caller;
    });
    return state_->full.c_str();
  } catch (...) {
    return state_->text.c_str();
  }
}

const char* Error::what_without_backtrace() const noexcept { return state_->text.c_str(); }
const std::string& Error::msg() const noexcept { return state_->message; }
const std::vector<std::string>& Error::context() const noexcept { return state_->context; }

// Copies of the exception share what they know; one that changes gets its own.
Error::State& Error::own_state() {
  state_ = std::make_shared<State>(*state_);
  return *state_;
}

void Error::add_context(std::string context) {
  State& state = own_state();
  state.context.push_back(std::move(context));
  state.refresh();
}

void Error::prepend(const std::string& context) {
  State& state = own_state();
  state.message.insert(0, context);
  state.refresh();
}

namespace detail {

int capture_frames(void** frames, int max) noexcept { return ::backtrace(frames, max); }

std::string describe_caller(void* const* frames, int count) {
  const Caller caller = find_caller(frames, count);
  if (!caller.found()) return "";
  return caller.file.empty() ? caller.function : concat(caller.function, " at ", caller.file, ":", caller.line);
}

void throw_error(std::string message) { throw Error(std::move(message)); }

template <class E>
void throw_as(std::string message) {
  throw E(std::move(message));
}
template void throw_as<IndexError>(std::string);
template void throw_as<ValueError>(std::string);
template void throw_as<TypeError>(std::string);
template void throw_as<NotImplementedError>(std::string);
template void throw_as<OutOfMemoryError>(std::string);
template void throw_as<LinAlgError>(std::string);

void throw_assertion(const char* condition, SourceLocation where, std::string message) {
  std::string text = concat("internal assertion failed: ", condition, " (", where.file, ':', where.line, ')');
  if (!message.empty()) text += ": " + message;
  throw Error(where, std::move(text));
}

std::string check_text(const char* condition) { return concat("check failed: ", condition); }

}  // namespace detail

}  // namespace ember
