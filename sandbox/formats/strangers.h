// Members of an archive that nothing in the checkpoint refers to: what they are by their content, and what is said of
// them. No reader of the checkpoint opens them, but another may, or may be pointed at them.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/input.h"
#include "sandbox/formats/zip_member.h"

namespace airlock::formats {

// What a member is by its content: a format, or why it is none.
Result<Format> SniffMember(const Input& input, const ZipMember& member);

// Whether a loader that is pointed at it would open it, this one or another.
bool WouldBeOpened(const Result<Format>& content);

// Whether a look that ended so says that the content is nothing a model is loaded from: no format that is read, none
// that is known and not read, nothing broken.
bool IsNoCheckpoint(Reason reason);

struct Stranger {
  const char* id;           // of the finding
  const std::string& name;  // of the member
  uint64_t offset;          // of its header
  const Result<Format>& content;
};

// A note; a warning where the content is one that a loader would open: it was not judged, so the file is not clean.
void TellOfStranger(pickle::Context& context, const Stranger& stranger);

}  // namespace airlock::formats
