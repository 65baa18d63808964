#include "sandbox/formats/torch_package.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/formats/array_storages.h"
#include "sandbox/formats/member_finding.h"
#include "sandbox/formats/part.h"
#include "sandbox/formats/pickle_sniff.h"
#include "sandbox/formats/script_names.h"
#include "sandbox/formats/strangers.h"
#include "sandbox/formats/torch_archive.h"
#include "sandbox/tensors/constructors.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

constexpr std::string_view kExtern = ".data/extern_modules";
constexpr std::string_view kRecords[] = {kExtern, ".data/python_version"};
constexpr std::string_view kOwn = ".data/";
constexpr std::string_view kScripts = ".data/ts_code/";
constexpr std::string_view kStorage = ".storage";
// As much of a member as tells what it is.
constexpr uint64_t kHeadBytes = 4096;

// What the pickles of a package make. Their persistent ids are
//
//   ('storage', class, number, location, numel)       as in a torch zip; TorchScript's have the member's name as key
//   ('reduce_package', number, function, arguments)   an object that the function would make from the package
class PackageConstructor final : public pickle::Constructor {
 public:
  PackageConstructor(Checkpoint& checkpoint, ZipStorages& storages, ArrayStorages& arrays)
      : context_(checkpoint.context),
        graph_(checkpoint.context.graph),
        known_(context_, checkpoint.tables, storages, tensors::PersistentForm::kZip, arrays) {}

  Result<NodeId> Construct(uint32_t symbol, NodeId args, uint64_t offset) override {
    return known_.Construct(symbol, args, offset);
  }
  Result<bool> Build(NodeId object, NodeId state, uint64_t offset) override {
    return known_.Build(object, state, offset);
  }
  Result<NodeId> Value(uint32_t symbol, uint64_t offset) override { return known_.Value(symbol, offset); }
  Result<NodeId> Persistent(NodeId id, uint64_t offset) override;

  void ReadScripts(bool scripts) { scripts_ = scripts; }
  // The object that stands for the TorchScript module of this number; kNoNode where there is none.
  NodeId ScriptOf(const std::string& number) const {
    const auto found = modules_.find(number);
    return found == modules_.end() ? kNoNode : found->second;
  }

 private:
  Result<NodeId> Storage(std::vector<NodeId> parts, uint64_t offset);
  Result<NodeId> Reduced(NodeId function, NodeId arguments, uint64_t offset);
  std::optional<std::string> ScriptNumber(NodeId function, NodeId arguments) const;

  pickle::Context& context_;
  pickle::Graph& graph_;
  tensors::Constructors known_;
  bool scripts_ = false;
  std::map<std::string, NodeId> modules_;  // by number, of TorchScript
};

Unexpected<Error> Malformed(uint64_t offset) {
  return Fail(Reason::kPickleMalformed, "a persistent id is not of a form that torch.package writes", offset);
}

Result<NodeId> PackageConstructor::Persistent(NodeId id, uint64_t offset) {
  if (!graph_.is(id, Kind::kTuple)) return Malformed(offset);
  const std::span<const NodeId> children = graph_.children(id);
  if (children.size() < 3 || children.size() > 5 || !graph_.is(children[0], Kind::kString)) return Malformed(offset);
  std::vector<NodeId> parts(children.begin(), children.end());
  if (graph_.text(parts[0]) == "storage") return Storage(std::move(parts), offset);
  // Older ones have no number.
  if (graph_.text(parts[0]) != "reduce_package" || parts.size() == 5) return Malformed(offset);
  return Reduced(parts[parts.size() - 2], parts.back(), offset);
}

Result<NodeId> PackageConstructor::Storage(std::vector<NodeId> parts, uint64_t offset) {
  if (parts.size() != 5) return Malformed(offset);
  NodeId& key = parts[2];
  if (!scripts_ && graph_.is(key, Kind::kInt)) {
    key = graph_.Text(Kind::kString, std::to_string(graph_.integer(key)));
  } else if (graph_.is(key, Kind::kString)) {
    std::string text(graph_.text(key));
    if (scripts_ && !text.ends_with(kStorage)) return Malformed(offset);
    if (scripts_) text.resize(text.size() - kStorage.size());
    key = graph_.Text(Kind::kString, text);
  }
  return known_.Persistent(graph_.Container(Kind::kTuple, parts), offset);
}

std::optional<std::string> PackageConstructor::ScriptNumber(NodeId function, NodeId arguments) const {
  const std::span<const NodeId> children = graph_.children(arguments);
  if (context_.symbols.FullName(graph_.symbol(function)) != "torch.jit._script.unpackage_script_module") return {};
  if (children.size() != 1 || !graph_.is(children[0], Kind::kString)) return {};
  return std::string(graph_.text(children[0]));
}

// Nothing is called: a record of the call, which the machine judges.
Result<NodeId> PackageConstructor::Reduced(NodeId function, NodeId arguments, uint64_t offset) {
  if (!graph_.is(function, Kind::kSymbol) || !graph_.is(arguments, Kind::kTuple)) return Malformed(offset);
  const std::optional<std::string> script = ScriptNumber(function, arguments);
  if (script && ScriptOf(*script) != kNoNode) return ScriptOf(*script);
  const NodeId record = graph_.Record({.callee = function, .args = arguments});
  if (script) {
    modules_.emplace(*script, record);
    return record;
  }
  pickle::AddFinding(context_, {.id = "package.reduced",
                                .severity = Severity::kWarning,
                                .message = "torch.package would call " +
                                           context_.symbols.FullName(graph_.symbol(function)) + " for an object",
                                .where = {},
                                .offset = offset});
  return record;
}

bool IsCode(std::string_view name) { return name.ends_with(".py"); }

class TorchPackage {
 public:
  TorchPackage(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory)
      : input_(input),
        output_(output),
        checkpoint_(checkpoint),
        graph_(checkpoint.context.graph),
        directory_(directory),
        archive_(input, output, checkpoint, directory) {}

  Result<void> Decode();

 private:
  Result<void> DecodeMember(const ZipMember& member, PackageConstructor& constructor);
  Result<void> DecodeScripts(PackageConstructor& constructor);
  // Whether the member starts as a pickle does, or is called one.
  Result<bool> IsPickle(const ZipMember& member);
  Result<void> Add(std::string_view name, Result<NodeId> value);
  void TellCode(const ZipMember& member);

  const Input& input_;
  Output& output_;
  Checkpoint& checkpoint_;
  pickle::Graph& graph_;
  const ZipDirectory& directory_;
  TorchArchive archive_;
  std::vector<NodeId> pairs_;
  bool told_of_code_ = false;
};

Result<void> TorchPackage::Decode() {
  AIRLOCK_TRY(archive_.Check(kRecords, TorchArchive::Pickles::kAnywhere));
  ZipStorages storages(input_, output_, directory_, std::string(directory_.root()) + "/" + std::string(kOwn),
                       archive_.big_endian(), checkpoint_.context, checkpoint_.tables, std::string(kStorage));
  ArrayStorages arrays(input_, output_);
  PackageConstructor constructor(checkpoint_, storages, arrays);
  for (const ZipMember& member : directory_.members()) {
    const std::string_view name = archive_.NameOf(member);
    const bool record = name == "byteorder" || name == "version" || name == ".format_version";
    if (name.starts_with(kOwn) || name.ends_with('/') || record) continue;
    AIRLOCK_TRY(DecodeMember(member, constructor));
  }
  AIRLOCK_TRY(DecodeScripts(constructor));
  AIRLOCK_TRY(storages.Rewrite());
  archive_.UseAllOf(storages);
  checkpoint_.root = graph_.Container(Kind::kDict, pairs_);
  archive_.NoteStrangers(kRecords, [](std::string_view name) {
    return name.starts_with(kScripts) && (name.ends_with(".py") || name.ends_with(".debug_pkl"));
  });
  return {};
}

Result<bool> TorchPackage::IsPickle(const ZipMember& member) {
  if (archive_.NameOf(member).ends_with(".pkl")) return true;
  AIRLOCK_ASSIGN(const std::string head, ReadText(input_, member, std::min(member.size, kHeadBytes)));
  return LooksLikePickle({reinterpret_cast<const uint8_t*>(head.data()), head.size()}, member.size);
}

Result<void> TorchPackage::DecodeMember(const ZipMember& member, PackageConstructor& constructor) {
  archive_.Use(member);
  const std::string_view name = archive_.NameOf(member);
  if (IsCode(name)) {
    TellCode(member);
    return {};
  }
  AIRLOCK_ASSIGN(const bool pickle, IsPickle(member));
  if (pickle) return Add(name, archive_.Run(member, constructor));
  const Result<Format> format = SniffMember(input_, member);
  if (format.ok()) {
    AIRLOCK_ASSIGN(const Part part, DecodePart(input_, member, member.name, output_, checkpoint_));
    return Add(name, part.root);
  }
  TellOfStranger(checkpoint_.context, {"package.resource", std::string(member.name), member.header_offset, format});
  return {};
}

// .data/ts_code/N/data.pkl is the module that a pickle refers to by its number.
Result<void> TorchPackage::DecodeScripts(PackageConstructor& constructor) {
  const ScriptNames names(checkpoint_.context.symbols);
  constructor.ReadScripts(true);
  for (const ZipMember& member : directory_.members()) {
    const std::string_view name = archive_.NameOf(member);
    if (!name.starts_with(kScripts) || !name.ends_with(".pkl")) continue;
    AIRLOCK_ASSIGN(const NodeId value, archive_.Run(member, constructor));
    const std::string_view place = name.substr(kScripts.size());
    const std::string number(place.substr(0, place.find('/')));
    const NodeId module = place == number + "/data.pkl" ? constructor.ScriptOf(number) : kNoNode;
    const bool empty = graph_.is(value, Kind::kTuple) && graph_.children(value).empty();
    if (module != kNoNode) graph_.Become(module, value);
    if (module != kNoNode || empty) continue;
    AIRLOCK_TRY(Add(name, value));
  }
  return {};
}

Result<void> TorchPackage::Add(std::string_view name, Result<NodeId> value) {
  if (!value.ok()) {
    Error error = std::move(value).error();
    error.message.insert(0, std::string(name) + ": ");
    return Unexpected<Error>{std::move(error)};
  }
  pairs_.push_back(graph_.Text(Kind::kString, name));
  pairs_.push_back(*value);
  const Limits& limits = checkpoint_.context.limits;
  if (graph_.size() > limits.nodes) return FailLimit("nodes", limits.nodes, graph_.size());
  return {};
}

// A name that a pickle has may be that of a module in the archive: which then runs, whatever Python calls so.
void TorchPackage::TellCode(const ZipMember& member) {
  if (std::exchange(told_of_code_, true)) return;
  TellOfMember(checkpoint_.context, member, "package.code", Severity::kWarning,
               "torch.package imports the Python code of this archive; nothing here looks at it");
}

}  // namespace

bool IsTorchPackage(const ZipDirectory& directory) {
  return !directory.root().empty() &&
         directory.Find(std::string(directory.root()) + "/" + std::string(kExtern)) != nullptr;
}

Result<void> DecodeTorchPackage(const Input& input, Output& output, Checkpoint& checkpoint,
                                const ZipDirectory& directory) {
  return TorchPackage(input, output, checkpoint, directory).Decode();
}

}  // namespace airlock::formats
