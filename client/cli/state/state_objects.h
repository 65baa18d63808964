// StateObjects: what Python's objects are made of a graph's nodes. The training state has the objects that the Python
// package gives of a file, and that package reads them back: so records of Python's own classes in their normal form
// (sandbox/pickle/README.md) are a Namespace, a date, a path; all others are inert records.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/checkpoint.h"

namespace airlock::cli {

enum class ObjectKind : uint8_t {
  kNone,  // no record
  kRecord,
  kNamespace,
  kAttributeDict,
  kDefaultDict,
  kCounter,
  kDeque,
  kValue,  // state_values.h
  kException,
};

// Borrows what it is given. Immutable; const access is thread-safe.
class StateObjects {
 public:
  explicit StateObjects(const Contents& contents);

  const Contents& contents() const { return contents_; }
  const Graph& graph() const { return graph_; }

  // The node that has the object's value: of a stream the bytes that hold it, else what it holds; of a tensor with
  // attributes the tensor.
  NodeId ObjectOf(NodeId node) const;
  ObjectKind kind(NodeId node) const { return kinds_.empty() ? ObjectKind::kNone : kinds_[node]; }

  // Key, value, key, value ... of an object that is made of pairs; empty for others.
  std::span<const NodeId> Pairs(NodeId node) const;
  // The items of an object that is made of items: of a deque the last ones that fit.
  std::span<const NodeId> Items(NodeId node) const;
  // Whether an object made again has an attribute of this name. Names such as __array__ are not for files to give: that
  // package says why.
  bool IsAttribute(NodeId name) const;

  // REQUIRES: a record whose callee is a symbol.
  const v1::Symbol& SymbolOf(NodeId record) const;
  // The first argument of a record, if it has any.
  std::optional<NodeId> Argument(NodeId record) const;

 private:
  ObjectKind Classify(NodeId node) const;
  bool IsShell(const Record& record, const v1::Symbol& symbol, ObjectKind kind) const;
  // Whether an exception can be made of its arguments when records are made.
  bool ArgumentsAreThere(const Record& record) const;
  // Whether a state is a dict of attributes, all of which the object may have.
  bool NamesAttributes(NodeId state) const;

  const Contents& contents_;
  const Graph& graph_;
  // By node; empty where there are no records.
  std::vector<ObjectKind> kinds_;
};

}  // namespace airlock::cli
