#include "tests/unit/pickle/machine_fixture.h"

#include <cstdio>

namespace airlock::pickle {
namespace {

// Enough for what the tests print; deep graphs are looked at by other means.
constexpr int kMaxShownDepth = 10;

std::string Quoted(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    char buffer[8];
    const auto byte = static_cast<uint8_t>(c);
    std::snprintf(buffer, sizeof(buffer), byte < 0x20 || byte > 0x7E ? "\\x%02x" : "%c", byte);
    quoted += buffer;
  }
  return "'" + quoted + "'";
}

std::string Items(const Context& context, std::span<const NodeId> items, int depth) {
  std::string shown;
  for (const NodeId item : items) shown += (shown.empty() ? "" : ", ") + ShowNode(context, item, depth + 1);
  return shown;
}

std::string Pairs(const Context& context, NodeId dict, int depth) {
  const auto children = context.graph.children(dict);
  std::string shown;
  for (size_t i = 0; i < children.size(); i += 2) {
    shown += (shown.empty() ? "" : ", ") + ShowNode(context, children[i], depth + 1) + ": " +
             ShowNode(context, children[i + 1], depth + 1);
  }
  return "{" + shown + "}";
}

std::string Float(double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), "%.17g", value);
  const std::string shown = buffer;
  return shown.find_first_of(".enai") == std::string::npos ? shown + ".0" : shown;
}

std::string Hex(std::string_view bytes) {
  std::string shown = "0x";
  for (size_t i = bytes.size(); i > 0; --i) {
    char buffer[8];
    std::snprintf(buffer, sizeof(buffer), "%02x", static_cast<uint8_t>(bytes[i - 1]));
    shown += buffer;
  }
  return shown;
}

std::string Record(const Context& context, NodeId node, int depth) {
  const RecordParts parts = context.graph.record(node);
  std::string shown = std::string(parts.made_by_new ? "new " : "") + ShowNode(context, parts.callee, depth + 1);
  const auto part = [&](const char* name, NodeId id) {
    if (id != kNoNode) shown += std::string(" ") + name + ShowNode(context, id, depth + 1);
  };
  part("", parts.args);
  part("**", parts.kwargs);
  part(parts.many_states ? "states=" : "state=", parts.state);
  part("items=", parts.items);
  part("pairs=", parts.pairs);
  part("recovered=", parts.recovered);
  return "<" + shown + ">";
}

}  // namespace

std::string ShowNode(const Context& context, NodeId node, int depth) {
  const Graph& graph = context.graph;
  if (depth > kMaxShownDepth) return "...";
  switch (graph.kind(node)) {
    case Kind::kNone:
      return "None";
    case Kind::kFalse:
      return "False";
    case Kind::kTrue:
      return "True";
    case Kind::kInt:
      return std::to_string(graph.integer(node));
    case Kind::kBigInt:
      return Hex(graph.text(node));
    case Kind::kFloat:
      return Float(graph.real(node));
    case Kind::kComplex:
      return "(" + Float(graph.real(node)) + "+" + Float(graph.imaginary(node)) + "j)";
    case Kind::kString:
      return Quoted(graph.text(node));
    case Kind::kBytes:
      return "b" + Quoted(graph.text(node));
    case Kind::kByteArray:
      return "bytearray(b" + Quoted(graph.text(node)) + ")";
    case Kind::kList:
      return "[" + Items(context, graph.children(node), depth) + "]";
    case Kind::kTuple:
      return "(" + Items(context, graph.children(node), depth) + (graph.children(node).size() == 1 ? ",)" : ")");
    case Kind::kSet:
      return "set(" + Items(context, graph.children(node), depth) + ")";
    case Kind::kFrozenSet:
      return "frozenset(" + Items(context, graph.children(node), depth) + ")";
    case Kind::kSize:
      return "Size(" + Items(context, graph.children(node), depth) + ")";
    case Kind::kDict:
      return Pairs(context, node, depth);
    case Kind::kOrderedDict: {
      const std::string attributes = graph.is(graph.attributes(node), Kind::kNone)
                                         ? ""
                                         : " " + ShowNode(context, graph.attributes(node), depth + 1);
      return "OrderedDict(" + Pairs(context, node, depth) + attributes + ")";
    }
    case Kind::kDType:
    case Kind::kLayout:
    case Kind::kDevice:
      return std::string(graph.text(node));
    case Kind::kTensor:
      return "tensor" + std::to_string(graph.tensor(node));
    case Kind::kStorage:
      return "storage" + std::to_string(graph.storage(node));
    case Kind::kSymbol:
      return context.symbols.FullName(graph.symbol(node));
    case Kind::kRecord:
      return Record(context, node, depth);
    case Kind::kSparseTensor:
    case Kind::kMetaTensor:
    case Kind::kNestedTensor:
    case Kind::kStream:
    case Kind::kAttributed:
    case Kind::kScalar:
      return std::string(KindName(graph.kind(node))) + std::to_string(graph.count(node)) + "(" +
             Items(context, graph.children(node), depth) + ")";
    case Kind::kArray:
      return "array" + std::to_string(graph.tensor(node));
    case Kind::kNumpyDType:
      return std::string(graph.text(node));
  }
  return "?";
}

Result<NodeId> TestConstructor::Construct(uint32_t symbol, NodeId args, uint64_t) {
  const std::string name = context_.symbols.FullName(symbol);
  if (name == "torch.Size" && context_.graph.children(args).size() == 1) {
    return context_.graph.CopyAs(Kind::kSize, context_.graph.children(args)[0]);
  }
  if (name == "torch._utils._rebuild_tensor_v2") return context_.graph.Tensor(7);
  if (name == "torch.device") return Fail(Reason::kTensorOutOfBounds, "the constructor says no");
  return kNoNode;
}

Result<bool> TestConstructor::Build(NodeId object, NodeId state, uint64_t offset) {
  Graph& graph = context_.graph;
  if (!graph.is(object, Kind::kRecord)) return graph.is(state, Kind::kNone);
  if (graph.is(state, Kind::kFalse)) return Fail(Reason::kPickleMalformed, "a state that nobody writes", offset);
  if (graph.is(state, Kind::kInt) && graph.record(object).state == state) graph.Become(object, graph.Array(5));
  return false;
}

Result<NodeId> TestConstructor::Persistent(NodeId id, uint64_t offset) {
  if (context_.graph.is(id, Kind::kInt)) return Fail(Reason::kPickleMalformed, "an odd persistent id", offset);
  return context_.graph.Storage(3, 9);
}

Result<NodeId> TestConstructor::Value(uint32_t symbol, uint64_t) {
  if (context_.symbols.FullName(symbol) != "torch.float32") return kNoNode;
  return context_.graph.Text(Kind::kDType, "float32");
}

Result<void> DrippingSource::Refill(size_t count) {
  const uint64_t at = offset();
  if (const size_t left = bytes_.size() - at; left < count) {
    return Fail(Reason::kTruncated, std::to_string(count - left) + " more bytes should follow", bytes_.size());
  }
  window_ = bytes_.substr(at, count);
  begin_ = next_ = reinterpret_cast<const uint8_t*>(window_.data());
  end_ = begin_ + window_.size();
  window_offset_ = at;
  return {};
}

const SymbolUse* Load::FindSymbol(std::string_view full_name) const {
  for (const SymbolUse& use : context.symbols.all()) {
    if (use.module + "." + use.name == full_name) return &use;
  }
  return nullptr;
}

size_t Load::CountFindings(std::string_view id) const {
  size_t count = 0;
  for (const Finding& finding : context.findings) count += finding.id == id ? 1 : 0;
  return count;
}

Load LoadFrom(Source& source, const Limits& limits) {
  Load load;
  load.context.limits = limits;
  TestConstructor constructor(load.context);
  auto result = Decode(load.context, constructor, source, 0);
  if (result.ok()) {
    load.root = *result;
    load.shown = ShowNode(load.context, load.root);
  } else {
    load.error = result.error();
    load.failure = result.error().message;
  }
  return load;
}

Load LoadBytes(std::string_view bytes, const Limits& limits) {
  MemorySource source({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return LoadFrom(source, limits);
}

std::string Show(std::string_view bytes) {
  const Load load = LoadBytes(bytes);
  return load.error ? "! " + load.failure : load.shown;
}

}  // namespace airlock::pickle
