// EmitOrder: which nodes, tensors and storages the root reaches, and under which numbers they go out.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/pickle/key_identity.h"

namespace airlock::worker {

inline constexpr uint32_t kNotReached = UINT32_MAX;

// A numbering: `order` lists the old indices in their new order, `index` has the new one of each old, or kNotReached.
struct Numbering {
  std::vector<uint32_t> order;
  std::vector<uint32_t> index;

  explicit Numbering(size_t size) : index(size, kNotReached) { order.reserve(size); }
  // False where it was reached before.
  bool Reach(uint32_t old) {
    if (index[old] != kNotReached) return false;
    index[old] = static_cast<uint32_t>(order.size());
    order.push_back(old);
    return true;
  }
};

// The nodes that the root reaches. In the plan the root is 0, the others follow in the order in which the pickle made
// them: an order that needs no list, and numbers that need a bit and a half a node.
class NodeNumbers {
 public:
  explicit NodeNumbers(size_t size) : reached_(size / kBlock + 1, 0), first_(size / kBlock + 1, 0) {}

  // False where it was reached before.
  bool Reach(pickle::NodeId node) {
    uint64_t& block = reached_[node / kBlock];
    const uint64_t before = block;
    block |= BitOf(node);
    return block != before;
  }
  bool reached(pickle::NodeId node) const { return (reached_[node / kBlock] & BitOf(node)) != 0; }
  // `use` of every reached node, in order, until it says false once; then that.
  template <typename Use>
  bool ForEach(const Use& use) const {
    return ForEachRun([&](pickle::NodeId node, pickle::NodeId end) {
      for (; node != end; ++node) {
        if (!use(node)) return false;
      }
      return true;
    });
  }
  // The same of runs of them: from the one up to the other. Most nodes of a checkpoint are arguments that made a tensor
  // and are reached no more: they are passed by the block.
  template <typename Use>
  bool ForEachRun(const Use& use) const;
  // Once all are reached.
  void Number(pickle::NodeId root);
  // What a node is called in the plan. REQUIRES: reached(node), Number was called.
  uint32_t operator[](pickle::NodeId node) const {
    if (node == root_) return 0;
    const uint64_t before = reached_[node / kBlock] & (BitOf(node) - 1);
    return first_[node / kBlock] + CountOf(before) + (node < root_ ? 1 : 0);
  }
  // The same of many. `out` has room for as many.
  void Of(std::span<const pickle::NodeId> nodes, uint32_t* out) const;

 private:
  static constexpr size_t kBlock = 64;
  static uint64_t BitOf(pickle::NodeId node) { return uint64_t{1} << (node % kBlock); }
  template <typename Count>
  void OfBy(Count count, std::span<const pickle::NodeId> nodes, uint32_t* out) const;
  void OfByInstruction(std::span<const pickle::NodeId> nodes, uint32_t* out) const;
  // How many bits are set. The worker is built for processors without an instruction for it, and std::popcount calls.
  static uint32_t CountOf(uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F;
    return static_cast<uint32_t>(bits * 0x0101010101010101 >> 56);
  }

  pickle::NodeId root_ = pickle::kNoNode;
  std::vector<uint64_t> reached_;  // a bit for each node of a block
  std::vector<uint32_t> first_;    // reached nodes before the block
};

template <typename Use>
bool NodeNumbers::ForEachRun(const Use& use) const {
  size_t begin = 0;  // of a run that goes on
  bool open = false;
  for (size_t block = 0; block < reached_.size(); ++block) {
    const uint64_t bits = reached_[block];
    for (size_t at = 0; at < kBlock;) {
      // Up to where the run ends, or the next one begins.
      const uint64_t ahead = (open ? ~bits : bits) >> at;
      at += ahead == 0 ? kBlock - at : static_cast<size_t>(std::countr_zero(ahead));
      if (at == kBlock) break;
      const size_t node = block * kBlock + at;
      if (open && !use(static_cast<pickle::NodeId>(begin), static_cast<pickle::NodeId>(node))) return false;
      begin = node;
      open = !open;
    }
  }
  // The last block has room for a node that is none, where every run ends.
  return true;
}

// Borrows the checkpoint, which must not change meanwhile.
class EmitOrder {
 public:
  explicit EmitOrder(const formats::Checkpoint& checkpoint);

  // REQUIRES: the checkpoint has a root. Fails by the limit `depth`.
  Result<void> Walk();

  const NodeNumbers& nodes() const { return nodes_; }
  const Numbering& tensors() const { return tensors_; }
  const Numbering& storages() const { return storages_; }
  // A container's children as they go out: keys of dicts and members of sets are distinct.
  std::span<const pickle::NodeId> Children(pickle::NodeId container) const;
  // By index in Tables: the row in Tables::quantizations(), or kNotReached.
  const std::vector<uint32_t>& quantization_of() const { return quantization_of_; }

 private:
  static constexpr uint64_t kMore = [] {
    using enum pickle::Kind;
    uint64_t kinds = 0;
    for (const pickle::Kind each :
         {kList, kTuple, kSet, kFrozenSet, kDict, kOrderedDict, kSize, kTensor, kArray, kStorage, kRecord,
          kSparseTensor, kMetaTensor, kNestedTensor, kStream, kAttributed, kScalar}) {
      kinds |= uint64_t{1} << static_cast<uint8_t>(each);
    }
    return kinds;
  }();

  // What is still to be visited of one node: a run of children, or a single one.
  struct Step {
    const pickle::NodeId* next;
    const pickle::NodeId* end;
    pickle::NodeId single;
    uint32_t depth;
  };

  Result<void> WalkNodes();
  Result<void> TakeStep();
  // Numbers a node, and goes on to what it holds.
  Result<void> Visit(pickle::NodeId node, uint32_t depth) {
    return nodes_.Reach(node) && HasMore(graph_.kind(node)) ? Enter(node, depth) : Result<void>();
  }
  Result<void> Enter(pickle::NodeId node, uint32_t depth);
  // Whether a node of this kind refers to anything.
  static bool HasMore(pickle::Kind kind) { return (kMore >> static_cast<uint8_t>(kind) & 1) != 0; }
  bool IsKnown(pickle::NodeId callee) const;
  void VisitRecord(pickle::NodeId node, uint32_t depth);
  void VisitChildren(pickle::NodeId node, uint32_t depth);
  void PushSingle(pickle::NodeId node, uint32_t depth);
  Result<void> CheckSpans() const;
  // What no node names: the scales of quantised tensors, the storages of tensors.
  void ReachTensors();
  void ReachStorages();

  const formats::Checkpoint& checkpoint_;
  const pickle::Graph& graph_;
  pickle::KeyIdentity identity_;
  NodeNumbers nodes_;
  Numbering tensors_;
  Numbering storages_;
  std::vector<bool> storage_used_;
  std::vector<Step> steps_;
  std::unordered_map<pickle::NodeId, std::vector<pickle::NodeId>> distinct_;
  // Dicts that list what SETITEMS would have set on a record of a class that is not known: kept as they are.
  std::unordered_set<pickle::NodeId> record_pairs_;
  std::vector<uint32_t> quantization_of_;
};

}  // namespace airlock::worker
