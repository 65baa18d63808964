// The limits of one load: the daemon's, lowered by what a request asks. Conversions between the plain struct and the
// message, driven by sandbox/base/limits.def.
#pragma once

#include <string>
#include <string_view>

#include "airlock/v1/limits.pb.h"
#include "sandbox/base/limits.h"
#include "server/verdict.h"

namespace airlock::server {

v1::Limits ToProto(const Limits& limits);

// 0 leaves the daemon's; a higher one is a BAD_REQUEST that names it.
OrVerdict<Limits> Lower(const Limits& daemon, const v1::Limits& request);

// Files that a set may have: what the limit says, and no more than a worker takes.
uint64_t MaxFiles(const Limits& limits);

// NAME=VALUE with a limit's name and a positive number. False where it is none.
bool SetLimit(std::string_view assignment, Limits& limits);

}  // namespace airlock::server
