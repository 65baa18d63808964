#include "sandbox/worker/safe_text.h"

#include <cstdint>
#include <optional>

#include "sandbox/pickle/utf8.h"

namespace airlock::worker {
namespace {

constexpr std::string_view kCut = "...";

void AppendEscaped(uint8_t byte, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// Control characters of ASCII and of Latin-1.
bool IsControl(char32_t code_point) { return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0); }

}  // namespace

std::string SafeText(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const size_t before = out.size();
    std::string_view rest = text;
    const std::optional<char32_t> code_point = pickle::TakeCodePoint(rest);
    if (code_point && !pickle::IsSurrogate(*code_point) && !IsControl(*code_point)) {
      out.append(text.substr(0, text.size() - rest.size()));
      text = rest;
    } else {
      AppendEscaped(static_cast<uint8_t>(text.front()), out);
      text.remove_prefix(1);
    }
    if (out.size() > max_bytes) {
      out.resize(before);
      // Room for the dots: whole characters go, so that the rest stays UTF-8.
      while (out.size() + kCut.size() > max_bytes && !out.empty()) {
        while (!out.empty() && (static_cast<uint8_t>(out.back()) & 0xC0) == 0x80) out.pop_back();
        if (!out.empty()) out.pop_back();
      }
      return out.append(kCut);
    }
  }
  return out;
}

}  // namespace airlock::worker
