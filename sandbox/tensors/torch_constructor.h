// TorchConstructor: carries out torch's own constructions as data: tensors, parameters, storages, sizes, devices,
// dtypes.
//
// A known builder with arguments of a form that torch never writes leaves an inert record and the finding
// `torch.odd-arguments`; a tensor that reaches outside its storage ends the load.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sandbox/pickle/constructor.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/by_symbol.h"
#include "sandbox/tensors/persistent_id.h"
#include "sandbox/tensors/storage_resolver.h"
#include "sandbox/tensors/tables.h"

namespace airlock::tensors {

struct DTypeRow;

// Not thread-safe; borrows all that it is given.
class TorchConstructor final : public pickle::Constructor {
 public:
  TorchConstructor(pickle::Context& context, Tables& tables, StorageResolver& storages, PersistentForm form)
      : context_(context), tables_(tables), storages_(storages), form_(form) {}

  Result<pickle::NodeId> Construct(uint32_t symbol, pickle::NodeId args, uint64_t offset) override;
  Result<bool> Build(pickle::NodeId object, pickle::NodeId state, uint64_t offset) override;
  Result<pickle::NodeId> Persistent(pickle::NodeId id, uint64_t offset) override;
  Result<pickle::NodeId> Value(uint32_t symbol, uint64_t offset) override;

 private:
  // One call that the pickle asks for.
  struct Call {
    uint32_t symbol;
    std::span<const pickle::NodeId> args;  // not of the graph, which grows
    uint64_t at;
  };
  using Builder = Result<pickle::NodeId> (TorchConstructor::*)(const Call& call);
  struct BuilderRow {
    const char* module;
    const char* name;
    Builder build;
  };
  // The first four arguments of every tensor builder. What ReadStrided gives is valid until it is asked again.
  struct Strided {
    pickle::NodeId storage;
    uint64_t offset;
    std::span<const uint64_t> shape;
    std::span<const uint64_t> stride;
  };

  static const BuilderRow kBuilders[];
  const BuilderRow* FindBuilder(uint32_t symbol);

  // Builders. kNoNode leaves a record.
  Result<pickle::NodeId> RebuildTensor(const Call& call);
  Result<pickle::NodeId> RebuildTensorV2(const Call& call);
  Result<pickle::NodeId> RebuildTensorV3(const Call& call);
  Result<pickle::NodeId> RebuildQuantized(const Call& call);
  Result<pickle::NodeId> RebuildSparse(const Call& call);
  Result<pickle::NodeId> RebuildNested(const Call& call);
  Result<pickle::NodeId> RebuildMeta(const Call& call);
  // RebuildTensorV2 of a storage whose data was left out.
  Result<pickle::NodeId> RebuildShell(const Call& call);
  Result<pickle::NodeId> RebuildWrapperSubclass(const Call& call);
  Result<pickle::NodeId> RebuildOfDevice(const Call& call);
  Result<pickle::NodeId> RebuildParameter(const Call& call);
  Result<pickle::NodeId> RebuildFromType(const Call& call);
  Result<pickle::NodeId> MakeParameter(const Call& call);
  Result<pickle::NodeId> MakeVariable(const Call& call);
  Result<pickle::NodeId> MakeLegacyTensor(const Call& call);
  Result<pickle::NodeId> MakeLegacySparse(const Call& call);
  Result<pickle::NodeId> RefuseAllocation(const Call& call);
  Result<pickle::NodeId> MakeSize(const Call& call);
  Result<pickle::NodeId> MakeDevice(const Call& call);
  Result<pickle::NodeId> GetLayout(const Call& call);
  Result<pickle::NodeId> TypedList(const Call& call);
  Result<pickle::NodeId> RestoreTypeTag(const Call& call);
  Result<pickle::NodeId> KnownRecord(const Call& call);

  // Classes that TorchScript or torch's C++ has, and no Python.
  bool IsScriptClass(uint32_t symbol) const;
  Result<pickle::NodeId> ScriptObject(uint32_t symbol, pickle::NodeId args, uint64_t at);
  void CompleteScriptObject(pickle::NodeId record, uint64_t at);

  // Leave a record; the finding says why.
  Result<pickle::NodeId> Odd(const Call& call);
  Result<pickle::NodeId> KeepRecord(const Call& call);
  void Note(const char* id, pickle::Severity severity, const char* message, uint64_t at);

  // Arguments. Absent: what torch never writes. An error: out of bounds.
  using Dims = std::vector<uint64_t>;
  Result<std::optional<Strided>> ReadStrided(const Call& call);
  Result<std::optional<Dims>> ReadDims(pickle::NodeId id, uint64_t at) const;
  Result<bool> ReadDims(pickle::NodeId id, uint64_t at, Dims& dims) const;
  std::optional<bool> ReadBool(pickle::NodeId id) const;
  // Flags of (requires_grad, metadata). `metadata` may be kNoNode.
  std::optional<uint32_t> ReadFlags(pickle::NodeId requires_grad, pickle::NodeId metadata, DType dtype) const;
  static uint32_t GradFlag(bool requires_grad) { return requires_grad ? uint32_t{kRequiresGrad} : 0; }
  void CheckHooks(pickle::NodeId hooks, uint64_t at);
  bool IsDevice(pickle::NodeId id) const;

  // Strided. REQUIRES of ViewOf and CopyTensor: a kTensor or kArray.
  TensorView ViewOf(pickle::NodeId id) const;
  bool IsPlainTensor(pickle::NodeId id) const;
  DType ElementsOf(pickle::NodeId storage) const;
  Result<pickle::NodeId> AddView(const Strided& strided, DType dtype, uint32_t flags, uint64_t at);
  Result<pickle::NodeId> CopyTensor(pickle::NodeId tensor, uint32_t flags, uint64_t at);

  // Quantised. The result of ReadQuantizer has no `tensor` yet.
  struct Channels {
    uint64_t count;
    uint32_t device;
    uint64_t at;
  };
  Result<std::optional<Quantization>> ReadQuantizer(pickle::NodeId id, const Strided& strided, uint64_t at);
  Result<std::optional<uint32_t>> ReadScales(pickle::NodeId id, const Channels& channels, DType made);
  Result<std::optional<uint32_t>> ScalesOfList(pickle::NodeId list, const Channels& channels, DType made);

  // Sparse.
  struct SparseParts {
    pickle::NodeId first;
    pickle::NodeId second;  // kNoNode: COO
    pickle::NodeId values;
    pickle::NodeId size;
  };
  Result<pickle::NodeId> MakeCoo(const Call& call, const SparseParts& parts, bool coalesced);
  Result<pickle::NodeId> MakeCompressed(const Call& call, SparseLayout layout, const SparseParts& parts);
  Result<pickle::NodeId> SparseNode(const Call& call, uint32_t bits, const SparseParts& parts,
                                    std::span<const uint64_t> size);

  // Wrapped.
  bool IsTensor(pickle::NodeId id) const;
  Result<pickle::NodeId> AsParameter(pickle::NodeId data, bool requires_grad, uint64_t at);
  bool IsState(pickle::NodeId state) const;
  bool IsEmptyState(pickle::NodeId state) const;
  pickle::NodeId WithState(pickle::NodeId made, pickle::NodeId state, uint64_t at);
  void CheckAttributes(pickle::NodeId state, uint64_t at);

  // Legacy: what BUILD may complete, once.
  enum class Awaits : uint8_t { kStorage, kFlags };
  const DTypeRow* LegacyDType(uint32_t symbol, std::string_view suffix) const;
  bool IsAllocation(const Call& call) const;
  Result<pickle::NodeId> EmptyTensor(DType dtype, uint64_t at);
  Result<bool> SetStorage(pickle::NodeId tensor, pickle::NodeId state, uint64_t at);
  Result<bool> SetVariable(pickle::NodeId tensor, pickle::NodeId state, uint64_t at);

  pickle::Context& context_;
  Tables& tables_;
  StorageResolver& storages_;
  PersistentForm form_;

  // By symbol: its row of kBuilders, null for none.
  BySymbol<const BuilderRow*> builder_of_;
  StorageClasses storage_classes_;
  Dims shape_;  // of ReadStrided
  Dims stride_;
  std::unordered_map<pickle::NodeId, StorageSlice> slices_;
  // What stands for storages whose data was left out: their element types.
  std::unordered_set<pickle::NodeId> shells_;
  std::unordered_map<uint32_t, size_t> quantization_of_;  // by tensor
  std::unordered_map<pickle::NodeId, Awaits> unfinished_;
  std::optional<uint32_t> empty_storage_;
};

}  // namespace airlock::tensors
