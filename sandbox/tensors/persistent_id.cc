#include "sandbox/tensors/persistent_id.h"

#include <span>
#include <string>

#include "sandbox/base/checked.h"
#include "sandbox/tensors/device_name.h"
#include "sandbox/tensors/dtypes.h"

namespace airlock::tensors {
namespace {

using pickle::Graph;
using pickle::Kind;
using pickle::NodeId;

Unexpected<Error> Malformed(const char* what, uint64_t at) {
  return Fail(Reason::kPickleMalformed, std::string("a persistent id ") + what, at);
}

// Python 2 wrote byte strings.
bool IsText(const Graph& graph, NodeId id) { return graph.is(id, Kind::kString) || graph.is(id, Kind::kBytes); }

bool IsCount(const Graph& graph, NodeId id) { return graph.is(id, Kind::kInt) && graph.integer(id) >= 0; }

Result<std::optional<StorageSlice>> ReadSlice(const Graph& graph, NodeId id, const StorageRequest& storage) {
  if (graph.is(id, Kind::kNone)) return std::optional<StorageSlice>();
  if (!graph.is(id, Kind::kTuple)) return Malformed("has odd view metadata", storage.at);
  const std::span<const NodeId> parts = graph.children(id);
  if (parts.size() != 3 || !graph.is(parts[0], Kind::kString) || !IsCount(graph, parts[1]) ||
      !IsCount(graph, parts[2])) {
    return Malformed("has odd view metadata", storage.at);
  }
  const StorageSlice slice{.key = graph.text(parts[0]),
                           .offset = static_cast<uint64_t>(graph.integer(parts[1])),
                           .numel = static_cast<uint64_t>(graph.integer(parts[2]))};
  if (!SpanFits(slice.offset, slice.numel, storage.numel)) {
    return Fail(Reason::kTensorOutOfBounds, "a view of a storage reaches outside it", storage.at);
  }
  return std::optional<StorageSlice>(slice);
}

std::optional<DType> ElementsOf(const pickle::SymbolUse& symbol) {
  if (symbol.name == "UntypedStorage" || symbol.name == "_UntypedStorage") {
    if (symbol.module == "torch.storage" || symbol.module == "torch") return DType::kNone;
  }
  const bool typed = symbol.module == "torch" || symbol.module == "torch.cuda";
  const DTypeRow* row = typed ? FindDTypeByStorage(symbol.name) : nullptr;
  return row != nullptr ? std::optional(row->dtype) : std::nullopt;
}

}  // namespace

Result<DType> StorageClass(const pickle::Context& context, NodeId id, uint64_t at, StorageClasses& classes) {
  if (!context.graph.is(id, Kind::kSymbol)) return Malformed("names no storage class", at);
  const uint32_t symbol = context.graph.symbol(id);
  const auto dtype = classes.Of(symbol, [&] { return ElementsOf(context.symbols[symbol]); });
  if (!dtype) return Malformed("names a class that is no storage class", at);
  return *dtype;
}

Result<void> ReadPersistentId(const pickle::Context& context, PersistentForm form, NodeId id, uint64_t at,
                              StorageClasses& classes, PersistentId& read) {
  const Graph& graph = context.graph;
  if (!graph.is(id, Kind::kTuple)) return Malformed("is no tuple", at);
  const std::span<const NodeId> parts = graph.children(id);
  if (parts.empty() || !IsText(graph, parts[0])) return Malformed("does not say what it is", at);
  const bool legacy = form == PersistentForm::kLegacy;
  if (legacy && graph.text(parts[0]) == "module" && parts.size() == 4 && graph.is(parts[1], Kind::kSymbol)) {
    read.module_class = parts[1];
    return {};
  }
  if (graph.text(parts[0]) != "storage" || parts.size() != (legacy ? 6U : 5U)) {
    return Malformed("is not of a form that torch writes", at);
  }
  // Torch turns a key into part of a member's name: of bytes it makes "b'0'", so they are no key here.
  if (!graph.is(parts[2], Kind::kString) || !IsText(graph, parts[3]) || !IsCount(graph, parts[4])) {
    return Malformed("has an odd key, location or element count", at);
  }
  if (!IsDeviceName(graph.text(parts[3]))) return Malformed("names a device as torch never does", at);
  AIRLOCK_ASSIGN(const DType dtype, StorageClass(context, parts[1], at, classes));
  const auto numel = static_cast<uint64_t>(graph.integer(parts[4]));
  const std::optional<uint64_t> nbytes = CheckedMul(numel, ItemSize(dtype));
  if (!nbytes) return Malformed("asks for more bytes than can be counted", at);
  read.storage = StorageRequest{.key = graph.text(parts[2]),
                                .location = graph.text(parts[3]),
                                .dtype = dtype,
                                .numel = numel,
                                .nbytes = *nbytes,
                                .at = at,
                                .slice = {}};
  if (legacy) {
    AIRLOCK_ASSIGN(read.storage.slice, ReadSlice(graph, parts[5], read.storage));
  }
  return {};
}

}  // namespace airlock::tensors
