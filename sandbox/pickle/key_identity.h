// KeyIdentity: which keys of a dict, or members of a set, are one and the same to Python. A pickle may set a key twice;
// at the end of the load the dict has it once, in its first place and with its last value.
//
// 1, 1.0, True and numpy's 1 are one key. Tuples are compared by what they hold, frozen sets regardless of order, NaN
// and everything with an identity (records, tensors, symbols) by identity. Keys get canonical numbers from the leaves
// up, each node once: linear even where tuples of tuples share their parts (a memo bomb), and without recursion.
//
//   KeyIdentity identity(graph);
//   for (NodeId child : identity.DistinctPairs(dict)) ...   // key, value, key, value
//
// The graph must not change meanwhile. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/pickle/graph.h"

namespace airlock::pickle {

class KeyIdentity {
 public:
  explicit KeyIdentity(const Graph& graph) : graph_(graph) {}

  // kDict, kOrderedDict: alternating keys and values. kSet, kFrozenSet: members. Both are valid until the next call,
  // and are the graph's own children where no two keys are one.
  std::span<const NodeId> DistinctPairs(NodeId dict);
  std::span<const NodeId> DistinctMembers(NodeId set);

 private:
  std::span<const NodeId> Distinct(std::span<const NodeId> children, size_t step);
  // Whether no two keys are one, where that is quick to see: texts and integers, as honest files have them.
  bool SurelyDistinct(std::span<const NodeId> children, size_t step);
  bool FewTextsDiffer(std::span<const NodeId> children, size_t step);
  bool AreLastKeys(std::span<const NodeId> children, size_t step) const;
  // The same by a table of their hashes. False too where there is a key of another kind.
  bool ManyKeysDiffer(std::span<const NodeId> children, size_t step);
  bool IsPlainKey(NodeId node) const;
  uint64_t PlainHash(NodeId key) const;
  bool SamePlainKey(NodeId left, NodeId right) const;

  // The canonical number of a node: equal for equal keys.
  uint32_t Canonical(NodeId node);
  // The number of a node whose items, if any, have theirs.
  uint32_t Number(NodeId node);
  uint32_t NumberOf(std::string key);
  uint32_t NumberOfItems(NodeId node, Kind kind);
  std::string FloatKey(NodeId node, double value) const;
  bool HasItems(NodeId node) const;

  const Graph& graph_;
  std::vector<uint32_t> canonical_;  // by node; 0: not yet
  std::unordered_map<std::string, uint32_t, KeyedHash> numbers_;
  std::unordered_map<std::string_view, uint32_t, KeyedHash> strings_;
  std::vector<uint32_t> place_;  // by canonical number: where it stands in the result at work, plus 1
  std::vector<NodeId> distinct_;
  std::vector<NodeId> pending_;
  std::vector<NodeId> last_keys_;  // texts that differ
  std::vector<uint64_t> hashes_;   // of ManyKeysDiffer, by key
  std::vector<uint64_t> slots_;    // half of a hash, and the key's place plus 1
};

}  // namespace airlock::pickle
