#include "client/cli/output.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "client/cli/escape.h"

namespace airlock::cli {

Documents::Documents(Format format, size_t count) : array_(format == Format::kJson && count > 1), json_(stdout) {
  if (array_) json_.BeginArray();
}

Documents::~Documents() {
  if (!array_) return;
  json_.EndArray();
  json_.Newline();
}

JsonWriter& Documents::Next() { return json_; }

void Documents::Done() {
  if (!array_) json_.Newline();
  json_.Flush();
  fflush(stdout);
}

Paint::Paint(Color color) {
  const char* no_color = getenv("NO_COLOR");
  const char* term = getenv("TERM");
  const bool wanted =
      (no_color == nullptr || *no_color == '\0') && (term == nullptr || std::string_view(term) != "dumb");
  enabled_ = color == Color::kAlways || (color == Color::kAuto && wanted && isatty(STDOUT_FILENO) == 1);
}

std::string Paint::Wrap(const char* code, std::string_view text) const {
  if (!enabled_) return std::string(text);
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

void PrintError(std::string_view file, std::string_view message, std::string_view reason) {
  const std::string where = file.empty() ? "" : Escape(file) + ": ";
  fprintf(stderr, "airlock: %s%s (%s)\n", where.c_str(), Escape(message).c_str(), Escape(reason).c_str());
}

void PrintNote(std::string_view file, std::string_view message) {
  const std::string where = file.empty() ? "" : Escape(file) + ": ";
  fprintf(stderr, "airlock: %s%s\n", where.c_str(), Escape(message).c_str());
}

std::string HumanBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (value /= 1024; value >= 1024 && unit + 1 < std::size(kUnits); value /= 1024) ++unit;
  char text[32];
  snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string Counted(uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace airlock::cli
