#include "sandbox/pickle/python_types.h"

#include <algorithm>
#include <array>
#include <string>

#include "sandbox/pickle/python_builders.h"

namespace airlock::pickle {
namespace {

// How Python writes the making of an object: REDUCE, or NEWOBJ and its equals.
enum class By : uint8_t { kCall, kNew, kBoth };

// One class, or several that are written alike. Where there is no `make`, calling it is none of Python's ways.
struct PythonType {
  Builder builder;
  By by;
  Make* make;
  Complete* complete;  // none: it has no state
  Contents contents;
  bool keeps_functions = false;
};

using B = Builder;
constexpr auto kNothing = Contents::kNothing;

constexpr PythonType kTypes[] = {
    // Values
    {B::kByteArray, By::kBoth, MakeByteArray, nullptr, kNothing},
    {B::kBytes, By::kBoth, MakeBytes, nullptr, kNothing},
    {B::kCodecsEncode, By::kCall, MakeEncoded, nullptr, kNothing},
    {B::kComplex, By::kBoth, MakeComplex, nullptr, kNothing},
    {B::kDict, By::kBoth, MakeDict, nullptr, kNothing},
    {B::kFrozenSet, By::kBoth, MakeFrozenSet, nullptr, kNothing},
    {B::kList, By::kBoth, MakeList, nullptr, kNothing},
    {B::kOrderedDict, By::kBoth, MakeOrderedDict, nullptr, kNothing},
    {B::kSet, By::kBoth, MakeSet, nullptr, kNothing},
    {B::kTuple, By::kBoth, MakeTuple, nullptr, kNothing},
    // Containers
    {B::kCounter, By::kCall, MakeCounter, nullptr, Contents::kPairs},
    {B::kDefaultDict, By::kCall, MakeDefaultDict, nullptr, Contents::kPairs, true},
    {B::kDeque, By::kCall, MakeDeque, nullptr, Contents::kItems},
    {B::kListSubclass, By::kNew, MakeEmpty, nullptr, Contents::kItems},
    {B::kDictSubclass, By::kNew, MakeEmpty, KeepAttributes, Contents::kPairs},
    {B::kNumberArray, By::kCall, MakeNumberArray, nullptr, kNothing},
    {B::kNumberArrayFromBytes, By::kCall, MakeNumberArrayFromBytes, nullptr, kNothing},
    // Numbers, text, dates
    {B::kDecimal, By::kCall, MakeDecimal, nullptr, kNothing},
    {B::kFraction, By::kCall, MakeFraction, nullptr, kNothing},
    {B::kRange, By::kCall, MakeRange, nullptr, kNothing},
    {B::kSlice, By::kCall, MakeSlice, nullptr, kNothing},
    {B::kPath, By::kCall, MakePath, nullptr, kNothing},
    {B::kPattern, By::kCall, MakePattern, nullptr, kNothing},
    {B::kDate, By::kCall, MakeDate, nullptr, kNothing},
    {B::kDateTime, By::kCall, MakeDateTime, nullptr, kNothing},
    {B::kTime, By::kCall, MakeTime, nullptr, kNothing},
    {B::kTimeDelta, By::kCall, MakeTimeDelta, nullptr, kNothing},
    {B::kTimeZone, By::kCall, MakeTimeZone, nullptr, kNothing},
    // Objects
    {B::kObject, By::kNew, MakeEmpty, nullptr, kNothing},
    {B::kAttributes, By::kNew, MakeEmpty, KeepAttributes, kNothing},
    {B::kAttributesByCall, By::kCall, MakeEmpty, KeepAttributes, kNothing},
    {B::kSlots, By::kNew, MakeEmpty, KeepSlots, kNothing},
    {B::kUuid, By::kNew, MakeEmpty, KeepUuid, kNothing},
    {B::kRandom, By::kCall, MakeEmpty, KeepRandomState, kNothing},
    {B::kException, By::kCall, MakeAny, KeepAttributes, kNothing},
    {B::kEnum, By::kCall, MakeOneValue, nullptr, kNothing},
    {B::kPlainRecord, By::kBoth, MakeAny, KeepAny, kNothing},
    {B::kPartial, By::kCall, MakePartial, CompletePartial, kNothing, true},
    // Names and types
    {B::kName, By::kBoth, nullptr, nullptr, kNothing},
    {B::kTypeOf, By::kCall, MakeTypeOf, nullptr, kNothing},
    {B::kAlias, By::kCall, MakeAlias, nullptr, kNothing},
    {B::kUnion, By::kCall, MakeUnion, nullptr, kNothing},
    {B::kFlagUnion, By::kCall, MakeFlagUnion, nullptr, kNothing},
    // Only as what they stand for (UnwrapNewInstance)
    {B::kNewObject, By::kCall, nullptr, nullptr, kNothing},
    {B::kReconstructor, By::kCall, nullptr, nullptr, kNothing},
};

const PythonType* FindType(Builder builder) {
  const auto* const row = std::ranges::find(kTypes, builder, &PythonType::builder);
  return row == std::end(kTypes) ? nullptr : row;
}

void ReportOdd(Context& context, NodeId callee, std::string_view what, uint64_t offset) {
  AddFinding(context, {.id = "python.odd-arguments",
                       .severity = Severity::kWarning,
                       .message = context.symbols.FullName(context.graph.symbol(callee)) + " gets " +
                                  std::string(what) + " that Python never writes; kept as an inert record",
                       .where = {},
                       .offset = offset});
}

}  // namespace

Result<NodeId> ConstructPython(Context& context, Builder builder, const Call& call) {
  const PythonType* const type = FindType(builder);
  NodeId made = kNoNode;
  const bool usual = type != nullptr && type->make != nullptr && call.kwargs == kNoNode &&
                     (type->by == By::kBoth || (type->by == By::kNew) == call.made_by_new);
  if (usual) {
    Maker maker(context, call);
    AIRLOCK_ASSIGN(made, type->make(maker));
  }
  if (made == kNoNode) ReportOdd(context, call.callee, "arguments", call.offset);
  return made;
}

Result<bool> CompletePython(Context& context, Builder builder, NodeId record, NodeId state, uint64_t offset) {
  const RecordParts parts = context.graph.record(record);
  const Call call = {.callee = parts.callee, .args = parts.args, .offset = offset};
  const PythonType* const type = FindType(builder);
  bool understood = false;
  if (type != nullptr && type->complete != nullptr && parts.state == kNoNode) {
    Maker maker(context, call);
    AIRLOCK_ASSIGN(understood, type->complete(maker, record, state));
  }
  if (!understood) ReportOdd(context, parts.callee, "a state", offset);
  return understood;
}

void CheckContents(Context& context, Builder builder, NodeId record, Contents contents, uint64_t offset) {
  const PythonType* const type = FindType(builder);
  if (type != nullptr && type->contents == contents) return;
  ReportOdd(context, context.graph.record(record).callee, contents == Contents::kPairs ? "keys" : "items", offset);
}

bool KeepsFunctions(Builder builder) {
  const PythonType* const type = FindType(builder);
  return type != nullptr && type->keeps_functions;
}

std::optional<NewInstance> UnwrapNewInstance(Context& context, const Call& call) {
  const Maker maker(context, call);
  const Builder builder = maker.BuilderOf(call.callee);
  if ((builder != B::kReconstructor && builder != B::kNewObject) || call.made_by_new || call.kwargs != kNoNode) {
    return std::nullopt;
  }
  Graph& graph = context.graph;
  if (!graph.is(maker.arg(0), Kind::kSymbol)) return std::nullopt;
  NewInstance instance = {.call = {.callee = maker.arg(0), .made_by_new = true, .offset = call.offset}};
  if (builder == B::kNewObject) {
    context.opcodes += maker.args().size();
    instance.call.args = graph.Container(Kind::kTuple, maker.args().subspan(1));
    return instance;
  }
  if (maker.args().size() != 3 || maker.ModuleOf(maker.arg(1)) != "builtins") return std::nullopt;
  const std::string_view base = maker.NameOf(maker.arg(1));
  const NodeId value = maker.arg(2);
  if (base == "object" ? !maker.IsNone(value) : maker.IsNone(value)) return std::nullopt;
  if ((base == "list" && graph.is(value, Kind::kList)) || (base == "dict" && graph.is(value, Kind::kDict))) {
    instance.contents = value;
  } else if (base == "list" || base == "dict" || base == "set" || base == "frozenset") {
    return std::nullopt;
  }
  const bool has_value = base != "object" && instance.contents == kNoNode;
  instance.call.args = graph.Container(Kind::kTuple, std::span(&value, has_value ? 1 : 0));
  return instance;
}

}  // namespace airlock::pickle
