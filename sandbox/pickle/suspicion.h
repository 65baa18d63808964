// Suspicion: decides what of a stream is worth a finding: dangerous symbols that are called, handed to a call, reached
// through getattr, or only named.
//
// A dangerous symbol is an accusation when a pickle loader would call it, or hand it to something that Airlock does not
// know to leave it alone. A dangerous symbol that is only named (an item of a list, an attribute's value) runs nothing:
// a warning. The look into arguments is bounded, so that it costs the same for every call. Where a call's callee is
// itself the result of a call, or its arguments go deeper than the look, anything that the stream names may be what is
// called: then every dangerous name is an accusation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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
  Suspicion(Context& context, uint32_t level) : context_(context), level_(level) {}

  // The stream names the symbol.
  void Named(uint32_t symbol, uint64_t offset);
  // The stream asks for a call that is not carried out.
  void Called(const Call& call);
  // The stream asks to change a class or module in place.
  void Rebuilt(uint32_t symbol, uint64_t offset);
  // At the end, after an error too: warns of what was named and never called.
  void ReportNames();

 private:
  struct Name {
    uint32_t symbol;
    uint64_t offset;
  };

  void Accuse(uint32_t symbol, uint64_t offset, std::string_view how);
  void AccuseMentioned(NodeId node, size_t& budget, uint64_t offset);
  void LookInto(NodeId node);
  void FollowGetattr(const Call& call);
  // What getattr reaches: `path` from `base`.
  void JudgePath(NodeId base, const std::string& path, uint64_t offset);
  bool IsGetattr(NodeId callee) const;
  void Add(std::string id, Severity severity, std::string message, uint64_t offset);

  Context& context_;
  const uint32_t level_;
  std::vector<Name> named_;
  std::vector<bool> seen_;  // by symbol: stands in named_
  std::vector<NodeId> pending_;
  bool obscure_ = false;  // some call may reach what was only named
};

}  // namespace airlock::pickle
