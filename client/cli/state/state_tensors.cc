#include "client/cli/state/state_tensors.h"

#include "airlock/words.h"

namespace airlock::cli {
namespace {

Unexpected<ClientError> Cannot(const std::string& name, const std::string& what) {
  return Unexpected{MakeError(v1::REASON_UNSUPPORTED_FEATURE, "safetensors cannot hold " + name + ", which " + what)};
}

}  // namespace

bool IsStateTensor(v1::NodeKind kind) {
  return kind == v1::NODE_KIND_TENSOR || kind == v1::NODE_KIND_ARRAY || kind == v1::NODE_KIND_SPARSE_TENSOR ||
         kind == v1::NODE_KIND_META_TENSOR || kind == v1::NODE_KIND_NESTED_TENSOR;
}

ClientResult<void> StateTensors::Write(NodeId node, const std::string& path) {
  auto found = first_.find(node);
  if (found == first_.end()) {
    const size_t first = tensors_.size();
    AIRLOCK_TRY(Add(node, path));
    found = first_.emplace(node, first).first;
  }
  AIRLOCK_TRY(budget_.Use(LettersOf(node, found->second)));
  Form(node, found->second);
  return {};
}

ClientResult<void> StateTensors::Add(NodeId node, const std::string& path) {
  const std::string name = path.empty() ? "value" : path;
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_TENSOR:
      return AddPart(node, name, true);
    case v1::NODE_KIND_ARRAY:
      return AddPart(node, name, false);
    case v1::NODE_KIND_META_TENSOR:
      return Cannot(name, "has no data (a meta tensor)");
    case v1::NODE_KIND_NESTED_TENSOR:
      return Cannot(name, "is a nested tensor");
    default:
      break;
  }
  const SparseTensor sparse = graph_.SparseAt(node);
  if (sparse.layout != v1::SPARSE_BIT_COO) return Cannot(name, "is sparse, and not in the layout COO");
  AIRLOCK_TRY(AddPart(sparse.indices, path + "#indices", false));
  return AddPart(sparse.values, path + "#values", false);
}

ClientResult<void> StateTensors::AddPart(NodeId tensor, const std::string& name, bool complex) {
  AIRLOCK_TRY(budget_.Use(name));
  const v1::DType dtype = contents_.tensor(graph_.Link(tensor)).dtype;
  if (!complex && IsComplex(dtype)) return Cannot(name, std::string("is an array or a part of ") + Word(dtype));
  tensors_.push_back({FreeName(name), graph_.Link(tensor)});
  return {};
}

// The name, or with a number where others have it: two keys can have one path.
std::string_view StateTensors::FreeName(const std::string& name) {
  auto found = names_.insert(name);
  while (!found.second) {
    const uint64_t number = ++next_.try_emplace(name, 1).first->second;
    found = names_.insert(name + "'" + std::to_string(number));
  }
  return *found.first;
}

uint64_t StateTensors::LettersOf(NodeId node, size_t first) const {
  if (graph_.kind(node) == v1::NODE_KIND_SPARSE_TENSOR) return graph_.Items(graph_.SparseAt(node).size).size();
  return TextBudget::Letters(tensors_[first].name);
}

void StateTensors::Flags(bool requires_grad, bool parameter) {
  if (requires_grad) json_.Key("requires_grad"), json_.Bool(true);
  if (parameter) json_.Key("parameter"), json_.Bool(true);
}

void StateTensors::SparseForm(NodeId node, size_t first) {
  const SparseTensor sparse = graph_.SparseAt(node);
  json_.Key("$sparse_coo");
  json_.BeginObject();
  json_.Field("indices", tensors_[first].name);
  json_.Field("values", tensors_[first + 1].name);
  json_.EndObject();
  json_.Key("size");
  json_.BeginArray();
  for (const NodeId item : graph_.Items(sparse.size)) {
    if (graph_.kind(item) == v1::NODE_KIND_INT) json_.Number(graph_.Int(item));
  }
  json_.EndArray();
  json_.Key("coalesced");
  json_.Bool(sparse.coalesced);
  const uint32_t flags = contents_.tensor(graph_.Link(sparse.values)).flags;
  Flags(sparse.requires_grad, (flags & v1::TENSOR_FLAG_PARAMETER) != 0);
}

void StateTensors::Form(NodeId node, size_t first) {
  json_.BeginObject();
  if (graph_.kind(node) == v1::NODE_KIND_SPARSE_TENSOR) {
    SparseForm(node, first);
  } else if (graph_.kind(node) == v1::NODE_KIND_ARRAY) {
    json_.Field("$ndarray", tensors_[first].name);
  } else {
    const TensorInfo& info = contents_.tensor(graph_.Link(node));
    json_.Field(IsComplex(info.dtype) ? "$complex_tensor" : "$tensor", tensors_[first].name);
    Flags(info.requires_grad(), (info.flags & v1::TENSOR_FLAG_PARAMETER) != 0);
  }
  json_.EndObject();
}

}  // namespace airlock::cli
