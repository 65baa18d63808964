// What torch's builders take: flags, hooks, sizes and strides, states. Absent stands for what torch never writes.
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

namespace {

// Torch writes two.
constexpr size_t kMaxMetadata = 16;

}  // namespace

TensorView TorchConstructor::ViewOf(NodeId id) const { return tables_.tensor(context_.graph.tensor(id)); }

bool TorchConstructor::IsPlainTensor(NodeId id) const {
  return context_.graph.is(id, Kind::kTensor) && !IsQuantized(ViewOf(id).dtype);
}

std::optional<bool> TorchConstructor::ReadBool(NodeId id) const {
  if (context_.graph.is(id, Kind::kTrue)) return true;
  if (context_.graph.is(id, Kind::kFalse)) return false;
  return std::nullopt;
}

void TorchConstructor::CheckHooks(NodeId hooks, uint64_t at) {
  const pickle::Graph& graph = context_.graph;
  if (graph.is(hooks, Kind::kNone)) return;
  const bool dict = graph.is(hooks, Kind::kOrderedDict) || graph.is(hooks, Kind::kDict);
  if (dict && graph.children(hooks).empty()) return;
  Note("torch.backward-hooks", Severity::kWarning, "a tensor comes with hooks that torch would call; they are dropped",
       at);
}

std::optional<uint32_t> TorchConstructor::ReadFlags(NodeId requires_grad, NodeId metadata, DType dtype) const {
  const std::optional<bool> grad = ReadBool(requires_grad);
  if (!grad) return std::nullopt;
  uint32_t flags = GradFlag(*grad);
  if (metadata == kNoNode || context_.graph.is(metadata, Kind::kNone)) return flags;
  if (!context_.graph.is(metadata, Kind::kDict)) return std::nullopt;
  const std::span<const NodeId> pairs = context_.graph.children(metadata);
  if (pairs.size() > 2 * kMaxMetadata) return std::nullopt;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (!context_.graph.is(pairs[i], Kind::kString)) return std::nullopt;
    const std::string_view key = context_.graph.text(pairs[i]);
    const std::optional<bool> value = ReadBool(pairs[i + 1]);
    if (key != "conj" && key != "neg") continue;  // as torch does
    if (!value || (key == "conj" && !IsComplex(dtype))) return std::nullopt;
    const uint32_t bit = key == "conj" ? uint32_t{kConj} : uint32_t{kNeg};
    flags = *value ? flags | bit : flags & ~bit;
  }
  return flags;
}

// Sizes or strides. False: not integers. A negative one is out of bounds.
Result<bool> TorchConstructor::ReadDims(NodeId id, uint64_t at, Dims& dims) const {
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(id, Kind::kTuple) && !graph.is(id, Kind::kList) && !graph.is(id, Kind::kSize)) return false;
  const std::span<const NodeId> items = graph.children(id);
  if (items.size() > context_.limits.dims) return FailLimit("dims", context_.limits.dims, items.size(), at);
  dims.reserve(items.size());
  for (const NodeId item : items) {
    if (!graph.is(item, Kind::kInt)) return false;
    if (graph.integer(item) < 0) return Fail(Reason::kTensorOutOfBounds, "a tensor has a negative size or stride", at);
    dims.push_back(static_cast<uint64_t>(graph.integer(item)));
  }
  return true;
}

Result<std::optional<TorchConstructor::Dims>> TorchConstructor::ReadDims(NodeId id, uint64_t at) const {
  Dims dims;
  AIRLOCK_ASSIGN(const bool read, ReadDims(id, at, dims));
  return read ? std::optional<Dims>(std::move(dims)) : std::nullopt;
}

Result<std::optional<TorchConstructor::Strided>> TorchConstructor::ReadStrided(const Call& call) {
  using Absent = std::optional<Strided>;
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() < 4 || !graph.is(call.args[0], Kind::kStorage) || !graph.is(call.args[1], Kind::kInt)) {
    return Absent();
  }
  const int64_t offset = graph.integer(call.args[1]);
  if (offset < 0) return Fail(Reason::kTensorOutOfBounds, "a tensor has a negative offset", call.at);
  // Lists that are used again: tensors come by the hundred thousand.
  shape_.clear();
  stride_.clear();
  AIRLOCK_ASSIGN(const bool shape, ReadDims(call.args[2], call.at, shape_));
  AIRLOCK_ASSIGN(const bool stride, ReadDims(call.args[3], call.at, stride_));
  if (!shape || !stride || shape_.size() != stride_.size()) return Absent();
  return Absent(Strided{call.args[0], static_cast<uint64_t>(offset), shape_, stride_});
}

}  // namespace airlock::tensors
