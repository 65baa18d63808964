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
  Contents contents;
  Make* make;
  Complete* complete = nullptr;  // none: it has no state
  Finished* finished = nullptr;  // none: it is as soon as it is made
};

using B = Builder;
constexpr auto kNothing = Contents::kNothing;

constexpr PythonType kTypes[] = {
    // Values
    {B::kByteArray, By::kBoth, kNothing, MakeByteArray},
    {B::kBytes, By::kBoth, kNothing, MakeBytes},
    {B::kCodecsEncode, By::kCall, kNothing, MakeEncoded},
    {B::kComplex, By::kBoth, kNothing, MakeComplex},
    {B::kDict, By::kBoth, kNothing, MakeDict},
    {B::kFrozenSet, By::kBoth, kNothing, MakeFrozenSet},
    {B::kList, By::kBoth, kNothing, MakeList},
    {B::kOrderedDict, By::kBoth, kNothing, MakeOrderedDict},
    {B::kSet, By::kBoth, kNothing, MakeSet},
    {B::kTuple, By::kBoth, kNothing, MakeTuple},
    // Containers
    {B::kCounter, By::kCall, Contents::kPairs, MakeCounter},
    {B::kDefaultDict, By::kCall, Contents::kPairs, MakeDefaultDict},
    {B::kDeque, By::kCall, Contents::kItems, MakeDeque, nullptr, FitsItsLength},
    {B::kListSubclass, By::kNew, Contents::kItems, MakeEmpty},
    {B::kDictSubclass, By::kNew, Contents::kPairs, MakeEmpty, KeepAttributes},
    {B::kNumberArray, By::kCall, kNothing, MakeNumberArray},
    {B::kNumberArrayFromBytes, By::kCall, kNothing, MakeNumberArrayFromBytes},
    // Numbers, text, dates
    {B::kDecimal, By::kCall, kNothing, MakeDecimal},
    {B::kFraction, By::kCall, kNothing, MakeFraction},
    {B::kRange, By::kCall, kNothing, MakeRange},
    {B::kSlice, By::kCall, kNothing, MakeSlice},
    {B::kPath, By::kCall, kNothing, MakePath},
    {B::kPattern, By::kCall, kNothing, MakePattern},
    {B::kDate, By::kCall, kNothing, MakeDate},
    {B::kDateTime, By::kCall, kNothing, MakeDateTime},
    {B::kTime, By::kCall, kNothing, MakeTime},
    {B::kTimeDelta, By::kCall, kNothing, MakeTimeDelta},
    {B::kTimeZone, By::kCall, kNothing, MakeTimeZone},
    // Objects
    {B::kObject, By::kNew, kNothing, MakeEmpty},
    {B::kAttributes, By::kNew, kNothing, MakeEmpty, KeepAttributes},
    {B::kAttributesByCall, By::kCall, kNothing, MakeEmpty, KeepAttributes},
    {B::kSlots, By::kNew, kNothing, MakeEmpty, KeepSlots, HasState},
    {B::kUuid, By::kNew, kNothing, MakeEmpty, KeepUuid, HasState},
    {B::kRandom, By::kCall, kNothing, MakeEmpty, KeepRandomState, HasState},
    {B::kException, By::kCall, kNothing, MakeAny, KeepAttributes},
    {B::kEnum, By::kCall, kNothing, MakeOneValue},
    {B::kPlainRecord, By::kNew, kNothing, MakeAny, KeepAny},
    {B::kPartial, By::kCall, kNothing, MakePartial, CompletePartial},
    // Names and types
    {B::kName, By::kBoth, kNothing, nullptr},
    {B::kTypeOf, By::kCall, kNothing, MakeTypeOf},
    {B::kAlias, By::kCall, kNothing, MakeAlias},
    {B::kUnion, By::kCall, kNothing, MakeUnion},
    {B::kFlagUnion, By::kCall, kNothing, MakeFlagUnion},
    // Only as what they stand for (UnwrapNewInstance)
    {B::kNewObject, By::kCall, kNothing, nullptr},
    {B::kReconstructor, By::kCall, kNothing, nullptr},
};

// By builder: the number of its row plus 1, 0 for none.
constexpr auto kRowOf = [] {
  std::array<uint8_t, static_cast<size_t>(B::kUuid) + 1> rows = {};
  for (size_t i = std::size(kTypes); i > 0; --i) rows[static_cast<size_t>(kTypes[i - 1].builder)] = i;
  return rows;
}();

const PythonType* FindType(Builder builder) {
  const size_t row = kRowOf[static_cast<size_t>(builder)];
  return row == 0 ? nullptr : &kTypes[row - 1];
}

void ReportOdd(Context& context, NodeId callee, std::string_view what, uint64_t offset) {
  AddFinding(context, {.id = "python.odd-arguments",
                       .severity = Severity::kWarning,
                       .message = context.symbols.FullName(context.graph.symbol(callee)) + " " + std::string(what) +
                                  ", as Python never writes it; kept as an inert record",
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
  if (made == kNoNode) ReportOdd(context, call.callee, "gets odd arguments", call.offset);
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
  if (!understood) ReportOdd(context, parts.callee, "gets an odd state", offset);
  return understood;
}

void CheckContents(Context& context, Builder builder, NodeId record, Contents contents, uint64_t offset) {
  const PythonType* const type = FindType(builder);
  if (type != nullptr && type->contents == contents) return;
  ReportOdd(context, context.graph.record(record).callee, contents == Contents::kPairs ? "gets keys" : "gets items",
            offset);
}

bool KeepsFunctions(Builder builder) { return builder == B::kDefaultDict || builder == B::kPartial; }

bool FinishesLater(Builder builder) {
  const PythonType* const type = FindType(builder);
  return type != nullptr && type->finished != nullptr;
}

void CheckFinished(Context& context, NodeId first_node, uint64_t offset) {
  const Graph& graph = context.graph;
  for (NodeId node = first_node; node < graph.size(); ++node) {
    if (!graph.is(node, Kind::kRecord)) continue;
    const NodeId callee = graph.record(node).callee;
    if (!graph.is(callee, Kind::kSymbol)) continue;
    const PythonType* const type = FindType(context.symbols[graph.symbol(callee)].builder);
    if (type == nullptr || type->finished == nullptr || type->finished(graph, node)) continue;
    ReportOdd(context, callee, "is without its state, or holds more than it can keep", offset);
  }
}

std::optional<NewInstance> UnwrapNewInstance(Context& context, const Call& call) {
  const Maker maker(context, call);
  const Builder builder = maker.BuilderOf(call.callee);
  if (!HelpsToMakeInstances(builder) || call.made_by_new || call.kwargs != kNoNode) {
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
