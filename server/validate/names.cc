#include "server/validate/names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/validate/key_text.h"

namespace airlock::server {
namespace {

constexpr std::string_view kRecoveredPart = "state_dict()";

// What a sparse tensor's parts are called; by layout.
struct SparseNames {
  std::string_view first;
  std::string_view second;
};
constexpr std::array<SparseNames, 6> kSparseNames = {{{},
                                                      {"#indices", {}},
                                                      {"#crow_indices", "#col_indices"},
                                                      {"#ccol_indices", "#row_indices"},
                                                      {"#crow_indices", "#col_indices"},
                                                      {"#ccol_indices", "#row_indices"}}};
constexpr uint32_t kSparseLayout = 7;
constexpr std::array<std::string_view, 4> kNestedNames = {"#values", "#sizes", "#strides", "#offsets"};

// What all tensors are made of: without one of these there is nothing to name.
constexpr uint64_t kNamed = KindSet(v1::NODE_KIND_TENSOR, v1::NODE_KIND_META_TENSOR, v1::NODE_KIND_ARRAY);
// What a tensor can be, or be in.
constexpr uint64_t kWays =
    KindSet(v1::NODE_KIND_TENSOR, v1::NODE_KIND_SPARSE_TENSOR, v1::NODE_KIND_META_TENSOR, v1::NODE_KIND_NESTED_TENSOR,
            v1::NODE_KIND_ARRAY, v1::NODE_KIND_DICT, v1::NODE_KIND_ORDERED_DICT, v1::NODE_KIND_LIST,
            v1::NODE_KIND_TUPLE, v1::NODE_KIND_RECORD, v1::NODE_KIND_STREAM, v1::NODE_KIND_ATTRIBUTED);

class NameWalk {
 public:
  NameWalk(const v1::PlanChunk& plan, const NodeTable& nodes, const NameRules& rules, v1::Entries& entries)
      : plan_(plan), nodes_(nodes), rules_(rules), entries_(entries), expanded_(nodes.size(), false) {}

  OrVerdict<void> Run();

 private:
  // A container that is being walked.
  struct Level {
    uint32_t node;
    bool mapping;
    // Index in refs of the next child (or key).
    size_t next;
    // Length of the path up to this container.
    size_t path;
  };
  // Into one child of a container.
  struct Step {
    Level level;
    size_t child;  // index in refs
    uint32_t node;
  };

  OrVerdict<void> Visit(uint32_t node);
  OrVerdict<void> VisitRecord(uint32_t node);
  OrVerdict<void> VisitSparse(uint32_t node);
  std::optional<Step> NextStep(Level& level) const;
  OrVerdict<void> Take(const Step& step);
  OrVerdict<void> AppendPart(const Level& level, size_t child);
  OrVerdict<void> Made(size_t bytes);
  OrVerdict<void> Use();
  OrVerdict<void> Add(uint32_t node, std::string_view suffix = {});
  OrVerdict<void> AddMeta(uint32_t node);
  void Expand(uint32_t container);
  void ExpandStates(uint32_t state, bool many);
  void ExpandState(uint32_t state);

  // The node that a stream or attributes stand around.
  uint32_t Behind(uint32_t node) const;
  bool Leads(uint32_t node) const;
  bool Is(uint32_t node, v1::NodeKind kind) const { return nodes_.kind(node) == kind; }
  bool IsMapping(uint32_t node) const { return Is(node, v1::NODE_KIND_DICT) || Is(node, v1::NODE_KIND_ORDERED_DICT); }
  bool IsSequence(uint32_t node) const { return Is(node, v1::NODE_KIND_LIST) || Is(node, v1::NODE_KIND_TUPLE); }
  // A part of a record.
  std::optional<uint32_t> Part(uint32_t record, v1::RecordPart part) const;

  const v1::PlanChunk& plan_;
  const NodeTable& nodes_;
  const NameRules rules_;
  v1::Entries& entries_;
  std::vector<bool> expanded_;
  std::vector<Level> levels_;
  std::string path_;
  uint64_t used_ = 0;
  // Bytes of all parts that were made, also of those that lead to no tensor: a file can name a long key in a million
  // dicts, and nobody but this limit ends the walk.
  uint64_t made_ = 0;
};

OrVerdict<void> NameWalk::Run() {
  if (!nodes_.Any(kNamed)) return {};
  AIRLOCK_TRY(Visit(Behind(0)));
  while (!levels_.empty()) {
    const auto step = NextStep(levels_.back());
    if (!step) {
      levels_.pop_back();
      continue;
    }
    AIRLOCK_TRY(Take(*step));
  }
  return {};
}

// The next child that leads to a tensor, perhaps: most lead nowhere. Nothing at the end of the container.
std::optional<NameWalk::Step> NameWalk::NextStep(Level& level) const {
  const auto refs = nodes_.refs(level.node);
  const size_t stride = level.mapping ? 2 : 1;
  for (size_t child = level.next + stride - 1; child < refs.size(); child += stride) {
    if ((kWays & KindBit(nodes_.kind(refs[child]))) == 0) continue;
    const uint32_t node = Behind(refs[child]);
    if (!Leads(node)) continue;
    level.next = child + 1;
    return Step{level, child, node};
  }
  return std::nullopt;
}

OrVerdict<void> NameWalk::Take(const Step& step) {
  path_.resize(step.level.path);
  AIRLOCK_TRY(AppendPart(step.level, step.child));
  return Visit(step.node);
}

// Ends: the rule graph.stream allows no ring of streams, and what has attributes is a tensor.
uint32_t NameWalk::Behind(uint32_t node) const {
  while (Is(node, v1::NODE_KIND_STREAM)) node = nodes_.refs(node)[1];
  return Is(node, v1::NODE_KIND_ATTRIBUTED) ? nodes_.refs(node)[0] : node;
}

bool NameWalk::Leads(uint32_t node) const {
  switch (nodes_.kind(node)) {
    case v1::NODE_KIND_TENSOR:
    case v1::NODE_KIND_SPARSE_TENSOR:
    case v1::NODE_KIND_META_TENSOR:
    case v1::NODE_KIND_NESTED_TENSOR:
      return true;
    case v1::NODE_KIND_ARRAY:
      return rules_.arrays;
    default:
      return (IsMapping(node) || IsSequence(node) || Is(node, v1::NODE_KIND_RECORD)) && !expanded_[node];
  }
}

OrVerdict<void> NameWalk::AppendPart(const Level& level, size_t child) {
  // As the oracle does: no dot after an empty prefix, whether it is the root's or that of an empty key.
  if (!path_.empty()) path_ += '.';
  if (level.mapping) {
    AppendKeyText(plan_, nodes_, nodes_.refs(level.node)[child - 1], path_);
  } else {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof(digits), child);
    path_.append(digits, end.ptr);
  }
  return Made(path_.size() - level.path);
}

OrVerdict<void> NameWalk::Made(size_t bytes) {
  made_ += bytes;
  if (made_ > rules_.name_bytes) return Unexpected<Verdict>{Verdict::Limit("name_bytes", rules_.name_bytes, made_)};
  return {};
}

// REQUIRES: Behind(node) == node.
OrVerdict<void> NameWalk::Visit(uint32_t node) {
  if (path_.size() > rules_.name_bytes) {
    return Unexpected<Verdict>{Verdict::Limit("name_bytes", rules_.name_bytes, path_.size())};
  }
  switch (nodes_.kind(node)) {
    case v1::NODE_KIND_TENSOR:
      return Add(node);
    case v1::NODE_KIND_ARRAY:
      return rules_.arrays ? Add(node) : OrVerdict<void>();
    case v1::NODE_KIND_SPARSE_TENSOR:
      return VisitSparse(node);
    case v1::NODE_KIND_NESTED_TENSOR:
      for (size_t i = 0; i < kNestedNames.size(); ++i) AIRLOCK_TRY(Add(nodes_.refs(node)[i], kNestedNames[i]));
      return {};
    case v1::NODE_KIND_META_TENSOR:
      return AddMeta(node);
    case v1::NODE_KIND_RECORD:
      return VisitRecord(node);
    default:
      Expand(node);
      return {};
  }
}

// Adds the path, as it is now, to what names may be in all.
OrVerdict<void> NameWalk::Use() {
  used_ += path_.size();
  if (used_ > rules_.name_bytes) return Unexpected<Verdict>{Verdict::Limit("name_bytes", rules_.name_bytes, used_)};
  return {};
}

OrVerdict<void> NameWalk::Add(uint32_t node, std::string_view suffix) {
  const size_t length = path_.size();
  path_ += suffix;
  AIRLOCK_TRY(Use());
  entries_.mutable_names()->append(path_);
  entries_.add_name_bytes(static_cast<uint32_t>(path_.size()));
  entries_.add_tensor(nodes_.link(node));
  path_.resize(length);
  return {};
}

OrVerdict<void> NameWalk::AddMeta(uint32_t node) {
  AIRLOCK_TRY(Use());
  entries_.mutable_meta_names()->append(path_);
  entries_.add_meta_name_bytes(static_cast<uint32_t>(path_.size()));
  entries_.add_meta_node(node);
  entries_.add_meta_at(static_cast<uint32_t>(entries_.name_bytes_size()));
  return {};
}

OrVerdict<void> NameWalk::VisitSparse(uint32_t node) {
  const SparseNames& names = kSparseNames[nodes_.count(node) & kSparseLayout];
  const auto parts = nodes_.refs(node);
  AIRLOCK_TRY(Add(parts[0], names.first));
  if (!names.second.empty()) AIRLOCK_TRY(Add(parts[1], names.second));
  return Add(parts[2], "#values");
}

std::optional<uint32_t> NameWalk::Part(uint32_t record, v1::RecordPart part) const {
  const uint32_t mask = nodes_.count(record);
  if ((mask & part) == 0) return std::nullopt;
  size_t ref = 1;  // after the callee
  for (const v1::RecordPart before : {v1::RECORD_PART_ARGS, v1::RECORD_PART_KWARGS, v1::RECORD_PART_STATE,
                                      v1::RECORD_PART_ITEMS, v1::RECORD_PART_PAIRS}) {
    if (before < part && (mask & before) != 0) ++ref;
  }
  return nodes_.refs(record)[ref];
}

OrVerdict<void> NameWalk::VisitRecord(uint32_t node) {
  if (expanded_[node]) return {};
  expanded_[node] = true;
  if (const auto recovered = Part(node, v1::RECORD_PART_RECOVERED)) {
    const size_t length = path_.size();
    if (!path_.empty()) path_ += '.';
    path_ += kRecoveredPart;
    Expand(*recovered);
    return Made(path_.size() - length);
  }
  const auto before = static_cast<std::ptrdiff_t>(levels_.size());
  if (const auto pairs = Part(node, v1::RECORD_PART_PAIRS)) Expand(*pairs);
  if (const auto items = Part(node, v1::RECORD_PART_ITEMS)) Expand(*items);
  if (const auto state = Part(node, v1::RECORD_PART_STATE)) {
    ExpandStates(*state, (nodes_.count(node) & v1::RECORD_PART_STATES) != 0);
  }
  // The last level is walked first.
  std::reverse(levels_.begin() + before, levels_.end());
  return {};
}

void NameWalk::ExpandStates(uint32_t state, bool many) {
  if (!many) return ExpandState(state);
  // Many records may share one list of states.
  if (expanded_[state]) return;
  expanded_[state] = true;
  for (const uint32_t one : nodes_.refs(state)) ExpandState(one);
}

// Attributes: a dict, or a pair of a dict and slots.
void NameWalk::ExpandState(uint32_t state) {
  if (Is(state, v1::NODE_KIND_DICT)) return Expand(state);
  if (!Is(state, v1::NODE_KIND_TUPLE) || nodes_.refs(state).size() != 2) return;
  const auto pair = nodes_.refs(state);
  for (const uint32_t part : pair) {
    if (!Is(part, v1::NODE_KIND_DICT) && !Is(part, v1::NODE_KIND_NONE)) return;
  }
  for (const uint32_t part : pair) {
    if (Is(part, v1::NODE_KIND_DICT)) Expand(part);
  }
}

// Walks a dict, list or tuple next, under the path as it is; nothing for what is none, or was walked before.
void NameWalk::Expand(uint32_t container) {
  const bool mapping = IsMapping(container);
  if ((!mapping && !IsSequence(container)) || expanded_[container]) return;
  expanded_[container] = true;
  // The first ref of an OrderedDict is its attributes.
  const size_t first = Is(container, v1::NODE_KIND_ORDERED_DICT) ? 1 : 0;
  levels_.push_back({container, mapping, first, path_.size()});
}

}  // namespace

bool ListsArrays(v1::Format format) {
  return format != v1::FORMAT_TORCH_ZIP && format != v1::FORMAT_TORCH_LEGACY && format != v1::FORMAT_TORCH_TAR &&
         format != v1::FORMAT_TORCHSCRIPT && format != v1::FORMAT_TORCH_DCP && format != v1::FORMAT_SHARDED;
}

OrVerdict<void> NameTensors(const v1::PlanChunk& plan, const NodeTable& nodes, const NameRules& rules,
                            v1::Entries& entries) {
  // Most tensors have one name. What a column has outgrown stays in the plan's arena.
  entries.mutable_name_bytes()->Reserve(plan.tensors().dtype_size());
  entries.mutable_tensor()->Reserve(plan.tensors().dtype_size());
  return NameWalk(plan, nodes, rules, entries).Run();
}

}  // namespace airlock::server
