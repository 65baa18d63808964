// Sparse tensors. The shapes of the parts are checked here, the indices once their bytes have a place (number_check.h).
#include <algorithm>
#include <array>
#include <string_view>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/dtypes.h"
#include "sandbox/tensors/geometry.h"
#include "sandbox/tensors/torch_constructor.h"

namespace airlock::tensors {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

namespace {

struct LayoutRow {
  std::string_view name;
  SparseLayout layout;
};
constexpr std::array<LayoutRow, 5> kSparseLayouts = {{{"sparse_coo", SparseLayout::kCoo},
                                                      {"sparse_csr", SparseLayout::kCsr},
                                                      {"sparse_csc", SparseLayout::kCsc},
                                                      {"sparse_bsr", SparseLayout::kBsr},
                                                      {"sparse_bsc", SparseLayout::kBsc}}};

SparseLayout LayoutOf(std::string_view name) {
  const auto* const row = std::ranges::find(kSparseLayouts, name, &LayoutRow::name);
  return row == kSparseLayouts.end() ? SparseLayout::kNone : row->layout;
}

bool IsBlocked(SparseLayout layout) { return layout == SparseLayout::kBsr || layout == SparseLayout::kBsc; }
bool ByColumns(SparseLayout layout) { return layout == SparseLayout::kCsc || layout == SparseLayout::kBsc; }

using Sizes = std::span<const uint64_t>;

// Indices [sparse dims, n], values [n, dense dims ...]; the size has both.
bool CooFits(Sizes indices, Sizes values, Sizes size) {
  return indices.size() == 2 && !values.empty() && values[0] == indices[1] && indices[0] <= size.size() &&
         std::ranges::equal(values.subspan(1), size.subspan(indices[0]));
}

// Blocks in a dimension; absent where they do not fill it.
std::optional<uint64_t> Blocks(uint64_t size, uint64_t block) {
  if (block == 0) return size == 0 ? std::optional<uint64_t>(0) : std::nullopt;
  return size % block == 0 ? std::optional(size / block) : std::nullopt;
}

// What a compressed layout's parts must be alike in: outer [batch ..., rows + 1], inner [batch ..., n], values
// [batch ..., n, (block rows, block columns,) dense dims ...]. Gives what inner indices stay below.
std::optional<uint64_t> CompressedFits(SparseLayout layout, Sizes outer, Sizes inner, Sizes values, Sizes size) {
  if (outer.empty() || outer.size() != inner.size() || outer.back() == 0) return std::nullopt;
  const size_t batch = outer.size() - 1;
  const size_t block_dims = IsBlocked(layout) ? 2 : 0;
  if (values.size() < batch + 1 + block_dims || size.size() != values.size() + 1 - block_dims) return std::nullopt;
  const Sizes batches = outer.first(batch);
  if (!std::ranges::equal(batches, inner.first(batch)) || !std::ranges::equal(batches, values.first(batch)) ||
      !std::ranges::equal(batches, size.first(batch)) || values[batch] != inner[batch] ||
      !std::ranges::equal(values.subspan(batch + 1 + block_dims), size.subspan(batch + 2))) {
    return std::nullopt;
  }
  const auto rows = Blocks(size[batch], IsBlocked(layout) ? values[batch + 1] : 1);
  const auto columns = Blocks(size[batch + 1], IsBlocked(layout) ? values[batch + 2] : 1);
  if (!rows || !columns || (ByColumns(layout) ? *columns : *rows) != outer.back() - 1) return std::nullopt;
  return ByColumns(layout) ? rows : columns;
}

bool IsIndexType(DType dtype) { return dtype == DType::kInt64 || dtype == DType::kInt32; }

}  // namespace

// (layout, (parts ...)): torch._utils._rebuild_sparse_tensor, and _rebuild_sparse_csr_tensor of torch 1.10 to 1.13.
Result<NodeId> TorchConstructor::RebuildSparse(const Call& call) {
  const pickle::Graph& graph = context_.graph;
  if (call.args.size() != 2 || !graph.is(call.args[0], Kind::kLayout) || !graph.is(call.args[1], Kind::kTuple)) {
    return Odd(call);
  }
  const SparseLayout layout = LayoutOf(graph.text(call.args[0]));
  const std::span<const NodeId> parts = graph.children(call.args[1]);
  if (layout == SparseLayout::kNone || parts.size() < 3 || parts.size() > 4) return Odd(call);
  if (layout != SparseLayout::kCoo) {
    if (parts.size() != 4) return Odd(call);
    return MakeCompressed(call, layout, {parts[0], parts[1], parts[2], parts[3]});
  }
  const bool told = parts.size() == 4 && !graph.is(parts[3], Kind::kNone);
  const std::optional<bool> coalesced = told ? ReadBool(parts[3]) : false;
  if (!coalesced) return Odd(call);
  return MakeCoo(call, {parts[0], kNoNode, parts[1], parts[2]}, *coalesced);
}

// torch.sparse.FloatTensor(indices, values, size), as the first versions wrote it. Without a size it is what the
// indices reach, and with sizes alone it has no entries: torch's writer never left it to that.
Result<NodeId> TorchConstructor::MakeLegacySparse(const Call& call) {
  if (call.args.size() != 3) return Odd(call);
  if (!context_.graph.is(call.args[1], Kind::kTensor)) return Odd(call);
  const DTypeRow* row = LegacyDType(call.symbol, "Tensor");
  if (row == nullptr || ViewOf(call.args[1]).dtype != row->dtype) return Odd(call);
  return MakeCoo(call, {call.args[0], kNoNode, call.args[1], call.args[2]}, false);
}

Result<NodeId> TorchConstructor::MakeCoo(const Call& call, const SparseParts& parts, bool coalesced) {
  AIRLOCK_ASSIGN(const auto size, ReadDims(parts.size, call.at));
  if (!size || !IsPlainTensor(parts.first) || !IsPlainTensor(parts.values)) return Odd(call);
  const TensorView indices = ViewOf(parts.first);
  if (!IsIndexType(indices.dtype) || !CooFits(indices.shape, ViewOf(parts.values).shape, *size)) return Odd(call);
  const uint64_t sparse_dims = indices.shape[0];
  tables_.AddCheck({.layout = SparseLayout::kCoo,
                    .coalesced = coalesced,
                    .first = context_.graph.tensor(parts.first),
                    .size = {size->begin(), size->begin() + static_cast<std::ptrdiff_t>(sparse_dims)},
                    .at = call.at});
  const uint32_t bits = static_cast<uint32_t>(SparseLayout::kCoo) | (coalesced ? kSparseCoalesced : 0);
  return SparseNode(call, bits, parts, *size);
}

Result<NodeId> TorchConstructor::MakeCompressed(const Call& call, SparseLayout layout, const SparseParts& parts) {
  AIRLOCK_ASSIGN(const auto size, ReadDims(parts.size, call.at));
  if (!size || !IsPlainTensor(parts.first) || !IsPlainTensor(parts.second) || !IsPlainTensor(parts.values)) {
    return Odd(call);
  }
  const TensorView outer = ViewOf(parts.first);
  const TensorView inner = ViewOf(parts.second);
  if (!IsIndexType(outer.dtype) || inner.dtype != outer.dtype) return Odd(call);
  const auto columns = CompressedFits(layout, outer.shape, inner.shape, ViewOf(parts.values).shape, *size);
  if (!columns) return Odd(call);
  tables_.AddCheck({.layout = layout,
                    .first = context_.graph.tensor(parts.first),
                    .second = context_.graph.tensor(parts.second),
                    .columns = *columns,
                    .at = call.at});
  return SparseNode(call, static_cast<uint32_t>(layout), parts, *size);
}

Result<NodeId> TorchConstructor::SparseNode(const Call& call, uint32_t bits, const SparseParts& parts, Sizes size) {
  // Others make a dense tensor of it: its elements must be countable, however many.
  if (!ElementCount(size))
    return Fail(Reason::kTensorOutOfBounds, "a sparse tensor has more elements than can be counted", call.at);
  const NodeId second = parts.second == kNoNode ? context_.graph.None() : parts.second;
  const NodeId refs[] = {parts.first, second, parts.values, context_.graph.CopyAs(Kind::kSize, parts.size)};
  return context_.graph.Compound(Kind::kSparseTensor, bits, refs);
}

}  // namespace airlock::tensors
