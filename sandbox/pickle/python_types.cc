#include "sandbox/pickle/python_types.h"

#include <algorithm>
#include <optional>
#include <string>

#include "sandbox/pickle/utf8.h"

namespace airlock::pickle {
namespace {

using Args = std::span<const NodeId>;

// One construction at work. Each maker gives kNoNode for arguments that it does not understand.
class Maker {
 public:
  Maker(Context& context, const Call& call)
      : context_(context), graph_(context.graph), call_(call), args_(graph_.children(call.args)) {}

  Result<NodeId> Make(Builder builder);

 private:
  Result<NodeId> Sequence(Kind kind);
  Result<NodeId> Members(Kind kind);
  Result<NodeId> Mapping(Kind kind);
  Result<NodeId> FromPairs(Kind kind, NodeId pairs);
  Result<NodeId> ByteString(Kind kind);
  Result<NodeId> Encoded(Kind kind);
  Result<NodeId> ComplexNumber();
  Result<NodeId> Reconstructed();
  Result<NodeId> NewObject();

  // REQUIRES: args_.size() >= 1.
  bool IsHarmlessClass(NodeId node) const;
  bool IsList(NodeId node) const { return graph_.is(node, Kind::kList) || graph_.is(node, Kind::kTuple); }
  std::optional<double> Number(NodeId node) const;
  Result<void> CheckHashable(NodeId node) const;
  Result<NodeId> Copy(Kind kind, NodeId container);
  Result<NodeId> Text(Kind kind, std::string_view text);

  Context& context_;
  Graph& graph_;
  const Call& call_;
  // Valid until the first node is made.
  Args args_;
};

Result<NodeId> Maker::Make(Builder builder) {
  switch (builder) {
    case Builder::kOrderedDict:
      return Mapping(Kind::kOrderedDict);
    case Builder::kDict:
      return Mapping(Kind::kDict);
    case Builder::kList:
      return Sequence(Kind::kList);
    case Builder::kTuple:
      return Sequence(Kind::kTuple);
    case Builder::kSet:
      return Members(Kind::kSet);
    case Builder::kFrozenSet:
      return Members(Kind::kFrozenSet);
    case Builder::kByteArray:
      return ByteString(Kind::kByteArray);
    case Builder::kBytes:
      return ByteString(Kind::kBytes);
    case Builder::kCodecsEncode:
      return Encoded(Kind::kBytes);
    case Builder::kComplex:
      return ComplexNumber();
    case Builder::kReconstructor:
      return Reconstructed();
    case Builder::kNewObject:
      return NewObject();
    case Builder::kNone:
    case Builder::kExternal:
    case Builder::kGetattr:
      break;
  }
  return kNoNode;
}

Result<NodeId> Maker::Copy(Kind kind, NodeId container) {
  context_.opcodes += graph_.children(container).size();
  return graph_.CopyAs(kind, container);
}

Result<NodeId> Maker::Text(Kind kind, std::string_view text) {
  const uint64_t limit = context_.limits.string_bytes;
  const uint64_t used = graph_.string_bytes();
  if (used + text.size() > limit) return FailLimit("string_bytes", limit, used + text.size(), call_.offset);
  context_.opcodes += text.size() / 16;
  return graph_.Text(kind, text);
}

Result<void> Maker::CheckHashable(NodeId node) const {
  if (graph_.hashable(node)) return {};
  return Fail(Reason::kPickleMalformed,
              "a " + std::string(KindName(graph_.kind(node))) + " cannot be a key or a member", call_.offset);
}

Result<NodeId> Maker::Sequence(Kind kind) {
  if (args_.empty()) return graph_.Container(kind, {});
  // list.__new__ ignores what list() takes.
  if (args_.size() != 1 || !IsList(args_[0]) || (kind == Kind::kList && call_.made_by_new)) return kNoNode;
  return Copy(kind, args_[0]);
}

Result<NodeId> Maker::Members(Kind kind) {
  if (args_.empty()) return graph_.Container(kind, {});
  if (args_.size() != 1 || (kind == Kind::kSet && call_.made_by_new)) return kNoNode;
  const NodeId members = args_[0];
  if (!IsList(members) && !graph_.is(members, Kind::kSet) && !graph_.is(members, Kind::kFrozenSet)) return kNoNode;
  for (const NodeId member : graph_.children(members)) AIRLOCK_TRY(CheckHashable(member));
  return Copy(kind, members);
}

Result<NodeId> Maker::Mapping(Kind kind) {
  if (args_.empty()) return graph_.Container(kind, {});
  if (args_.size() != 1 || call_.made_by_new) return kNoNode;
  const NodeId source = args_[0];
  if (graph_.is(source, Kind::kDict) || graph_.is(source, Kind::kOrderedDict)) return Copy(kind, source);
  return IsList(source) ? FromPairs(kind, source) : Result<NodeId>(kNoNode);
}

// OrderedDict([[key, value], ...]), as Python 2 wrote it.
Result<NodeId> Maker::FromPairs(Kind kind, NodeId pairs) {
  const Args items = graph_.children(pairs);
  std::vector<NodeId> children;
  children.reserve(items.size() * 2);
  for (const NodeId item : items) {
    if (!IsList(item) || graph_.children(item).size() != 2) return kNoNode;
    const Args pair = graph_.children(item);
    AIRLOCK_TRY(CheckHashable(pair[0]));
    children.insert(children.end(), pair.begin(), pair.end());
  }
  context_.opcodes += children.size();
  return graph_.Container(kind, children);
}

// bytearray(10) would allocate from a number alone, so only bytes count as understood.
Result<NodeId> Maker::ByteString(Kind kind) {
  if (args_.empty()) return graph_.Text(kind, {});
  if (args_.size() == 2 && kind == Kind::kByteArray && !call_.made_by_new) return Encoded(kind);
  if (args_.size() != 1 || (kind == Kind::kByteArray && call_.made_by_new)) return kNoNode;
  if (!graph_.is(args_[0], Kind::kBytes) && !graph_.is(args_[0], Kind::kByteArray)) return kNoNode;
  return Text(kind, graph_.text(args_[0]));
}

// (text, "latin1"): how protocols 0 to 2 write bytes. Any other codec would run, so it does not.
Result<NodeId> Maker::Encoded(Kind kind) {
  if (args_.size() != 2 || !graph_.is(args_[0], Kind::kString) || !graph_.is(args_[1], Kind::kString)) return kNoNode;
  const std::string_view codec = graph_.text(args_[1]);
  constexpr std::string_view kLatin1[] = {"latin1", "latin-1", "latin_1", "iso-8859-1", "iso8859-1"};
  if (std::ranges::find(kLatin1, codec) == std::end(kLatin1)) return kNoNode;
  std::string bytes;
  for (std::string_view text = graph_.text(args_[0]); !text.empty();) {
    const auto code_point = TakeCodePoint(text);
    if (!code_point || *code_point > 0xFF) return kNoNode;
    bytes += static_cast<char>(*code_point);
  }
  return Text(kind, bytes);
}

std::optional<double> Maker::Number(NodeId node) const {
  if (graph_.is(node, Kind::kFloat)) return graph_.real(node);
  if (graph_.is(node, Kind::kInt)) return static_cast<double>(graph_.integer(node));
  return std::nullopt;
}

Result<NodeId> Maker::ComplexNumber() {
  if (args_.empty()) return graph_.Complex(0, 0);
  const auto real = args_.size() <= 2 ? Number(args_[0]) : std::nullopt;
  const auto imaginary = args_.size() == 2 ? Number(args_[1]) : std::optional<double>(0);
  if (!real || !imaginary) return kNoNode;
  return graph_.Complex(*real, *imaginary);
}

bool Maker::IsHarmlessClass(NodeId node) const {
  return graph_.is(node, Kind::kSymbol) &&
         context_.symbols[graph_.symbol(node)].symbol_class != SymbolClass::kDangerous;
}

// copyreg._reconstructor(cls, object, None), which protocols 0 and 1 write for what is cls.__new__(cls) in later ones.
Result<NodeId> Maker::Reconstructed() {
  if (args_.size() != 3 || !IsHarmlessClass(args_[0]) || !graph_.is(args_[1], Kind::kSymbol)) return kNoNode;
  if (context_.symbols.FullName(graph_.symbol(args_[1])) != "builtins.object") return kNoNode;
  if (!graph_.is(args_[2], Kind::kNone)) return kNoNode;
  const NodeId callee = args_[0];
  const NodeId no_args = graph_.Container(Kind::kTuple, {});
  return graph_.Record({.callee = callee, .args = no_args, .made_by_new = true});
}

// copyreg.__newobj__(cls, *args)
Result<NodeId> Maker::NewObject() {
  if (args_.empty() || !IsHarmlessClass(args_[0])) return kNoNode;
  const NodeId callee = args_[0];
  context_.opcodes += args_.size();
  const NodeId rest = graph_.Container(Kind::kTuple, args_.subspan(1));
  return graph_.Record({.callee = callee, .args = rest, .made_by_new = true});
}

}  // namespace

Result<NodeId> ConstructPython(Context& context, Builder builder, const Call& call) {
  AIRLOCK_ASSIGN(const NodeId made, Maker(context, call).Make(builder));
  if (made == kNoNode && builder != Builder::kReconstructor) {
    const uint32_t symbol = context.graph.symbol(call.callee);
    AddFinding(context, {.id = "pickle.odd-arguments",
                         .severity = Severity::kWarning,
                         .message = context.symbols.FullName(symbol) +
                                    " gets arguments that Python never writes; kept as an inert record",
                         .where = {},
                         .offset = call.offset});
  }
  return made;
}

}  // namespace airlock::pickle
