// --worker-uids BASE:COUNT, as a range of users.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sandbox/walls/user_range.h"

namespace airlock::server {

// Empty text: no range. Nothing where it is not BASE:COUNT in decimal, or not a range that can be used (IsUsable).
std::optional<walls::UserRange> ParseWorkerUsers(std::string_view text);

// What a usable range is, for people.
std::string DescribeWorkerUsers();

}  // namespace airlock::server
