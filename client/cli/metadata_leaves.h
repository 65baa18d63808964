// MetadataLeaves: how the metadata tree (metadata.h) shows what holds no further values of the tree: numbers, texts,
// names, tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "airlock/checkpoint.h"
#include "client/cli/json_writer.h"

namespace airlock::cli {

// Borrows what it is given. Not thread-safe.
class MetadataLeaves {
 public:
  // `string_bytes`: the most that is shown of a text.
  MetadataLeaves(JsonWriter& json, const Contents& contents, uint32_t string_bytes)
      : json_(json), contents_(contents), graph_(contents.graph()), string_bytes_(string_bytes) {}

  // REQUIRES: the node is no container, record or stream.
  void Write(NodeId node);

  // {kind: text}
  void Wrapped(const char* kind, std::string_view text);

  // Not longer than what is shown; a text that was cut ends in an ellipsis.
  std::string Shortened(std::string_view text) const;

  // "module.name" of a node that is a symbol.
  std::string SymbolName(NodeId node) const;

 private:
  void Tensor(NodeId node, v1::NodeKind kind);
  void SparseFields(const SparseTensor& sparse);
  void ArrayFields(NodeId node);
  void Index(const char* key, NodeId tensor);
  void Integers(const char* key, NodeId items);
  void Link(const char* kind, NodeId node);
  void Float(double value);
  void Complex(NodeId node);
  void Bytes(const char* kind, std::string_view bytes);

  JsonWriter& json_;
  const Contents& contents_;
  const Graph& graph_;
  const uint32_t string_bytes_;
};

}  // namespace airlock::cli
