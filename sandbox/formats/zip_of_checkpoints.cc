#include "sandbox/formats/zip_of_checkpoints.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/part.h"
#include "sandbox/formats/strangers.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;

// Each is looked at. Real archives have ten.
constexpr size_t kMaxMembers = 1000;

}  // namespace

bool IsZipOfCheckpoints(const Input& input, const ZipDirectory& directory) {
  const std::span<const ZipMember> members(directory.members());
  return std::ranges::any_of(members.first(std::min(members.size(), kMaxMembers)), [&](const ZipMember& member) {
    return !member.name.ends_with('/') && SniffMember(input, member).ok();
  });
}

Result<void> DecodeZipOfCheckpoints(const Input& input, Output& output, Checkpoint& checkpoint,
                                    const ZipDirectory& directory) {
  if (checkpoint.parts > 0) {
    return Fail(Reason::kUnsupportedFeature, "archives of checkpoints inside an archive are not read");
  }
  const uint64_t most = std::min<uint64_t>(checkpoint.context.limits.members, kMaxMembers);
  if (directory.members().size() > most) return FailLimit("members", most, directory.members().size());
  std::vector<NodeId> pairs;
  for (const ZipMember& member : directory.members()) {
    if (member.name.ends_with('/')) continue;
    const Result<Format> format = SniffMember(input, member);
    if (!format.ok()) {
      TellOfMember(checkpoint.context, member, "zip.other-member", Severity::kNote, format.error().message);
      continue;
    }
    pickle::Graph& graph = checkpoint.context.graph;
    const NodeId name = graph.Text(Kind::kString, member.name);
    AIRLOCK_ASSIGN(const Part part, DecodePart(input, member, member.name, output, checkpoint));
    pairs.push_back(name);
    pairs.push_back(part.root);
  }
  checkpoint.root = checkpoint.context.graph.Container(Kind::kDict, pairs);
  return {};
}

Result<void> DecodeMember(const Input& input, std::string_view name, Output& output, Checkpoint& checkpoint) {
  constexpr std::string_view kZip = "PK\x03\x04";
  std::vector<uint8_t> head(std::min<uint64_t>(input.size(), kZip.size()));
  AIRLOCK_TRY(input.ReadAt(0, head));
  if (!std::ranges::equal(head, kZip, [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); })) {
    return Fail(Reason::kNoSuchMember, "the file is no zip archive", 0);
  }
  AIRLOCK_ASSIGN(const ZipDirectory directory, ZipDirectory::Read(input, checkpoint.context.limits));
  const ZipMember* member = directory.Find(name);
  if (member == nullptr) return Fail(Reason::kNoSuchMember, "'" + std::string(name) + "'");
  AIRLOCK_ASSIGN(const Part part, DecodePart(input, *member, {}, output, checkpoint));
  checkpoint.format = part.format;
  checkpoint.root = part.root;
  return {};
}

}  // namespace airlock::formats
