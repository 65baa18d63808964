// Python's own classes, carried out as data: some become values (OrderedDict, set, complex), the others records of one
// normal form, which README.md lists.
#pragma once

#include <optional>

#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/suspicion.h"

namespace airlock::pickle {

// The object that `call` makes, whose callee is a symbol with this builder; kNoNode where the arguments are none that
// Python itself writes (a finding says so): the call then stays an inert record.
Result<NodeId> ConstructPython(Context& context, Builder builder, const Call& call);

// BUILD of a record whose callee is a known symbol with this builder. False where the state is none that Python writes
// (a finding says so): the record then keeps it as it is.
Result<bool> CompletePython(Context& context, Builder builder, NodeId record, NodeId state, uint64_t offset);

// What APPEND, SETITEM and ADDITEMS give to an object.
enum class Contents : uint8_t { kNothing, kItems, kPairs };

// A finding where the class of such a record takes no such contents.
void CheckContents(Context& context, Builder builder, NodeId record, Contents contents, uint64_t offset);

// Whether a record of the class is complete by later opcodes only, and so must be looked at in the end.
bool FinishesLater(Builder builder);

// At the end of a stream that began with this node: a finding for each object that never got the state that it cannot
// be without, or that has more than it can keep.
void CheckFinished(Context& context, NodeId first_node, uint64_t offset);

// Whether the class keeps a function to call it later, so that its arguments are to be judged as a call's are.
bool KeepsFunctions(Builder builder);

// A call of copyreg's helpers, which protocols 0 and 1 write for what NEWOBJ does in later ones: the class's __new__,
// and what the base class is filled with.
struct NewInstance {
  Call call;
  NodeId contents = kNoNode;  // a list, or a dict
};

// Whether a call of such a symbol may be one.
constexpr bool HelpsToMakeInstances(Builder builder) {
  return builder == Builder::kReconstructor || builder == Builder::kNewObject;
}

// Nothing for any other call, and for one that Python never writes.
std::optional<NewInstance> UnwrapNewInstance(Context& context, const Call& call);

}  // namespace airlock::pickle
