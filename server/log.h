// Log: one line for each event on stderr, as JSON or as text. Every value is escaped and capped on its way in, so no
// caller, file or worker can forge a line. Thread-safe after SetUp.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace airlock::server {

enum class LogFormat : uint8_t { kText, kJson };

struct LogField {
  std::string_view name;
  std::variant<uint64_t, std::string> value;
};

// `level`: trace, debug, info, warn, error or off. Call once, before any thread.
void SetUpLog(const std::string& level, LogFormat format);

void LogInfo(std::string_view event, std::initializer_list<LogField> fields = {});
void LogWarning(std::string_view event, std::initializer_list<LogField> fields = {});
void LogError(std::string_view event, std::initializer_list<LogField> fields = {});

// The line without time and level. For tests.
std::string FormatLine(LogFormat format, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace airlock::server
