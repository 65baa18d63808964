// Glob: patterns for names of tensors, as LoadOptions.select has them. `*` is any run of characters, `?` is one, a
// backslash takes the next one as it is; all else is itself. Bytes of UTF-8; pure; at most pattern times text steps.
#pragma once

#include <cstddef>
#include <string_view>

namespace airlock {

// Bytes of the code point at the front. REQUIRES: !text.empty().
inline size_t CharacterSize(std::string_view text) {
  size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) ++size;
  return size;
}

inline bool MatchesGlob(std::string_view pattern, std::string_view text) {
  // Where to go on if what comes fails: behind the last `*`, which then takes one byte more.
  std::string_view star_pattern;
  std::string_view star_text;
  bool star = false;
  while (true) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      star = true;
      star_pattern = pattern;
      star_text = text;
      continue;
    }
    if (pattern.empty() && text.empty()) return true;
    const bool any = !pattern.empty() && pattern[0] == '?';
    const size_t literal = pattern.size() > 1 && pattern[0] == '\\' ? 1 : 0;
    if (any && !text.empty()) {
      pattern.remove_prefix(1);
      text.remove_prefix(CharacterSize(text));
      continue;
    }
    if (!any && !pattern.empty() && !text.empty() && pattern[literal] == text[0]) {
      pattern.remove_prefix(literal + 1);
      text.remove_prefix(1);
      continue;
    }
    if (!star || star_text.empty()) return false;
    star_text.remove_prefix(1);
    pattern = star_pattern;
    text = star_text;
  }
}

// Whether a tensor of this name is chosen: by its name or, if it is a part of one (`name#values`), by that one's.
template <typename Globs>
bool IsSelected(const Globs& globs, std::string_view name) {
  const std::string_view whole = name.substr(0, name.rfind('#'));
  for (const auto& glob : globs) {
    if (MatchesGlob(glob, name) || MatchesGlob(glob, whole)) return true;
  }
  return false;
}

}  // namespace airlock
