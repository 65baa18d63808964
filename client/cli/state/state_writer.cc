#include "client/cli/state/state_writer.h"

#include <array>
#include <utility>

namespace airlock::cli {
namespace {

// Python's reader recurses; what it cannot read is not written.
constexpr size_t kMaxDepth = 200;

struct Tag {
  v1::NodeKind kind;
  const char* name;
};
constexpr Tag kSequences[] = {
    {v1::NODE_KIND_TUPLE, "$tuple"}, {v1::NODE_KIND_SET, "$set"}, {v1::NODE_KIND_FROZEN_SET, "$frozenset"}};

struct ObjectTag {
  ObjectKind kind;
  const char* name;
};
constexpr ObjectTag kObjects[] = {{ObjectKind::kNamespace, "$namespace"},
                                  {ObjectKind::kAttributeDict, "$attribute_dict"},
                                  {ObjectKind::kDefaultDict, "$defaultdict"},
                                  {ObjectKind::kCounter, "$counter"},
                                  {ObjectKind::kDeque, "$deque"}};

const char* TagOf(ObjectKind kind) {
  for (const ObjectTag& row : kObjects) {
    if (row.kind == kind) return row.name;
  }
  return nullptr;
}

// In the order in which they are written.
std::array<std::pair<const char*, std::optional<NodeId>>, 5> PartsOf(const Record& record) {
  return {{{"args", record.args},
           {"kwargs", record.kwargs},
           {"state", record.state},
           {"items", record.items},
           {"pairs", record.pairs}}};
}

}  // namespace

ClientResult<void> StateWriter::Write(ObjectId root) {
  path_.clear();
  path_any_ = false;
  AIRLOCK_TRY(root.attributes ? VisitContainer(root) : Visit(root.node));
  while (!stack_.empty()) {
    AIRLOCK_TRY(Step());
    AIRLOCK_TRY(json_.Drain(file_));
  }
  return {};
}

ClientResult<void> StateWriter::Step() {
  path_.resize(stack_.back().path_length);
  path_any_ = stack_.back().path_any;
  switch (stack_.back().shape) {
    case Shape::kItems:
      return StepItems();
    case Shape::kObject:
      return StepObject();
    case Shape::kPairs:
      return StepPairs();
    case Shape::kRecord:
      return StepRecord();
    case Shape::kEnd:
      Pop();
      return {};
  }
  return {};
}

ClientResult<void> StateWriter::StepItems() {
  Frame& frame = stack_.back();
  if (frame.next == frame.refs.size()) {
    json_.EndArray();
    return Finish();
  }
  const size_t at = frame.next++;
  AppendPart(std::to_string(at));
  return Visit(frame.refs[at]);
}

ClientResult<void> StateWriter::StepObject() {
  Frame& frame = stack_.back();
  while (frame.next < frame.refs.size() && Skips(frame, frame.refs[frame.next])) frame.next += 2;
  if (frame.next == frame.refs.size()) {
    json_.EndObject();
    Pop();
    return {};
  }
  const size_t at = std::exchange(frame.next, frame.next + 2);
  const std::string_view key = graph_.Text(objects_.ObjectOf(frame.refs[at]));
  json_.Key(key);
  AppendPart(std::string(key));
  return Visit(frame.refs[at + 1]);
}

// A key has the path of what holds it.
ClientResult<void> StateWriter::StepPairs() {
  Frame& frame = stack_.back();
  if (frame.next % 2 == 1) {
    const size_t at = frame.next++;
    AppendPart(KeyText(graph_, objects_.ObjectOf(frame.refs[at - 1])));
    return Visit(frame.refs[at]);
  }
  if (frame.next > 0) json_.EndArray();
  while (frame.next < frame.refs.size() && Skips(frame, frame.refs[frame.next])) frame.next += 2;
  if (frame.next == frame.refs.size()) {
    json_.EndArray();
    return Finish();
  }
  json_.BeginArray();
  return Visit(frame.refs[frame.next++]);
}

ClientResult<void> StateWriter::StepRecord() {
  Frame& frame = stack_.back();
  const Record record = graph_.RecordAt(frame.node);
  const size_t step = frame.next++;
  if (step == 0) return Visit(record.callee);
  if (step == 1) {
    json_.Key("new");
    json_.Bool(record.by_new);
    json_.Key("states");
    json_.Bool(record.many_states);
    return {};
  }
  const auto parts = PartsOf(record);
  for (frame.next = step; frame.next < parts.size() + 2;) {
    const auto& [name, node] = parts[frame.next++ - 2];
    // A part that is None is as good as none.
    if (!node || graph_.kind(objects_.ObjectOf(*node)) == v1::NODE_KIND_NONE) continue;
    json_.Key(name);
    return Visit(*node);
  }
  Pop();
  return {};
}

ClientResult<void> StateWriter::Finish() {
  Frame& frame = stack_.back();
  const NodeId node = frame.node;
  const bool ordered = graph_.kind(node) == v1::NODE_KIND_ORDERED_DICT && !frame.named;
  if (!ordered || !HasNamedAttributes(objects_, node)) {
    AIRLOCK_TRY(FinishTagged(node));
    Pop();
    return {};
  }
  frame.shape = Shape::kEnd;
  json_.Key("attributes");
  AppendPart("#");
  return VisitContainer({node, true});
}

// What an object of a class says behind its contents.
ClientResult<void> StateWriter::FinishTagged(NodeId node) {
  switch (objects_.kind(node)) {
    case ObjectKind::kDefaultDict:
      json_.Key("factory");
      if (const auto factory = objects_.Argument(node)) return leaves_.Write(*factory);
      json_.Null();
      return {};
    case ObjectKind::kDeque:
      json_.Key("maxlen");
      if (const auto most = objects_.Argument(node)) {
        json_.Number(graph_.Int(*most));
      } else {
        json_.Null();
      }
      return {};
    case ObjectKind::kNamespace:
    case ObjectKind::kAttributeDict: {
      const v1::Symbol& symbol = objects_.SymbolOf(node);
      json_.Field("class", symbol.module() + "." + symbol.name());
      return {};
    }
    default:
      return {};
  }
}

void StateWriter::Pop() {
  for (int i = 0; i < stack_.back().wraps; ++i) json_.EndObject();
  stack_.pop_back();
}

ClientResult<void> StateWriter::Visit(NodeId raw) {
  const NodeId node = objects_.ObjectOf(raw);
  // Every line is indented, so depth is text as well.
  AIRLOCK_TRY(budget_.Use(uint64_t{stack_.size()}));
  if (leaves_.IsLeaf(node)) return leaves_.Write(node);
  if (const auto file = replaced_.find(node); file != replaced_.end()) {
    json_.Wrapped("$weights", file->second);
    return {};
  }
  if (IsStateTensor(graph_.kind(node))) return tensors_.Write(node, path_);
  const bool exception = objects_.kind(node) == ObjectKind::kException;
  if (exception || graph_.kind(node) == v1::NODE_KIND_STORAGE) return NoForm(node);
  return VisitContainer({node, false});
}

Unexpected<ClientError> StateWriter::NoForm(NodeId node) const {
  const bool storage = graph_.kind(node) == v1::NODE_KIND_STORAGE;
  const std::string type = storage ? "a storage" : "an object of the type " + objects_.SymbolOf(node).name();
  return Unexpected{MakeError(v1::REASON_UNSUPPORTED_FEATURE, type + " at " + path_ + " has no form in JSON")};
}

ClientResult<void> StateWriter::VisitContainer(ObjectId id) {
  const uint64_t slot = uint64_t{id.node} + (id.attributes ? graph_.size() : 0);
  if (const auto number = numbers_.find(slot); number != numbers_.end()) {
    json_.BeginObject();
    json_.Key("$ref");
    json_.Uint(number->second);
    json_.EndObject();
    return {};
  }
  if (stack_.size() >= kMaxDepth) {
    return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED, "the training state is nested too deeply for JSON")};
  }
  if (!shared_.Shared(id)) return Begin(id, 0);
  const uint64_t number = numbers_.size();
  numbers_.emplace(slot, number);
  json_.BeginObject();
  json_.Key("$shared");
  json_.Uint(number);
  json_.Key("value");
  return Begin(id, 1);
}

ClientResult<void> StateWriter::Begin(ObjectId id, int wraps) {
  const NodeId node = id.node;
  if (id.attributes) return BeginObject(node, graph_.Pairs(graph_.Attributes(node)), true, wraps);
  const v1::NodeKind kind = graph_.kind(node);
  if (kind == v1::NODE_KIND_DICT) return BeginObject(node, graph_.Pairs(node), false, wraps);
  if (objects_.kind(node) == ObjectKind::kRecord) {
    json_.BeginObject();
    json_.Key("$record");
    Push(node, Shape::kRecord, wraps + 1, {});
    return {};
  }
  if (kind == v1::NODE_KIND_LIST) {
    json_.BeginArray();
    Push(node, Shape::kItems, wraps, objects_.Items(node));
    return {};
  }
  for (const Tag& row : kSequences) {
    if (row.kind == kind) BeginTagged(row.name, node, Shape::kItems, objects_.Items(node), wraps);
  }
  if (kind == v1::NODE_KIND_ORDERED_DICT) {
    BeginTagged("$ordered_dict", node, Shape::kPairs, graph_.Pairs(node), wraps);
  }
  if (const char* tag = TagOf(objects_.kind(node))) {
    const bool deque = objects_.kind(node) == ObjectKind::kDeque;
    BeginTagged(tag, node, deque ? Shape::kItems : Shape::kPairs, deque ? objects_.Items(node) : objects_.Pairs(node),
                wraps);
  }
  return {};
}

ClientResult<void> StateWriter::BeginObject(NodeId node, std::span<const NodeId> pairs, bool named, int wraps) {
  bool plain = true;
  uint64_t letters = 0;
  for (size_t i = 0; i < pairs.size() && plain; i += 2) {
    const NodeId key = objects_.ObjectOf(pairs[i]);
    const bool text = graph_.kind(key) == v1::NODE_KIND_STRING;
    if (named && !objects_.IsAttribute(key)) continue;
    plain = text && !graph_.Text(key).starts_with('$');
    if (plain && TextBudget::HasPairOfSurrogates(graph_.Text(key))) return budget_.Use(graph_.Text(key));
    if (plain) letters += TextBudget::Letters(graph_.Text(key));
  }
  if (!plain) {
    BeginTagged("$dict", node, Shape::kPairs, pairs, wraps);
  } else {
    AIRLOCK_TRY(budget_.Use(letters));
    json_.BeginObject();
    Push(node, Shape::kObject, wraps, pairs);
  }
  stack_.back().named = named;
  return {};
}

void StateWriter::BeginTagged(const char* tag, NodeId node, Shape shape, std::span<const NodeId> refs, int wraps) {
  json_.BeginObject();
  json_.Key(tag);
  json_.BeginArray();
  Push(node, shape, wraps + 1, refs);
}

void StateWriter::Push(NodeId node, Shape shape, int wraps, std::span<const NodeId> refs) {
  stack_.push_back({node, shape, wraps, false, refs, 0, path_.size(), path_any_});
}

void StateWriter::AppendPart(const std::string& part) {
  if (path_any_) path_ += '.';
  path_ += part;
  path_any_ = true;
}

}  // namespace airlock::cli
