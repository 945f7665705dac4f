// Checks that are rarely needed: of one operator between two values, of which a failure shows both.
//
//   EMBER_CHECK_EQ(x.dim(), 2) << "a matrix is needed";
#pragma once

#include <ember/core/error.h>

namespace ember::detail {

// Collects the message and throws it at the end of the statement.
class FailedCheck {
 public:
  template <class A, class B>
  FailedCheck(const char* condition, const A& a, const B& b) {
    out_ << "check failed: " << condition << " (" << a << " vs. " << b << "). ";
  }
  FailedCheck(const FailedCheck&) = delete;
  FailedCheck& operator=(const FailedCheck&) = delete;
  ~FailedCheck() noexcept(false) { throw_error(std::move(out_).str()); }
  std::ostream& stream() { return out_; }

 private:
  std::ostringstream out_;
};
// Makes the stream a void, with less precedence than <<.
struct Voidify {
  void operator&(std::ostream&) {}
};

template <class T>
T check_not_null(const char* file, int line, const char* name, T&& pointer) {
  EMBER_CHECK(pointer != nullptr, "check failed: '", name, "' must not be null (", file, ':', line, ')');
  return std::forward<T>(pointer);
}

}  // namespace ember::detail

#define EMBER_CHECK_OP(a, b, op) \
  ((a)op(b)) ? (void)0 : ::ember::detail::Voidify() & ::ember::detail::FailedCheck(#a " " #op " " #b, a, b).stream()
#define EMBER_CHECK_EQ(a, b) EMBER_CHECK_OP(a, b, ==)
#define EMBER_CHECK_NE(a, b) EMBER_CHECK_OP(a, b, !=)
#define EMBER_CHECK_LE(a, b) EMBER_CHECK_OP(a, b, <=)
#define EMBER_CHECK_LT(a, b) EMBER_CHECK_OP(a, b, <)
#define EMBER_CHECK_GE(a, b) EMBER_CHECK_OP(a, b, >=)
#define EMBER_CHECK_GT(a, b) EMBER_CHECK_OP(a, b, >)
// The pointer, which is not null.
#define EMBER_CHECK_NOTNULL(pointer) ::ember::detail::check_not_null(__FILE__, __LINE__, #pointer, (pointer))
// What is wrong with argument `number`.
#define EMBER_CHECK_ARG(condition, number, ...) \
  EMBER_CHECK(condition, "invalid argument ", number, ": " __VA_OPT__(, ) __VA_ARGS__)

// Older names. EMBER_ERROR always throws.
#define EMBER_ASSERT(...) EMBER_INTERNAL_ASSERT(__VA_ARGS__)
#define EMBER_ASSERTM(condition, ...) EMBER_INTERNAL_ASSERT(condition __VA_OPT__(, ) __VA_ARGS__)
#define EMBER_ERROR(...) EMBER_CHECK(false, ::ember::str(__VA_ARGS__))
