// Paths of Python's pathlib, as str() writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::cli {

// Of PurePosixPath(*parts).
std::string PosixPathText(const std::vector<std::string_view>& parts);
// Of PureWindowsPath(*parts), for parts as such a path has them: a drive, a root or both in the first alone. Absent for
// others, which Python's versions take in several ways.
std::optional<std::string> WindowsPathText(const std::vector<std::string_view>& parts);

}  // namespace airlock::cli
