// A finding about one member of an archive: its place is the member's name and the offset of its header.
#pragma once

#include <string>
#include <utility>

#include "sandbox/formats/zip_member.h"
#include "sandbox/pickle/machine.h"

namespace airlock::formats {

inline void TellOfMember(pickle::Context& context, const ZipMember& member, const char* id, pickle::Severity severity,
                         std::string message) {
  pickle::AddFinding(context, {.id = id,
                               .severity = severity,
                               .message = std::move(message),
                               .where = std::string(member.name),
                               .offset = member.header_offset});
}

}  // namespace airlock::formats
