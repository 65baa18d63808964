// What torch calls a device: "cpu", "cuda:0". The broker refuses other characters, so a file that holds them is told
// here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace airlock::tensors {

// The broker's limit too (server/validate/graph_rules.cc).
inline constexpr size_t kMaxDeviceName = 64;

inline bool IsDeviceName(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '_'; };
  return !name.empty() && name.size() <= kMaxDeviceName && std::all_of(name.begin(), name.end(), plain);
}

}  // namespace airlock::tensors
