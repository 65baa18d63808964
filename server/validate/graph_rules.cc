#include "server/validate/graph_rules.h"

#include <algorithm>
#include <array>

#include "airlock/v1/tensor.pb.h"
#include "server/text.h"
#include "server/validate/rules.h"

namespace airlock::server {
namespace {

constexpr size_t kMaxTorchName = 64;

// Byte order, kind, size, and for times a unit: "<f8", "|b1", "<M8[ns]", "|O".
bool IsNumpyDType(std::string_view text) {
  const auto plausible = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '[' || c == ']';
  };
  return text.size() >= 2 && text.size() <= kMaxTorchName && std::string_view("<>|=").find(text[0]) != text.npos &&
         std::all_of(text.begin() + 1, text.end(), plausible);
}

// Kinds of nodes on which there are demands.
constexpr uint64_t kDemanding =
    KindSet(v1::NODE_KIND_STRING, v1::NODE_KIND_BYTES, v1::NODE_KIND_BYTE_ARRAY, v1::NODE_KIND_BIG_INT,
            v1::NODE_KIND_DTYPE, v1::NODE_KIND_LAYOUT, v1::NODE_KIND_DEVICE, v1::NODE_KIND_NUMPY_DTYPE,
            v1::NODE_KIND_SIZE, v1::NODE_KIND_ORDERED_DICT, v1::NODE_KIND_TENSOR, v1::NODE_KIND_ARRAY,
            v1::NODE_KIND_STORAGE, v1::NODE_KIND_SYMBOL, v1::NODE_KIND_RECORD);

// The demands of one node on what it refers to.
class GraphChecker {
 public:
  GraphChecker(const v1::PlanChunk& plan, const NodeTable& nodes, const Limits& limits)
      : plan_(plan), nodes_(nodes), limits_(limits) {}

  OrVerdict<void> Check();

 private:
  OrVerdict<void> CheckNode(uint32_t node);
  OrVerdict<void> CheckText(uint32_t node);
  OrVerdict<void> CheckStorage(uint32_t node) const;
  OrVerdict<void> CheckRecord(uint32_t node) const;
  bool AllInts(uint32_t size) const;
  bool Is(uint32_t node, v1::NodeKind kind) const { return nodes_.kind(node) == kind; }

  const v1::PlanChunk& plan_;
  const NodeTable& nodes_;
  const Limits& limits_;
  uint64_t string_bytes_ = 0;
};

OrVerdict<void> GraphChecker::Check() {
  if (nodes_.size() == 0) return Broken(Rule::kGraphRoot);
  uint32_t highest = 0;
  for (const uint32_t ref : nodes_.refs()) highest = std::max(highest, ref);
  if (highest >= nodes_.size()) return Broken(Rule::kGraphRef);
  AIRLOCK_TRY(nodes_.ForEach(kDemanding, [this](uint32_t node) { return CheckNode(node); }));
  if (string_bytes_ > limits_.string_bytes) return Broken(Rule::kGraphStringBytes);
  return {};
}

OrVerdict<void> GraphChecker::CheckNode(uint32_t node) {
  const auto links_below = [&](int size) { return nodes_.link(node) < static_cast<uint32_t>(size); };
  switch (nodes_.kind(node)) {
    case v1::NODE_KIND_STRING:
    case v1::NODE_KIND_BYTES:
    case v1::NODE_KIND_BYTE_ARRAY:
    case v1::NODE_KIND_BIG_INT:
    case v1::NODE_KIND_DTYPE:
    case v1::NODE_KIND_LAYOUT:
    case v1::NODE_KIND_DEVICE:
    case v1::NODE_KIND_NUMPY_DTYPE:
      return CheckText(node);
    case v1::NODE_KIND_SIZE:
      if (!AllInts(node)) return Broken(Rule::kGraphSize);
      return {};
    case v1::NODE_KIND_ORDERED_DICT:
      if (const uint32_t attributes = nodes_.refs(node)[0];
          !Is(attributes, v1::NODE_KIND_DICT) && !Is(attributes, v1::NODE_KIND_NONE)) {
        return Broken(Rule::kGraphAttributes);
      }
      return {};
    case v1::NODE_KIND_TENSOR:
    case v1::NODE_KIND_ARRAY:
      if (!links_below(plan_.tensors().dtype_size())) return Broken(Rule::kGraphTensor);
      return {};
    case v1::NODE_KIND_STORAGE:
      return CheckStorage(node);
    case v1::NODE_KIND_SYMBOL:
      if (!links_below(plan_.symbols_size())) return Broken(Rule::kGraphSymbol);
      return {};
    case v1::NODE_KIND_RECORD:
      return CheckRecord(node);
    default:
      return {};
  }
}

OrVerdict<void> GraphChecker::CheckText(uint32_t node) {
  const std::string_view text = nodes_.blob(node);
  switch (nodes_.kind(node)) {
    case v1::NODE_KIND_STRING:
      if (!IsWtf8(text)) return Broken(Rule::kGraphString);
      string_bytes_ += text.size();
      return {};
    case v1::NODE_KIND_BIG_INT:
      if (text.size() > limits_.integer_bytes) return Broken(Rule::kGraphInteger);
      return {};
    case v1::NODE_KIND_BYTES:
    case v1::NODE_KIND_BYTE_ARRAY:
      string_bytes_ += text.size();
      return {};
    case v1::NODE_KIND_NUMPY_DTYPE:
      if (!IsNumpyDType(text)) return Broken(Rule::kGraphNumpyDType);
      return {};
    default:
      if (!IsTorchName(text)) return Broken(Rule::kGraphName);
      return {};
  }
}

OrVerdict<void> GraphChecker::CheckStorage(uint32_t node) const {
  if (nodes_.link(node) >= static_cast<uint32_t>(plan_.storages().place_size())) return Broken(Rule::kGraphStorage);
  if (!v1::DType_IsValid(static_cast<int>(nodes_.link(node, 1)))) return Broken(Rule::kGraphStorage);
  return {};
}

OrVerdict<void> GraphChecker::CheckRecord(uint32_t node) const {
  struct PartRow {
    uint32_t bit;
    v1::NodeKind kind;  // UNSPECIFIED: any
  };
  static constexpr std::array<PartRow, 6> kParts = {{{v1::RECORD_PART_ARGS, v1::NODE_KIND_TUPLE},
                                                     {v1::RECORD_PART_KWARGS, v1::NODE_KIND_DICT},
                                                     {v1::RECORD_PART_STATE, v1::NODE_KIND_UNSPECIFIED},
                                                     {v1::RECORD_PART_ITEMS, v1::NODE_KIND_LIST},
                                                     {v1::RECORD_PART_PAIRS, v1::NODE_KIND_DICT},
                                                     {v1::RECORD_PART_RECOVERED, v1::NODE_KIND_DICT}}};
  const uint32_t mask = nodes_.count(node);
  const bool many_states = (mask & v1::RECORD_PART_STATES) != 0;
  if (many_states && (mask & v1::RECORD_PART_STATE) == 0) return Broken(Rule::kGraphRecordMask);
  size_t next = 1;  // after the callee
  for (const PartRow& part : kParts) {
    if ((mask & part.bit) == 0) continue;
    const uint32_t ref = nodes_.refs(node)[next++];
    const bool states = part.bit == v1::RECORD_PART_STATE && many_states;
    const v1::NodeKind wanted = states ? v1::NODE_KIND_LIST : part.kind;
    const bool ordered = part.bit == v1::RECORD_PART_RECOVERED && Is(ref, v1::NODE_KIND_ORDERED_DICT);
    if (wanted != v1::NODE_KIND_UNSPECIFIED && !Is(ref, wanted) && !ordered) return Broken(Rule::kGraphRecordPart);
  }
  return {};
}

bool GraphChecker::AllInts(uint32_t size) const {
  const auto refs = nodes_.refs(size);
  return std::all_of(refs.begin(), refs.end(), [this](uint32_t ref) { return Is(ref, v1::NODE_KIND_INT); });
}

}  // namespace

OrVerdict<void> CheckGraph(const v1::PlanChunk& plan, const NodeTable& nodes, const Limits& limits) {
  return GraphChecker(plan, nodes, limits).Check();
}

bool IsTorchName(std::string_view text) {
  const auto plausible = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
  };
  return !text.empty() && text.size() <= kMaxTorchName && std::all_of(text.begin(), text.end(), plausible);
}

}  // namespace airlock::server
