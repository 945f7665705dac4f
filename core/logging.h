// Logging, by spdlog, to standard error. The level comes from the environment: EMBER_LOG=debug, info,
// warning (the default), error or off.
#pragma once

#include <string>
#include <string_view>

#include <ember/core/error.h>

namespace ember {

enum class LogLevel : int { Debug, Info, Warning, Error, Off };

void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
void log_message(LogLevel level, std::string_view message);

template <class... Args>
void log(LogLevel level, const Args&... parts) {
  if (log_enabled(level)) log_message(level, detail::concat(parts...));
}

}  // namespace ember
