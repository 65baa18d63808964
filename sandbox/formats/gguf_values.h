// GgufValues: the numbers, strings and values of which the head of a GGUF file consists, one after the other, as nodes.
// Source: ggml's gguf.cpp and docs/gguf.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/base/little_endian.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/window_source.h"

namespace airlock::formats {

// Types of values, by number.
enum class GgufType : uint32_t {
  kUInt8,
  kInt8,
  kUInt16,
  kInt16,
  kUInt32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUInt64,
  kInt64,
  kFloat64,
};

// Keys of the root that are no tensors.
inline constexpr std::string_view kGgufMetadata = "__metadata__";
inline constexpr std::string_view kGgufTypes = "__types__";

Unexpected<Error> GgufMalformed(const std::string& what, uint64_t at);

// Borrows the input and the context. Fails as kTruncated, kGgufMalformed, or by a limit. Not thread-safe.
class GgufValues {
 public:
  GgufValues(const Input& input, pickle::Context& context)
      : source_(input, 0, input.size()), context_(context), graph_(context.graph) {}

  uint64_t offset() const { return source_.offset(); }
  uint64_t remaining() const { return source_.remaining(); }
  template <typename T>
  Result<T> Number() {
    AIRLOCK_TRY(source_.Need(sizeof(T)));
    const T value = LoadLittle<T>(source_.peek());
    source_.Skip(sizeof(T));
    return value;
  }
  // A name that all readers take for the same: text without NUL, not among those seen, and none that the root has
  // already.
  Result<std::string> Name(std::unordered_set<std::string, KeyedHash>& seen);
  // A value of this type, an array too.
  Result<pickle::NodeId> Value(uint32_t type);
  // Whether the graph may have so many nodes more.
  Result<void> CheckRoom(uint64_t more_nodes) const;

 private:
  Result<std::string> String();
  Result<pickle::NodeId> Single(GgufType type);
  Result<pickle::NodeId> Array();
  pickle::NodeId StringNode(std::string_view text);
  pickle::NodeId Unsigned(uint64_t value);
  Result<void> ChargeItems(uint64_t items);

  WindowSource source_;
  pickle::Context& context_;
  pickle::Graph& graph_;
};

}  // namespace airlock::formats
