#include "server/validate/compound_rules.h"

#include <algorithm>
#include <initializer_list>
#include <span>
#include <vector>

#include "server/validate/rules.h"
#include "server/validate/tensor_rules.h"

namespace airlock::server {
namespace {

constexpr uint32_t kSparseLayout = 7;
constexpr uint32_t kSparseFlags = v1::SPARSE_BIT_REQUIRES_GRAD | v1::SPARSE_BIT_COALESCED;

constexpr uint64_t kCompounds =
    KindSet(v1::NODE_KIND_SPARSE_TENSOR, v1::NODE_KIND_META_TENSOR, v1::NODE_KIND_NESTED_TENSOR, v1::NODE_KIND_STREAM,
            v1::NODE_KIND_ATTRIBUTED, v1::NODE_KIND_SCALAR);

class CompoundChecker {
 public:
  CompoundChecker(const v1::PlanChunk& plan, const NodeTable& nodes, const Limits& limits)
      : tensors_(plan.tensors()), nodes_(nodes), limits_(limits) {}

  OrVerdict<void> Check() {
    return nodes_.ForEach(kCompounds, [this](uint32_t node) { return CheckNode(node); });
  }

 private:
  OrVerdict<void> CheckNode(uint32_t node);
  bool GoodSparse(uint32_t node);
  bool GoodCoo(std::span<const uint32_t> parts);
  bool GoodCompressed(std::span<const uint32_t> parts);
  bool GoodMeta(uint32_t node) const;
  bool GoodNested(uint32_t node);
  bool GoodStream(uint32_t node) const;

  bool Is(uint32_t node, std::initializer_list<v1::NodeKind> kinds) const {
    return std::find(kinds.begin(), kinds.end(), nodes_.kind(node)) != kinds.end();
  }
  bool IsTensor(uint32_t node) const { return Is(node, {v1::NODE_KIND_TENSOR}); }
  // REQUIRES of these: IsTensor(node).
  v1::DType DTypeOf(uint32_t node) const { return tensors_.dtype(static_cast<int>(nodes_.link(node))); }
  std::span<const uint64_t> ShapeOf(uint32_t node);
  bool IsIndex(uint32_t node) const {
    return IsTensor(node) && (DTypeOf(node) == v1::DTYPE_INT64 || DTypeOf(node) == v1::DTYPE_INT32);
  }

  const v1::TensorColumns& tensors_;
  const NodeTable& nodes_;
  const Limits& limits_;
  // Where each tensor's dimensions start; empty until somebody asks.
  std::vector<uint64_t> shape_at_;
};

OrVerdict<void> CompoundChecker::CheckNode(uint32_t node) {
  switch (nodes_.kind(node)) {
    case v1::NODE_KIND_SPARSE_TENSOR:
      if (!GoodSparse(node)) return Broken(Rule::kGraphSparse);
      return {};
    case v1::NODE_KIND_META_TENSOR:
      if (!GoodMeta(node)) return Broken(Rule::kGraphMeta);
      return {};
    case v1::NODE_KIND_NESTED_TENSOR:
      if (!GoodNested(node)) return Broken(Rule::kGraphNested);
      return {};
    case v1::NODE_KIND_STREAM:
      if (!GoodStream(node)) return Broken(Rule::kGraphStream);
      return {};
    case v1::NODE_KIND_ATTRIBUTED:
      if (!Is(nodes_.refs(node)[0], {v1::NODE_KIND_TENSOR, v1::NODE_KIND_SPARSE_TENSOR, v1::NODE_KIND_META_TENSOR,
                                     v1::NODE_KIND_NESTED_TENSOR})) {
        return Broken(Rule::kGraphAttributed);
      }
      return {};
    case v1::NODE_KIND_SCALAR:
      if (!Is(nodes_.refs(node)[0], {v1::NODE_KIND_NUMPY_DTYPE}) ||
          !Is(nodes_.refs(node)[1], {v1::NODE_KIND_INT, v1::NODE_KIND_BIG_INT, v1::NODE_KIND_FLOAT,
                                     v1::NODE_KIND_COMPLEX, v1::NODE_KIND_TRUE, v1::NODE_KIND_FALSE})) {
        return Broken(Rule::kGraphScalar);
      }
      return {};
    default:
      return {};
  }
}

std::span<const uint64_t> CompoundChecker::ShapeOf(uint32_t node) {
  if (shape_at_.empty()) {
    uint64_t at = 0;
    for (const uint32_t rank : tensors_.rank()) {
      shape_at_.push_back(at);
      at += rank;
    }
  }
  const uint32_t tensor = nodes_.link(node);
  return {tensors_.shape().data() + shape_at_[tensor], tensors_.rank(static_cast<int>(tensor))};
}

bool CompoundChecker::GoodSparse(uint32_t node) {
  const uint32_t bits = nodes_.count(node);
  const uint32_t layout = bits & kSparseLayout;
  const bool coo = layout == v1::SPARSE_BIT_COO;
  if (layout < v1::SPARSE_BIT_COO || layout > v1::SPARSE_BIT_BSC) return false;
  if ((bits & ~(kSparseLayout | kSparseFlags)) != 0 || (!coo && (bits & v1::SPARSE_BIT_COALESCED) != 0)) return false;
  const auto parts = nodes_.refs(node);
  if (!IsIndex(parts[0]) || !IsTensor(parts[2]) || !Is(parts[3], {v1::NODE_KIND_SIZE})) return false;
  // Many tensors may share one size: it has an end that does not grow with the plan.
  if (nodes_.count(parts[3]) > limits_.dims) return false;
  for (const uint32_t size : nodes_.refs(parts[3])) {
    if (nodes_.integer(size) < 0) return false;
  }
  return coo ? GoodCoo(parts) : GoodCompressed(parts);
}

// Each column of the indices is a place among the sparse dimensions; what stands there are the values' own.
bool CompoundChecker::GoodCoo(std::span<const uint32_t> parts) {
  if (!Is(parts[1], {v1::NODE_KIND_NONE})) return false;
  const auto indices = ShapeOf(parts[0]);
  const auto values = ShapeOf(parts[2]);
  if (indices.size() != 2 || values.empty() || indices[1] != values[0]) return false;
  const auto size = nodes_.refs(parts[3]);
  if (indices[0] > size.size() || size.size() - indices[0] != values.size() - 1) return false;
  for (size_t d = 1; d < values.size(); ++d) {
    if (values[d] != static_cast<uint64_t>(nodes_.integer(size[indices[0] + d - 1]))) return false;
  }
  return true;
}

bool CompoundChecker::GoodCompressed(std::span<const uint32_t> parts) {
  if (!IsIndex(parts[1])) return false;
  const auto outer = ShapeOf(parts[0]);
  const auto inner = ShapeOf(parts[1]);
  const auto values = ShapeOf(parts[2]);
  const size_t rank = inner.size();
  return rank > 0 && outer.size() == rank && values.size() >= rank && values[rank - 1] == inner[rank - 1] &&
         nodes_.refs(parts[3]).size() > rank;
}

bool CompoundChecker::GoodMeta(uint32_t node) const {
  const auto parts = nodes_.refs(node);
  if ((nodes_.count(node) & ~kKnownTensorFlags) != 0) return false;
  if (!Is(parts[0], {v1::NODE_KIND_DTYPE}) || !Is(parts[1], {v1::NODE_KIND_SIZE})) return false;
  if (!Is(parts[2], {v1::NODE_KIND_TUPLE})) return false;
  const auto shape = nodes_.refs(parts[1]);
  const auto strides = nodes_.refs(parts[2]);
  if (shape.size() > limits_.dims || shape.size() != strides.size()) return false;
  const auto natural = [this](uint32_t number) {
    return Is(number, {v1::NODE_KIND_INT}) && nodes_.integer(number) >= 0;
  };
  return std::all_of(shape.begin(), shape.end(), natural) && std::all_of(strides.begin(), strides.end(), natural);
}

// A row of sizes, a row of strides and an offset for each tensor within the buffer.
bool CompoundChecker::GoodNested(uint32_t node) {
  const auto parts = nodes_.refs(node);
  if (!std::all_of(parts.begin(), parts.end(), [this](uint32_t part) { return IsTensor(part); })) return false;
  for (const uint32_t part : parts.subspan(1)) {
    if (DTypeOf(part) != v1::DTYPE_INT64) return false;
  }
  const auto sizes = ShapeOf(parts[1]);
  const auto offsets = ShapeOf(parts[3]);
  return ShapeOf(parts[0]).size() == 1 && std::ranges::equal(sizes, ShapeOf(parts[2])) && offsets.size() == 1 &&
         (sizes.empty() ? offsets[0] == 0 : offsets[0] == sizes[0]);
}

// A stream in a stream is a level more; a ring of them would have no end.
bool CompoundChecker::GoodStream(uint32_t node) const {
  if (!Is(nodes_.refs(node)[0],
          {v1::NODE_KIND_BYTES, v1::NODE_KIND_BYTE_ARRAY, v1::NODE_KIND_STRING, v1::NODE_KIND_NONE})) {
    return false;
  }
  uint64_t levels = 1;
  for (uint32_t root = nodes_.refs(node)[1]; Is(root, {v1::NODE_KIND_STREAM}); root = nodes_.refs(root)[1]) {
    if (++levels > limits_.nested) return false;
  }
  return true;
}

}  // namespace

OrVerdict<void> CheckCompounds(const v1::PlanChunk& plan, const NodeTable& nodes, const Limits& limits) {
  return CompoundChecker(plan, nodes, limits).Check();
}

}  // namespace airlock::server
