#include "client/cli/state/path_text.h"

#include <algorithm>
#include <cctype>

namespace airlock::cli {
namespace {

// Appends the names in `path`, but for empty ones and ".".
void AppendNames(std::string_view path, char separator, std::vector<std::string_view>& names) {
  while (!path.empty()) {
    const size_t end = std::min(path.find(separator), path.size());
    const std::string_view name = path.substr(0, end);
    if (!name.empty() && name != ".") names.push_back(name);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
}

std::string Join(std::string_view anchor, const std::vector<std::string_view>& names, char separator) {
  std::string text(anchor);
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += separator;
    text += names[i];
  }
  return text.empty() ? "." : text;
}

// "C:", "C:\" or "\" in front, with backslashes; none of what begins with two of them.
std::optional<std::string_view> WindowsAnchor(std::string_view first) {
  const bool drive = first.size() >= 2 && first[1] == ':' && std::isalpha(static_cast<unsigned char>(first[0])) != 0;
  const size_t root = drive ? 2 : 0;
  const size_t end = first.size() > root && first[root] == '\\' ? root + 1 : root;
  if (first.substr(end).starts_with('\\')) return std::nullopt;
  return first.substr(0, end);
}

}  // namespace

std::string PosixPathText(const std::vector<std::string_view>& parts) {
  std::string_view anchor;
  std::vector<std::string_view> names;
  for (const std::string_view part : parts) {
    if (part.starts_with('/')) {
      // A path from the root on takes the place of what was before; two slashes are another root than one.
      names.clear();
      anchor = part.starts_with("//") && !part.starts_with("///") ? "//" : "/";
    }
    AppendNames(part, '/', names);
  }
  return Join(anchor, names, '/');
}

std::optional<std::string> WindowsPathText(const std::vector<std::string_view>& parts) {
  std::vector<std::string> swapped;
  for (const std::string_view part : parts) {
    std::string& text = swapped.emplace_back(part);
    std::replace(text.begin(), text.end(), '/', '\\');
  }
  std::string_view anchor;
  std::vector<std::string_view> names;
  for (size_t i = 0; i < swapped.size(); ++i) {
    std::string_view part = swapped[i];
    if (i == 0) {
      const auto found = WindowsAnchor(part);
      if (!found) return std::nullopt;
      anchor = *found;
      part.remove_prefix(anchor.size());
    } else if (part.starts_with('\\')) {
      return std::nullopt;
    }
    if (part.find(':') != std::string_view::npos) return std::nullopt;
    AppendNames(part, '\\', names);
  }
  return Join(anchor, names, '\\');
}

}  // namespace airlock::cli
