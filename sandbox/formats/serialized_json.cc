#include "sandbox/formats/serialized_json.h"

#include <cstddef>

namespace airlock::formats {
namespace {

// \u003a and \u006x, \u007x: a colon, and the letters.
bool IsEscapedPlain(std::string_view digits) {
  if (!digits.starts_with("00") || digits.size() < 4) return false;
  const bool colon = digits[2] == '3' && (digits[3] == 'a' || digits[3] == 'A');
  return colon || digits[2] == '6' || (digits[2] == '7' && digits[3] != 'f' && digits[3] != 'F');
}

}  // namespace

bool MayHoldSerialized(std::string_view json) {
  constexpr std::string_view kKey = ":serialized:";
  constexpr std::string_view kEscape = "\\u";
  if (json.find(kKey) != std::string_view::npos) return true;
  for (size_t at = json.find(kEscape); at != std::string_view::npos; at = json.find(kEscape, at + kEscape.size())) {
    if (IsEscapedPlain(json.substr(at + kEscape.size(), 4))) return true;
  }
  return false;
}

}  // namespace airlock::formats
