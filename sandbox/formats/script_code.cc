#include "sandbox/formats/script_code.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace airlock::formats {
namespace {

// aten's, torchvision's and those of torch's RPC, which sends what it is given to others.
constexpr std::string_view kOperators[] = {"save",      "from_file",  "read_file", "write_file",
                                           "rpc_async", "rpc_remote", "rpc_sync"};
constexpr std::string_view kQualified[] = {"aten::save", "aten::from_file", "image::read_file", "image::write_file"};
constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

// `word` stands at [start, end). A method of that name may be defined, and an attribute have it.
bool IsUsed(std::string_view source, size_t start, size_t end) {
  constexpr std::string_view kBlank = " \t\r\n";
  constexpr std::string_view kDefine = "def ";
  if (source.substr(0, start).ends_with(kDefine)) return false;
  const char before = start == 0 ? ' ' : source[start - 1];
  if (before == '"' || before == '\'') return end < source.size() && source[end] == before;  // by getattr
  const size_t next = source.find_first_not_of(kBlank, end);
  // Between brackets a comment or the end of a line may come first.
  return next != std::string_view::npos && (source[next] == '(' || source[next] == '#' || source[next] == '\\');
}

// getattr(x, "\x73ave") is what no writer writes.
bool HidesAName(std::string_view source) {
  constexpr std::string_view kGetattr = "getattr";
  for (size_t at = source.find(kGetattr); at != std::string_view::npos; at = source.find(kGetattr, at + 1)) {
    const size_t end = std::min(source.find(')', at), source.size());
    if (source.substr(at, end - at).find('\\') != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::string_view FileOperatorOf(std::string_view source) {
  for (const std::string_view name : kOperators) {
    for (size_t at = source.find(name); at != std::string_view::npos; at = source.find(name, at + 1)) {
      const size_t end = at + name.size();
      const auto in_word = [&](size_t i) {
        return i < source.size() && kWord.find(source[i]) != std::string_view::npos;
      };
      if ((at > 0 && in_word(at - 1)) || in_word(end)) continue;
      if (IsUsed(source, at, end)) return name;
    }
  }
  return HidesAName(source) ? "getattr" : std::string_view();
}

std::string_view FileOperatorOfBytecode(std::string_view bytecode) {
  const auto* const found = std::ranges::find_if(
      kQualified, [&](std::string_view name) { return bytecode.find(name) != std::string_view::npos; });
  return found == std::end(kQualified) ? std::string_view() : *found;
}

}  // namespace airlock::formats
