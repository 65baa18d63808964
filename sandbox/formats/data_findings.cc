#include "sandbox/formats/data_findings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/formats/member_finding.h"

namespace airlock::formats {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::RecordParts;
using pickle::Severity;

// What the value of a key must be for the key to mean what the row says.
enum class Wanted : uint8_t { kText, kCall, kTrue, kMapping, kAny, kLambda };

struct KeyRow {
  std::string_view key;
  Wanted wanted;
  const char* id;
  const char* what;
};

constexpr KeyRow kKeys[] = {
    {"_target_", Wanted::kText, "data.target", "Hydra imports and calls what this names"},
    {"_instantiator", Wanted::kText, "data.target", "Lightning imports and calls what this names"},
    {"class_path", Wanted::kText, "data.target", "the command line of Lightning imports and calls what this names"},
    {"auto_map", Wanted::kMapping, "data.remote-code", "transformers downloads and runs the code that this names"},
    {"custom_pipelines", Wanted::kMapping, "data.remote-code",
     "transformers downloads and runs the code that this names"},
    {"trust_remote_code", Wanted::kTrue, "data.remote-code", "transformers takes this for leave to run code of others"},
    {"activation", Wanted::kCall, "data.expression", "ultralytics evaluates this expression"},
    {"class_name", Wanted::kLambda, "data.keras-lambda", "Keras makes a layer of the code that stands beside this"},
    {"chat_template", Wanted::kText, "data.template", "a Jinja template, which runs when a chat is laid out"},
    {"tokenizer.chat_template", Wanted::kText, "data.template", "a Jinja template, which runs when a chat is laid out"},
    {"py/object", Wanted::kText, "data.jsonpickle", "jsonpickle imports and makes what this names"},
    {"py/reduce", Wanted::kAny, "data.jsonpickle", "jsonpickle calls what this names"},
    {"py/function", Wanted::kText, "data.jsonpickle", "jsonpickle imports what this names"},
    {"torch_load_kwargs", Wanted::kMapping, "data.load-options",
     "skorch gives this to torch.load: the file chooses how it is loaded"},
};

// Layers of Keras that hold code or paths of libraries.
constexpr std::string_view kKerasCode[] = {"Lambda", "TFSMLayer", "TorchModuleWrapper"};

// Notes of one row; the rest are counted. And what is told of a value and of a path.
constexpr size_t kMostNotes = 8;
constexpr size_t kMostValue = 80;
constexpr size_t kMostPath = 240;
constexpr size_t kMostPart = 60;

constexpr uint64_t LengthsOfKeys() {
  uint64_t lengths = 0;
  for (const KeyRow& row : kKeys) lengths |= uint64_t{1} << row.key.size();
  return lengths;
}

const KeyRow* FindKey(std::string_view key) {
  if (key.size() >= 64 || (LengthsOfKeys() >> key.size() & 1) == 0) return nullptr;
  const auto* const row = std::ranges::find(kKeys, key, &KeyRow::key);
  return row == std::end(kKeys) ? nullptr : row;
}

class DataWalk {
 public:
  explicit DataWalk(Checkpoint& checkpoint) : context_(checkpoint.context), graph_(checkpoint.context.graph) {}

  // Whether there is any text that a row is about: most checkpoints have none, and are not walked.
  bool HasKeys() const;
  void Run(NodeId root);

 private:
  // A node that is being walked, and which of its children is next.
  struct Level {
    NodeId node;
    uint32_t next;
  };

  // Child number `index`: items, values, parts. kNoNode for a part that is not there; nothing behind the last.
  std::optional<NodeId> Child(NodeId node, uint32_t index) const;
  std::string PartOfPath(const Level& level) const;
  std::string Path() const;
  void Enter(NodeId node);
  void Judge(NodeId dict, uint32_t pair);
  bool IsWanted(Wanted wanted, NodeId value) const;
  void Note(const KeyRow& row, NodeId value);
  bool IsMapping(NodeId node) const { return graph_.is(node, Kind::kDict) || graph_.is(node, Kind::kOrderedDict); }

  pickle::Context& context_;
  const Graph& graph_;
  std::vector<bool> entered_;
  std::vector<Level> levels_;
  std::array<uint64_t, std::size(kKeys)> notes_ = {};
};

bool DataWalk::HasKeys() const {
  const auto may_be_there = [this](const KeyRow& row) { return graph_.HadTextLike(row.key); };
  if (std::ranges::none_of(kKeys, may_be_there)) return false;
  return graph_.AnyText(
      [](Kind kind, std::string_view text) { return kind == Kind::kString && FindKey(text) != nullptr; });
}

void DataWalk::Run(NodeId root) {
  entered_.assign(graph_.size(), false);
  Enter(root);
  while (!levels_.empty()) {
    Level& level = levels_.back();
    const auto child = Child(level.node, level.next);
    if (!child) {
      levels_.pop_back();
      continue;
    }
    ++level.next;
    if (IsMapping(level.node)) Judge(level.node, level.next - 1);
    if (*child != kNoNode) Enter(*child);  // `level` may be gone
  }
  for (size_t row = 0; row < std::size(kKeys); ++row) {
    if (notes_[row] <= kMostNotes) continue;
    pickle::AddFinding(context_, {.id = kKeys[row].id,
                                  .severity = Severity::kNote,
                                  .message = std::to_string(notes_[row] - kMostNotes) + " more '" +
                                             std::string(kKeys[row].key) + "' are not listed",
                                  .where = {},
                                  .offset = 0});
  }
}

std::optional<NodeId> DataWalk::Child(NodeId node, uint32_t index) const {
  switch (graph_.kind(node)) {
    case Kind::kDict:
    case Kind::kOrderedDict: {
      const auto children = graph_.children(node);
      if (index < children.size() / 2) return children[2 * size_t{index} + 1];
      if (index == children.size() / 2 && graph_.is(node, Kind::kOrderedDict)) return graph_.attributes(node);
      return std::nullopt;
    }
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kFrozenSet:
    case Kind::kStream:
    case Kind::kAttributed:
      if (index < graph_.children(node).size()) return graph_.children(node)[index];
      return std::nullopt;
    case Kind::kRecord: {
      const RecordParts parts = graph_.record(node);
      const NodeId all[] = {parts.callee, parts.args, parts.kwargs, parts.state, parts.items, parts.pairs};
      if (index < std::size(all)) return all[index];
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

void DataWalk::Enter(NodeId node) {
  if (entered_[node] || !Child(node, 0)) return;
  entered_[node] = true;
  levels_.push_back({node, 0});
}

void DataWalk::Judge(NodeId dict, uint32_t pair) {
  const auto children = graph_.children(dict);
  if (pair >= children.size() / 2) return;
  const NodeId key = children[2 * size_t{pair}];
  const NodeId value = children[2 * size_t{pair} + 1];
  if (!graph_.is(key, Kind::kString)) return;
  const KeyRow* row = FindKey(graph_.text(key));
  if (row != nullptr && IsWanted(row->wanted, value)) Note(*row, value);
}

bool DataWalk::IsWanted(Wanted wanted, NodeId value) const {
  const bool text = graph_.is(value, Kind::kString);
  switch (wanted) {
    case Wanted::kAny:
      return true;
    case Wanted::kText:
      return text;
    case Wanted::kCall:
      return text && graph_.text(value).find('(') != std::string_view::npos;
    case Wanted::kTrue:
      return graph_.is(value, Kind::kTrue);
    case Wanted::kMapping:
      return IsMapping(value);
    case Wanted::kLambda:
      return text && std::ranges::find(kKerasCode, graph_.text(value)) != std::end(kKerasCode);
  }
  return false;
}

// Keys and numbers as the names of tensors have them; other parts of a record by their names.
std::string DataWalk::PartOfPath(const Level& level) const {
  const uint32_t index = level.next - 1;
  switch (graph_.kind(level.node)) {
    case Kind::kDict:
    case Kind::kOrderedDict: {
      const auto children = graph_.children(level.node);
      if (index >= children.size() / 2) return {};
      const NodeId key = children[2 * size_t{index}];
      if (graph_.is(key, Kind::kString)) return std::string(graph_.text(key).substr(0, kMostPart));
      if (graph_.is(key, Kind::kInt)) return std::to_string(graph_.integer(key));
      return "<" + std::string(KindName(graph_.kind(key))) + ">";
    }
    case Kind::kRecord:
      return index == 1 ? "args()" : index == 2 ? "kwargs()" : "";
    case Kind::kStream:
    case Kind::kAttributed:
      return {};
    default:
      return std::to_string(index);
  }
}

// From the root down; a deep one from below, as far as there is room.
std::string DataWalk::Path() const {
  std::string path;
  for (size_t i = levels_.size(); i > 0; --i) {
    const std::string part = PartOfPath(levels_[i - 1]);
    if (part.empty()) continue;
    if (path.size() + part.size() > kMostPath) return "..." + path;
    path.insert(0, path.empty() ? part : part + ".");
  }
  return path;
}

void DataWalk::Note(const KeyRow& row, NodeId value) {
  if (++notes_[static_cast<size_t>(&row - kKeys)] > kMostNotes) return;
  std::string message = row.what;
  if (graph_.is(value, Kind::kString)) {
    const std::string_view text = graph_.text(value);
    message.append(": ").append(text.substr(0, kMostValue));
    if (text.size() > kMostValue) message.append("...");
  }
  pickle::AddFinding(
      context_,
      {.id = row.id, .severity = Severity::kNote, .message = std::move(message), .where = Path(), .offset = 0});
}

struct MemberRow {
  std::string_view suffix;
  const char* id;
  const char* what;
};

constexpr MemberRow kMembers[] = {
    {".py", "archive.code", "Python code"},          {".pyc", "archive.code", "compiled Python code"},
    {".sh", "archive.code", "a shell script"},       {".bat", "archive.code", "a Windows script"},
    {".ps1", "archive.code", "a PowerShell script"}, {".so", "archive.library", "a library"},
    {".dylib", "archive.library", "a library"},      {".dll", "archive.library", "a library"},
    {".pyd", "archive.library", "a library"},        {".exe", "archive.library", "a program"},
};

// TorchScript keeps its code there, and tells of it by itself.
bool IsScriptCode(std::string_view name) {
  name.remove_prefix(std::min(name.find('/'), name.size() - 1) + 1);
  return name.starts_with("code/") || name.starts_with(".data/ts_code/");
}

char LowerOf(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Whether some row's suffix ends in this character, which most names of members do not.
bool MayEndSuffix(char last) {
  constexpr std::array<bool, 256> kLast = [] {
    std::array<bool, 256> ends = {};
    for (const MemberRow& row : kMembers) ends[static_cast<uint8_t>(row.suffix.back())] = true;
    return ends;
  }();
  return kLast[static_cast<uint8_t>(LowerOf(last))];
}

bool EndsWith(std::string_view name, std::string_view suffix) {
  if (name.size() < suffix.size()) return false;
  return std::ranges::equal(name.substr(name.size() - suffix.size()), suffix,
                            [](char a, char b) { return LowerOf(a) == b; });
}

}  // namespace

void NoteDataThatExecutes(Checkpoint& checkpoint) {
  if (checkpoint.root == kNoNode) return;
  DataWalk walk(checkpoint);
  if (walk.HasKeys()) walk.Run(checkpoint.root);
}

void NotePrograms(const ZipDirectory& directory, pickle::Context& context) {
  struct Seen {
    const ZipMember* first = nullptr;
    uint64_t count = 0;
  };
  std::array<Seen, std::size(kMembers)> seen;
  // There may be a million members, and no program among them.
  for (const ZipMember& member : directory.members()) {
    if (member.name.empty() || !MayEndSuffix(member.name.back())) continue;
    for (size_t row = 0; row < seen.size(); ++row) {
      if (!EndsWith(member.name, kMembers[row].suffix) || IsScriptCode(member.name)) continue;
      if (seen[row].count++ == 0) seen[row].first = &member;
    }
  }
  for (size_t i = 0; i < seen.size(); ++i) {
    const auto& [first, count] = seen[i];
    const MemberRow& row = kMembers[i];
    if (first == nullptr) continue;
    TellOfMember(context, *first, row.id, Severity::kNote,
                 "the archive holds " + std::string(row.what) + " (" + std::to_string(count) + " '" +
                     std::string(row.suffix) + "'); nothing here runs it");
  }
}

}  // namespace airlock::formats
