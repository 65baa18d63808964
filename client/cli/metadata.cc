#include "client/cli/metadata.h"

#include <array>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client/cli/metadata_leaves.h"
#include "client/cli/record_form.h"

namespace airlock::cli {
namespace {

constexpr size_t kMaxPath = 1'024;

enum class Mode : uint8_t { kItems, kObject, kPairs, kAttributes, kRecord, kForm, kTwo };

bool IsTensor(v1::NodeKind kind) {
  return kind == v1::NODE_KIND_TENSOR || kind == v1::NODE_KIND_SPARSE_TENSOR || kind == v1::NODE_KIND_META_TENSOR ||
         kind == v1::NODE_KIND_NESTED_TENSOR;
}

// Kinds whose nodes are shown once and then referred to.
bool IsContainer(v1::NodeKind kind) {
  return IsDict(kind) || IsSequence(kind) || kind == v1::NODE_KIND_SET || kind == v1::NODE_KIND_FROZEN_SET ||
         kind == v1::NODE_KIND_SIZE || kind == v1::NODE_KIND_RECORD || kind == v1::NODE_KIND_STREAM ||
         kind == v1::NODE_KIND_ATTRIBUTED;
}

// One container that is being written.
struct Frame {
  NodeId node;
  Mode mode;
  // Whether an object around it, which names the kind, is to be closed with it.
  bool wrapped;
  size_t next;
  size_t path_length;
  uint64_t tensors;
};

class Writer {
 public:
  Writer(JsonWriter& json, const Contents& contents, const MetadataLimits& limits)
      : json_(json),
        contents_(contents),
        graph_(contents.graph()),
        limits_(limits),
        leaves_(json, contents, limits.string_bytes),
        left_(limits.nodes) {}

  void Run() {
    Visit(0, "");
    while (!stack_.empty()) Step();
  }

 private:
  void Step() {
    path_.resize(stack_.back().path_length);
    switch (stack_.back().mode) {
      case Mode::kItems:
        return StepItems();
      case Mode::kObject:
        return StepObject();
      case Mode::kPairs:
        return StepPairs();
      case Mode::kAttributes:
        return StepAttributes();
      case Mode::kRecord:
        return StepRecord();
      case Mode::kForm:
        return StepForm();
      case Mode::kTwo:
        return StepTwo();
    }
  }

  void StepItems() {
    Frame& frame = stack_.back();
    const auto items = graph_.Items(frame.node);
    if (frame.next < items.size() && left_ > 0) {
      const size_t at = frame.next++;
      return Visit(items[at], std::to_string(at));
    }
    if (frame.next < items.size()) Truncated("size");
    json_.EndArray();
    Pop();
  }

  void StepObject() {
    Frame& frame = stack_.back();
    const auto pairs = graph_.Pairs(frame.node);
    while (frame.next < pairs.size() && IsTensor(graph_.kind(pairs[frame.next + 1]))) {
      ++frame.tensors;
      frame.next += 2;
    }
    if (frame.next < pairs.size() && left_ > 0) {
      const size_t at = std::exchange(frame.next, frame.next + 2);
      json_.Key(leaves_.Shortened(graph_.Text(pairs[at])));
      return Visit(pairs[at + 1], KeyText(graph_, pairs[at]));
    }
    if (frame.next < pairs.size()) json_.Field("$truncated", "size");
    for (size_t i = frame.next; i < pairs.size(); i += 2) {
      frame.tensors += IsTensor(graph_.kind(pairs[i + 1])) ? 1 : 0;
    }
    if (frame.tensors > 0) json_.Field("$tensors", frame.tensors);
    json_.EndObject();
    Pop();
  }

  void StepPairs() {
    Frame& frame = stack_.back();
    const auto pairs = graph_.Pairs(frame.node);
    const bool key = frame.next % 2 == 0;
    if (key && frame.next > 0) json_.EndArray();
    if (frame.next < pairs.size() && (left_ > 0 || !key)) {
      if (key) json_.BeginArray();
      const size_t at = frame.next++;
      return Visit(pairs[at], key ? std::string() : KeyText(graph_, pairs[at - 1]));
    }
    if (frame.next < pairs.size()) Truncated("size");
    json_.EndArray();
    Pop();
  }

  // Behind an ORDERED_DICT that has attributes.
  void StepAttributes() {
    Frame& frame = stack_.back();
    if (std::exchange(frame.next, 1) == 0) {
      json_.Key("$attributes");
      return Visit(graph_.Attributes(frame.node), "$attributes");
    }
    json_.EndObject();
    stack_.pop_back();
  }

  void StepRecord() {
    Frame& frame = stack_.back();
    const Record record = graph_.RecordAt(frame.node);
    const std::array<std::pair<const char*, std::optional<NodeId>>, 6> parts = {{{"args", record.args},
                                                                                 {"kwargs", record.kwargs},
                                                                                 {"state", record.state},
                                                                                 {"items", record.items},
                                                                                 {"pairs", record.pairs},
                                                                                 {"state_dict()", record.recovered}}};
    while (frame.next < parts.size()) {
      const auto& [name, node] = parts[frame.next++];
      if (!node) continue;
      json_.Key(name);
      return Visit(*node, name);
    }
    json_.EndObject();
    stack_.pop_back();
  }

  void StepForm() {
    Frame& frame = stack_.back();
    const RecordForm form = *FormOf(contents_, frame.node);
    if (frame.next == 0 && form.node) {
      frame.next = 1;
      return Visit(*form.node, form.key);
    }
    if (frame.next < 2 && form.more) {
      frame.next = 2;
      json_.Key(form.more_key);
      return Visit(*form.more, form.more_key);
    }
    json_.EndObject();
    stack_.pop_back();
  }

  // What a stream holds and how long it is; or a tensor and its attributes.
  void StepTwo() {
    Frame& frame = stack_.back();
    const auto parts = graph_.Parts(frame.node);
    const bool stream = graph_.kind(frame.node) == v1::NODE_KIND_STREAM;
    const size_t step = frame.next++;
    if (step == 0) return Visit(parts[stream ? 1 : 0], "");
    if (step == 1 && !stream) {
      json_.Key("attributes");
      return Visit(parts[1], "attributes");
    }
    if (stream) json_.Field("bytes", uint64_t{graph_.Text(parts[0]).size()});
    json_.EndObject();
    stack_.pop_back();
  }

  void Pop() {
    const bool wrapped = stack_.back().wrapped;
    stack_.pop_back();
    if (wrapped) json_.EndObject();
  }

  void Truncated(const char* why) { leaves_.Wrapped("$truncated", why); }

  // Writes the value, or its beginning and leaves the rest to a frame.
  void Visit(NodeId node, const std::string& part) {
    if (left_ == 0) return Truncated("size");
    --left_;
    const v1::NodeKind kind = graph_.kind(node);
    if (IsContainer(kind)) return VisitContainer(node, kind, part);
    leaves_.Write(node);
  }

  void VisitContainer(NodeId node, v1::NodeKind kind, const std::string& part) {
    const auto seen = paths_.find(node);
    if (seen != paths_.end()) return leaves_.Wrapped("$ref", seen->second);
    if (stack_.size() >= limits_.depth) return Truncated("depth");
    if (!part.empty()) {
      if (!path_.empty()) path_ += '.';
      path_ += leaves_.Shortened(part);
      if (path_.size() > kMaxPath) path_.resize(kMaxPath);
    }
    // Values without contents are often shared and never worth a reference.
    const bool parts = kind == v1::NODE_KIND_RECORD || kind == v1::NODE_KIND_STREAM || kind == v1::NODE_KIND_ATTRIBUTED;
    const bool has_identity = parts || !(IsDict(kind) ? graph_.Pairs(node) : graph_.Items(node)).empty();
    if (has_identity && kind != v1::NODE_KIND_SIZE) paths_.emplace(node, path_);
    if (kind == v1::NODE_KIND_RECORD) return BeginRecord(node);
    if (parts) return BeginTwo(node, kind);
    if (IsDict(kind)) return BeginDict(node, kind);
    BeginItems(node, kind);
  }

  void BeginItems(NodeId node, v1::NodeKind kind) {
    const char* name = kind == v1::NODE_KIND_TUPLE        ? "$tuple"
                       : kind == v1::NODE_KIND_SET        ? "$set"
                       : kind == v1::NODE_KIND_FROZEN_SET ? "$frozenset"
                       : kind == v1::NODE_KIND_SIZE       ? "$size"
                                                          : nullptr;
    if (name != nullptr) json_.BeginObject(), json_.Key(name);
    json_.BeginArray();
    Push(node, Mode::kItems, name != nullptr);
  }

  void BeginDict(NodeId node, v1::NodeKind kind) {
    bool with_attributes = false;
    if (kind == v1::NODE_KIND_ORDERED_DICT) {
      const NodeId attributes = graph_.Attributes(node);
      with_attributes = IsDict(graph_.kind(attributes)) && !graph_.Pairs(attributes).empty();
    }
    if (with_attributes) {
      json_.BeginObject();
      Push(node, Mode::kAttributes, false);
      json_.Key("$ordered_dict");
    }
    if (HasPlainKeys(node)) {
      json_.BeginObject();
      return Push(node, Mode::kObject, false);
    }
    if (!with_attributes) json_.BeginObject(), json_.Key("$dict");
    json_.BeginArray();
    Push(node, Mode::kPairs, !with_attributes);
  }

  // Whether the keys can be those of a JSON object without being mistaken for the writer's own.
  bool HasPlainKeys(NodeId node) const {
    const auto pairs = graph_.Pairs(node);
    for (size_t i = 0; i < pairs.size(); i += 2) {
      if (graph_.kind(pairs[i]) != v1::NODE_KIND_STRING || graph_.Text(pairs[i]).starts_with('$')) return false;
    }
    return true;
  }

  void BeginTwo(NodeId node, v1::NodeKind kind) {
    json_.BeginObject();
    json_.Key(kind == v1::NODE_KIND_STREAM ? "$stream" : "$attributed");
    Push(node, Mode::kTwo, false);
  }

  void BeginForm(NodeId node, const RecordForm& form) {
    json_.BeginObject();
    json_.Key(form.key);
    if (form.text) {
      json_.String(leaves_.Shortened(*form.text));
    } else if (!form.node && form.sequence) {
      json_.BeginArray();
      json_.EndArray();
    } else if (!form.node) {
      json_.BeginObject();
      json_.EndObject();
    }
    Push(node, Mode::kForm, false);
  }

  void BeginRecord(NodeId node) {
    if (const auto form = FormOf(contents_, node)) return BeginForm(node, *form);
    const Record record = graph_.RecordAt(node);
    json_.BeginObject();
    json_.Key("$record");
    const bool named = graph_.kind(record.callee) == v1::NODE_KIND_SYMBOL;
    if (named) json_.String(leaves_.SymbolName(record.callee));
    if (record.by_new && named) json_.Key("new"), json_.Bool(true);
    Push(node, Mode::kRecord, false);
    if (!named) Visit(record.callee, "$record");
  }

  void Push(NodeId node, Mode mode, bool wrapped) { stack_.push_back({node, mode, wrapped, 0, path_.size(), 0}); }

  JsonWriter& json_;
  const Contents& contents_;
  const Graph& graph_;
  const MetadataLimits limits_;
  MetadataLeaves leaves_;
  uint64_t left_;
  std::vector<Frame> stack_;
  // The path of the container on top, and those of all containers that were begun.
  std::string path_;
  std::unordered_map<NodeId, std::string> paths_;
};

}  // namespace

void WriteMetadata(JsonWriter& json, const Contents& contents, const MetadataLimits& limits) {
  if (contents.graph().size() == 0) return json.Null();
  Writer(json, contents, limits).Run();
}

}  // namespace airlock::cli
