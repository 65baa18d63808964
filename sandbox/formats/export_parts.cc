#include "sandbox/formats/export_parts.h"

#include <algorithm>
#include <iterator>

#include "sandbox/formats/part.h"

namespace airlock::formats {

Result<pickle::NodeId> DecodeSaved(const Input& input, const ZipMember& member, Output& output,
                                   Checkpoint& checkpoint) {
  AIRLOCK_ASSIGN(const Part part, DecodePart(input, member, member.name, output, checkpoint));
  constexpr Format kSaved[] = {Format::kTorchZip, Format::kTorchLegacy, Format::kTorchScript, Format::kPickle};
  if (std::ranges::find(kSaved, part.format) != std::end(kSaved)) return part.root;
  return Fail(Reason::kUnsupportedFeature,
              "member '" + std::string(member.name) + "' is no checkpoint that torch.save writes",
              member.header_offset);
}

}  // namespace airlock::formats
