// Suspicion: decides what of a stream is worth a finding: dangerous symbols that are called, handed to a call, reached
// through getattr, or only named; and classes, modules and objects that are changed so that others call what they hold.
//
// A dangerous symbol is an accusation when a pickle loader would call it, or hand it to something that Airlock does not
// know to leave it alone. A dangerous symbol that is only named (an item of a list, an attribute's value) runs nothing:
// a warning. What is handed is everything that can be reached from what a call gets, however deep; it is looked for
// once, at the end of the stream, so that it costs what the stream has built and no more. Where a call's callee is
// itself the result of a call, anything that the stream names may be what is called: then every dangerous name is an
// accusation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sandbox/pickle/machine.h"

namespace airlock::pickle {

// What REDUCE, NEWOBJ, NEWOBJ_EX, INST and OBJ ask for.
struct Call {
  NodeId callee = kNoNode;
  NodeId args = kNoNode;  // kTuple
  NodeId kwargs = kNoNode;
  bool made_by_new = false;
  uint64_t offset = 0;
};

class Suspicion {
 public:
  Suspicion(Context& context, uint32_t level)
      : context_(context), level_(level), first_node_(static_cast<NodeId>(context.graph.size())) {}

  // The stream names the symbol.
  void Named(uint32_t symbol, uint64_t offset);
  // The stream asks for a call that is not carried out.
  void Called(const Call& call);
  // The stream asks a loader for a stream, and that was decoded.
  void Decoded(uint32_t symbol);
  // The stream gives this to what will call it.
  void Handed(NodeId node) { handed_.push_back(node); }
  // The stream asks to change a class or module in place: by BUILD, or as a container.
  void Rebuilt(uint32_t symbol, uint64_t offset);
  // BUILD on a kRecord or kOrderedDict.
  void GivenState(NodeId object, NodeId state, uint64_t offset);
  // APPEND, SETITEM, ADDITEMS and their plurals on a kRecord: the loader calls a method of it.
  void Filled(NodeId record, uint64_t offset);
  // At the end, after an error too: accuses what calls can reach, and warns of what was named and never called.
  void Conclude();

 private:
  struct Name {
    uint32_t symbol;
    uint64_t offset;
  };

  void Accuse(uint32_t symbol, uint64_t offset, std::string_view how);
  void AccuseReached();
  void VisitPending();
  void Visit(NodeId node);
  void Reach(NodeId node);
  void ReachSymbol(uint32_t symbol);
  void LookForHooks(NodeId object, NodeId attributes, uint64_t offset);
  void FollowGetattr(const Call& call);
  void FollowName(const Call& call);
  // What getattr reaches: `path` from `base`.
  void JudgePath(NodeId base, const std::string& path, uint64_t offset);
  void JudgeName(const std::string& module, const std::string& name, uint64_t offset, std::string_view how);
  bool IsBuilder(NodeId callee, Builder builder) const;
  bool IsGetattr(NodeId callee) const { return IsBuilder(callee, Builder::kGetattr); }
  void Add(std::string id, Severity severity, std::string message, uint64_t offset);

  Context& context_;
  const uint32_t level_;
  const NodeId first_node_;  // of this stream
  std::vector<Name> named_;
  std::unordered_set<uint32_t> seen_;     // symbols in named_
  std::unordered_set<uint32_t> decoded_;  // loaders whose streams were decoded
  std::vector<NodeId> handed_;
  std::vector<NodeId> pending_;
  std::vector<bool> reached_;               // by node, from first_node_ on
  std::unordered_set<NodeId> own_methods_;  // records whose state has what the loader calls to fill them
  bool names_getattr_ = false;
  bool obscure_ = false;  // some call may reach what was only named
};

}  // namespace airlock::pickle
