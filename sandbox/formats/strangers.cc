#include "sandbox/formats/strangers.h"

#include <algorithm>
#include <vector>

#include "sandbox/formats/inflate.h"
#include "sandbox/formats/pickle_sniff.h"
#include "sandbox/formats/sniff.h"

namespace airlock::formats {

Result<Format> SniffMember(const Input& input, const ZipMember& member) {
  if (!member.deflated()) return Sniff(input.Part(member.data_offset, member.size));
  // As much of it as a look takes; what is said of its end is not known.
  std::vector<uint8_t> head(std::min<uint64_t>(member.size, 4096));
  Inflater inflater(input, member.data_offset, member.stored_size, member.size);
  AIRLOCK_TRY(inflater.Read(head));
  Result<Format> format = Sniff(Input(head));
  // A pickle may say of its first object that it is longer than what was taken.
  if (!format.ok() && IsNoCheckpoint(format.error().reason) && LooksLikePickle(head, member.size)) {
    return Format::kPickle;
  }
  return format;
}

bool WouldBeOpened(const Result<Format>& content) {
  if (content.ok()) return true;
  const Reason reason = content.error().reason;
  return reason == Reason::kUnsupportedFormat || reason == Reason::kSevenZip;
}

bool IsNoCheckpoint(Reason reason) {
  return reason == Reason::kNotACheckpoint || reason == Reason::kEmptyFile || reason == Reason::kHtmlPage;
}

void TellOfStranger(pickle::Context& context, const Stranger& stranger) {
  const bool opens = WouldBeOpened(stranger.content);
  std::string message = "nothing in the checkpoint refers to this member";
  if (opens) message += ", and it is a file that a loader would open; it was not looked into";
  pickle::AddFinding(context, {.id = stranger.id,
                               .severity = opens ? pickle::Severity::kWarning : pickle::Severity::kNote,
                               .message = std::move(message),
                               .where = stranger.name,
                               .offset = stranger.offset});
}

}  // namespace airlock::formats
