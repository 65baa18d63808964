#include "client/cli/metadata_leaves.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "airlock/words.h"

namespace airlock::cli {
namespace {

constexpr size_t kMaxHexBytes = 64;

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[c & 0xf];
  }
  return text;
}

// Two's complement, little-endian, in hexadecimal: linear in its length, which decimal is not.
std::string BigIntText(std::string_view bytes) {
  const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  std::string magnitude(bytes.rbegin(), bytes.rend());
  bool carry = negative;
  for (size_t i = magnitude.size(); negative && i-- > 0;) {
    const unsigned flipped = (~static_cast<unsigned>(magnitude[i]) & 0xff) + (carry ? 1 : 0);
    magnitude[i] = static_cast<char>(flipped);
    carry = flipped > 0xff;
  }
  std::string digits = Hex(magnitude);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.empty() ? 0 : digits.size() - 1));
  return (negative ? "-0x" : "0x") + digits;
}

}  // namespace

std::string MetadataLeaves::Shortened(std::string_view text) const {
  if (text.size() <= string_bytes_) return std::string(text);
  size_t end = string_bytes_;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return std::string(text.substr(0, end)) + "\xe2\x80\xa6";
}

void MetadataLeaves::Wrapped(const char* kind, std::string_view text) {
  json_.BeginObject();
  json_.Field(kind, text);
  json_.EndObject();
}

std::string MetadataLeaves::SymbolName(NodeId node) const {
  const v1::Symbol& symbol = contents_.symbols()[graph_.Link(node)];
  return Shortened(symbol.module() + "." + symbol.name());
}

void MetadataLeaves::Write(NodeId node) {
  const v1::NodeKind kind = graph_.kind(node);
  switch (kind) {
    case v1::NODE_KIND_NONE:
      return json_.Null();
    case v1::NODE_KIND_FALSE:
      return json_.Bool(false);
    case v1::NODE_KIND_TRUE:
      return json_.Bool(true);
    case v1::NODE_KIND_INT:
      return json_.Int(graph_.Int(node));
    case v1::NODE_KIND_BIG_INT:
      return Wrapped("$int", Shortened(BigIntText(graph_.Text(node))));
    case v1::NODE_KIND_FLOAT:
      return Float(graph_.Float(node));
    case v1::NODE_KIND_COMPLEX:
      return Complex(node);
    case v1::NODE_KIND_STRING:
      return json_.String(Shortened(graph_.Text(node)));
    case v1::NODE_KIND_BYTES:
      return Bytes("$bytes", graph_.Text(node));
    case v1::NODE_KIND_BYTE_ARRAY:
      return Bytes("$bytearray", graph_.Text(node));
    case v1::NODE_KIND_DTYPE:
      return Wrapped("$dtype", Shortened(graph_.Text(node)));
    case v1::NODE_KIND_LAYOUT:
      return Wrapped("$layout", Shortened(graph_.Text(node)));
    case v1::NODE_KIND_DEVICE:
      return Wrapped("$device", Shortened(graph_.Text(node)));
    case v1::NODE_KIND_NUMPY_DTYPE:
      return Wrapped("$numpy_dtype", Shortened(graph_.Text(node)));
    case v1::NODE_KIND_SYMBOL:
      return Wrapped("$symbol", SymbolName(node));
    case v1::NODE_KIND_SCALAR:
      return Write(graph_.Parts(node)[1]);
    case v1::NODE_KIND_TENSOR:
      return Link("$tensor", node);
    case v1::NODE_KIND_STORAGE:
      return Link("$storage", node);
    default:
      return Tensor(node, kind);
  }
}

// A sparse, nested or meta tensor, or an array: an object of numbers.
void MetadataLeaves::Tensor(NodeId node, v1::NodeKind kind) {
  json_.BeginObject();
  json_.Key(kind == v1::NODE_KIND_SPARSE_TENSOR   ? "$sparse_tensor"
            : kind == v1::NODE_KIND_NESTED_TENSOR ? "$nested_tensor"
            : kind == v1::NODE_KIND_META_TENSOR   ? "$meta_tensor"
                                                  : "$ndarray");
  json_.BeginObject();
  if (kind == v1::NODE_KIND_SPARSE_TENSOR) {
    SparseFields(graph_.SparseAt(node));
  } else if (kind == v1::NODE_KIND_NESTED_TENSOR) {
    constexpr std::array<const char*, 4> kNames = {"values", "sizes", "strides", "offsets"};
    for (size_t i = 0; i < kNames.size(); ++i) Index(kNames[i], graph_.Parts(node)[i]);
  } else if (kind == v1::NODE_KIND_META_TENSOR) {
    json_.Field("dtype", Shortened(graph_.MetaAt(node).dtype));
    Integers("shape", graph_.MetaAt(node).shape);
  } else {
    ArrayFields(node);
  }
  json_.EndObject();
  json_.EndObject();
}

void MetadataLeaves::SparseFields(const SparseTensor& sparse) {
  constexpr std::array<const char*, 8> kLayouts = {"?", "coo", "csr", "csc", "bsr", "bsc", "?", "?"};
  json_.Field("layout", kLayouts[sparse.layout]);
  Integers("size", sparse.size);
  if (!sparse.more_indices) {
    Index("indices", sparse.indices);
  } else {
    const bool rows = sparse.layout == v1::SPARSE_BIT_CSR || sparse.layout == v1::SPARSE_BIT_BSR;
    Index(rows ? "crow_indices" : "ccol_indices", sparse.indices);
    Index(rows ? "col_indices" : "row_indices", *sparse.more_indices);
  }
  Index("values", sparse.values);
}

void MetadataLeaves::ArrayFields(NodeId node) {
  const TensorInfo& info = contents_.tensor(graph_.Link(node));
  json_.Field("dtype", Word(info.dtype));
  json_.Key("shape");
  json_.BeginArray();
  for (const uint64_t size : info.shape) json_.Uint(size);
  json_.EndArray();
  Index("tensor", node);
}

void MetadataLeaves::Index(const char* key, NodeId tensor) { json_.Field(key, uint64_t{graph_.Link(tensor)}); }

void MetadataLeaves::Integers(const char* key, NodeId items) {
  json_.Key(key);
  json_.BeginArray();
  for (const NodeId item : graph_.Items(items)) {
    if (graph_.kind(item) == v1::NODE_KIND_INT) json_.Int(graph_.Int(item));
  }
  json_.EndArray();
}

void MetadataLeaves::Link(const char* kind, NodeId node) {
  json_.BeginObject();
  json_.Field(kind, uint64_t{graph_.Link(node)});
  json_.EndObject();
}

void MetadataLeaves::Float(double value) {
  if (std::isfinite(value)) return json_.Double(value);
  Wrapped("$float", std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

void MetadataLeaves::Complex(NodeId node) {
  json_.BeginObject();
  json_.Key("$complex");
  json_.BeginArray();
  Float(graph_.Float(node, 0));
  Float(graph_.Float(node, 1));
  json_.EndArray();
  json_.EndObject();
}

void MetadataLeaves::Bytes(const char* kind, std::string_view bytes) {
  json_.BeginObject();
  json_.Field(kind, uint64_t{bytes.size()});
  json_.Field("hex", Hex(bytes.substr(0, kMaxHexBytes)));
  json_.EndObject();
}

}  // namespace airlock::cli
