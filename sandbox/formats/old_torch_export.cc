#include "sandbox/formats/old_torch_export.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "sandbox/formats/export_parts.h"
#include "sandbox/formats/export_program.h"
#include "sandbox/formats/strangers.h"

namespace airlock::formats {
namespace {

using pickle::NodeId;

constexpr std::string_view kProgram = "serialized_exported_program.json";

struct Row {
  std::string_view member;
  std::string_view key;
};
// Torch 2.1 gave the weights the ending of the program.
constexpr Row kParts[] = {
    {"serialized_state_dict.pt", "state_dict"},
    {"serialized_state_dict.json", "state_dict"},
    {"serialized_constants.pt", "constants"},
    {"serialized_example_inputs.pt", "example_inputs"},
};

bool IsRecord(const ZipMember& member) {
  return member.name == kProgram || member.name == "version" || member.name.ends_with('/') ||
         std::ranges::find(kParts, member.name, &Row::member) != std::end(kParts);
}

}  // namespace

bool IsOldTorchExport(const ZipDirectory& directory) { return directory.Find(kProgram) != nullptr; }

Result<void> DecodeOldTorchExport(const Input& input, Output& output, Checkpoint& checkpoint,
                                  const ZipDirectory& directory) {
  if (directory.Find(kParts[0].member) != nullptr && directory.Find(kParts[1].member) != nullptr) {
    return Fail(Reason::kZipAmbiguous, "the archive has two state_dicts");
  }
  pickle::Graph& graph = checkpoint.context.graph;
  std::vector<NodeId> pairs;
  for (const Row& row : kParts) {
    const ZipMember* member = directory.Find(row.member);
    if (member == nullptr || member->size == 0) continue;  // without bytes: there was nothing to save
    pairs.push_back(graph.Text(pickle::Kind::kString, row.key));
    AIRLOCK_ASSIGN(const NodeId value, DecodeSaved(input, *member, output, checkpoint));
    pairs.push_back(value);
  }
  checkpoint.root = graph.Container(pickle::Kind::kDict, pairs);
  AIRLOCK_TRY(JudgeProgram(input, *directory.Find(kProgram), checkpoint));
  for (const ZipMember& member : directory.members()) {
    if (IsRecord(member)) continue;
    const bool extra = member.name.starts_with("extra_files/");
    TellOfStranger(checkpoint.context, {extra ? "export.extra-file" : "zip.unused-member", std::string(member.name),
                                        member.header_offset, SniffMember(input, member)});
  }
  return {};
}

}  // namespace airlock::formats
