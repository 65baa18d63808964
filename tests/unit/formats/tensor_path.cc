#include "tests/unit/formats/tensor_path.h"

#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "sandbox/tensors/dtypes.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

std::string StorageBytes(const Decoded& decoded, uint32_t index) {
  const tensors::Storage& storage = decoded.checkpoint.tables.storages()[index];
  const Fd& file = storage.place == tensors::Place::kInput ? decoded.input : decoded.output;
  std::string bytes(storage.nbytes, '\0');
  const ssize_t count = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(storage.offset));
  if (count != static_cast<ssize_t>(bytes.size())) return {};
  return bytes;
}

std::string KeyText(const pickle::Graph& graph, NodeId key) {
  switch (graph.kind(key)) {
    case Kind::kString:
      return std::string(graph.text(key));
    case Kind::kInt:
      return std::to_string(graph.integer(key));
    case Kind::kTrue:
      return "True";
    case Kind::kFalse:
      return "False";
    case Kind::kNone:
      return "None";
    default:
      return "?";
  }
}

std::string Hex(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

ListedTensor Describe(const Decoded& decoded, std::string name, uint32_t tensor) {
  const tensors::TensorView view = decoded.checkpoint.tables.tensor(tensor);
  return {.name = std::move(name),
          .dtype = std::string(tensors::RowOf(view.dtype).name),
          .shape = {view.shape.begin(), view.shape.end()},
          .stride = {view.stride.begin(), view.stride.end()},
          .requires_grad = (view.flags & tensors::kRequiresGrad) != 0,
          .sha256 = Hex(TensorBytes(decoded, tensor))};
}

using Entry = std::pair<std::string, NodeId>;

// The parts of a record that have names in them.
std::vector<NodeId> NamedParts(const pickle::Graph& graph, NodeId record) {
  const pickle::RecordParts parts = graph.record(record);
  std::vector<NodeId> named;
  for (const NodeId part : {parts.pairs, parts.items}) {
    if (part != pickle::kNoNode) named.push_back(part);
  }
  if (parts.many_states) {
    for (const NodeId state : graph.children(parts.state)) named.push_back(state);
  } else if (graph.is(parts.state, Kind::kDict)) {
    named.push_back(parts.state);
  }
  return named;
}

std::vector<Entry> ChildrenOf(const pickle::Graph& graph, const Entry& parent) {
  std::vector<Entry> entries;
  const auto add = [&](const std::string& key, NodeId child) {
    entries.emplace_back(parent.first.empty() ? key : parent.first + "." + key, child);
  };
  const Kind kind = graph.kind(parent.second);
  if (kind == Kind::kDict || kind == Kind::kOrderedDict) {
    const auto pairs = graph.children(parent.second);
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) add(KeyText(graph, pairs[i]), pairs[i + 1]);
  } else if (kind == Kind::kList || kind == Kind::kTuple) {
    const auto items = graph.children(parent.second);
    for (size_t i = 0; i < items.size(); ++i) add(std::to_string(i), items[i]);
  } else if (kind == Kind::kRecord) {
    for (const NodeId part : NamedParts(graph, parent.second)) {
      const std::vector<Entry> more = ChildrenOf(graph, {parent.first, part});
      entries.insert(entries.end(), more.begin(), more.end());
    }
  }
  return entries;
}

}  // namespace

std::string TensorBytes(const Decoded& decoded, uint32_t tensor) {
  const tensors::TensorView view = decoded.checkpoint.tables.tensor(tensor);
  const std::string storage = StorageBytes(decoded, view.storage);
  const uint64_t item = tensors::ItemSize(view.dtype);
  std::vector<uint64_t> index(view.shape.size(), 0);
  std::string bytes;
  if (std::find(view.shape.begin(), view.shape.end(), 0) != view.shape.end()) return bytes;
  while (true) {
    uint64_t at = view.offset;
    for (size_t i = 0; i < index.size(); ++i) at += index[i] * view.stride[i];
    bytes += storage.substr(at * item, item);
    size_t dim = index.size();
    while (dim > 0 && ++index[dim - 1] == view.shape[dim - 1]) index[--dim] = 0;
    if (dim == 0) return bytes;
  }
}

std::vector<ListedTensor> ListTensors(const Decoded& decoded) {
  const pickle::Graph& graph = decoded.checkpoint.context.graph;
  std::vector<ListedTensor> listed;
  std::set<NodeId> expanded;
  std::vector<Entry> pending = {{"", decoded.checkpoint.root}};
  while (!pending.empty()) {
    const Entry entry = pending.back();
    pending.pop_back();
    if (graph.is(entry.second, Kind::kTensor)) {
      listed.push_back(Describe(decoded, entry.first, graph.tensor(entry.second)));
      continue;
    }
    std::vector<Entry> children = ChildrenOf(graph, entry);
    if (children.empty() || !expanded.insert(entry.second).second) continue;
    pending.insert(pending.end(), children.rbegin(), children.rend());
  }
  return listed;
}

}  // namespace airlock::formats
