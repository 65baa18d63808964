#include "sandbox/formats/torchscript.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/script_code.h"
#include "sandbox/formats/script_names.h"
#include "sandbox/formats/strangers.h"
#include "sandbox/formats/torch_archive.h"
#include "sandbox/formats/zip_storages.h"

namespace airlock::formats {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;

constexpr std::string_view kRecords[] = {"constants.pkl", "bytecode.pkl", "mobile_debug_handles.pkl",
                                         "traced_inputs.pkl"};

// Of all code of an archive. Models of many thousand layers have a few MiB.
constexpr uint64_t kMaxCodeBytes = uint64_t{64} << 20;

// Members that hold code, or say where code came from.
bool IsCode(std::string_view name) {
  const bool source = name.starts_with("code/") || name.starts_with(".data/ts_code/");
  return (source && name.ends_with(".py")) || name == "bytecode.pkl" || name == "mobile_debug_handles.pkl" ||
         name.ends_with(".debug_pkl");
}

bool IsExtra(std::string_view name) { return name.starts_with("extra/"); }

class TorchScript {
 public:
  TorchScript(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory)
      : input_(input),
        checkpoint_(checkpoint),
        graph_(checkpoint.context.graph),
        directory_(directory),
        archive_(input, output, checkpoint, directory) {}

  Result<void> Decode() {
    AIRLOCK_TRY(archive_.Check(kRecords));
    const ScriptNames names(checkpoint_.context.symbols);
    AIRLOCK_ASSIGN(checkpoint_.root, archive_.Decode("data.pkl", "data"));
    AIRLOCK_TRY(AddConstants());
    AIRLOCK_TRY(AddTracedInputs());
    AIRLOCK_TRY(TellCode());
    TellExtras();
    archive_.NoteStrangers({}, [](std::string_view name) { return IsCode(name) || IsExtra(name); });
    return {};
  }

 private:
  // Each decodes a pickle and puts what it holds beside the module.
  Result<void> AddConstants();
  Result<void> AddTracedInputs();
  void PutBeside(const std::string& name, NodeId value);
  Result<void> TellCode();
  // Reports the first operator of files that the code has. `budget` is for reading all of it.
  Result<void> LookForFiles(const ZipMember& member, uint64_t& budget);
  void TellExtras();

  const Input& input_;
  Checkpoint& checkpoint_;
  Graph& graph_;
  const ZipDirectory& directory_;
  TorchArchive archive_;
  bool told_of_files_ = false;
  bool wrapped_ = false;  // the root is a dict of ours
};

Result<void> TorchScript::AddConstants() {
  AIRLOCK_ASSIGN(const NodeId value, archive_.Decode("constants.pkl", "constants"));
  if (!graph_.is(value, Kind::kTuple)) return Fail(Reason::kPickleMalformed, "constants.pkl holds no tuple");
  if (!graph_.children(value).empty()) PutBeside("constants", value);
  return {};
}

// Torch 2 saves what a module was traced with: shapes, and not their data (seen from 2.8 to 2.14; 1.13 saves nothing).
Result<void> TorchScript::AddTracedInputs() {
  if (archive_.Record("traced_inputs.pkl") == nullptr) return {};
  AIRLOCK_ASSIGN(const NodeId value,
                 archive_.Decode("traced_inputs.pkl", "traced_inputs", TorchArchive::Data::kMayBeLeftOut));
  PutBeside("traced_inputs", value);
  return {};
}

void TorchScript::PutBeside(const std::string& name, NodeId value) {
  const std::array<NodeId, 2> pair = {graph_.Text(Kind::kString, name), value};
  const NodeId dict = graph_.Container(Kind::kDict, pair);
  const NodeId root = checkpoint_.root;
  if (graph_.is(root, Kind::kRecord)) {
    pickle::RecordParts parts = graph_.record(root);
    if (parts.many_states) {
      graph_.Append(parts.state, {&dict, 1});
      return;
    }
    if (graph_.is(parts.state, Kind::kDict)) {
      const std::array<NodeId, 2> states = {parts.state, dict};
      parts.state = graph_.Container(Kind::kList, states);
      parts.many_states = true;
      graph_.SetRecord(root, parts);
      return;
    }
  }
  if (wrapped_) {
    graph_.Append(root, pair);
    return;
  }
  wrapped_ = true;
  const std::array<NodeId, 4> pairs = {graph_.Text(Kind::kString, "object"), root, pair[0], value};
  checkpoint_.root = graph_.Container(Kind::kDict, pairs);
}

Result<void> TorchScript::TellCode() {
  uint64_t files = 0;
  uint64_t budget = kMaxCodeBytes;
  const ZipMember* first = nullptr;
  const size_t root = directory_.root().size() + 1;
  for (const ZipMember& member : directory_.members()) {
    if (!IsCode(std::string_view(member.name).substr(root))) continue;
    if (first == nullptr) first = &member;
    ++files;
    AIRLOCK_TRY(LookForFiles(member, budget));
  }
  if (first == nullptr) return {};
  TellOfMember(checkpoint_.context, *first, "torchscript.code", Severity::kNote,
               "the archive holds code for TorchScript (members: " + std::to_string(files) +
                   "); nothing looks at what it does with tensors");
  return {};
}

Result<void> TorchScript::LookForFiles(const ZipMember& member, uint64_t& budget) {
  const bool source = member.name.ends_with(".py");
  if (told_of_files_ || (!source && !member.name.ends_with("/bytecode.pkl"))) return {};
  std::string message;
  if (member.size > budget) {
    message = "code too long to look for operators that read or write files";
  } else {
    budget -= member.size;
    AIRLOCK_ASSIGN(const std::string code, ReadText(input_, member, member.size));
    const std::string_view name = source ? FileOperatorOf(code) : FileOperatorOfBytecode(code);
    if (name.empty()) return {};
    message = "code that may read or write files, or reach others, while it is loaded or run: " + std::string(name);
  }
  told_of_files_ = true;
  TellOfMember(checkpoint_.context, member, "torchscript.files", Severity::kWarning, std::move(message));
  return {};
}

void TorchScript::TellExtras() {
  const size_t root = directory_.root().size() + 1;
  for (const ZipMember& member : directory_.members()) {
    if (!IsExtra(std::string_view(member.name).substr(root)) || member.name.ends_with('/')) continue;
    const Result<Format> content = SniffMember(input_, member);
    if (WouldBeOpened(content)) {
      TellOfStranger(checkpoint_.context,
                     {"zip.unused-member", std::string(member.name), member.header_offset, content});
      continue;
    }
    TellOfMember(checkpoint_.context, member, "torchscript.extra-file", Severity::kNote,
                 "a file of the archive's author, which is not looked at");
  }
}

}  // namespace

Result<void> DecodeTorchScript(const Input& input, Output& output, Checkpoint& checkpoint,
                               const ZipDirectory& directory) {
  return TorchScript(input, output, checkpoint, directory).Decode();
}

}  // namespace airlock::formats
