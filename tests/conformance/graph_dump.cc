// airlock-graph-dump: everything that a load yields, in one canonical line a file, for comparison with what another
// reader makes of the same file.
//
//   airlock-graph-dump ADDRESS FILE...
//
// A line is `VERDICT TOKENS...` or `error REASON`. Tokens come in pre-order; what has an identity (containers, tensors,
// storages) is numbered where it is first met, and named `@NUMBER` afterwards. canonical.py says the same of Python
// objects, token by token.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <iostream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/client.h"
#include "airlock/words.h"

namespace {

using airlock::Checkpoint;
using airlock::Graph;
using airlock::NodeId;
namespace v1 = airlock::v1;

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    text += "0123456789abcdef"[c & 0xf];
  }
  return text;
}

std::string_view View(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Bits(double value) {
  const uint64_t big_endian = __builtin_bswap64(std::bit_cast<uint64_t>(value));
  return Hex({reinterpret_cast<const char*>(&big_endian), sizeof(big_endian)});
}

std::string Join(std::span<const uint64_t> numbers) {
  std::string text;
  for (const uint64_t number : numbers) text += std::to_string(number) + ",";
  return text;
}

class Dumper {
 public:
  explicit Dumper(const Checkpoint& checkpoint) : checkpoint_(checkpoint), graph_(checkpoint.contents().graph()) {}

  std::string Run() {
    work_.push_back({0, ""});
    while (!work_.empty()) {
      const Item item = std::move(work_.back());
      work_.pop_back();
      if (item.literal.empty()) {
        Node(item.node);
      } else {
        Token(item.literal);
      }
    }
    return std::move(line_);
  }

 private:
  // A node to come, or a token as it is.
  struct Item {
    NodeId node;
    std::string literal;
  };

  void Token(const std::string& token) { (line_ += ' ') += token; }
  void Later(std::span<const NodeId> nodes) {
    for (size_t i = nodes.size(); i-- > 0;) work_.push_back({nodes[i], ""});
  }

  // "@N" was written, and true comes back, where the thing was met before; else its number goes to `number`.
  bool Again(char space, uint64_t id, std::string& number) {
    const auto [found, fresh] = numbers_.try_emplace({space, id}, numbers_.size());
    number = std::to_string(found->second);
    if (!fresh) Token("@" + number);
    return !fresh;
  }

  void Node(NodeId node);
  void Container(NodeId node, std::string_view sign);
  void Set(NodeId node, std::string_view sign);
  void Tensor(NodeId node);
  void Array(NodeId node);
  void Sparse(NodeId node);
  void Meta(NodeId node);
  void StorageNode(NodeId node);
  std::string Quantization(uint32_t tensor) const;
  std::string Elements(uint32_t tensor) const;
  void Record(NodeId node);
  void Storage(uint32_t index);
  std::string Atom(NodeId node) const;
  std::string Member(NodeId node) const;

  const Checkpoint& checkpoint_;
  const Graph& graph_;
  std::vector<Item> work_;
  std::map<std::pair<char, uint64_t>, size_t> numbers_;
  std::string line_;
};

// Empty for what is no atom.
std::string Dumper::Atom(NodeId node) const {
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_NONE:
      return "N";
    case v1::NODE_KIND_TRUE:
      return "T";
    case v1::NODE_KIND_FALSE:
      return "F";
    case v1::NODE_KIND_INT:
      return "i" + std::to_string(graph_.Int(node));
    case v1::NODE_KIND_BIG_INT:
      return "I" + Hex(graph_.Text(node));
    case v1::NODE_KIND_FLOAT:
      return "f" + Bits(graph_.Float(node));
    case v1::NODE_KIND_COMPLEX:
      return "c" + Bits(graph_.Float(node)) + Bits(graph_.Float(node, 1));
    case v1::NODE_KIND_STRING:
      return "s" + Hex(graph_.Text(node));
    case v1::NODE_KIND_BYTES:
      return "b" + Hex(graph_.Text(node));
    case v1::NODE_KIND_DTYPE:
      return "d:" + std::string(graph_.Text(node));
    case v1::NODE_KIND_LAYOUT:
      return "l:" + std::string(graph_.Text(node));
    case v1::NODE_KIND_DEVICE:
      return "v:" + std::string(graph_.Text(node));
    case v1::NODE_KIND_SIZE: {
      std::string token = "z";
      for (const NodeId item : graph_.Items(node)) token += ":" + std::to_string(graph_.Int(item));
      return token;
    }
    case v1::NODE_KIND_NUMPY_DTYPE:
      return "y:" + std::string(graph_.Text(node));
    case v1::NODE_KIND_SYMBOL: {
      const v1::Symbol& symbol = checkpoint_.contents().symbols()[graph_.Link(node)];
      return "g:" + symbol.module() + "." + symbol.name();
    }
    default:
      return "";
  }
}

// A member of a set: an atom, or a tuple of atoms.
std::string Dumper::Member(NodeId node) const {
  if (graph_.kind(node) != v1::NODE_KIND_TUPLE) return Atom(node);
  std::string text = "(";
  for (const NodeId item : graph_.Items(node)) text += Atom(item) + ",";
  return text + ")";
}

void Dumper::Container(NodeId node, std::string_view sign) {
  std::string number;
  const bool dict = airlock::IsDict(graph_.kind(node));
  const std::span<const NodeId> children = dict ? graph_.Pairs(node) : graph_.Items(node);
  if (graph_.kind(node) == v1::NODE_KIND_TUPLE && children.empty()) return Token("()");
  if (Again('n', node, number)) return;
  Token(std::string(sign) + number + ":" + std::to_string(dict ? children.size() / 2 : children.size()));
  Later(children);
  if (graph_.kind(node) == v1::NODE_KIND_ORDERED_DICT) work_.push_back({graph_.Attributes(node), ""});
}

void Dumper::Set(NodeId node, std::string_view sign) {
  std::string number;
  if (graph_.kind(node) == v1::NODE_KIND_SET && Again('n', node, number)) return;
  std::vector<std::string> members;
  for (const NodeId item : graph_.Items(node)) members.push_back(Member(item));
  std::sort(members.begin(), members.end());
  std::string token = std::string(sign) + number;
  for (const std::string& member : members) token += ";" + member;
  Token(token);
}

void Dumper::Storage(uint32_t index) {
  std::string number;
  if (Again('s', index, number)) return;
  Token("S" + number + ":" + Hex(View(checkpoint_.storage(index)->bytes())));
}

void Dumper::Tensor(NodeId node) {
  std::string number;
  if (Again('n', node, number)) return;
  const airlock::TensorInfo& tensor = checkpoint_.contents().tensor(graph_.Link(node));
  Token("t" + number + ":" + std::string(airlock::Word(tensor.dtype)) + ":" + Join(tensor.shape) + ":" +
        Join(tensor.strides) + ":" + std::to_string(tensor.offset) + ":" + std::to_string(tensor.flags) +
        Quantization(graph_.Link(node)));
  Storage(tensor.storage);
}

// How the integers of a quantised tensor are to be read; empty for any other.
std::string Dumper::Quantization(uint32_t tensor) const {
  const v1::Quantization* const row = checkpoint_.contents().quantization(tensor);
  if (row == nullptr) return "";
  if (row->has_per_tensor()) {
    return ":q" + Bits(row->per_tensor().scale()) + "," + std::to_string(row->per_tensor().zero_point());
  }
  const v1::PerChannel& channels = row->per_channel();
  return ":Q" + std::to_string(channels.axis()) + "," + Elements(channels.scales()) + "," +
         Elements(channels.zero_points());
}

std::string Dumper::Elements(uint32_t tensor) const {
  const airlock::TensorInfo& info = checkpoint_.contents().tensor(tensor);
  airlock::RowMajorReader reader(info, checkpoint_.storage(info.storage)->bytes());
  std::array<std::byte, 4096> buffer;
  std::string elements = std::string(airlock::Word(info.dtype)) + ":";
  while (const size_t count = reader.Read(buffer)) elements += Hex(View({buffer.data(), count}));
  return elements;
}

void Dumper::Meta(NodeId node) {
  std::string number;
  if (Again('n', node, number)) return;
  const airlock::MetaTensor meta = graph_.MetaAt(node);
  Token("m" + number + ":" + std::string(meta.dtype) + ":" + std::to_string(meta.flags));
  work_.push_back({meta.strides, ""});
  work_.push_back({meta.shape, ""});
}

void Dumper::StorageNode(NodeId node) {
  // Torch reads an untyped storage as one of uint8, so the two are one word here.
  const auto dtype = static_cast<v1::DType>(graph_.Link(node, 1));
  const bool bytes = dtype == v1::DTYPE_UNSPECIFIED || dtype == v1::DTYPE_UINT8;
  Token("u:" + (bytes ? "bytes" : std::string(airlock::Word(dtype))));
  Storage(graph_.Link(node));
}

void Dumper::Array(NodeId node) {
  std::string number;
  if (Again('n', node, number)) return;
  const airlock::TensorInfo& tensor = checkpoint_.contents().tensor(graph_.Link(node));
  Token("n" + number + ":" + Join(tensor.shape) + ":" + Elements(graph_.Link(node)));
}

void Dumper::Sparse(NodeId node) {
  std::string number;
  if (Again('n', node, number)) return;
  const airlock::SparseTensor sparse = graph_.SparseAt(node);
  Token("p" + number + ":" + std::to_string(sparse.layout) + ":" + (sparse.requires_grad ? "1" : "0"));
  std::vector<NodeId> parts = {sparse.indices};
  if (sparse.more_indices) parts.push_back(*sparse.more_indices);
  parts.push_back(sparse.values);
  parts.push_back(sparse.size);
  Later(parts);
}

void Dumper::Record(NodeId node) {
  std::string number;
  if (Again('n', node, number)) return;
  const airlock::Record record = graph_.RecordAt(node);
  Token("R" + number);
  const std::pair<const char*, std::optional<NodeId>> parts[] = {{"p=", record.pairs}, {"i=", record.items},
                                                                 {"s=", record.state}, {"k=", record.kwargs},
                                                                 {"a=", record.args},  {"c=", record.callee}};
  work_.push_back({0, "."});
  for (const auto& [tag, part] : parts) {
    if (!part) continue;
    work_.push_back({*part, ""});
    work_.push_back({0, tag});
  }
}

void Dumper::Node(NodeId node) {
  if (const std::string atom = Atom(node); !atom.empty()) return Token(atom);
  std::string number;
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_BYTE_ARRAY:
      if (!Again('n', node, number)) Token("B" + number + ":" + Hex(graph_.Text(node)));
      return;
    case v1::NODE_KIND_LIST:
      return Container(node, "[");
    case v1::NODE_KIND_TUPLE:
      return Container(node, "(");
    case v1::NODE_KIND_DICT:
      return Container(node, "{");
    case v1::NODE_KIND_ORDERED_DICT:
      return Container(node, "o");
    case v1::NODE_KIND_SET:
      return Set(node, "e");
    case v1::NODE_KIND_FROZEN_SET:
      return Set(node, "E");
    case v1::NODE_KIND_TENSOR:
      return Tensor(node);
    case v1::NODE_KIND_ARRAY:
      return Array(node);
    case v1::NODE_KIND_SPARSE_TENSOR:
      return Sparse(node);
    case v1::NODE_KIND_META_TENSOR:
      return Meta(node);
    case v1::NODE_KIND_STORAGE:
      return StorageNode(node);
    case v1::NODE_KIND_RECORD:
      return Record(node);
    case v1::NODE_KIND_SCALAR:
      Token("x");
      return Later(graph_.Parts(node));
    case v1::NODE_KIND_STREAM:
    case v1::NODE_KIND_ATTRIBUTED:
    case v1::NODE_KIND_NESTED_TENSOR:
      if (Again('n', node, number)) return;
      Token("P" + number + ":" + v1::NodeKind_Name(graph_.kind(node)));
      return Later(graph_.Parts(node));
    default:
      return Token("?" + v1::NodeKind_Name(graph_.kind(node)));
  }
}

std::string Dump(const airlock::Client& client, const std::string& path) {
  const auto checkpoint = client.Load(airlock::Source::File(path));
  if (!checkpoint.ok()) return "error " + checkpoint.error().reason_name() + " " + checkpoint.error().message;
  return std::string(airlock::Word(checkpoint->contents().report().verdict())) + Dumper(*checkpoint).Run();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) return 64;
  const auto client = airlock::Client::Connect(arguments[0]);
  if (!client.ok()) return 69;
  for (size_t i = 1; i < arguments.size(); ++i) std::cout << Dump(*client, arguments[i]) << '\n';
  return 0;
}
