#include "sandbox/formats/torch_tar.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/base/little_endian.h"
#include "sandbox/formats/array_storages.h"
#include "sandbox/formats/sniff.h"
#include "sandbox/formats/strangers.h"
#include "sandbox/formats/tar_archive.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/tensors/constructors.h"
#include "sandbox/tensors/device_name.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::formats {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;
using pickle::Severity;
using tensors::DType;

Unexpected<Error> Malformed(const std::string& what, uint64_t at) {
  return Fail(Reason::kTarMalformed, "torch's tar archive " + what, at);
}

// A storage, or a view that has a key of its own: a slice of another storage.
struct Slice {
  uint32_t storage = 0;
  DType dtype = DType::kNone;
  uint64_t offset = 0;  // in elements
  uint64_t numel = 0;
};

// The storages and tensors of the archive by key. Storages and tensors share one dict in torch, so one key cannot be
// both.
class TarObjects {
 public:
  TarObjects(const Input& input, Checkpoint& checkpoint) : input_(input), checkpoint_(checkpoint) {}

  Result<void> AddStorage(NodeId description, WindowSource& source);
  Result<void> AddView(NodeId description, uint64_t at);
  Result<void> AddTensor(NodeId description, WindowSource& source);
  // The tensor or storage of a key; kNoNode where there is none.
  NodeId Find(int64_t key);

 private:
  struct Geometry {
    uint64_t offset = 0;
    std::vector<uint64_t> shape;
    std::vector<uint64_t> stride;
  };

  const Graph& graph() const { return checkpoint_.context.graph; }
  // The items of a tuple of `count`; absent where it is none.
  std::optional<std::vector<NodeId>> Tuple(NodeId node, size_t count) const;
  Result<void> CheckFresh(NodeId key, uint64_t at) const;
  Result<Geometry> ReadGeometry(WindowSource& source) const;
  Result<Slice> SliceOf(NodeId storage_key, const Geometry& geometry, uint64_t at);
  void CheckClass(NodeId type, DType dtype, uint64_t at);

  const Input& input_;
  Checkpoint& checkpoint_;
  // Trees: no choice of keys makes them slow.
  std::map<int64_t, Slice> storages_;
  tensors::StorageClasses storage_classes_;
  std::map<int64_t, NodeId> nodes_;  // of tensors, and of storages that were asked for
};

std::optional<std::vector<NodeId>> TarObjects::Tuple(NodeId node, size_t count) const {
  if (!graph().is(node, Kind::kTuple) || graph().children(node).size() != count) return std::nullopt;
  const auto children = graph().children(node);
  return std::vector<NodeId>(children.begin(), children.end());
}

Result<void> TarObjects::CheckFresh(NodeId key, uint64_t at) const {
  if (!graph().is(key, Kind::kInt)) return Malformed("has a key that is no number", at);
  const int64_t number = graph().integer(key);
  if (storages_.contains(number) || nodes_.contains(number)) return Malformed("has one key for two things", at);
  const uint64_t most = checkpoint_.context.limits.members;
  if (storages_.size() >= most) return FailLimit("members", most, storages_.size() + 1, at);
  return {};
}

Result<void> TarObjects::AddStorage(NodeId description, WindowSource& source) {
  const uint64_t at = source.offset();
  const auto parts = Tuple(description, 3);
  if (!parts) return Malformed("describes a storage as torch never does", at);
  AIRLOCK_TRY(CheckFresh((*parts)[0], at));
  const NodeId location = (*parts)[1];
  if (!graph().is(location, Kind::kString) || !tensors::IsDeviceName(graph().text(location))) {
    return Malformed("names a device as torch never does", at);
  }
  AIRLOCK_ASSIGN(const DType dtype, tensors::StorageClass(checkpoint_.context, (*parts)[2], at, storage_classes_));
  AIRLOCK_TRY(source.Need(sizeof(uint64_t)));
  const auto numel = LoadLittle<uint64_t>(source.peek());
  source.Skip(sizeof(uint64_t));
  const std::optional<uint64_t> nbytes = CheckedMul(numel, tensors::ItemSize(dtype));
  if (!nbytes || *nbytes > source.remaining()) return Fail(Reason::kTruncated, "inside a storage", source.offset());
  const uint32_t storage = checkpoint_.tables.AddStorage(
      input_.StorageAt(source.offset(), *nbytes, checkpoint_.tables.Device(graph().text(location))));
  storages_.emplace(graph().integer((*parts)[0]), Slice{storage, dtype, 0, numel});
  source.SkipTo(source.offset() + *nbytes);
  return {};
}

Result<void> TarObjects::AddView(NodeId description, uint64_t at) {
  const auto parts = Tuple(description, 4);
  if (!parts) return Malformed("describes a view of a storage as torch never does", at);
  AIRLOCK_TRY(CheckFresh((*parts)[0], at));
  for (size_t i = 1; i < 4; ++i) {
    if (!graph().is((*parts)[i], Kind::kInt)) return Malformed("describes a view of a storage by no numbers", at);
  }
  const auto root = storages_.find(graph().integer((*parts)[1]));
  if (root == storages_.end()) return Malformed("has a view of a storage that is not there", at);
  Slice view = root->second;
  const auto offset = static_cast<uint64_t>(graph().integer((*parts)[2]));
  const auto numel = static_cast<uint64_t>(graph().integer((*parts)[3]));
  if (!SpanFits(offset, numel, view.numel)) {
    return Fail(Reason::kTensorOutOfBounds, "a view of a storage reaches outside it", at);
  }
  view.offset += offset;
  view.numel = numel;
  storages_.emplace(graph().integer((*parts)[0]), view);
  return {};
}

Result<TarObjects::Geometry> TarObjects::ReadGeometry(WindowSource& source) const {
  constexpr size_t kRankBytes = 8;  // four of them padding
  AIRLOCK_TRY(source.Need(kRankBytes));
  const auto rank = LoadLittle<int32_t>(source.peek());
  source.Skip(kRankBytes);
  if (rank < 0) return Malformed("has a tensor of less than no dimensions", source.offset());
  const uint64_t most = checkpoint_.context.limits.dims;
  if (static_cast<uint64_t>(rank) > most) return FailLimit("dims", most, static_cast<uint64_t>(rank), source.offset());
  std::vector<uint64_t> numbers(2 * static_cast<size_t>(rank) + 1);
  for (uint64_t& number : numbers) {
    AIRLOCK_TRY(source.Need(sizeof(number)));
    number = LoadLittle<uint64_t>(source.peek());
    source.Skip(sizeof(number));
    if (number > INT64_MAX) {
      return Fail(Reason::kTensorOutOfBounds, "a tensor has a negative size, stride or offset", source.offset());
    }
  }
  return Geometry{.offset = numbers.back(),
                  .shape = {numbers.begin(), numbers.begin() + rank},
                  .stride = {numbers.begin() + rank, numbers.end() - 1}};
}

// An empty tensor had no storage in those days.
Result<Slice> TarObjects::SliceOf(NodeId storage_key, const Geometry& geometry, uint64_t at) {
  if (graph().is(storage_key, Kind::kNone) && geometry.shape.empty()) {
    return Slice{checkpoint_.tables.AddStorage({.device = checkpoint_.tables.Device("cpu")}), DType::kFloat32, 0, 0};
  }
  if (!graph().is(storage_key, Kind::kInt)) return Malformed("has a tensor without a storage", at);
  const auto found = storages_.find(graph().integer(storage_key));
  if (found == storages_.end()) return Malformed("has a tensor of a storage that is not there", at);
  if (found->second.dtype == DType::kNone) return Malformed("has a tensor of a storage without a type", at);
  return found->second;
}

// torch.FloatTensor for a torch.FloatStorage. Torch goes by the storage and never looks at the class.
void TarObjects::CheckClass(NodeId type, DType dtype, uint64_t at) {
  if (graph().is(type, Kind::kSymbol)) {
    const pickle::SymbolUse& use = checkpoint_.context.symbols[graph().symbol(type)];
    std::string_view name = tensors::RowOf(dtype).storage;
    name.remove_suffix(std::string_view("Storage").size());
    const bool torchs = use.module == "torch" || use.module == "torch.cuda";
    if (torchs && use.name == std::string(name) + "Tensor") return;
  }
  pickle::AddFinding(checkpoint_.context, {.id = "torch.odd-arguments",
                                           .severity = Severity::kWarning,
                                           .message = "a tensor is of another class than its storage",
                                           .where = {},
                                           .offset = at});
}

Result<void> TarObjects::AddTensor(NodeId description, WindowSource& source) {
  const uint64_t at = source.offset();
  const auto parts = Tuple(description, 3);
  if (!parts) return Malformed("describes a tensor as torch never does", at);
  AIRLOCK_TRY(CheckFresh((*parts)[0], at));
  AIRLOCK_ASSIGN(Geometry geometry, ReadGeometry(source));
  AIRLOCK_ASSIGN(const Slice slice, SliceOf((*parts)[1], geometry, at));
  if (graph().is((*parts)[1], Kind::kInt)) CheckClass((*parts)[2], slice.dtype, at);
  // No dimensions meant no elements: there were no scalars.
  if (geometry.shape.empty()) {
    geometry.shape = {0};
    geometry.stride = {1};
  }
  const Limits& limits = checkpoint_.context.limits;
  AIRLOCK_TRY(tensors::CheckGeometry(geometry.offset, geometry.shape, geometry.stride, slice.numel, limits.dims, at));
  const std::optional<uint64_t> offset = CheckedAdd(slice.offset, geometry.offset);
  if (!offset) return Fail(Reason::kTensorOutOfBounds, "a tensor reaches outside its storage", at);
  const uint64_t count = checkpoint_.tables.tensor_count();
  if (count >= limits.tensors) return FailLimit("tensors", limits.tensors, count + 1, at);
  const uint32_t tensor = checkpoint_.tables.AddTensor({.storage = slice.storage,
                                                        .dtype = slice.dtype,
                                                        .flags = 0,
                                                        .offset = *offset,
                                                        .shape = geometry.shape,
                                                        .stride = geometry.stride});
  nodes_.emplace(graph().integer((*parts)[0]), checkpoint_.context.graph.Tensor(tensor));
  return {};
}

NodeId TarObjects::Find(int64_t key) {
  if (const auto node = nodes_.find(key); node != nodes_.end()) return node->second;
  const auto storage = storages_.find(key);
  if (storage == storages_.end()) return kNoNode;
  const auto dtype = static_cast<uint32_t>(storage->second.dtype);
  const NodeId node = checkpoint_.context.graph.Storage(storage->second.storage, dtype);
  nodes_.emplace(key, node);
  return node;
}

// Torch's and numpy's constructions as everywhere; persistent ids are keys of what the other members hold.
class TarConstructor final : public pickle::Constructor, private tensors::StorageResolver {
 public:
  TarConstructor(const Input& input, Output& output, Checkpoint& checkpoint, TarObjects& objects)
      : context_(checkpoint.context),
        objects_(objects),
        arrays_(input, output),
        known_(checkpoint.context, checkpoint.tables, *this, tensors::PersistentForm::kLegacy, arrays_) {}

  Result<NodeId> Construct(uint32_t symbol, NodeId args, uint64_t offset) override {
    return known_.Construct(symbol, args, offset);
  }
  Result<bool> Build(NodeId object, NodeId state, uint64_t offset) override {
    return known_.Build(object, state, offset);
  }
  Result<NodeId> Value(uint32_t symbol, uint64_t offset) override { return known_.Value(symbol, offset); }
  Result<NodeId> Persistent(NodeId id, uint64_t offset) override;

 private:
  // Never asked: no persistent id goes to known_.
  Result<uint32_t> Resolve(const tensors::StorageRequest& request) override {
    return Malformed("has a storage outside its members", request.at);
  }

  pickle::Context& context_;
  TarObjects& objects_;
  ArrayStorages arrays_;
  tensors::Constructors known_;
};

// The key as text, or (class, file of its source, source) in place of a class.
Result<NodeId> TarConstructor::Persistent(NodeId id, uint64_t offset) {
  const Graph& graph = context_.graph;
  if (graph.is(id, Kind::kTuple) && graph.children(id).size() == 3 && graph.is(graph.children(id)[0], Kind::kSymbol)) {
    pickle::AddFinding(context_, {.id = "torch.module-source",
                                  .severity = Severity::kNote,
                                  .message = "the file carries the source code of a class; it is not used",
                                  .where = {},
                                  .offset = offset});
    return graph.children(id)[0];
  }
  constexpr size_t kMaxDigits = 18;
  const std::string_view text = graph.is(id, Kind::kString) ? graph.text(id) : std::string_view();
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.empty() || text.size() > kMaxDigits || !digits) {
    return Malformed("has a persistent id that is no key", offset);
  }
  int64_t key = 0;
  for (const char c : text) key = key * 10 + (c - '0');
  const NodeId node = objects_.Find(key);
  if (node == kNoNode) return Malformed("refers to a tensor that is not there", offset);
  return node;
}

class TorchTar {
 public:
  TorchTar(const Input& input, Output& output, Checkpoint& checkpoint, const TarArchive& archive)
      : input_(input),
        checkpoint_(checkpoint),
        archive_(archive),
        objects_(input, checkpoint),
        constructor_(input, output, checkpoint, objects_) {}

  Result<void> Decode() {
    AIRLOCK_TRY(ReadSysInfo());
    AIRLOCK_TRY(ReadStorages());
    AIRLOCK_TRY(ReadTensors());
    AIRLOCK_ASSIGN(const TarMember* const member, Member("pickle"));
    WindowSource source(input_, member->offset, member->size);
    AIRLOCK_ASSIGN(checkpoint_.root, Next(source));
    AIRLOCK_TRY(AtEnd(source));
    NoteStrangers();
    return {};
  }

 private:
  Result<const TarMember*> Member(std::string_view name) const {
    const TarMember* member = archive_.Find(name);
    if (member == nullptr) return Malformed("has no member '" + std::string(name) + "'", 0);
    return member;
  }
  Result<NodeId> Next(WindowSource& source) {
    return pickle::Decode(checkpoint_.context, constructor_, source, checkpoint_.level);
  }
  Result<int64_t> Count(WindowSource& source) {
    AIRLOCK_ASSIGN(const NodeId count, Next(source));
    const Graph& graph = checkpoint_.context.graph;
    if (graph.is(count, Kind::kInt) && graph.integer(count) >= 0) return graph.integer(count);
    return Malformed("does not say how many storages or tensors it has", source.offset());
  }
  static Result<void> AtEnd(const WindowSource& source) {
    if (source.AtEnd()) return {};
    return Fail(Reason::kTrailingBytes, "bytes follow the data in a member of the tar archive", source.offset());
  }

  Result<void> ReadSysInfo();
  Result<void> ReadStorages();
  Result<void> ReadTensors();
  void NoteStrangers();

  const Input& input_;
  Checkpoint& checkpoint_;
  const TarArchive& archive_;
  TarObjects objects_;
  TarConstructor constructor_;
};

// What machine wrote it, which nothing depends on.
Result<void> TorchTar::ReadSysInfo() {
  if (archive_.Find("sys_info") == nullptr) return {};
  AIRLOCK_ASSIGN(const TarMember* const member, Member("sys_info"));
  WindowSource source(input_, member->offset, member->size);
  AIRLOCK_ASSIGN(const NodeId info, Next(source));
  if (!checkpoint_.context.graph.is(info, Kind::kDict)) return Malformed("does not describe its machine", 0);
  return AtEnd(source);
}

Result<void> TorchTar::ReadStorages() {
  AIRLOCK_ASSIGN(const TarMember* const member, Member("storages"));
  WindowSource source(input_, member->offset, member->size);
  AIRLOCK_ASSIGN(const int64_t count, Count(source));
  for (int64_t i = 0; i < count; ++i) {
    AIRLOCK_ASSIGN(const NodeId description, Next(source));
    AIRLOCK_TRY(objects_.AddStorage(description, source));
  }
  AIRLOCK_ASSIGN(const NodeId views, Next(source));
  const Graph& graph = checkpoint_.context.graph;
  if (!graph.is(views, Kind::kList)) return Malformed("has no list of views", source.offset());
  for (const NodeId view : graph.children(views)) AIRLOCK_TRY(objects_.AddView(view, source.offset()));
  return AtEnd(source);
}

Result<void> TorchTar::ReadTensors() {
  AIRLOCK_ASSIGN(const TarMember* const member, Member("tensors"));
  WindowSource source(input_, member->offset, member->size);
  AIRLOCK_ASSIGN(const int64_t count, Count(source));
  for (int64_t i = 0; i < count; ++i) {
    AIRLOCK_ASSIGN(const NodeId description, Next(source));
    AIRLOCK_TRY(objects_.AddTensor(description, source));
  }
  return AtEnd(source);
}

void TorchTar::NoteStrangers() {
  for (const TarMember& member : archive_.members()) {
    if (member.name == "sys_info" || member.name == "pickle" || member.name == "tensors" || member.name == "storages") {
      continue;
    }
    const Result<Format> content = Sniff(input_.Part(member.offset, member.size));
    TellOfStranger(checkpoint_.context, {"tar.unused-member", member.name, member.header_offset, content});
  }
}

}  // namespace

Result<void> DecodeTorchTar(const Input& input, Output& output, Checkpoint& checkpoint) {
  AIRLOCK_ASSIGN(const TarArchive archive,
                 TarArchive::Read(input, checkpoint.context.limits, {"sys_info", "pickle", "tensors", "storages"}));
  return TorchTar(input, output, checkpoint, archive).Decode();
}

}  // namespace airlock::formats
