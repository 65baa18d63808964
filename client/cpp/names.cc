// Names of tensors: the rule of `inspect`, for any root.
#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <utility>

#include "airlock/value.h"
#include "sandbox/base/float_text.h"

namespace airlock {
namespace {

// What a sparse tensor's parts are called; by layout.
struct SparseNames {
  std::string_view indices;
  std::string_view more_indices;
};
constexpr std::array<SparseNames, 8> kSparseNames = {{{},
                                                      {"#indices", {}},
                                                      {"#crow_indices", "#col_indices"},
                                                      {"#ccol_indices", "#row_indices"},
                                                      {"#crow_indices", "#col_indices"},
                                                      {"#ccol_indices", "#row_indices"},
                                                      {},
                                                      {}}};
constexpr std::array<std::string_view, 4> kNestedNames = {"#values", "#sizes", "#strides", "#offsets"};

// One container on the way down. Its path is the first `name_length` bytes of the walker's name.
struct Frame {
  NodeId node;
  size_t next;
  size_t name_length;
};

class Walker {
 public:
  Walker(const Graph& graph, const NameRules& rules)
      : graph_(graph), rules_(rules), left_(rules.max_name_bytes), seen_(graph.size()) {}

  ClientResult<TensorNames> Run(NodeId root) {
    if (!Visit(Behind(graph_, root))) return TooLong();
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      name_.resize(frame.name_length);
      const bool dict = IsDict(graph_.kind(frame.node));
      const auto refs = dict ? graph_.Pairs(frame.node) : graph_.Items(frame.node);
      const size_t stride = dict ? 2 : 1;
      const size_t at = frame.next * stride;
      if (at >= refs.size()) {
        stack_.pop_back();
        continue;
      }
      const size_t index = frame.next++;
      const NodeId child = Behind(graph_, refs[at + stride - 1]);
      if (!Leads(child)) continue;
      AppendPart(dict ? KeyText(graph_, refs[at]) : std::to_string(index));
      made_ += name_.size() - frame.name_length;
      if (made_ > rules_.max_name_bytes || name_.size() > left_ || !Visit(child)) return TooLong();
    }
    found_.keeper = std::move(text_);
    return std::move(found_);
  }

 private:
  // Whether a tensor may be there: most of what a file holds is none, and a long key may stand before a million of it.
  bool Leads(NodeId node) const {
    switch (graph_.kind(node)) {
      case v1::NODE_KIND_TENSOR:
      case v1::NODE_KIND_SPARSE_TENSOR:
      case v1::NODE_KIND_META_TENSOR:
      case v1::NODE_KIND_NESTED_TENSOR:
        return true;
      case v1::NODE_KIND_ARRAY:
        return rules_.arrays;
      default:
        return (IsDict(graph_.kind(node)) || IsSequence(graph_.kind(node)) ||
                graph_.kind(node) == v1::NODE_KIND_RECORD) &&
               !seen_[node];
    }
  }

  // False where the names are too long.
  bool Visit(NodeId node) {
    switch (graph_.kind(node)) {
      case v1::NODE_KIND_TENSOR:
        return Add(node, {});
      case v1::NODE_KIND_ARRAY:
        return !rules_.arrays || Add(node, {});
      case v1::NODE_KIND_SPARSE_TENSOR:
        return VisitSparse(graph_.SparseAt(node));
      case v1::NODE_KIND_NESTED_TENSOR:
        for (size_t i = 0; i < kNestedNames.size(); ++i) {
          if (!Add(graph_.Parts(node)[i], kNestedNames[i])) return false;
        }
        return true;
      case v1::NODE_KIND_META_TENSOR:
        if (!Use()) return false;
        found_.meta.push_back({Kept(), node, found_.tensors.size()});
        return true;
      case v1::NODE_KIND_RECORD:
        VisitRecord(node);
        return true;
      default:
        Expand(node);
        return true;
    }
  }

  bool VisitSparse(const SparseTensor& sparse) {
    const SparseNames& names = kSparseNames[sparse.layout];
    return Add(sparse.indices, names.indices) &&
           (!sparse.more_indices || Add(*sparse.more_indices, names.more_indices)) && Add(sparse.values, "#values");
  }

  void VisitRecord(NodeId node) {
    if (seen_[node]) return;
    seen_[node] = true;
    const Record record = graph_.RecordAt(node);
    if (record.recovered) {
      AppendPart(kRecoveredPart);
      return Expand(*record.recovered);
    }
    const auto before = static_cast<std::ptrdiff_t>(stack_.size());
    if (record.pairs) Expand(*record.pairs);
    if (record.items) Expand(*record.items);
    if (record.state) ExpandStates(*record.state, record.many_states);
    // The last one is walked first.
    std::reverse(stack_.begin() + before, stack_.end());
  }

  void ExpandStates(NodeId state, bool many) {
    if (!many) return ExpandState(state);
    if (graph_.kind(state) != v1::NODE_KIND_LIST || seen_[state]) return;
    seen_[state] = true;
    for (const NodeId one : graph_.Items(state)) ExpandState(one);
  }

  // Attributes: a dict, or a pair of a dict and slots.
  void ExpandState(NodeId state) {
    if (graph_.kind(state) == v1::NODE_KIND_DICT) return Expand(state);
    if (graph_.kind(state) != v1::NODE_KIND_TUPLE || graph_.Items(state).size() != 2) return;
    for (const NodeId part : graph_.Items(state)) {
      if (graph_.kind(part) != v1::NODE_KIND_DICT && graph_.kind(part) != v1::NODE_KIND_NONE) return;
    }
    for (const NodeId part : graph_.Items(state)) {
      if (graph_.kind(part) == v1::NODE_KIND_DICT) Expand(part);
    }
  }

  // Walks a dict, list or tuple next; nothing for what is none, or was walked before.
  void Expand(NodeId node) {
    if ((!IsDict(graph_.kind(node)) && !IsSequence(graph_.kind(node))) || seen_[node]) return;
    seen_[node] = true;
    stack_.push_back({node, 0, name_.size()});
  }

  void AppendPart(std::string_view part) {
    if (!name_.empty()) name_ += '.';
    name_ += part;
  }

  bool Use() {
    if (name_.size() > left_) return false;
    left_ -= name_.size();
    return true;
  }

  // The name as it is now, where it stays.
  std::string_view Kept() {
    if (name_.empty()) return {};
    auto* const text = static_cast<char*>(text_->allocate(name_.size(), 1));
    return {text, name_.copy(text, name_.size())};
  }

  bool Add(NodeId tensor, std::string_view suffix) {
    const size_t length = name_.size();
    name_ += suffix;
    if (!Use()) return false;
    found_.tensors.push_back({Kept(), graph_.Link(tensor)});
    name_.resize(length);
    return true;
  }

  static Unexpected<ClientError> TooLong() {
    return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED, "the names of the tensors are too long together")};
  }

  const Graph& graph_;
  const NameRules rules_;
  uint64_t left_;
  // Bytes of all parts that were made, also of those that led to no tensor.
  uint64_t made_ = 0;
  std::vector<bool> seen_;
  std::vector<Frame> stack_;
  std::string name_;
  std::shared_ptr<std::pmr::monotonic_buffer_resource> text_ = std::make_shared<std::pmr::monotonic_buffer_resource>();
  TensorNames found_;
};

}  // namespace

std::string KeyText(const Graph& graph, NodeId key) {
  switch (graph.kind(key)) {
    case v1::NODE_KIND_STRING:
    case v1::NODE_KIND_DEVICE:
      return std::string(graph.Text(key));
    case v1::NODE_KIND_DTYPE:
    case v1::NODE_KIND_LAYOUT:
      return std::string("torch.").append(graph.Text(key));
    case v1::NODE_KIND_INT:
      return std::to_string(graph.Int(key));
    case v1::NODE_KIND_FLOAT:
      return FloatText(graph.Float(key));
    case v1::NODE_KIND_NONE:
      return "None";
    case v1::NODE_KIND_FALSE:
      return "False";
    case v1::NODE_KIND_TRUE:
      return "True";
    case v1::NODE_KIND_NUMPY_DTYPE:
      return std::string("dtype('").append(graph.Text(key)).append("')");
    case v1::NODE_KIND_SCALAR:
      return KeyText(graph, graph.Parts(key)[1]);
    default:
      return std::string(1, '<').append(v1::NodeKind_Name(graph.kind(key)), sizeof "NODE_KIND_" - 1).append(">");
  }
}

// A ring of streams, which no daemon sends, would have no end.
NodeId Behind(const Graph& graph, NodeId node) {
  for (size_t hops = 0; graph.kind(node) == v1::NODE_KIND_STREAM && hops < graph.size(); ++hops) {
    node = graph.Parts(node)[1];
  }
  return graph.kind(node) == v1::NODE_KIND_ATTRIBUTED ? graph.Parts(node)[0] : node;
}

bool ListsArrays(v1::Format format) {
  return format != v1::FORMAT_TORCH_ZIP && format != v1::FORMAT_TORCH_LEGACY && format != v1::FORMAT_TORCH_TAR &&
         format != v1::FORMAT_TORCHSCRIPT && format != v1::FORMAT_TORCH_DCP && format != v1::FORMAT_SHARDED;
}

ClientResult<TensorNames> TensorsUnder(const Graph& graph, NodeId root, const NameRules& rules) {
  return Walker(graph, rules).Run(root);
}

}  // namespace airlock
