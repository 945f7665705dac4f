#include <ember/core/logging.h>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <cstring>

namespace ember {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return spdlog::level::debug;
    case LogLevel::Info: return spdlog::level::info;
    case LogLevel::Warning: return spdlog::level::warn;
    case LogLevel::Error: return spdlog::level::err;
    case LogLevel::Off: break;
  }
  return spdlog::level::off;
}

// Never destroyed: a destructor of the program's may still log.
spdlog::logger& logger() {
  static spdlog::logger* const instance = [] {
    auto* l = new spdlog::logger("ember", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    l->set_pattern("[%Y-%m-%d %H:%M:%S.%e] [%n] [%l] %v");
    l->set_level(spdlog::level::warn);
    if (const char* text = std::getenv("EMBER_LOG")) {
      const spdlog::level::level_enum level = spdlog::level::from_str(text);
      // from_str answers "off" for what it does not know.
      if (level != spdlog::level::off || std::strcmp(text, "off") == 0) {
        l->set_level(level);
      } else {
        l->warn("EMBER_LOG=\"{}\" is not a level; expected debug, info, warning, error or off", text);
      }
    }
    return l;
  }();
  return *instance;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }

bool log_enabled(LogLevel level) { return level != LogLevel::Off && logger().should_log(to_spdlog(level)); }

void log_message(LogLevel level, std::string_view message) { logger().log(to_spdlog(level), "{}", message); }

}  // namespace ember
