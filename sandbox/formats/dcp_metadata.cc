#include "sandbox/formats/dcp_metadata.h"

#include <algorithm>
#include <span>
#include <utility>

#include "sandbox/tensors/dtypes.h"

namespace airlock::formats {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

constexpr std::string_view kModule = "torch.distributed.";

Unexpected<Error> Malformed(const std::string& what) { return Fail(Reason::kSetMalformed, ".metadata: " + what); }

class Reader {
 public:
  explicit Reader(const pickle::Context& context) : context_(context), graph_(context.graph) {}

  Result<DcpMetadata> Read(NodeId root) {
    AIRLOCK_ASSIGN(const NodeId state, StateOf(root, "Metadata"));
    AIRLOCK_TRY(ReadPaths(Field(state, "planner_data")));
    AIRLOCK_TRY(ReadEntries(Field(state, "state_dict_metadata")));
    AIRLOCK_TRY(ReadItems(Field(state, "storage_data")));
    return std::move(metadata_);
  }

 private:
  bool IsA(NodeId node, std::string_view name) const {
    if (!graph_.is(node, Kind::kRecord)) return false;
    const NodeId callee = graph_.record(node).callee;
    if (!graph_.is(callee, Kind::kSymbol)) return false;
    const pickle::SymbolUse& use = context_.symbols[graph_.symbol(callee)];
    return use.name == name && use.module.starts_with(kModule);
  }

  // The attributes of an object of this class.
  Result<NodeId> StateOf(NodeId node, std::string_view name) const {
    if (!IsA(node, name)) return Malformed("no " + std::string(name) + " where one should be");
    const pickle::RecordParts parts = graph_.record(node);
    if (parts.many_states || parts.state == kNoNode) return Malformed("a " + std::string(name) + " without its fields");
    return parts.state;
  }

  // kNoNode where there is none. The last one counts, as in Python.
  NodeId Field(NodeId state, std::string_view name) const {
    if (!graph_.is(state, Kind::kDict)) return kNoNode;
    const std::span<const NodeId> children = graph_.children(state);
    for (size_t i = children.size(); i >= 2; i -= 2) {
      if (graph_.is(children[i - 2], Kind::kString) && graph_.text(children[i - 2]) == name) return children[i - 1];
    }
    return kNoNode;
  }

  bool IsList(NodeId node) const {
    return graph_.is(node, Kind::kSize) || graph_.is(node, Kind::kTuple) || graph_.is(node, Kind::kList);
  }
  bool IsNone(NodeId node) const { return node == kNoNode || graph_.is(node, Kind::kNone); }

  Result<uint64_t> Number(NodeId node) const {
    if (!graph_.is(node, Kind::kInt) || graph_.integer(node) < 0) return Malformed("a number that is no count");
    return static_cast<uint64_t>(graph_.integer(node));
  }

  Result<DcpDims> Dims(NodeId node) const {
    if (!IsList(node)) return Malformed("a size that is none");
    const std::span<const NodeId> children = graph_.children(node);
    const uint64_t most = context_.limits.dims;
    if (children.size() > most) return FailLimit("dims", most, children.size());
    DcpDims dims;
    for (const NodeId child : children) {
      AIRLOCK_ASSIGN(const uint64_t dim, Number(child));
      dims.push_back(dim);
    }
    return dims;
  }

  Result<std::string> Text(NodeId node) const {
    if (!graph_.is(node, Kind::kString)) return Malformed("a name that is no text");
    return std::string(graph_.text(node));
  }

  // Flat name to the path that it was made of. Planners of other kinds keep other things there.
  Result<void> ReadPaths(NodeId planner_data) {
    if (!graph_.is(planner_data, Kind::kDict)) return {};
    const std::span<const NodeId> children = graph_.children(planner_data);
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      if (!graph_.is(children[i], Kind::kString) || !IsList(children[i + 1])) continue;
      AIRLOCK_ASSIGN(std::vector<DcpStep> path, Path(children[i + 1]));
      paths_.insert_or_assign(std::string(graph_.text(children[i])), std::move(path));
    }
    return {};
  }

  Result<std::vector<DcpStep>> Path(NodeId node) const {
    std::vector<DcpStep> path;
    for (const NodeId step : graph_.children(node)) {
      if (graph_.is(step, Kind::kString)) {
        path.emplace_back(std::string(graph_.text(step)));
      } else {
        AIRLOCK_ASSIGN(const uint64_t position, Number(step));
        path.emplace_back(position);
      }
    }
    return path;
  }

  Result<void> ReadEntries(NodeId entries) {
    if (!graph_.is(entries, Kind::kDict)) return Malformed("no dict of what it describes");
    std::unordered_map<std::string, bool, KeyedHash> seen;
    const std::span<const NodeId> children = graph_.children(entries);
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      AIRLOCK_ASSIGN(std::string name, Text(children[i]));
      if (!seen.emplace(name, true).second) return Fail(Reason::kSetAmbiguous, ".metadata: '" + name + "' twice");
      DcpEntry entry{.name = std::move(name), .tensor = {}, .path = {}};
      if (!IsA(children[i + 1], "BytesStorageMetadata")) {
        AIRLOCK_ASSIGN(entry.tensor, Tensor(children[i + 1]));
      }
      if (const auto path = paths_.find(entry.name); path != paths_.end()) entry.path = path->second;
      metadata_.entries.push_back(std::move(entry));
    }
    return {};
  }

  Result<DcpTensor> Tensor(NodeId node) const {
    AIRLOCK_ASSIGN(const NodeId state, StateOf(node, "TensorStorageMetadata"));
    DcpTensor tensor;
    AIRLOCK_ASSIGN(tensor.dtype, DTypeOf(Field(state, "properties")));
    AIRLOCK_ASSIGN(tensor.size, Dims(Field(state, "size")));
    const NodeId chunks = Field(state, "chunks");
    if (!IsList(chunks)) return Malformed("a tensor without a list of chunks");
    for (const NodeId chunk : graph_.children(chunks)) {
      AIRLOCK_ASSIGN(const NodeId fields, StateOf(chunk, "ChunkStorageMetadata"));
      AIRLOCK_ASSIGN(DcpDims offsets, Dims(Field(fields, "offsets")));
      AIRLOCK_ASSIGN(DcpDims sizes, Dims(Field(fields, "sizes")));
      if (offsets.size() != tensor.size.size() || sizes.size() != tensor.size.size()) {
        return Malformed("a chunk of other dimensions than its tensor");
      }
      tensor.chunks.push_back({std::move(offsets), std::move(sizes)});
    }
    return tensor;
  }

  // TensorProperties has a tuple for a state, of which the dtype is the first; early versions have a dict.
  Result<tensors::DType> DTypeOf(NodeId properties) const {
    AIRLOCK_ASSIGN(const NodeId state, StateOf(properties, "TensorProperties"));
    const bool tuple = graph_.is(state, Kind::kTuple) && !graph_.children(state).empty();
    const NodeId dtype = tuple ? graph_.children(state)[0] : Field(state, "dtype");
    if (!graph_.is(dtype, Kind::kDType)) return Malformed("a tensor without an element type");
    const tensors::DTypeRow* row = tensors::FindDTypeByName(graph_.text(dtype));
    if (row == nullptr) return Malformed("a tensor of an element type that is not known");
    return row->dtype;
  }

  Result<void> ReadItems(NodeId items) {
    if (!graph_.is(items, Kind::kDict)) return Malformed("no dict of where things are");
    const std::span<const NodeId> children = graph_.children(items);
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      AIRLOCK_ASSIGN(std::string key, ItemKey(children[i]));
      AIRLOCK_ASSIGN(DcpItem item, Item(children[i + 1]));
      if (!metadata_.items.emplace(std::move(key), std::move(item)).second) {
        return Fail(Reason::kSetAmbiguous, ".metadata: two places for one chunk");
      }
    }
    return {};
  }

  Result<std::string> ItemKey(NodeId index) const {
    AIRLOCK_ASSIGN(const NodeId state, StateOf(index, "MetadataIndex"));
    AIRLOCK_ASSIGN(const std::string name, Text(Field(state, "fqn")));
    std::optional<DcpDims> offsets;
    if (const NodeId offset = Field(state, "offset"); !IsNone(offset)) {
      AIRLOCK_ASSIGN(offsets, Dims(offset));
    }
    return DcpMetadata::KeyOf(name, offsets);
  }

  Result<DcpItem> Item(NodeId info) const {
    AIRLOCK_ASSIGN(const NodeId state, StateOf(info, "_StorageInfo"));
    const NodeId transforms = Field(state, "transform_descriptors");
    if (!IsNone(transforms) && !(IsList(transforms) && graph_.children(transforms).empty())) {
      return Fail(Reason::kUnsupportedFeature,
                  ".metadata: items that a transform has changed (compression) are not read");
    }
    DcpItem item;
    AIRLOCK_ASSIGN(item.file, Text(Field(state, "relative_path")));
    AIRLOCK_ASSIGN(item.offset, Number(Field(state, "offset")));
    AIRLOCK_ASSIGN(item.length, Number(Field(state, "length")));
    return item;
  }

  const pickle::Context& context_;
  const Graph& graph_;
  std::unordered_map<std::string, std::vector<DcpStep>, KeyedHash> paths_;
  DcpMetadata metadata_;
};

}  // namespace

std::string DcpMetadata::KeyOf(std::string_view name, const std::optional<DcpDims>& offsets) {
  // The name comes last: it may hold anything.
  std::string key;
  if (offsets) {
    for (const uint64_t offset : *offsets) key += std::to_string(offset) + ",";
    key += "@";
  }
  return key.append(":").append(name);
}

Result<DcpMetadata> ReadDcpMetadata(const pickle::Context& context, NodeId root) { return Reader(context).Read(root); }

}  // namespace airlock::formats
