#include "client/cli/utf8.h"

namespace airlock::cli {

int32_t NextCodePoint(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) {
    text.remove_prefix(1);
    return lead;
  }
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  int32_t code = lead & (0xff >> (length + 1));
  bool valid = lead >= 0xc2 && lead <= 0xf4 && text.size() >= length;
  for (size_t i = 1; valid && i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    valid = (next & 0xc0) == 0x80;
    code = code << 6 | (next & 0x3f);
  }
  const int32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  if (!valid || code < least || code > 0x10ffff) {
    text.remove_prefix(1);
    return kInvalidByte;
  }
  text.remove_prefix(length);
  return code;
}

void AppendUtf8(std::string& out, uint32_t code) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace airlock::cli
