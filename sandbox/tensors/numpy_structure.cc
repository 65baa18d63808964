#include "sandbox/tensors/numpy_structure.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/geometry.h"

namespace airlock::tensors {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;

NodeId TupleOf(Graph& graph, const std::vector<uint64_t>& numbers) {
  std::vector<NodeId> items;
  items.reserve(numbers.size());
  for (const uint64_t number : numbers) items.push_back(graph.Int(static_cast<int64_t>(number)));
  return graph.Container(Kind::kTuple, items);
}

// The lists that numpy.dtype takes, field by field.
class Description {
 public:
  explicit Description(Graph& graph) : graph_(graph) {}

  void Add(const NumpyField& field, NodeId dtype) {
    names_.push_back(graph_.Text(Kind::kString, field.name));
    if (!field.shape.empty()) {
      const NodeId format[] = {dtype, TupleOf(graph_, field.shape)};
      dtype = graph_.Container(Kind::kTuple, format);
    }
    formats_.push_back(dtype);
    offsets_.push_back(graph_.Int(static_cast<int64_t>(field.offset)));
    titles_.push_back(field.title ? graph_.Text(Kind::kString, *field.title) : graph_.None());
    titled_ = titled_ || field.title.has_value();
  }

  NodeId Dict(uint64_t item_size) {
    Put("names", graph_.Container(Kind::kList, names_));
    Put("formats", graph_.Container(Kind::kList, formats_));
    Put("offsets", graph_.Container(Kind::kList, offsets_));
    if (titled_) Put("titles", graph_.Container(Kind::kList, titles_));
    Put("itemsize", graph_.Int(static_cast<int64_t>(item_size)));
    return graph_.Container(Kind::kDict, pairs_);
  }

 private:
  void Put(std::string_view key, NodeId value) {
    pairs_.push_back(graph_.Text(Kind::kString, key));
    pairs_.push_back(value);
  }

  Graph& graph_;
  std::vector<NodeId> names_;
  std::vector<NodeId> formats_;
  std::vector<NodeId> offsets_;
  std::vector<NodeId> titles_;
  std::vector<NodeId> pairs_;
  bool titled_ = false;
};

}  // namespace

std::optional<uint64_t> NumpyField::Bytes() const {
  const std::optional<uint64_t> count = ElementCount(shape);
  return count ? CheckedMul(*count, dtype.item_size) : std::nullopt;
}

bool NumpyStructure::has_objects() const {
  return std::ranges::any_of(fields_, [](const NumpyField& field) { return field.dtype.is_object; });
}

bool NumpyStructure::IsSound() const {
  std::set<std::pair<uint32_t, std::string_view>> names;
  for (size_t i = 1; i < fields_.size(); ++i) {
    const NumpyField& field = fields_[i];
    const std::optional<uint64_t> bytes = field.Bytes();
    if (!bytes || !SpanFits(field.offset, *bytes, fields_[field.parent].dtype.item_size)) return false;
    if (field.name.empty() || !names.emplace(field.parent, field.name).second) return false;
    if (field.title && !names.emplace(field.parent, *field.title).second) return false;
  }
  return item_size() <= INT64_MAX;
}

std::vector<std::vector<uint32_t>> NumpyStructure::Children() const {
  std::vector<std::vector<uint32_t>> children(fields_.size());
  for (uint32_t i = 1; i < fields_.size(); ++i) children[fields_[i].parent].push_back(i);
  return children;
}

std::vector<NodeId> NumpyStructure::Describe(Graph& graph, NodeId dtype_class) const {
  const std::vector<std::vector<uint32_t>> children = Children();
  std::vector<NodeId> dtypes(fields_.size());
  // Fields before what they are in.
  for (size_t i = fields_.size(); i-- > 0;) {
    if (!fields_[i].is_structure) {
      dtypes[i] = graph.Text(Kind::kNumpyDType, fields_[i].dtype.text);
      continue;
    }
    Description description(graph);
    for (const uint32_t child : children[i]) description.Add(fields_[child], dtypes[child]);
    const NodeId dict = description.Dict(fields_[i].dtype.item_size);
    dtypes[i] = graph.Record({.callee = dtype_class, .args = graph.Container(Kind::kTuple, {&dict, 1})});
  }
  return dtypes;
}

}  // namespace airlock::tensors
