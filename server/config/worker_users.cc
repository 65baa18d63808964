#include "server/config/worker_users.h"

#include <charconv>

namespace airlock::server {
namespace {

bool ParseNumber(std::string_view text, uint32_t& number) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

}  // namespace

std::optional<walls::UserRange> ParseWorkerUsers(std::string_view text) {
  walls::UserRange range;
  if (text.empty()) return range;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  if (!ParseNumber(text.substr(0, colon), range.base) || !ParseNumber(text.substr(colon + 1), range.count)) {
    return std::nullopt;
  }
  return walls::IsUsable(range) ? std::optional(range) : std::nullopt;
}

std::string DescribeWorkerUsers() {
  return "BASE:COUNT, where COUNT is a power of two from 2 to " + std::to_string(walls::kMostOwnUsers) +
         " and BASE a multiple of it from " + std::to_string(walls::kLowestOwnUser) + " on, as 1879048192:1024";
}

}  // namespace airlock::server
