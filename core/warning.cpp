#include <ember/core/logging.h>
#include <ember/core/warning.h>

#include <atomic>

namespace ember {

namespace {

WarningHandler& logging_handler() {
  static WarningHandler* const handler = new WarningHandler();  // still there at exit
  return *handler;
}

thread_local WarningHandler* current = nullptr;
std::atomic<bool> warn_always{false};

}  // namespace

void WarningHandler::process(const Warning& warning) {
  if (warning.verbatim()) {
    log(LogLevel::Warning, warning.msg());
  } else {
    log(LogLevel::Warning, warning.msg(), " (", warning.source_location(), ')');
  }
}

void warn(const Warning& warning) { WarningUtils::get_warning_handler()->process(warning); }

namespace WarningUtils {

void set_warning_handler(WarningHandler* handler) noexcept { current = handler; }
WarningHandler* get_warning_handler() noexcept { return current != nullptr ? current : &logging_handler(); }

void set_warnAlways(bool setting) noexcept { warn_always.store(setting, std::memory_order_relaxed); }
bool get_warnAlways() noexcept { return warn_always.load(std::memory_order_relaxed); }

}  // namespace WarningUtils
}  // namespace ember
