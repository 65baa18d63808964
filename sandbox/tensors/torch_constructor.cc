#include "sandbox/tensors/torch_constructor.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/device_name.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::tensors {
namespace {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;

constexpr std::array<std::string_view, 8> kLayouts = {"strided",    "sparse_coo", "sparse_csr", "sparse_csc",
                                                      "sparse_bsr", "sparse_bsc", "_mkldnn",    "jagged"};

// Of any builder in the table below.
constexpr size_t kMaxArguments = 16;
// Torch writes two.
constexpr size_t kMaxMetadata = 16;

bool IsComplex(DType dtype) {
  return dtype == DType::kComplex32 || dtype == DType::kComplex64 || dtype == DType::kComplex128;
}

uint32_t GradFlag(bool requires_grad) { return requires_grad ? uint32_t{kRequiresGrad} : 0; }

bool IsLayout(std::string_view name) { return std::find(kLayouts.begin(), kLayouts.end(), name) != kLayouts.end(); }

}  // namespace

const TorchConstructor::BuilderRow TorchConstructor::kBuilders[] = {
    {"torch._utils", "_rebuild_tensor", &TorchConstructor::RebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", &TorchConstructor::RebuildTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", &TorchConstructor::RebuildTensorV3},
    {"torch._utils", "_rebuild_qtensor", &TorchConstructor::RebuildQuantized},
    {"torch._utils", "_rebuild_parameter", &TorchConstructor::RebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", &TorchConstructor::RebuildParameter},
    {"torch._tensor", "_rebuild_from_type_v2", &TorchConstructor::RebuildFromType},
    {"torch.nn.parameter", "Parameter", &TorchConstructor::MakeParameter},
    {"torch.serialization", "_get_layout", &TorchConstructor::GetLayout},
    {"torch", "Size", &TorchConstructor::MakeSize},
    {"torch", "device", &TorchConstructor::MakeDevice},
    // Understood, but no tensor yet: sparse, nested and storage-less ones stay records.
    {"torch._utils", "_rebuild_sparse_tensor", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_sparse_csr_tensor", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_nested_tensor", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_wrapper_subclass", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", &TorchConstructor::KeepRecord},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", &TorchConstructor::KeepRecord},
};

const TorchConstructor::BuilderRow* TorchConstructor::FindBuilder(uint32_t symbol) {
  if (symbol >= builder_of_.size()) builder_of_.resize(static_cast<size_t>(symbol) + 1, -1);
  int& cached = builder_of_[symbol];
  if (cached < 0) {
    const pickle::SymbolUse& use = context_.symbols[symbol];
    const auto* const row = std::find_if(std::begin(kBuilders), std::end(kBuilders), [&](const BuilderRow& candidate) {
      return use.name == candidate.name && use.module == candidate.module;
    });
    cached = row == std::end(kBuilders) ? 0 : static_cast<int>(row - std::begin(kBuilders)) + 1;
  }
  return cached == 0 ? nullptr : &kBuilders[cached - 1];
}

Result<NodeId> TorchConstructor::Construct(uint32_t symbol, NodeId args, uint64_t offset) {
  const BuilderRow* row = FindBuilder(symbol);
  // A known name that nothing here makes a value of (torch.Tensor): the record says all there is.
  if (row == nullptr) return kNoNode;
  const std::span<const NodeId> children = context_.graph.children(args);
  // No builder takes more. The tuple may be huge and handed over again and again: it is not copied.
  if (children.size() > kMaxArguments) return Odd(Call{symbol, {}, offset});
  return (this->*row->build)(Call{symbol, {children.begin(), children.end()}, offset});
}

// Torch's own builder would let a state replace a tensor's storage and geometry. No file of ours needs that.
Result<bool> TorchConstructor::Build(NodeId, NodeId, uint64_t) { return false; }

Result<NodeId> TorchConstructor::Persistent(NodeId id, uint64_t offset) {
  AIRLOCK_ASSIGN(const PersistentId read, ReadPersistentId(context_, form_, id, offset));
  if (read.module_class != kNoNode) {
    Note("torch.module-source", Severity::kNote, "the file carries the source code of a class; it is not used", offset);
    return read.module_class;
  }
  AIRLOCK_ASSIGN(const uint32_t storage, storages_.Resolve(read.storage));
  const NodeId node = context_.graph.Storage(storage, static_cast<uint32_t>(read.storage.dtype));
  if (read.storage.slice) slices_.emplace(node, *read.storage.slice);
  return node;
}

Result<NodeId> TorchConstructor::Value(uint32_t symbol, uint64_t) {
  const pickle::SymbolUse& use = context_.symbols[symbol];
  if (use.module != "torch") return kNoNode;
  if (const std::string_view dtype = CanonicalDTypeName(use.name); !dtype.empty()) {
    return context_.graph.Text(Kind::kDType, dtype);
  }
  if (IsLayout(use.name)) return context_.graph.Text(Kind::kLayout, use.name);
  return kNoNode;
}

void TorchConstructor::Note(const char* id, Severity severity, const char* message, uint64_t at) {
  pickle::AddFinding(context_, pickle::Finding{id, severity, message, "", at});
}

Result<NodeId> TorchConstructor::Odd(const Call& call) {
  pickle::AddFinding(context_, pickle::Finding{"torch.odd-arguments", Severity::kWarning,
                                               context_.symbols.FullName(call.symbol) +
                                                   " has arguments that torch never writes; kept as a record",
                                               "", call.at});
  return kNoNode;
}

Result<NodeId> TorchConstructor::KeepRecord(const Call& call) {
  pickle::AddFinding(context_, pickle::Finding{"torch.kept-as-record", Severity::kWarning,
                                               context_.symbols.FullName(call.symbol) +
                                                   " makes a tensor of a kind that is not rebuilt; kept as a record",
                                               "", call.at});
  return kNoNode;
}

// --- reading arguments ---

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

namespace {

// Sizes or strides. Absent: not integers. A negative one is out of bounds.
Result<std::optional<std::vector<uint64_t>>> ReadDims(const pickle::Graph& graph, NodeId id, uint64_t max_dims,
                                                      uint64_t at) {
  using Dims = std::optional<std::vector<uint64_t>>;
  if (!graph.is(id, Kind::kTuple) && !graph.is(id, Kind::kList) && !graph.is(id, Kind::kSize)) return Dims();
  const std::span<const NodeId> items = graph.children(id);
  if (items.size() > max_dims) return FailLimit("dims", max_dims, items.size(), at);
  std::vector<uint64_t> dims;
  dims.reserve(items.size());
  for (const NodeId item : items) {
    if (!graph.is(item, Kind::kInt)) return Dims();
    if (graph.integer(item) < 0) return Fail(Reason::kTensorOutOfBounds, "a tensor has a negative size or stride", at);
    dims.push_back(static_cast<uint64_t>(graph.integer(item)));
  }
  return Dims(std::move(dims));
}

}  // namespace

Result<std::optional<TorchConstructor::Strided>> TorchConstructor::ReadStrided(const Call& call) {
  using Absent = std::optional<Strided>;
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() < 4 || !graph.is(call.args[0], Kind::kStorage) || !graph.is(call.args[1], Kind::kInt)) {
    return Absent();
  }
  const int64_t offset = graph.integer(call.args[1]);
  if (offset < 0) return Fail(Reason::kTensorOutOfBounds, "a tensor has a negative offset", call.at);
  AIRLOCK_ASSIGN(auto shape, ReadDims(graph, call.args[2], context_.limits.dims, call.at));
  AIRLOCK_ASSIGN(auto stride, ReadDims(graph, call.args[3], context_.limits.dims, call.at));
  if (!shape || !stride || shape->size() != stride->size()) return Absent();
  return Absent(Strided{call.args[0], static_cast<uint64_t>(offset), std::move(*shape), std::move(*stride)});
}

// --- making tensors ---

Result<NodeId> TorchConstructor::AddView(const Strided& strided, DType dtype, uint32_t flags, uint64_t at) {
  const uint32_t storage = context_.graph.storage(strided.storage);
  uint64_t elements = tables_.storage(storage).nbytes / ItemSize(dtype);
  uint64_t first = 0;
  if (const auto slice = slices_.find(strided.storage); slice != slices_.end()) {
    first = slice->second.offset;
    elements = slice->second.numel;
  }
  AIRLOCK_TRY(CheckGeometry(strided.offset, strided.shape, strided.stride, elements, context_.limits.dims, at));
  const std::optional<uint64_t> offset = CheckedAdd(first, strided.offset);
  if (!offset) return Fail(Reason::kTensorOutOfBounds, "a tensor's offset cannot be counted", at);
  if (tables_.tensor_count() >= context_.limits.tensors) {
    return FailLimit("tensors", context_.limits.tensors, tables_.tensor_count() + 1, at);
  }
  return context_.graph.Tensor(tables_.AddTensor(TensorView{.storage = storage,
                                                            .dtype = dtype,
                                                            .flags = flags,
                                                            .offset = *offset,
                                                            .shape = strided.shape,
                                                            .stride = strided.stride}));
}

Result<NodeId> TorchConstructor::CopyTensor(NodeId tensor, uint32_t flags, uint64_t at) {
  if (tables_.tensor_count() >= context_.limits.tensors) {
    return FailLimit("tensors", context_.limits.tensors, tables_.tensor_count() + 1, at);
  }
  const uint32_t original = context_.graph.tensor(tensor);
  TensorView view = tables_.tensor(original);
  view.flags = flags;
  const uint32_t copy = tables_.AddTensor(view);
  if (const auto found = quantization_of_.find(original); found != quantization_of_.end()) {
    Quantization quantization = tables_.quantizations()[found->second];
    quantization.tensor = copy;
    quantization_of_.emplace(copy, tables_.quantizations().size());
    tables_.AddQuantization(quantization);
  }
  return context_.graph.Tensor(copy);
}

Result<NodeId> TorchConstructor::RebuildTensor(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() != 4) return Odd(call);
  const auto dtype = static_cast<DType>(context_.graph.storage_dtype(strided->storage));
  if (dtype == DType::kNone || IsQuantized(dtype)) return Odd(call);
  return AddView(*strided, dtype, 0, call.at);
}

Result<NodeId> TorchConstructor::RebuildTensorV2(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() < 6 || call.args.size() > 7) return Odd(call);
  const auto dtype = static_cast<DType>(context_.graph.storage_dtype(strided->storage));
  const std::optional<uint32_t> flags = ReadFlags(call.args[4], call.args.size() > 6 ? call.args[6] : kNoNode, dtype);
  if (!flags || dtype == DType::kNone || IsQuantized(dtype)) return Odd(call);
  CheckHooks(call.args[5], call.at);
  return AddView(*strided, dtype, *flags, call.at);
}

Result<NodeId> TorchConstructor::RebuildTensorV3(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() < 7 || call.args.size() > 8) return Odd(call);
  if (context_.graph.storage_dtype(strided->storage) != static_cast<uint32_t>(DType::kNone)) return Odd(call);
  if (!context_.graph.is(call.args[6], Kind::kDType)) return Odd(call);
  const DTypeRow* row = FindDTypeByName(context_.graph.text(call.args[6]));
  if (row == nullptr) return KeepRecord(call);
  const std::optional<uint32_t> flags =
      ReadFlags(call.args[4], call.args.size() > 7 ? call.args[7] : kNoNode, row->dtype);
  if (!flags || IsQuantized(row->dtype)) return Odd(call);
  CheckHooks(call.args[5], call.at);
  return AddView(*strided, row->dtype, *flags, call.at);
}

// A 1-dimensional tensor of `length` numbers.
std::optional<uint32_t> TorchConstructor::ReadScales(NodeId id, uint64_t length) const {
  if (!context_.graph.is(id, Kind::kTensor)) return std::nullopt;
  const uint32_t tensor = context_.graph.tensor(id);
  const TensorView view = tables_.tensor(tensor);
  if (view.shape.size() != 1 || view.shape[0] != length || IsQuantized(view.dtype)) return std::nullopt;
  return tensor;
}

std::optional<Quantization> TorchConstructor::ReadQuantizer(NodeId id, std::span<const uint64_t> shape) const {
  const pickle::Graph& graph = context_.graph;
  if (!graph.is(id, Kind::kTuple)) return std::nullopt;
  const std::span<const NodeId> parts = graph.children(id);
  if (parts.empty() || !graph.is(parts[0], Kind::kSymbol)) return std::nullopt;
  const pickle::SymbolUse& scheme = context_.symbols[graph.symbol(parts[0])];
  if (scheme.module != "torch") return std::nullopt;
  Quantization result;
  if (scheme.name == "per_tensor_affine" && parts.size() == 3) {
    if (!graph.is(parts[1], Kind::kFloat) || !graph.is(parts[2], Kind::kInt)) return std::nullopt;
    result.scale = graph.real(parts[1]);
    result.zero_point = graph.integer(parts[2]);
    return result;
  }
  const bool per_channel = scheme.name == "per_channel_affine" || scheme.name == "per_channel_affine_float_qparams";
  if (!per_channel || parts.size() != 4 || !graph.is(parts[3], Kind::kInt)) return std::nullopt;
  const int64_t axis = graph.integer(parts[3]);
  if (axis < 0 || static_cast<uint64_t>(axis) >= shape.size()) return std::nullopt;
  const std::optional<uint32_t> scales = ReadScales(parts[1], shape[static_cast<size_t>(axis)]);
  const std::optional<uint32_t> zero_points = ReadScales(parts[2], shape[static_cast<size_t>(axis)]);
  if (!scales || !zero_points) return std::nullopt;
  result.per_channel = true;
  result.axis = static_cast<uint32_t>(axis);
  result.scales = *scales;
  result.zero_points = *zero_points;
  return result;
}

Result<NodeId> TorchConstructor::RebuildQuantized(const Call& call) {
  AIRLOCK_ASSIGN(const std::optional<Strided> strided, ReadStrided(call));
  if (!strided || call.args.size() != 7) return Odd(call);
  const auto dtype = static_cast<DType>(context_.graph.storage_dtype(strided->storage));
  const std::optional<uint32_t> flags = ReadFlags(call.args[5], kNoNode, dtype);
  std::optional<Quantization> quantization = ReadQuantizer(call.args[4], strided->shape);
  if (!flags || !quantization || !IsQuantized(dtype)) return Odd(call);
  CheckHooks(call.args[6], call.at);
  AIRLOCK_ASSIGN(const NodeId node, AddView(*strided, dtype, *flags, call.at));
  quantization->tensor = context_.graph.tensor(node);
  quantization_of_.emplace(quantization->tensor, tables_.quantizations().size());
  tables_.AddQuantization(*quantization);
  return node;
}

bool TorchConstructor::IsEmptyState(NodeId state) const {
  if (context_.graph.is(state, Kind::kNone)) return true;
  const bool container = context_.graph.is(state, Kind::kDict) || context_.graph.is(state, Kind::kOrderedDict) ||
                         context_.graph.is(state, Kind::kTuple);
  return container && context_.graph.children(state).empty();
}

// (data, requires_grad, hooks[, state])
Result<NodeId> TorchConstructor::RebuildParameter(const Call& call) {
  const bool with_state = context_.symbols[call.symbol].name == "_rebuild_parameter_with_state";
  if (call.args.size() != (with_state ? 4U : 3U) || !context_.graph.is(call.args[0], Kind::kTensor)) return Odd(call);
  const std::optional<bool> grad = ReadBool(call.args[1]);
  if (!grad) return Odd(call);
  CheckHooks(call.args[2], call.at);
  if (with_state && !IsEmptyState(call.args[3])) {
    Note("torch.tensor-attributes", Severity::kNote, "a parameter has attributes of its own; they are dropped",
         call.at);
  }
  const uint32_t kept = tables_.tensor(context_.graph.tensor(call.args[0])).flags & (kConj | kNeg);
  return CopyTensor(call.args[0], kept | kParameter | GradFlag(*grad), call.at);
}

// Parameter(data[, requires_grad])
Result<NodeId> TorchConstructor::MakeParameter(const Call& call) {
  if (call.args.empty() || call.args.size() > 2 || !context_.graph.is(call.args[0], Kind::kTensor)) return Odd(call);
  const std::optional<bool> grad = call.args.size() > 1 ? ReadBool(call.args[1]) : true;
  if (!grad) return Odd(call);
  const uint32_t kept = tables_.tensor(context_.graph.tensor(call.args[0])).flags & (kConj | kNeg);
  return CopyTensor(call.args[0], kept | kParameter | GradFlag(*grad), call.at);
}

// (func, type, args, state): a plain tensor with attributes, or a subclass. Only the former is a tensor here.
Result<NodeId> TorchConstructor::RebuildFromType(const Call& call) {
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() != 4 || !graph.is(call.args[0], Kind::kSymbol) || !graph.is(call.args[1], Kind::kSymbol) ||
      !graph.is(call.args[2], Kind::kTuple)) {
    return Odd(call);
  }
  const std::string type = context_.symbols.FullName(graph.symbol(call.args[1]));
  const uint32_t function = graph.symbol(call.args[0]);
  const BuilderRow* row = FindBuilder(function);
  // A builder that builds by a builder would be recursion on what the file says.
  if (row == nullptr || row->build == &TorchConstructor::RebuildFromType) return Odd(call);
  if (type != "torch.Tensor" && type != "torch.nn.parameter.Parameter" && type != "torch.nn.parameter.Buffer") {
    return KeepRecord(call);
  }
  AIRLOCK_ASSIGN(const NodeId made, Construct(function, call.args[2], call.at));
  if (!graph.is(made, Kind::kTensor)) return kNoNode;
  if (!IsEmptyState(call.args[3])) {
    Note("torch.tensor-attributes", Severity::kNote, "a tensor has attributes of its own; they are dropped", call.at);
  }
  return made;
}

// --- other values ---

Result<NodeId> TorchConstructor::MakeSize(const Call& call) {
  if (call.args.size() != 1) return Odd(call);
  const bool sequence = context_.graph.is(call.args[0], Kind::kTuple) || context_.graph.is(call.args[0], Kind::kList);
  if (!sequence || context_.graph.children(call.args[0]).size() > context_.limits.dims) return Odd(call);
  for (const NodeId item : context_.graph.children(call.args[0])) {
    if (!context_.graph.is(item, Kind::kInt)) return Odd(call);
  }
  return context_.graph.CopyAs(Kind::kSize, call.args[0]);
}

// ("cpu",) or ("cuda", 0)
Result<NodeId> TorchConstructor::MakeDevice(const Call& call) {
  if (call.args.empty() || call.args.size() > 2 || !context_.graph.is(call.args[0], Kind::kString)) return Odd(call);
  std::string name(context_.graph.text(call.args[0]));
  if (call.args.size() == 2) {
    if (!context_.graph.is(call.args[1], Kind::kInt) || context_.graph.integer(call.args[1]) < 0) return Odd(call);
    name.append(":").append(std::to_string(context_.graph.integer(call.args[1])));
  }
  if (!IsDeviceName(name)) return Odd(call);
  return context_.graph.Text(Kind::kDevice, name);
}

Result<NodeId> TorchConstructor::GetLayout(const Call& call) {
  if (call.args.size() != 1 || !context_.graph.is(call.args[0], Kind::kString)) return Odd(call);
  constexpr std::string_view kPrefix = "torch.";
  const std::string name(context_.graph.text(call.args[0]));
  if (!name.starts_with(kPrefix) || !IsLayout(std::string_view(name).substr(kPrefix.size()))) return Odd(call);
  return context_.graph.Text(Kind::kLayout, std::string_view(name).substr(kPrefix.size()));
}

}  // namespace airlock::tensors
