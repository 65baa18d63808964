// Graph: what a checkpoint holds besides tensor bytes, as a table of nodes that refer to each other by index. Node 0 is
// the root. Shared objects are shared nodes and cycles are possible: walk it with a stack and a set of visited nodes,
// never by recursion, for its depth is the file's to choose. airlock/v1/graph.proto says what each kind means.
//
//   for (size_t i = 0; i + 1 < pairs.size(); i += 2) Use(graph.Text(pairs[i]), pairs[i + 1]);   // of a DICT
//
// Immutable once built; const access is thread-safe. Copies share what is in it, and keep it alive.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/error.h"
#include "airlock/v1/graph.pb.h"
#include "airlock/v1/inventory.pb.h"

namespace airlock {

using NodeId = uint32_t;

// The parts of a RECORD node.
struct Record {
  NodeId callee = 0;
  std::optional<NodeId> args;
  std::optional<NodeId> kwargs;
  std::optional<NodeId> state;
  std::optional<NodeId> items;
  std::optional<NodeId> pairs;
  // A DICT or ORDERED_DICT: the state_dict() that this module or optimizer would give.
  std::optional<NodeId> recovered;
  // Made by cls.__new__(cls, *args), not by a call.
  bool by_new = false;
  // `state` is a LIST of states, applied in order.
  bool many_states = false;
};

// The parts of a SPARSE_TENSOR node. Indices and values are TENSOR nodes.
struct SparseTensor {
  v1::SparseBit layout = v1::SPARSE_BIT_UNSPECIFIED;
  bool requires_grad = false;
  bool coalesced = false;
  NodeId indices = 0;                  // of COO; else crow_indices or ccol_indices
  std::optional<NodeId> more_indices;  // col_indices or row_indices; none of COO
  NodeId values = 0;
  NodeId size = 0;  // SIZE
};

// A META_TENSOR node: a tensor without data.
struct MetaTensor {
  // v1::TensorFlag bits.
  uint32_t flags = 0;
  std::string_view dtype;
  // SIZE and TUPLE, of INT nodes.
  NodeId shape = 0;
  NodeId strides = 0;
};

class Graph {
 public:
  // No nodes.
  Graph() = default;
  // Moving is copying: nobody is left with views of what another one owns.
  Graph(const Graph&) = default;
  Graph& operator=(const Graph&) = default;

  size_t size() const { return kinds_.size(); }
  v1::NodeKind kind(NodeId node) const { return static_cast<v1::NodeKind>(kinds_[node]); }

  // REQUIRES, here and below: a node of a kind that has what is asked for.
  int64_t Int(NodeId node) const { return ints_[places_[node].first]; }
  // Of a COMPLEX, part 1 is the imaginary one.
  double Float(NodeId node, size_t part = 0) const { return floats_[places_[node].first + part]; }
  // STRING (WTF-8), BYTES, BYTE_ARRAY, BIG_INT (two's complement, little-endian), DTYPE, LAYOUT, DEVICE, NUMPY_DTYPE.
  std::string_view Text(NodeId node) const { return {blob_.data() + places_[node].first, places_[node].count}; }
  // The items of a LIST, TUPLE, SET, FROZEN_SET or SIZE.
  std::span<const NodeId> Items(NodeId node) const { return {refs_.data() + places_[node].first, places_[node].count}; }
  // Key, value, key, value ... of a DICT or ORDERED_DICT.
  std::span<const NodeId> Pairs(NodeId node) const;
  // The attributes of an ORDERED_DICT: a DICT or NONE node.
  NodeId Attributes(NodeId node) const { return refs_[places_[node].first]; }
  // NESTED_TENSOR: buffer, sizes, strides, offsets. STREAM: its bytes, its root. ATTRIBUTED: its tensor, the
  // attributes. SCALAR: its NUMPY_DTYPE, its value.
  std::span<const NodeId> Parts(NodeId node) const;
  SparseTensor SparseAt(NodeId node) const;
  MetaTensor MetaAt(NodeId node) const;
  // Index in the table of a TENSOR, ARRAY, STORAGE or SYMBOL. Of a STORAGE, part 1 is its DType number, 0 if untyped.
  uint32_t Link(NodeId node, size_t part = 0) const { return links_[places_[node].first + part]; }
  Record RecordAt(NodeId node) const;

  // The value under a string key of a DICT or ORDERED_DICT; linear in its length.
  std::optional<NodeId> Find(NodeId dict, std::string_view key) const;

 private:
  friend class GraphBuilder;

  // Where a node's values start in the one column besides `counts` that its kind names, and its count.
  struct Place {
    uint32_t first;
    uint32_t count;
  };

  // The columns of graph.proto.
  std::span<const uint8_t> kinds_;
  std::span<const uint32_t> refs_;
  std::span<const uint32_t> links_;
  std::span<const int64_t> ints_;
  std::span<const double> floats_;
  std::span<const char> blob_;
  std::span<const Place> places_;
  // Owns all of these: memory, or the mapping of a file.
  std::shared_ptr<const void> keeper_;
};

bool IsDict(v1::NodeKind kind);
// LIST or TUPLE: what tensors' names count through.
bool IsSequence(v1::NodeKind kind);

// What names say of a node: the root of a STREAM and the tensor of an ATTRIBUTED instead of the node itself.
NodeId Behind(const Graph& graph, NodeId node);

// A tensor by the path that leads to it. Names, here and below, are views of what Contents or TensorNames own.
struct NamedTensor {
  std::string_view name;
  uint32_t tensor = 0;
};

// A tensor without data.
struct NamedMeta {
  std::string_view name;
  // META_TENSOR.
  NodeId node = 0;
  // How many with data come before it.
  size_t at = 0;
};

struct TensorNames {
  std::vector<NamedTensor> tensors;
  std::vector<NamedMeta> meta;
  // Owns the names.
  std::shared_ptr<const void> keeper;
};

struct NameRules {
  // Whether numpy arrays are listed.
  bool arrays = false;
  uint64_t max_name_bytes = 256 << 20;
};

// The tensors under `root`, named by their paths from there, joined by dots, by the rule of tensor.proto's Entries.
// Stops with an error where the names together are too long.
ClientResult<TensorNames> TensorsUnder(const Graph& graph, NodeId root, const NameRules& rules = {});

// The rule by which the daemon names the tensors of a file: torch's own formats are listed as torch lists them, without
// arrays.
bool ListsArrays(v1::Format format);

// The part of a name that leads to what was recovered of a record.
inline constexpr std::string_view kRecoveredPart = "state_dict()";

// A dict key as a part of a name: what Python's str() makes of strings, numbers, booleans, None, dtypes and devices, as
// in the names that the daemon gives (a test compares); for others the kind in angle brackets.
std::string KeyText(const Graph& graph, NodeId key);

}  // namespace airlock
