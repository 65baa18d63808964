// Constructors: the one Constructor that the machine takes, over torch's and numpy's. Each is asked about its own
// symbols.
#pragma once

#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/numpy_constructor.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

// Not thread-safe; borrows all that it is given.
class Constructors final : public pickle::Constructor {
 public:
  // `in_stream` is nullptr where no array can stand between the opcodes.
  Constructors(pickle::Context& context, Tables& tables, StorageResolver& storages, PersistentForm form,
               ArrayData& arrays, ArraysInStream* in_stream = nullptr)
      : context_(context), torch_(context, tables, storages, form), numpy_(context, tables, arrays, in_stream) {}

  Result<pickle::NodeId> Construct(uint32_t symbol, pickle::NodeId args, uint64_t offset) override {
    return For(symbol).Construct(symbol, args, offset);
  }
  Result<bool> Build(pickle::NodeId object, pickle::NodeId state, uint64_t offset) override {
    using pickle::Kind;
    const pickle::Graph& graph = context_.graph;
    if (!graph.is(object, Kind::kRecord)) return torch_.Build(object, state, offset);
    const pickle::NodeId callee = graph.record(object).callee;
    if (!graph.is(callee, Kind::kSymbol)) return false;
    return For(graph.symbol(callee)).Build(object, state, offset);
  }
  Result<pickle::NodeId> Persistent(pickle::NodeId id, uint64_t offset) override {
    return torch_.Persistent(id, offset);
  }
  Result<pickle::NodeId> Value(uint32_t symbol, uint64_t offset) override { return For(symbol).Value(symbol, offset); }

 private:
  pickle::Constructor& For(uint32_t symbol) {
    if (numpy_.Knows(symbol)) return numpy_;
    return torch_;
  }

  pickle::Context& context_;
  TorchConstructor torch_;
  NumpyConstructor numpy_;
};

}  // namespace airlock::tensors
