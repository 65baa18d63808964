#include "sandbox/formats/zip_of_checkpoints.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/part.h"
#include "sandbox/formats/serialized_json.h"
#include "sandbox/formats/set_index.h"
#include "sandbox/formats/strangers.h"
#include "sandbox/formats/zip_storages.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;

// Each is looked at. Real archives have ten.
constexpr size_t kMaxMembers = 1000;
// Of the JSON beside checkpoints, all of it. That of an agent has a few hundred KiB.
constexpr uint64_t kMaxTextBytes = uint64_t{16} << 20;

// Whether it is JSON that may have pickles in it. `budget` is for reading all of them.
Result<bool> IsSerialized(const Input& input, const ZipMember& member, uint64_t& budget) {
  constexpr uint64_t kHeadBytes = 64;
  AIRLOCK_ASSIGN(std::string text, ReadText(input, member, std::min(member.size, kHeadBytes)));
  if (!StartsAsJsonObject(text)) return false;
  if (member.size > budget) return true;
  budget -= member.size;
  AIRLOCK_ASSIGN(text, ReadText(input, member, member.size));
  return MayHoldSerialized(text);
}

// What is no checkpoint.
Result<void> TellOther(const Input& input, const ZipMember& member, const Error& error, uint64_t& budget,
                       Checkpoint& checkpoint) {
  AIRLOCK_ASSIGN(const bool serialized, IsSerialized(input, member, budget));
  if (!serialized) {
    TellOfMember(checkpoint.context, member, "zip.other-member", Severity::kNote, error.message);
    return {};
  }
  TellOfMember(checkpoint.context, member, "zip.serialized-objects", Severity::kWarning,
               "JSON with pickles in it, which stable-baselines3 loads with the agent; they were not looked into");
  return {};
}

// Whether a member was recognised as what nobody loads a model from. One that could not be looked into was not.
bool IsHarmless(const Input& input, const ZipMember& member, uint64_t& budget) {
  const Result<Format> format = SniffMember(input, member);
  if (format.ok() || !IsNoCheckpoint(format.error().reason)) return false;
  if (member.size == 0) return true;
  const Result<bool> serialized = IsSerialized(input, member, budget);
  return serialized.ok() && !*serialized;
}

}  // namespace

bool HoldsNoCheckpoint(const Input& input, const ZipDirectory& directory) {
  if (directory.members().size() > kMaxMembers) return false;
  uint64_t budget = kMaxTextBytes;
  return std::ranges::all_of(directory.members(), [&](const ZipMember& member) {
    return member.name.ends_with('/') ? member.size == 0 : IsHarmless(input, member, budget);
  });
}

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
  uint64_t budget = kMaxTextBytes;
  std::vector<NodeId> pairs;
  for (const ZipMember& member : directory.members()) {
    if (member.name.ends_with('/')) continue;
    const Result<Format> format = SniffMember(input, member);
    if (!format.ok()) {
      if (auto told = TellOther(input, member, format.error(), budget, checkpoint); !told.ok()) return told;
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
  std::vector<uint8_t> head(std::min<uint64_t>(input.size(), kLocalMagic.size()));
  AIRLOCK_TRY(input.ReadAt(0, head));
  if (head.size() < kLocalMagic.size() || !HasMagic(head.data(), kLocalMagic)) {
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
