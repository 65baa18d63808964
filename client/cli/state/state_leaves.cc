#include "client/cli/state/state_leaves.h"

#include <openssl/evp.h>

#include <algorithm>
#include <string>

#include "airlock/words.h"

namespace airlock::cli {
namespace {

// Whole groups of three bytes, so that pieces can be put together.
constexpr size_t kBase64Piece = 48 << 10;

std::string Base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::string piece(kBase64Piece / 3 * 4 + 1, '\0');
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kBase64Piece, bytes.size()))) {
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(piece.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(std::min(kBase64Piece, bytes.size())));
    text.append(piece, 0, static_cast<size_t>(length));
  }
  return text;
}

// numpy's scalars are in the order of the machine, whatever the file's was.
std::string NativeOrder(std::string_view dtype) {
  std::string text(dtype);
  if (!text.empty() && (text[0] == '>' || text[0] == '=')) text[0] = '<';
  return text;
}

bool IsScheme(const v1::Symbol& symbol) {
  return symbol.module() == "torch" && symbol.class_() == v1::SYMBOL_CLASS_KNOWN &&
         (symbol.name().starts_with("per_tensor_") || symbol.name().starts_with("per_channel_"));
}

}  // namespace

bool StateLeaves::IsLeaf(NodeId node) const {
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_RECORD:
      return objects_.kind(node) == ObjectKind::kValue;
    case v1::NODE_KIND_NONE:
    case v1::NODE_KIND_FALSE:
    case v1::NODE_KIND_TRUE:
    case v1::NODE_KIND_INT:
    case v1::NODE_KIND_BIG_INT:
    case v1::NODE_KIND_FLOAT:
    case v1::NODE_KIND_COMPLEX:
    case v1::NODE_KIND_STRING:
    case v1::NODE_KIND_BYTES:
    case v1::NODE_KIND_BYTE_ARRAY:
    case v1::NODE_KIND_SIZE:
    case v1::NODE_KIND_DTYPE:
    case v1::NODE_KIND_LAYOUT:
    case v1::NODE_KIND_DEVICE:
    case v1::NODE_KIND_SYMBOL:
    case v1::NODE_KIND_SCALAR:
    case v1::NODE_KIND_NUMPY_DTYPE:
      return true;
    default:
      return false;
  }
}

ClientResult<void> StateLeaves::Write(NodeId node) {
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_NONE:
      return json_.Null(), ClientResult<void>();
    case v1::NODE_KIND_FALSE:
    case v1::NODE_KIND_TRUE:
      return json_.Bool(graph_.kind(node) == v1::NODE_KIND_TRUE), ClientResult<void>();
    case v1::NODE_KIND_INT:
      return json_.Int(graph_.Int(node)), ClientResult<void>();
    case v1::NODE_KIND_BIG_INT:
      return BigInt(node);
    case v1::NODE_KIND_FLOAT:
      return json_.Float(graph_.Float(node)), ClientResult<void>();
    case v1::NODE_KIND_COMPLEX:
      return Complex(node);
    case v1::NODE_KIND_STRING:
      AIRLOCK_TRY(budget_.Use(graph_.Text(node)));
      return json_.String(graph_.Text(node)), ClientResult<void>();
    case v1::NODE_KIND_BYTES:
      return Bytes("$bytes", graph_.Text(node));
    case v1::NODE_KIND_BYTE_ARRAY:
      return Bytes("$bytearray", graph_.Text(node));
    case v1::NODE_KIND_SIZE:
      return Integers(node);
    case v1::NODE_KIND_DTYPE:
      return Named("$dtype", graph_.Text(node));
    case v1::NODE_KIND_LAYOUT:
      return Named("$layout", graph_.Text(node));
    case v1::NODE_KIND_DEVICE:
      return Named("$device", graph_.Text(node));
    case v1::NODE_KIND_NUMPY_DTYPE:
      return Named("$numpy_dtype", graph_.Text(node));
    case v1::NODE_KIND_SYMBOL:
      return Symbol(node);
    case v1::NODE_KIND_SCALAR:
      return Scalar(node);
    default:
      return Value(*ValueOf(objects_.contents(), node));
  }
}

ClientResult<void> StateLeaves::Named(const char* kind, std::string_view text) {
  AIRLOCK_TRY(budget_.Use(text));
  json_.Wrapped(kind, text);
  return {};
}

ClientResult<void> StateLeaves::Integers(NodeId node) {
  const auto items = graph_.Items(node);
  AIRLOCK_TRY(budget_.Use(items.size()));
  json_.BeginObject();
  json_.Key("$size");
  json_.BeginArray();
  for (const NodeId item : items) {
    if (graph_.kind(item) == v1::NODE_KIND_INT) json_.Number(graph_.Int(item));
  }
  json_.EndArray();
  json_.EndObject();
  return {};
}

ClientResult<void> StateLeaves::BigInt(NodeId node) {
  const Integer value = Integer::OfBytes(graph_.Text(node));
  AIRLOCK_TRY(budget_.Use(2 * graph_.Text(node).size()));
  json_.Int(value);
  return {};
}

ClientResult<void> StateLeaves::Complex(NodeId node) {
  json_.BeginObject();
  json_.Key("$complex");
  json_.BeginArray();
  json_.Float(graph_.Float(node, 0));
  json_.Float(graph_.Float(node, 1));
  json_.EndArray();
  json_.EndObject();
  return {};
}

ClientResult<void> StateLeaves::Bytes(const char* kind, std::string_view bytes) {
  AIRLOCK_TRY(budget_.Use((uint64_t{bytes.size()} + 2) / 3 * 4));
  json_.Wrapped(kind, Base64(bytes));
  return {};
}

ClientResult<void> StateLeaves::Symbol(NodeId node) {
  const v1::Symbol& symbol = objects_.contents().symbols()[graph_.Link(node)];
  if (IsScheme(symbol)) return Named("$qscheme", symbol.name());
  const std::string name = symbol.module() + "." + symbol.name();
  AIRLOCK_TRY(budget_.Use(name));
  AIRLOCK_TRY(budget_.Use(symbol.module()));
  json_.BeginObject();
  json_.Field("$symbol", name);
  json_.Field("kind", Word(symbol.class_()));
  json_.Field("module", symbol.module());
  json_.EndObject();
  return {};
}

ClientResult<void> StateLeaves::Scalar(NodeId node) {
  const auto parts = graph_.Parts(node);
  // None is a scalar itself: the graph was checked for that.
  if (!IsLeaf(parts[1])) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "a scalar in the daemon's answer is no number")};
  }
  json_.BeginObject();
  json_.Field("$scalar", NativeOrder(graph_.Text(parts[0])));
  json_.Key("value");
  AIRLOCK_TRY(Write(parts[1]));
  json_.EndObject();
  return {};
}

ClientResult<void> StateLeaves::Value(const StateValue& value) {
  switch (value.form) {
    case StateValue::Form::kUuid:
      return Named("$uuid", value.text);
    case StateValue::Form::kPath:
      AIRLOCK_TRY(budget_.Use(value.text));
      json_.BeginObject();
      json_.Field("$path", value.text);
      json_.Field("class", value.name);
      json_.EndObject();
      return {};
    case StateValue::Form::kObject:
      break;
  }
  return Object(value);
}

// Values stand two deep in one another, at most.
ClientResult<void> StateLeaves::Object(const StateValue& value) {
  json_.BeginObject();
  json_.Field("$object", value.name);
  json_.Key("args");
  json_.BeginArray();
  for (const StateArgument& argument : value.args) AIRLOCK_TRY(Argument(argument));
  json_.EndArray();
  if (value.fold) json_.Key("fold"), json_.Uint(1);
  json_.EndObject();
  return {};
}

ClientResult<void> StateLeaves::Argument(const StateArgument& argument) {
  switch (argument.kind) {
    case StateArgument::Kind::kNone:
      json_.Null();
      break;
    case StateArgument::Kind::kInt:
      json_.Int(argument.number);
      break;
    case StateArgument::Kind::kInteger:
      AIRLOCK_TRY(budget_.Use(static_cast<uint64_t>(argument.integer->bits()) / 4));
      json_.Int(*argument.integer);
      break;
    case StateArgument::Kind::kText:
      AIRLOCK_TRY(budget_.Use(argument.text));
      json_.String(argument.text);
      break;
    case StateArgument::Kind::kValue:
      return Object(argument.inner.front());
  }
  return {};
}

}  // namespace airlock::cli
