#include "server/log.h"

#include <google/protobuf/stubs/logging.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "server/text.h"

namespace airlock::server {
namespace {

constexpr size_t kMaxValue = 512;
// %e: milliseconds; %z: the offset from UTC; %v already is a piece of JSON, or plain ASCII.
constexpr char kJsonPattern[] = R"({"ts":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";
constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";

LogFormat g_format = LogFormat::kText;

std::string ValueText(const LogField& field) {
  if (const auto* number = std::get_if<uint64_t>(&field.value)) return std::to_string(*number);
  return EscapeText(std::get<std::string>(field.value), kMaxValue);
}

void Write(spdlog::level::level_enum level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!spdlog::should_log(level)) return;
  spdlog::log(level, "{}", FormatLine(g_format, event, fields));
}

}  // namespace

void SetUpLog(const std::string& level, LogFormat format) {
  g_format = format;
  // What a worker or caller says wrongly is a verdict, not a line of protobuf's own on stderr.
  google::protobuf::SetLogHandler(nullptr);
  auto logger = std::make_shared<spdlog::logger>("airlockd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern(format == LogFormat::kJson ? kJsonPattern : kTextPattern);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

std::string FormatLine(LogFormat format, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line;
  if (format == LogFormat::kJson) {
    nlohmann::ordered_json object;
    object["event"] = EscapeText(event, kMaxValue);
    for (const LogField& field : fields) {
      if (const auto* number = std::get_if<uint64_t>(&field.value)) {
        object[std::string(field.name)] = *number;
      } else {
        object[std::string(field.name)] = ValueText(field);
      }
    }
    line = object.dump();
    return line.substr(1, line.size() - 2);
  }
  line = EscapeText(event, kMaxValue);
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    const std::string value = ValueText(field);
    const bool quote = value.empty() || value.find(' ') != std::string::npos;
    line.append(quote ? "\"" + value + "\"" : value);
  }
  return line;
}

void LogInfo(std::string_view event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::info, event, fields);
}
void LogWarning(std::string_view event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::warn, event, fields);
}
void LogError(std::string_view event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::err, event, fields);
}

}  // namespace airlock::server
