// Warnings: said once or each time, and given to a handler that a program may replace.
//
//   EMBER_WARN("the learning rate is ", lr);
//
//   struct Collect : WarningHandler {
//     void process(const Warning& warning) override { texts.push_back(warning.msg()); }
//     std::vector<std::string> texts;
//   } collect;
//   WarningUtils::WarningHandlerGuard guard(&collect);  // in this thread, until the end of the scope
#pragma once

#include <string>
#include <variant>

#include <ember/core/error.h>

namespace ember {

class Warning {
 public:
  class UserWarning {};
  class DeprecationWarning {};
  using warning_variant_t = std::variant<UserWarning, DeprecationWarning>;

  // verbatim: the message is to be shown as it is, without the place.
  Warning(warning_variant_t type, const SourceLocation& source_location, std::string msg, bool verbatim)
      : type_(type), source_location_(source_location), msg_(std::move(msg)), verbatim_(verbatim) {}

  warning_variant_t type() const { return type_; }
  const SourceLocation& source_location() const { return source_location_; }
  const std::string& msg() const { return msg_; }
  bool verbatim() const { return verbatim_; }

 private:
  warning_variant_t type_;
  SourceLocation source_location_;
  std::string msg_;
  bool verbatim_;
};
using UserWarning = Warning::UserWarning;
using DeprecationWarning = Warning::DeprecationWarning;

// The base logs the warning (logging.h).
class WarningHandler {
 public:
  virtual ~WarningHandler() = default;
  virtual void process(const Warning& warning);
};

// Gives it to the handler of this thread. What the handler throws, the caller of warn() gets.
void warn(const Warning& warning);

namespace WarningUtils {

// The handler of the calling thread, which must outlive its use; null for the one that logs.
void set_warning_handler(WarningHandler* handler) noexcept;
WarningHandler* get_warning_handler() noexcept;

class WarningHandlerGuard {
 public:
  explicit WarningHandlerGuard(WarningHandler* handler) : previous_(get_warning_handler()) {
    set_warning_handler(handler);
  }
  ~WarningHandlerGuard() { set_warning_handler(previous_); }
  WarningHandlerGuard(const WarningHandlerGuard&) = delete;
  WarningHandlerGuard& operator=(const WarningHandlerGuard&) = delete;

 private:
  WarningHandler* previous_;
};

// Whether EMBER_WARN_ONCE warns each time; false at first, for all threads.
void set_warnAlways(bool setting) noexcept;
bool get_warnAlways() noexcept;

struct WarnAlways {
  explicit WarnAlways(bool setting = true) : previous(get_warnAlways()) { set_warnAlways(setting); }
  ~WarnAlways() { set_warnAlways(previous); }
  WarnAlways(const WarnAlways&) = delete;
  WarnAlways& operator=(const WarnAlways&) = delete;
  const bool previous;
};

}  // namespace WarningUtils
}  // namespace ember

#define EMBER_WARN_WITH(type, ...) \
  ::ember::warn(::ember::Warning(type(), {__func__, __FILE__, static_cast<uint32_t>(__LINE__)}, \
                                 ::ember::str(__VA_ARGS__), false))
// With the parts of the message, which are streamed. ONCE: the first time that this line is reached.
#define EMBER_WARN(...) EMBER_WARN_WITH(::ember::UserWarning, __VA_ARGS__)
#define EMBER_WARN_ALWAYS(...) EMBER_WARN(__VA_ARGS__)
#define EMBER_WARN_DEPRECATION(...) EMBER_WARN_WITH(::ember::DeprecationWarning, __VA_ARGS__)
#define EMBER_WARN_ONCE(...) \
  do { \
    if (::ember::WarningUtils::get_warnAlways()) { \
      EMBER_WARN(__VA_ARGS__); \
    } else { \
      [[maybe_unused]] static const bool ember_warned = [&] { \
        EMBER_WARN(__VA_ARGS__); \
        return true; \
      }(); \
    } \
  } while (false)
