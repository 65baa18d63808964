#include "sandbox/pickle/python_builders.h"

#include <string>

namespace airlock::pickle {

bool Maker::IsNegative(NodeId integer) const {
  if (graph.is(integer, Kind::kInt)) return graph.integer(integer) < 0;
  return (static_cast<uint8_t>(graph.text(integer).back()) & 0x80) != 0;
}

std::optional<int64_t> Maker::Integer(NodeId node) const {
  return graph.is(node, Kind::kInt) ? std::optional(graph.integer(node)) : std::nullopt;
}

Builder Maker::BuilderOf(NodeId node) const {
  return graph.is(node, Kind::kSymbol) ? context_.symbols[graph.symbol(node)].builder : Builder::kNone;
}

std::string_view Maker::ModuleOf(NodeId symbol) const {
  if (!graph.is(symbol, Kind::kSymbol)) return {};
  return context_.symbols[graph.symbol(symbol)].module;
}

std::string_view Maker::NameOf(NodeId symbol) const {
  if (!graph.is(symbol, Kind::kSymbol)) return {};
  return context_.symbols[graph.symbol(symbol)].name;
}

bool Maker::IsRecordOf(NodeId node, Builder builder) const {
  return graph.is(node, Kind::kRecord) && BuilderOf(graph.record(node).callee) == builder;
}

std::optional<std::string_view> Maker::ShortBytes(NodeId node, size_t most) const {
  if (!graph.is(node, Kind::kBytes) && !graph.is(node, Kind::kString)) return std::nullopt;
  if (graph.span(node)) return std::nullopt;  // long
  const std::string_view text = graph.text(node);
  return text.size() <= most ? std::optional(text) : std::nullopt;
}

bool Maker::IsAttributes(NodeId node) {
  if (!IsDict(node)) return false;
  const auto children = graph.children(node);
  Charge(children.size());
  for (size_t i = 0; i < children.size(); i += 2) {
    if (!IsText(children[i])) return false;
  }
  return true;
}

Result<NodeId> Maker::Copy(Kind kind, NodeId container) {
  Charge(graph.children(container).size());
  return graph.CopyAs(kind, container);
}

Result<void> Maker::CheckString(uint64_t length) const {
  const uint64_t limit = context_.limits.string_bytes;
  const uint64_t used = graph.string_bytes();
  if (used + length > limit) return FailLimit("string_bytes", limit, used + length, call.offset);
  return {};
}

Result<NodeId> Maker::Text(Kind kind, std::string_view text) {
  AIRLOCK_TRY(CheckString(text.size()));
  Charge(text.size() / 16);
  return graph.Text(kind, text);
}

Result<void> Maker::CheckHashable(NodeId node) const {
  if (graph.hashable(node)) return {};
  return Fail(Reason::kPickleMalformed, "a " + std::string(KindName(graph.kind(node))) + " cannot be a key or a member",
              call.offset);
}

NodeId Maker::Record(RecordParts parts) {
  parts.callee = call.callee;
  parts.made_by_new = call.made_by_new;
  return graph.Record(parts);
}

}  // namespace airlock::pickle
