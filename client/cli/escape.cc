#include "client/cli/escape.h"

#include <cstdint>
#include <cstdio>

#include "client/cli/utf8.h"

namespace airlock::cli {
namespace {

struct Range {
  int32_t first;
  int32_t last;
};

// What a terminal obeys, reorders by, or does not show.
constexpr Range kHidden[] = {
    {0x00, 0x1f},        {0x7f, 0x9f},      // controls, ESC and CSI among them
    {0xad, 0xad},                           // soft hyphen
    {0x61c, 0x61c},                         // Arabic letter mark
    {0x180b, 0x180f},                       // Mongolian variation selectors
    {0x200b, 0x200f},                       // zero width, directional marks
    {0x2028, 0x202e},                       // line and paragraph separators, embeddings, overrides
    {0x2060, 0x206f},                       // invisible operators, isolates
    {0xd800, 0xdfff},                       // surrogates
    {0xfe00, 0xfe0f},    {0xfeff, 0xfeff},  // variation selectors, byte order mark
    {0xfff9, 0xfffb},                       // interlinear annotation
    {0xe000, 0xf8ff},                       // private use
    {0xe0000, 0x10ffff},                    // tags, private use
};

bool Hidden(int32_t code) {
  for (const Range& range : kHidden) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

void AppendEscaped(std::string& out, int32_t code, unsigned char byte) {
  char text[16];
  if (code == kInvalidByte || code < 0x100) {
    snprintf(text, sizeof text, "\\x%02x", code == kInvalidByte ? byte : static_cast<unsigned>(code));
  } else if (code < 0x10000) {
    snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(code));
  } else {
    snprintf(text, sizeof text, "\\U%08x", static_cast<unsigned>(code));
  }
  out += text;
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    const int32_t code = NextCodePoint(text);
    if (code == '\\') {
      out += "\\\\";
    } else if (code == kInvalidByte || Hidden(code)) {
      AppendEscaped(out, code, byte);
    } else {
      AppendUtf8(out, static_cast<uint32_t>(code));
    }
  }
  return out;
}

std::string EscapeShort(std::string_view text, size_t width) {
  // A code point has at most four bytes and escapes never shorten: more cannot be shown, however long the text is.
  std::string escaped = Escape(text.substr(0, 4 * width + 4));
  if (Width(escaped) <= width) return escaped;
  std::string_view rest = escaped;
  for (size_t i = 3; i < width; ++i) NextCodePoint(rest);
  return escaped.substr(0, escaped.size() - rest.size()) + "...";
}

size_t Width(std::string_view text) {
  size_t width = 0;
  for (; !text.empty(); ++width) NextCodePoint(text);
  return width;
}

}  // namespace airlock::cli
