#include "sandbox/formats/gguf_values.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

// Bytes of a value, by its type; of a string or an array, its length alone.
constexpr size_t kValueBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
static_assert(std::size(kValueBytes) == static_cast<size_t>(GgufType::kFloat64) + 1);

}  // namespace

Unexpected<Error> GgufMalformed(const std::string& what, uint64_t at) { return Fail(Reason::kGgufMalformed, what, at); }

Result<std::string> GgufValues::String() {
  AIRLOCK_ASSIGN(const uint64_t length, Number<uint64_t>());
  if (length > source_.remaining()) return Fail(Reason::kTruncated, "inside a string", source_.offset());
  const uint64_t limit = context_.limits.string_bytes;
  const uint64_t used = graph_.string_bytes();
  if (length > limit || used > limit - length) {
    return FailLimit("string_bytes", limit, CheckedAdd(used, length).value_or(UINT64_MAX), source_.offset());
  }
  std::string text;
  text.reserve(length);
  while (text.size() < length) {
    AIRLOCK_TRY(source_.Need(1));
    const size_t take = std::min<size_t>(source_.available(), length - text.size());
    text.append(reinterpret_cast<const char*>(source_.peek()), take);
    source_.Skip(take);
  }
  return text;
}

Result<std::string> GgufValues::Name(std::unordered_set<std::string, KeyedHash>& seen) {
  const uint64_t at = source_.offset();
  AIRLOCK_ASSIGN(std::string name, String());
  const bool text =
      !name.empty() && name.find('\0') == std::string::npos && pickle::IsUtf8(name, pickle::Surrogates::kRefuse);
  if (!text) return GgufMalformed("a name in the GGUF file is no text", at);
  if (name == kGgufMetadata || name == kGgufTypes)
    return GgufMalformed("a name in the GGUF file is a reserved one", at);
  if (!seen.insert(name).second) return GgufMalformed("the GGUF file has '" + name + "' twice", at);
  return name;
}

Result<void> GgufValues::CheckRoom(uint64_t more_nodes) const {
  const uint64_t limit = context_.limits.nodes;
  const uint64_t used = graph_.size();
  if (used <= limit && more_nodes <= limit - used) return {};
  return FailLimit("nodes", limit, CheckedAdd(used, more_nodes).value_or(UINT64_MAX), source_.offset());
}

// Truth values and small integers are nodes that all items share, and the plan names them for each item all the same:
// an item counts as what makes one in a pickle.
Result<void> GgufValues::ChargeItems(uint64_t items) {
  uint64_t& opcodes = context_.opcodes;
  const uint64_t limit = context_.limits.opcodes;
  opcodes = CheckedAdd(opcodes, items).value_or(UINT64_MAX);
  return opcodes <= limit ? Result<void>() : FailLimit("opcodes", limit, opcodes, source_.offset());
}

// Tokens of vocabularies are meant to be text, and some are not.
NodeId GgufValues::StringNode(std::string_view text) {
  return graph_.Text(pickle::IsUtf8(text, pickle::Surrogates::kRefuse) ? Kind::kString : Kind::kBytes, text);
}

NodeId GgufValues::Unsigned(uint64_t value) {
  if (value <= INT64_MAX) return graph_.Int(static_cast<int64_t>(value));
  std::string bytes(sizeof(value) + 1, '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return graph_.Text(Kind::kBigInt, bytes);
}

Result<NodeId> GgufValues::Single(GgufType type) {
  const uint64_t at = source_.offset();
  switch (type) {
    using enum GgufType;
#define AIRLOCK_GGUF_NUMBER(value_type, c_type, maker)     \
  case value_type: {                                       \
    AIRLOCK_ASSIGN(const c_type number, Number<c_type>()); \
    return maker(number);                                  \
  }
    AIRLOCK_GGUF_NUMBER(kUInt8, uint8_t, graph_.Int)
    AIRLOCK_GGUF_NUMBER(kInt8, int8_t, graph_.Int)
    AIRLOCK_GGUF_NUMBER(kUInt16, uint16_t, graph_.Int)
    AIRLOCK_GGUF_NUMBER(kInt16, int16_t, graph_.Int)
    AIRLOCK_GGUF_NUMBER(kUInt32, uint32_t, graph_.Int)
    AIRLOCK_GGUF_NUMBER(kInt32, int32_t, graph_.Int)
    AIRLOCK_GGUF_NUMBER(kFloat32, float, graph_.Float)
    AIRLOCK_GGUF_NUMBER(kUInt64, uint64_t, Unsigned)
    AIRLOCK_GGUF_NUMBER(kInt64, int64_t, graph_.Int)
    AIRLOCK_GGUF_NUMBER(kFloat64, double, graph_.Float)
#undef AIRLOCK_GGUF_NUMBER
    case kBool: {
      AIRLOCK_ASSIGN(const uint8_t byte, Number<uint8_t>());
      if (byte > 1) return GgufMalformed("a truth value in the GGUF file is neither 0 nor 1", at);
      return graph_.Bool(byte == 1);
    }
    case kString: {
      AIRLOCK_ASSIGN(const std::string text, String());
      return StringNode(text);
    }
    default:
      return GgufMalformed("a value in the GGUF file is of unknown type " + std::to_string(static_cast<uint32_t>(type)),
                           at);
  }
}

Result<NodeId> GgufValues::Value(uint32_t type) {
  return static_cast<GgufType>(type) == GgufType::kArray ? Array() : Single(static_cast<GgufType>(type));
}

// ggml itself knows no arrays of arrays.
Result<NodeId> GgufValues::Array() {
  const uint64_t at = source_.offset();
  AIRLOCK_ASSIGN(const uint32_t type, Number<uint32_t>());
  AIRLOCK_ASSIGN(const uint64_t count, Number<uint64_t>());
  if (type >= std::size(kValueBytes)) {
    return GgufMalformed("an array in the GGUF file is of unknown type " + std::to_string(type), at);
  }
  if (static_cast<GgufType>(type) == GgufType::kArray)
    return Fail(Reason::kUnsupportedFeature, "arrays of arrays in GGUF files are not read", at);
  if (count > source_.remaining() / kValueBytes[type]) return Fail(Reason::kTruncated, "inside an array", at);
  AIRLOCK_TRY(CheckRoom(count));
  AIRLOCK_TRY(ChargeItems(count));
  std::vector<NodeId> items;
  items.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    AIRLOCK_ASSIGN(const NodeId item, Single(static_cast<GgufType>(type)));
    items.push_back(item);
  }
  return graph_.Container(Kind::kList, items);
}

}  // namespace airlock::formats
