// The exceptions that failed checks throw, the checks, and str(), which makes text of their parts.
#pragma once

#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ember {

namespace detail {
template <class T>
void write_part(std::ostream& out, const T& part) {
  if constexpr (std::is_enum_v<T>) {
    if constexpr (requires { out << part; }) {
      out << part;
    } else {
      out << +static_cast<std::underlying_type_t<T>>(part);
    }
  } else {
    out << part;
  }
}
template <class T>
void write_part(std::ostream& out, const std::optional<T>& part) {
  if (part) {
    write_part(out, *part);
  } else {
    out << "std::nullopt";
  }
}
template <class... Args>
std::string concat(const Args&... args) {
  std::ostringstream out;
  (write_part(out, args), ...);
  return std::move(out).str();
}
}  // namespace detail

// The parts as operator<< writes them, one after another. An enumeration that has none is its number.
template <class... Args>
[[nodiscard]] std::string str(const Args&... args) {
  return detail::concat(args...);
}

// The elements, with the delimiter between them.
template <class Container>
[[nodiscard]] std::string Join(const std::string& delimiter, const Container& container) {
  std::ostringstream out;
  const char* between = "";
  for (const auto& element : container) {
    out << between << element;
    between = delimiter.c_str();
  }
  return std::move(out).str();
}

// A place in a program's text.
struct SourceLocation {
  const char* function;
  const char* file;
  uint32_t line;

  [[nodiscard]] static constexpr SourceLocation current(const char* file = __builtin_FILE(),
                                                        const char* function = __builtin_FUNCTION(),
                                                        uint32_t line = __builtin_LINE()) noexcept {
    return {function, file, line};
  }
};
std::ostream& operator<<(std::ostream& out, const SourceLocation& location);

// Thrown for every misuse and every failure of a device or library underneath. The message says which
// operation failed and what it was given; what() adds the first caller outside this library with its
// file and line where the program carries debug information (looked up only when what() is called).
class Error : public std::exception {
 public:
  explicit Error(std::string message);
  // what() names this place instead of looking for the caller.
  Error(SourceLocation where, std::string message);
  // No moves: an error that was moved from would have no message.
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;

  const char* what() const noexcept override;
  // The message, and what add_context() added to it.
  virtual const char* what_without_backtrace() const noexcept;
  // The message alone.
  const std::string& msg() const noexcept;
  const std::vector<std::string>& context() const noexcept;

  // For code that catches the error, says what it was doing, and rethrows. Copies made before keep what they have.
  void add_context(std::string context);
  // The same in front of the message, as part of it (the operation's name, say).
  void prepend(const std::string& context);

 private:
  struct State;
  State& own_state();
  std::shared_ptr<State> state_;
};

// An index or a dimension out of range (PyTorch's IndexError).
class IndexError : public Error {
 public:
  using Error::Error;
};
// A value that an argument must not have.
class ValueError : public Error {
 public:
  using Error::Error;
};
// A type or dtype that an argument must not have.
class TypeError : public Error {
 public:
  using Error::Error;
};
// A feature that is not there (PyTorch's NotImplementedError).
class NotImplementedError : public Error {
 public:
  using Error::Error;
};
// Memory that a device does not have.
class OutOfMemoryError : public Error {
 public:
  using Error::Error;
};
// A matrix for which the decomposition or the solution does not exist.
class LinAlgError : public Error {
 public:
  using Error::Error;
};

namespace detail {
[[noreturn]] void throw_error(std::string message);
// Return addresses of the calls that lead here, at most `max`: how many there are.
int capture_frames(void** frames, int max) noexcept;
// "main at net.cpp:12": the innermost of the functions that is no part of this library; empty if none is known.
std::string describe_caller(void* const* frames, int count);
// E: one of the classes above.
template <class E>
[[noreturn]] void throw_as(std::string message);
[[noreturn]] inline void throw_index_error(std::string message) { throw_as<IndexError>(std::move(message)); }
[[noreturn]] void throw_assertion(const char* condition, SourceLocation where, std::string message);

std::string check_text(const char* condition);
template <class... Args>
std::string check_text(const char*, const Args&... args) {
  return concat(args...);
}
}  // namespace detail

// EMBER_CHECK(condition, parts of the message…): throws ember::Error unless the condition holds. The parts are
// streamed, and only when the check fails; without any the message is the condition's text.
#define EMBER_CHECK(condition, ...) \
  do { \
    if (!(condition)) [[unlikely]] \
      ::ember::detail::throw_error(::ember::detail::check_text(#condition __VA_OPT__(, ) __VA_ARGS__)); \
  } while (false)
// The same with the class of the error.
#define EMBER_CHECK_WITH(Class, condition, ...) \
  do { \
    if (!(condition)) [[unlikely]] \
      ::ember::detail::throw_as<::ember::Class>(::ember::detail::check_text(#condition __VA_OPT__(, ) __VA_ARGS__)); \
  } while (false)
#define EMBER_CHECK_INDEX(condition, ...) EMBER_CHECK_WITH(IndexError, condition __VA_OPT__(, ) __VA_ARGS__)
#define EMBER_CHECK_VALUE(condition, ...) EMBER_CHECK_WITH(ValueError, condition __VA_OPT__(, ) __VA_ARGS__)
#define EMBER_CHECK_TYPE(condition, ...) EMBER_CHECK_WITH(TypeError, condition __VA_OPT__(, ) __VA_ARGS__)
#define EMBER_CHECK_LINALG(condition, ...) EMBER_CHECK_WITH(LinAlgError, condition __VA_OPT__(, ) __VA_ARGS__)
#define EMBER_CHECK_NOT_IMPLEMENTED(condition, ...) \
  EMBER_CHECK_WITH(NotImplementedError, condition __VA_OPT__(, ) __VA_ARGS__)

// For what only a mistake in the code around it can break: the error names the condition, file and line.
#define EMBER_INTERNAL_ASSERT(condition, ...) \
  do { \
    if (!(condition)) [[unlikely]] \
      ::ember::detail::throw_assertion(#condition, {__func__, __FILE__, static_cast<uint32_t>(__LINE__)}, \
                                       ::ember::detail::concat(__VA_ARGS__)); \
  } while (false)
#if defined(NDEBUG)
#define EMBER_INTERNAL_ASSERT_DEBUG_ONLY(...) \
  while (false) EMBER_INTERNAL_ASSERT(__VA_ARGS__)
#else
#define EMBER_INTERNAL_ASSERT_DEBUG_ONLY(...) EMBER_INTERNAL_ASSERT(__VA_ARGS__)
#endif

// In a catch clause: adds the parts to the error's context and throws it on.
#define EMBER_RETHROW(error, ...) \
  do { \
    (error).add_context(::ember::str(__VA_ARGS__)); \
    throw; \
  } while (false)

}  // namespace ember
