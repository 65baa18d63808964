// Constructor: carries out known constructions as data. The machine decodes opcodes and knows no class; whatever a
// class means stands behind this interface. Generic Python classes are in pickle/python_types.*, torch's in tensors/.
#pragma once

#include <cstdint>

#include "sandbox/base/error.h"
#include "sandbox/pickle/graph.h"

namespace airlock::pickle {

// It is asked about symbols whose Builder is kExternal (symbols.h), and about nothing else.
class Constructor {
 public:
  virtual ~Constructor() = default;

  // REDUCE, NEWOBJ, INST, OBJ of a known symbol. Returns the object, or kNoNode to leave an inert record (arguments
  // that the real builder never writes, for example; say so with a finding). An error ends the load. `symbol` indexes
  // Symbols; `args` is a kTuple node; `offset` is that of the opcode.
  virtual Result<NodeId> Construct(uint32_t symbol, NodeId args, uint64_t offset) = 0;

  // BUILD of what a Constructor made: a kTensor, kStorage or any kind that numbers from kSparseTensor on. False: not
  // understood; the machine wraps the object and the state into an inert record.
  // BUILD of a kRecord whose callee is a symbol of its own, after the machine has added the state: the Constructor may
  // complete it (Graph::Become). What it answers makes no difference then.
  virtual Result<bool> Build(NodeId object, NodeId state, uint64_t offset) = 0;

  // PERSID, BINPERSID. A new kRecord is one of a call that the reader makes for this id.
  virtual Result<NodeId> Persistent(NodeId id, uint64_t offset) = 0;

  // A bare GLOBAL of a known symbol that is a value and not a class (torch.float32). kNoNode: leave the kSymbol node.
  virtual Result<NodeId> Value(uint32_t symbol, uint64_t offset) = 0;
};

}  // namespace airlock::pickle
