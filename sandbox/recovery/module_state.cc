#include "sandbox/recovery/module_state.h"

#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/recovery/items.h"
#include "sandbox/recovery/module_record.h"

namespace airlock::recovery {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// A prefix is put together for each entry: it costs by the sixteen bytes.
constexpr uint64_t kBytesAnOpcode = 16;

// Finds the entries; the graph stays as it is meanwhile.
class ModuleWalk {
 public:
  struct Entry {
    std::string name;
    NodeId tensor;
  };

  explicit ModuleWalk(pickle::Context& context) : context_(context), graph_(context.graph) {}

  // False: no module.
  Result<bool> Run(NodeId record);
  const std::vector<Entry>& entries() const { return entries_; }
  uint64_t text() const { return text_; }

  // Warns where the entries are not all that the module's own code would have given.
  void TellWhatIsLeftOut(NodeId record);

 private:
  // A module whose submodules are being walked.
  struct Level {
    NodeId record;
    std::vector<Item> modules;
    size_t next;
    size_t prefix;  // length of the prefix of its entries
  };

  Result<bool> Enter(NodeId record);
  Result<void> Add(NodeId holder, const std::vector<Item>& items, NodeId left_out);
  void LookForMore(const ModuleRecord& module, NodeId record);
  void LeaveOut(NodeId holder);
  // The class of a record, if it has a name.
  const pickle::SymbolUse* ClassOf(NodeId record) const;
  std::unordered_set<std::string_view, KeyedHash> NamesIn(NodeId set) const;

  pickle::Context& context_;
  const Graph& graph_;
  std::string prefix_;
  std::vector<Level> levels_;
  std::unordered_set<NodeId> open_;  // the records of levels_
  std::vector<Entry> entries_;
  uint64_t text_ = 0;
  // Parts that a state_dict() would have had, or that would have made it fail, and where the first of them is.
  uint64_t left_out_ = 0;
  NodeId first_left_out_ = kNoNode;
};

Result<bool> ModuleWalk::Run(NodeId record) {
  AIRLOCK_ASSIGN(const bool is_module, Enter(record));
  if (!is_module) return false;
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.modules.size()) {
      open_.erase(level.record);
      levels_.pop_back();
      continue;
    }
    const Item& item = level.modules[level.next++];
    if (graph_.is(item.value, Kind::kNone)) continue;
    const NodeId holder = level.record;
    bool entered = false;
    if (graph_.is(item.value, Kind::kRecord) && !open_.contains(item.value)) {
      prefix_.resize(level.prefix);
      prefix_.append(item.name).append(1, '.');
      AIRLOCK_ASSIGN(entered, Enter(item.value));
    }
    if (!entered) LeaveOut(holder);
  }
  return true;
}

const pickle::SymbolUse* ModuleWalk::ClassOf(NodeId record) const {
  const NodeId callee = graph_.record(record).callee;
  return graph_.is(callee, Kind::kSymbol) ? &context_.symbols[graph_.symbol(callee)] : nullptr;
}

void ModuleWalk::LeaveOut(NodeId holder) {
  if (left_out_++ == 0) first_left_out_ = holder;
}

void ModuleWalk::LookForMore(const ModuleRecord& module, NodeId record) {
  const pickle::SymbolUse* const its_class = ClassOf(record);
  if (its_class != nullptr && WritesItsOwnState(*its_class)) LeaveOut(record);
  for (const NodeId part : {module.parameters, module.buffers, module.modules}) {
    if (!IsNamed(graph_, part)) LeaveOut(record);
  }
}

void ModuleWalk::TellWhatIsLeftOut(NodeId record) {
  if (left_out_ == 0) return;
  const auto name = [&](NodeId module) {
    const pickle::SymbolUse* const its_class = ClassOf(module);
    return its_class == nullptr ? std::string("a module") : its_class->module + "." + its_class->name;
  };
  pickle::AddFinding(context_,
                     {.id = "recovery.left-out",
                      .severity = pickle::Severity::kWarning,
                      .message = "the state_dict() of " + name(record) + " lacks " + std::to_string(left_out_) +
                                 " parts that only code could give; the first belongs to " + name(first_left_out_),
                      .where = {},
                      .offset = 0});
}

Result<bool> ModuleWalk::Enter(NodeId record) {
  // What is understood is something else.
  const pickle::SymbolUse* const its_class = ClassOf(record);
  if (its_class != nullptr && its_class->symbol_class == pickle::SymbolClass::kKnown) return false;
  const NodeId attributes = AttributesOf(graph_, record);
  if (attributes == kNoNode) return false;
  AIRLOCK_TRY(Charge(context_, 1 + graph_.children(attributes).size() + prefix_.size() / kBytesAnOpcode));
  const std::optional<ModuleRecord> module = ReadModule(graph_, attributes);
  if (!module) return false;
  for (const NodeId part : {module->parameters, module->buffers, module->modules}) {
    AIRLOCK_TRY(Charge(context_, graph_.children(part).size()));
  }
  LookForMore(*module, record);
  AIRLOCK_TRY(Add(record, ItemsOf(graph_, module->parameters), kNoNode));
  AIRLOCK_TRY(Add(record, ItemsOf(graph_, module->buffers), module->non_persistent));
  open_.insert(record);
  levels_.push_back({record, ItemsOf(graph_, module->modules), 0, prefix_.size()});
  return true;
}

std::unordered_set<std::string_view, KeyedHash> ModuleWalk::NamesIn(NodeId set) const {
  std::unordered_set<std::string_view, KeyedHash> names;
  if (set == kNoNode) return names;
  for (const NodeId member : graph_.children(set)) {
    if (graph_.is(member, Kind::kString)) names.insert(graph_.text(member));
  }
  return names;
}

Result<void> ModuleWalk::Add(NodeId holder, const std::vector<Item>& items, NodeId left_out) {
  if (left_out != kNoNode) AIRLOCK_TRY(Charge(context_, graph_.children(left_out).size()));
  const auto names = NamesIn(left_out);
  for (const Item& item : items) {
    if (graph_.is(item.value, Kind::kNone) || names.contains(item.name)) continue;
    if (!IsTensor(graph_, item.value)) LeaveOut(holder);
    text_ += prefix_.size() + item.name.size();
    AIRLOCK_TRY(CheckRoom(context_, 3 * (entries_.size() + 1), text_));
    entries_.push_back({prefix_ + std::string(item.name), item.value});
  }
  return {};
}

}  // namespace

Result<NodeId> RecoverModule(pickle::Context& context, Detached& detached, NodeId record) {
  ModuleWalk walk(context);
  AIRLOCK_ASSIGN(const bool is_module, walk.Run(record));
  if (!is_module) return kNoNode;
  walk.TellWhatIsLeftOut(record);
  std::vector<NodeId> pairs;
  pairs.reserve(2 * walk.entries().size());
  for (const ModuleWalk::Entry& entry : walk.entries()) {
    pairs.push_back(context.graph.Text(Kind::kString, entry.name));
    AIRLOCK_ASSIGN(const NodeId tensor, detached.Of(entry.tensor));
    pairs.push_back(tensor);
  }
  return context.graph.Container(Kind::kOrderedDict, pairs);
}

}  // namespace airlock::recovery
