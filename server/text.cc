#include "server/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace airlock::server {
namespace {

constexpr uint32_t kFirstSurrogate = 0xD800;
constexpr uint32_t kLastSurrogate = 0xDFFF;

struct SequenceRow {
  uint8_t mask;
  uint8_t lead;
  uint8_t length;
  uint32_t least;
};
constexpr std::array<SequenceRow, 4> kSequences = {
    {{0x80, 0x00, 1, 0}, {0xE0, 0xC0, 2, 0x80}, {0xF0, 0xE0, 3, 0x800}, {0xF8, 0xF0, 4, 0x10000}}};

CodePoint Stray(uint8_t byte) { return CodePoint{byte, 1, false}; }

bool IsSurrogate(uint32_t value) { return value >= kFirstSurrogate && value <= kLastSurrogate; }

std::string Escaped(const CodePoint& point) {
  if (point.valid && point.value == '\\') return "\\\\";
  if (point.valid && point.value >= 0x20 && point.value < 0x7F) return std::string(1, static_cast<char>(point.value));
  std::array<char, 16> text{};
  const char* format = !point.valid || point.value < 0x80 ? "\\x%02x" : point.value < 0x10000 ? "\\u%04x" : "\\U%08x";
  (void)std::snprintf(text.data(), text.size(), format, point.value);
  return text.data();
}

// The number of plain ASCII bytes at the front: most text is nothing else.
size_t AsciiPrefix(std::string_view text) {
  size_t at = 0;
  for (uint64_t word = 0; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & 0x8080808080808080) != 0) break;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

CodePoint FirstCodePoint(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  for (const SequenceRow& row : kSequences) {
    if ((lead & row.mask) != row.lead) continue;
    if (text.size() < row.length) return Stray(lead);
    uint32_t value = lead & static_cast<uint8_t>(~row.mask);
    for (size_t i = 1; i < row.length; ++i) {
      const auto byte = static_cast<uint8_t>(text[i]);
      if ((byte & 0xC0) != 0x80) return Stray(lead);
      value = (value << 6) | (byte & 0x3F);
    }
    if (value < row.least || value > 0x10FFFF) return Stray(lead);
    return CodePoint{value, row.length, true};
  }
  return Stray(lead);
}

bool IsWtf8(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(AsciiPrefix(text));
    if (text.empty()) break;
    const CodePoint point = FirstCodePoint(text);
    if (!point.valid) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

std::string EscapeText(std::string_view text, size_t cap) {
  std::string out;
  while (!text.empty() && out.size() <= cap) {
    const CodePoint point = FirstCodePoint(text);
    out += Escaped(point);
    text.remove_prefix(point.length);
  }
  return CapText(std::move(out), cap);
}

std::string CapText(std::string text, size_t cap) {
  if (text.size() <= cap) return text;
  text.resize(cap - 3);
  return text + "...";
}

void AppendUtf8(std::string_view wtf8, std::string& out) {
  while (!wtf8.empty()) {
    const size_t plain = AsciiPrefix(wtf8);
    out.append(wtf8.substr(0, plain));
    wtf8.remove_prefix(plain);
    if (wtf8.empty()) break;
    const CodePoint point = FirstCodePoint(wtf8);
    if (!point.valid || IsSurrogate(point.value)) {
      out += Escaped(point);
    } else {
      out.append(wtf8.substr(0, point.length));
    }
    wtf8.remove_prefix(point.length);
  }
}

}  // namespace airlock::server
