#include "client/cli/state/state_json.h"

#include <bit>
#include <cmath>
#include <cstdio>

#include "client/cli/utf8.h"
#include "sandbox/base/float_text.h"

namespace airlock::cli {
namespace {

constexpr size_t kDrainBytes = 256 << 10;
constexpr int32_t kReplacement = 0xfffd;

struct Escape {
  char letter;
  const char* text;
};
constexpr Escape kEscapes[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\r', "\\r"},
                               {'\t', "\\t"}, {'\b', "\\b"},  {'\f', "\\f"}};

void AppendUnit(std::string& out, uint32_t unit) {
  char text[16];
  snprintf(text, sizeof text, "\\u%04x", unit);
  out += text;
}

void AppendEscaped(std::string& out, uint32_t code) {
  for (const Escape& row : kEscapes) {
    if (code == static_cast<unsigned char>(row.letter)) return void(out += row.text);
  }
  if (code <= 0xffff) return AppendUnit(out, code);
  AppendUnit(out, 0xd800 + ((code - 0x10000) >> 10));
  AppendUnit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

}  // namespace

void StateJson::NewLine() {
  out_ += '\n';
  out_.append(used_.size(), ' ');
}

void StateJson::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (used_.empty()) return;
  if (used_.back()) out_ += ',';
  used_.back() = true;
  NewLine();
}

void StateJson::Begin(char bracket) {
  Separate();
  out_ += bracket;
  used_.push_back(false);
}

void StateJson::End(char bracket) {
  const bool used = used_.back();
  used_.pop_back();
  if (used) NewLine();
  out_ += bracket;
}

void StateJson::Key(std::string_view key) {
  Separate();
  Quote(key);
  out_ += ": ";
  after_key_ = true;
}

void StateJson::Raw(std::string_view text) {
  Separate();
  out_ += text;
}

void StateJson::Int(const Integer& value) {
  if (value.Exact()) return Raw(value.Text());
  Wrapped("$int", value.Text());
}

void StateJson::Int(int64_t value) {
  constexpr int64_t kExact = int64_t{1} << 53;
  if (value >= -kExact && value <= kExact) return Raw(std::to_string(value));
  Wrapped("$int", std::to_string(value));
}

void StateJson::Float(double value) {
  if (std::isfinite(value)) return Raw(FloatText(value));
  if (std::isinf(value)) return Wrapped("$float", value > 0 ? "inf" : "-inf");
  // A NaN is one of many.
  char bits[20];
  snprintf(bits, sizeof bits, "%016llx", static_cast<unsigned long long>(std::bit_cast<uint64_t>(value)));
  Wrapped("$float", bits);
}

void StateJson::String(std::string_view value) {
  Separate();
  Quote(value);
}

void StateJson::Wrapped(std::string_view kind, std::string_view text) {
  BeginObject();
  Field(kind, text);
  EndObject();
}

void StateJson::Quote(std::string_view text) {
  out_ += '"';
  while (!text.empty()) {
    int32_t code = NextCodePoint(text);
    if (code == kInvalidByte) code = kReplacement;
    if (code >= 0x20 && code < 0x7f && code != '"' && code != '\\') {
      out_ += static_cast<char>(code);
    } else {
      AppendEscaped(out_, static_cast<uint32_t>(code));
    }
  }
  out_ += '"';
}

ClientResult<void> StateJson::Drain(NewFile& file) {
  if (out_.size() < kDrainBytes) return {};
  AIRLOCK_TRY(file.WriteAt(written_, out_));
  written_ += out_.size();
  out_.clear();
  return {};
}

ClientResult<void> StateJson::Finish(NewFile& file) {
  out_ += '\n';
  return file.WriteAt(written_, out_);
}

}  // namespace airlock::cli
