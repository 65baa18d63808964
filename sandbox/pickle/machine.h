// The pickle machine: decodes one stream of protocols 0 to 5 into a Graph. Opcodes are decoded, callables never called.
//
// Table-driven (opcodes.h), no recursion, every size checked, every limit named. After an error the graph holds what
// was built so far and must not be emitted. Sources: pickletools.py and Lib/pickle.py of CPython 3.11.
#pragma once

#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/limits.h"
#include "sandbox/pickle/constructor.h"
#include "sandbox/pickle/graph.h"
#include "sandbox/pickle/source.h"
#include "sandbox/pickle/streams.h"
#include "sandbox/pickle/symbols.h"

namespace airlock::pickle {

// A dict that an object of the stream has for its own, with so many children when it took it.
struct KeptDict {
  NodeId dict = kNoNode;
  size_t children = 0;
};

// What all streams of one load share. Owned by the caller.
struct Context {
  Limits limits;
  Graph graph;
  Symbols symbols;
  std::vector<Finding> findings;
  uint64_t findings_left_out = 0;  // beyond limits.findings
  // Over all streams. A construction that copies n children counts n more, so that copying cannot be had for nothing.
  uint64_t opcodes = 0;
  // Of the streams that run. What was looked through when it was taken must stay as it was.
  std::vector<KeptDict> kept_dicts;
  // Decodes streams inside streams. Without one, every call of a loader is an accusation.
  Streams* streams = nullptr;
};

// Adds a finding; beyond limits.findings the last one counts the rest and is as severe as the worst of them.
void AddFinding(Context& context, Finding finding);

// Runs one stream from the source's position to its STOP, and leaves the source behind it.
// Returns the object that STOP yields. `level` is the depth of nesting, 0 for the file's own streams.
Result<NodeId> Decode(Context& context, Constructor& constructor, Source& source, uint32_t level);

}  // namespace airlock::pickle
