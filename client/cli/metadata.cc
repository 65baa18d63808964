#include "client/cli/metadata.h"

#include <array>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "airlock/words.h"
#include "client/cli/record_form.h"

namespace airlock::cli {
namespace {

constexpr size_t kMaxPath = 1'024;
constexpr size_t kMaxHexBytes = 64;

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[c & 0xf];
  }
  return text;
}

// Two's complement, little-endian, in hexadecimal: linear in its length, which decimal is not.
std::string BigIntText(std::string_view bytes) {
  const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  std::string magnitude(bytes.rbegin(), bytes.rend());
  bool carry = negative;
  for (size_t i = magnitude.size(); negative && i-- > 0;) {
    const unsigned flipped = (~static_cast<unsigned>(magnitude[i]) & 0xff) + (carry ? 1 : 0);
    magnitude[i] = static_cast<char>(flipped);
    carry = flipped > 0xff;
  }
  std::string digits = Hex(magnitude);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.empty() ? 0 : digits.size() - 1));
  return (negative ? "-0x" : "0x") + digits;
}

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
      : json_(json), contents_(contents), graph_(contents.graph()), limits_(limits), left_(limits.nodes) {}

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
      json_.Key(Shortened(graph_.Text(pairs[at])));
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

  void Truncated(const char* why) { Wrapped("$truncated", why); }

  void Wrapped(const char* kind, std::string_view text) {
    json_.BeginObject();
    json_.Field(kind, text);
    json_.EndObject();
  }

  std::string Shortened(std::string_view text) const {
    if (text.size() <= limits_.string_bytes) return std::string(text);
    size_t end = limits_.string_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
    return std::string(text.substr(0, end)) + "\xe2\x80\xa6";
  }

  // Writes the value, or its beginning and leaves the rest to a frame.
  void Visit(NodeId node, const std::string& part) {
    if (left_ == 0) return Truncated("size");
    --left_;
    const v1::NodeKind kind = graph_.kind(node);
    if (IsContainer(kind)) return VisitContainer(node, kind, part);
    VisitLeaf(node, kind);
  }

  void VisitContainer(NodeId node, v1::NodeKind kind, const std::string& part) {
    const auto seen = paths_.find(node);
    if (seen != paths_.end()) return Wrapped("$ref", seen->second);
    if (stack_.size() >= limits_.depth) return Truncated("depth");
    if (!part.empty()) {
      if (!path_.empty()) path_ += '.';
      path_ += Shortened(part);
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
      json_.String(Shortened(*form.text));
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
    if (named) json_.String(SymbolName(record.callee));
    if (record.by_new && named) json_.Key("new"), json_.Bool(true);
    Push(node, Mode::kRecord, false);
    if (!named) Visit(record.callee, "$record");
  }

  std::string SymbolName(NodeId node) const {
    const v1::Symbol& symbol = contents_.symbols()[graph_.Link(node)];
    return Shortened(symbol.module() + "." + symbol.name());
  }

  void Push(NodeId node, Mode mode, bool wrapped) { stack_.push_back({node, mode, wrapped, 0, path_.size(), 0}); }

  void VisitLeaf(NodeId node, v1::NodeKind kind) {
    switch (kind) {
      case v1::NODE_KIND_NONE:
        return json_.Null();
      case v1::NODE_KIND_FALSE:
        return json_.Bool(false);
      case v1::NODE_KIND_TRUE:
        return json_.Bool(true);
      case v1::NODE_KIND_INT:
        return json_.Int(graph_.Int(node));
      case v1::NODE_KIND_BIG_INT:
        return Wrapped("$int", Shortened(BigIntText(graph_.Text(node))));
      case v1::NODE_KIND_FLOAT:
        return Float(graph_.Float(node));
      case v1::NODE_KIND_COMPLEX:
        return Complex(node);
      case v1::NODE_KIND_STRING:
        return json_.String(Shortened(graph_.Text(node)));
      case v1::NODE_KIND_BYTES:
        return Bytes("$bytes", graph_.Text(node));
      case v1::NODE_KIND_BYTE_ARRAY:
        return Bytes("$bytearray", graph_.Text(node));
      case v1::NODE_KIND_DTYPE:
        return Wrapped("$dtype", Shortened(graph_.Text(node)));
      case v1::NODE_KIND_LAYOUT:
        return Wrapped("$layout", Shortened(graph_.Text(node)));
      case v1::NODE_KIND_DEVICE:
        return Wrapped("$device", Shortened(graph_.Text(node)));
      case v1::NODE_KIND_NUMPY_DTYPE:
        return Wrapped("$numpy_dtype", Shortened(graph_.Text(node)));
      case v1::NODE_KIND_SYMBOL:
        return Wrapped("$symbol", SymbolName(node));
      case v1::NODE_KIND_SCALAR: {
        const NodeId value = graph_.Parts(node)[1];
        return VisitLeaf(value, graph_.kind(value));
      }
      case v1::NODE_KIND_TENSOR:
        return Link("$tensor", node);
      case v1::NODE_KIND_STORAGE:
        return Link("$storage", node);
      default:
        return Tensor(node, kind);
    }
  }

  // A sparse, nested or meta tensor, or an array: an object of numbers.
  void Tensor(NodeId node, v1::NodeKind kind) {
    json_.BeginObject();
    json_.Key(kind == v1::NODE_KIND_SPARSE_TENSOR   ? "$sparse_tensor"
              : kind == v1::NODE_KIND_NESTED_TENSOR ? "$nested_tensor"
              : kind == v1::NODE_KIND_META_TENSOR   ? "$meta_tensor"
                                                    : "$ndarray");
    json_.BeginObject();
    if (kind == v1::NODE_KIND_SPARSE_TENSOR) {
      SparseFields(graph_.SparseAt(node));
    } else if (kind == v1::NODE_KIND_NESTED_TENSOR) {
      constexpr std::array<const char*, 4> kNames = {"values", "sizes", "strides", "offsets"};
      for (size_t i = 0; i < kNames.size(); ++i) Index(kNames[i], graph_.Parts(node)[i]);
    } else if (kind == v1::NODE_KIND_META_TENSOR) {
      json_.Field("dtype", Shortened(graph_.MetaAt(node).dtype));
      Integers("shape", graph_.MetaAt(node).shape);
    } else {
      ArrayFields(node);
    }
    json_.EndObject();
    json_.EndObject();
  }

  void SparseFields(const SparseTensor& sparse) {
    constexpr std::array<const char*, 8> kLayouts = {"?", "coo", "csr", "csc", "bsr", "bsc", "?", "?"};
    json_.Field("layout", kLayouts[sparse.layout]);
    Integers("size", sparse.size);
    if (!sparse.more_indices) {
      Index("indices", sparse.indices);
    } else {
      const bool rows = sparse.layout == v1::SPARSE_BIT_CSR || sparse.layout == v1::SPARSE_BIT_BSR;
      Index(rows ? "crow_indices" : "ccol_indices", sparse.indices);
      Index(rows ? "col_indices" : "row_indices", *sparse.more_indices);
    }
    Index("values", sparse.values);
  }

  void ArrayFields(NodeId node) {
    const TensorInfo& info = contents_.tensor(graph_.Link(node));
    json_.Field("dtype", Word(info.dtype));
    json_.Key("shape");
    json_.BeginArray();
    for (const uint64_t size : info.shape) json_.Uint(size);
    json_.EndArray();
    Index("tensor", node);
  }

  void Index(const char* key, NodeId tensor) { json_.Field(key, uint64_t{graph_.Link(tensor)}); }

  void Integers(const char* key, NodeId items) {
    json_.Key(key);
    json_.BeginArray();
    for (const NodeId item : graph_.Items(items)) {
      if (graph_.kind(item) == v1::NODE_KIND_INT) json_.Int(graph_.Int(item));
    }
    json_.EndArray();
  }

  void Link(const char* kind, NodeId node) {
    json_.BeginObject();
    json_.Field(kind, uint64_t{graph_.Link(node)});
    json_.EndObject();
  }

  void Float(double value) {
    if (std::isfinite(value)) return json_.Double(value);
    Wrapped("$float", std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
  }

  void Complex(NodeId node) {
    json_.BeginObject();
    json_.Key("$complex");
    json_.BeginArray();
    Float(graph_.Float(node, 0));
    Float(graph_.Float(node, 1));
    json_.EndArray();
    json_.EndObject();
  }

  void Bytes(const char* kind, std::string_view bytes) {
    json_.BeginObject();
    json_.Field(kind, uint64_t{bytes.size()});
    json_.Field("hex", Hex(bytes.substr(0, kMaxHexBytes)));
    json_.EndObject();
  }

  JsonWriter& json_;
  const Contents& contents_;
  const Graph& graph_;
  const MetadataLimits limits_;
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
