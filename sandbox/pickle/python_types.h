// Constructions of Python's own classes, carried out as data: OrderedDict, set, bytearray and the like.
#pragma once

#include "sandbox/pickle/machine.h"
#include "sandbox/pickle/suspicion.h"

namespace airlock::pickle {

// The object that `call` makes, whose callee is a symbol with this builder; kNoNode where the arguments are none that
// Python itself writes (a note says so): the call then stays an inert record.
Result<NodeId> ConstructPython(Context& context, Builder builder, const Call& call);

}  // namespace airlock::pickle
