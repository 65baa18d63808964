#include "client/cli/json_writer.h"

#include <charconv>
#include <cmath>

#include "client/cli/utf8.h"

namespace airlock::cli {
namespace {

constexpr size_t kFlushBytes = 64 << 10;

void AppendUnit(std::string& out, uint32_t unit) {
  char text[16];
  snprintf(text, sizeof text, "\\u%04x", unit);
  out += text;
}

// Legal in JSON, but not for a terminal to see.
bool Obeyed(int32_t code) {
  return (code >= 0x7f && code <= 0x9f) || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

}  // namespace

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (used_.empty()) return;
  if (used_.back()) out_ += ',';
  used_.back() = true;
}

void JsonWriter::Begin(char bracket) {
  Separate();
  out_ += bracket;
  used_.push_back(false);
}

void JsonWriter::End(char bracket) {
  out_ += bracket;
  used_.pop_back();
  if (file_ != nullptr && out_.size() > kFlushBytes) Flush();
}

void JsonWriter::Key(std::string_view key) {
  Separate();
  Quote(key);
  out_ += ':';
  after_key_ = true;
}

void JsonWriter::Raw(std::string_view text) {
  Separate();
  out_ += text;
}

void JsonWriter::Double(double value) {
  if (!std::isfinite(value)) return Null();
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  std::string_view digits(text, static_cast<size_t>(end - text));
  Separate();
  out_ += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out_ += ".0";
}

void JsonWriter::String(std::string_view value) {
  Separate();
  Quote(value);
}

void JsonWriter::Quote(std::string_view text) {
  out_ += '"';
  while (!text.empty()) {
    const int32_t code = NextCodePoint(text);
    if (code == '"' || code == '\\') {
      out_ += '\\';
      out_ += static_cast<char>(code);
    } else if (code == kInvalidByte) {
      AppendUtf8(out_, 0xfffd);
    } else if (code < 0x20 || IsSurrogate(code) || Obeyed(code)) {
      AppendUnit(out_, static_cast<uint32_t>(code));
    } else {
      AppendUtf8(out_, static_cast<uint32_t>(code));
    }
  }
  out_ += '"';
}

void JsonWriter::Newline() { out_ += '\n'; }

void JsonWriter::Flush() {
  if (file_ == nullptr) return;
  fwrite(out_.data(), 1, out_.size(), file_);
  out_.clear();
}

}  // namespace airlock::cli
