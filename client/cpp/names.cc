// Names of tensors: the rule of `inspect`, for any root.
#include <charconv>
#include <cmath>
#include <utility>

#include "airlock/value.h"

namespace airlock {
namespace {

// As Python's repr(float).
std::string FloatText(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  char text[32];
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  std::string result(text, std::to_chars(text, text + sizeof text, value, format).ptr);
  if (fixed && result.find('.') == std::string::npos) result += ".0";
  return result;
}

// One container on the way down. Its path is the first `name_length` bytes of the walker's name.
struct Frame {
  NodeId node;
  size_t next;
  size_t name_length;
};

class Walker {
 public:
  Walker(const Graph& graph, uint64_t max_name_bytes) : graph_(graph), left_(max_name_bytes), seen_(graph.size()) {}

  ClientResult<std::vector<NamedTensor>> Run(NodeId root) {
    if (!Visit(root)) return TooLong();
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
      const std::string part = dict ? KeyText(graph_, refs[at]) : std::to_string(frame.next);
      ++frame.next;
      if (!name_.empty()) name_ += '.';
      name_ += part;
      if (name_.size() > left_ || !Visit(refs[at + stride - 1])) return TooLong();
    }
    return std::move(found_);
  }

 private:
  bool Visit(NodeId node) {
    const v1::NodeKind kind = graph_.kind(node);
    if (kind == v1::NODE_KIND_TENSOR) {
      if (name_.size() > left_) return false;
      left_ -= name_.size();
      found_.push_back({name_, graph_.Link(node)});
    } else if ((IsDict(kind) || IsSequence(kind)) && !seen_[node]) {
      seen_[node] = true;
      stack_.push_back({node, 0, name_.size()});
    }
    return true;
  }

  static Unexpected<ClientError> TooLong() {
    return Unexpected{MakeError(v1::REASON_LIMIT_EXCEEDED, "the names of the tensors are too long together")};
  }

  const Graph& graph_;
  uint64_t left_;
  std::vector<bool> seen_;
  std::vector<Frame> stack_;
  std::string name_;
  std::vector<NamedTensor> found_;
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
    default:
      return std::string(1, '<').append(v1::NodeKind_Name(graph.kind(key)), sizeof "NODE_KIND_" - 1).append(">");
  }
}

ClientResult<std::vector<NamedTensor>> TensorsUnder(const Graph& graph, NodeId root, uint64_t max_name_bytes) {
  return Walker(graph, max_name_bytes).Run(root);
}

}  // namespace airlock
