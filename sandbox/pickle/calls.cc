// Handlers of symbols, calls and state. Nothing is imported and nothing is called: a call becomes the object that it is
// known to make, or an inert record.
#include <string>
#include <utility>

#include "sandbox/pickle/interpreter.h"
#include "sandbox/pickle/python_types.h"

namespace airlock::pickle {
namespace {

std::optional<Loader> LoaderOf(Builder builder) {
  if (builder == Builder::kLoadTorch) return Loader::kTorch;
  if (builder == Builder::kLoadPickle) return Loader::kPickle;
  return std::nullopt;
}

}  // namespace

Result<NodeId> Interpreter::SymbolNode(std::string_view module, std::string_view name) {
  AIRLOCK_ASSIGN(const uint32_t symbol, context_.symbols.Use(module, name, offset_, level_));
  return NodeOf(symbol);
}

Result<NodeId> Interpreter::NodeOf(uint32_t symbol) {
  const uint64_t limit = context_.limits.symbols;
  if (symbol >= limit) return FailLimit("symbols", limit, uint64_t{symbol} + 1, offset_);
  if (const auto known = symbol_nodes_.find(symbol); known != symbol_nodes_.end()) return known->second;
  LookSoon();
  suspicion_.Named(symbol, offset_);
  NodeId node = kNoNode;
  if (context_.symbols[symbol].builder == Builder::kExternal) {
    AIRLOCK_ASSIGN(node, constructor_.Value(symbol, offset_));
  }
  if (node == kNoNode) node = graph_.Symbol(symbol);
  symbol_nodes_.emplace(symbol, node);
  return node;
}

Result<void> Interpreter::Global() {
  AIRLOCK_ASSIGN(const uint32_t symbol, context_.symbols.Use(first_, second_, offset_, level_));
  AIRLOCK_ASSIGN(const NodeId node, NodeOf(symbol));
  recent_names_.Keep(first_, second_, symbol, node);
  return Push(node);
}

bool Interpreter::PushRecentName() {
  const RecentNames::Name* const name =
      recent_names_.Find({reinterpret_cast<const char*>(source_.peek()), source_.available()});
  if (name == nullptr) return false;
  source_.Skip(name->lines.size());
  context_.symbols.UseAgain(name->symbol);
  stack_.Push(name->node);
  return true;
}

Result<void> Interpreter::StackGlobal() {
  if (stack_.within() < 2) return Underflow();
  const NodeId module = stack_.Top(1);
  const NodeId name = stack_.Top();
  if (!graph_.is(module, Kind::kString) || !graph_.is(name, Kind::kString)) return Malformed("a name that is not text");
  AIRLOCK_ASSIGN(const NodeId node, SymbolNode(graph_.text(module), graph_.text(name)));
  return ReplaceLast(2, node);
}

Result<void> Interpreter::Extension() {
  const auto code = static_cast<int64_t>(number_);
  if (code <= 0) return Malformed("extension codes are positive");
  AIRLOCK_ASSIGN(const NodeId node, SymbolNode("copyreg", "extension." + std::to_string(code)));
  return Push(node);
}

Result<void> Interpreter::Reduce() {
  if (stack_.within() < 2) return Underflow();
  if (!graph_.is(stack_.Top(), Kind::kTuple)) return Malformed("arguments that are no tuple");
  AIRLOCK_ASSIGN(const NodeId node, Invoke({.callee = stack_.Top(1), .args = stack_.Top(), .offset = offset_}));
  return ReplaceLast(2, node);
}

Result<void> Interpreter::NewObject() {
  if (stack_.within() < 2) return Underflow();
  if (!graph_.is(stack_.Top(), Kind::kTuple)) return Malformed("arguments that are no tuple");
  AIRLOCK_ASSIGN(
      const NodeId node,
      Invoke(
          {.callee = stack_.Top(1), .args = stack_.Top(), .kwargs = kNoNode, .made_by_new = true, .offset = offset_}));
  return ReplaceLast(2, node);
}

Result<void> Interpreter::NewObjectEx() {
  if (stack_.within() < 3) return Underflow();
  if (!graph_.is(stack_.Top(1), Kind::kTuple)) return Malformed("arguments that are no tuple");
  if (!graph_.is(stack_.Top(), Kind::kDict)) return Malformed("keyword arguments that are no dict");
  const bool has_kwargs = !graph_.children(stack_.Top()).empty();
  AIRLOCK_ASSIGN(const NodeId node, Invoke({.callee = stack_.Top(2),
                                            .args = stack_.Top(1),
                                            .kwargs = has_kwargs ? stack_.Top() : kNoNode,
                                            .made_by_new = true,
                                            .offset = offset_}));
  return ReplaceLast(3, node);
}

// CPython makes an instance without arguments by __new__, and calls the class otherwise.
Result<void> Interpreter::Instance() {
  if (!stack_.has_mark()) return NoMark();
  const size_t count = stack_.PopMark();
  AIRLOCK_ASSIGN(const NodeId callee, SymbolNode(first_, second_));
  const NodeId args = graph_.Container(Kind::kTuple, stack_.Last(count));
  AIRLOCK_ASSIGN(
      const NodeId node,
      Invoke({.callee = callee, .args = args, .kwargs = kNoNode, .made_by_new = count == 0, .offset = offset_}));
  return ReplaceLast(count, node);
}

Result<void> Interpreter::Object() {
  if (!stack_.has_mark()) return NoMark();
  const size_t count = stack_.PopMark();
  if (count == 0) return Underflow();
  const NodeId callee = stack_.Top(count - 1);
  const NodeId args = graph_.Container(Kind::kTuple, stack_.Last(count - 1));
  AIRLOCK_ASSIGN(
      const NodeId node,
      Invoke({.callee = callee, .args = args, .kwargs = kNoNode, .made_by_new = count == 1, .offset = offset_}));
  return ReplaceLast(count, node);
}

Result<NodeId> Interpreter::Invoke(const Call& call) {
  LookSoon();
  const bool helper = graph_.is(call.callee, Kind::kSymbol) &&
                      HelpsToMakeInstances(context_.symbols[graph_.symbol(call.callee)].builder);
  if (!helper) return InvokeDirectly(call);
  const auto instance = UnwrapNewInstance(context_, call);
  if (!instance) return InvokeDirectly(call);
  context_.symbols.MarkCalled(graph_.symbol(call.callee));
  AIRLOCK_ASSIGN(const NodeId node, InvokeDirectly(instance->call));
  if (instance->contents != kNoNode) AIRLOCK_TRY(Fill(node, instance->contents));
  return node;
}

Result<NodeId> Interpreter::InvokeDirectly(const Call& call) {
  if (graph_.is(call.callee, Kind::kSymbol)) {
    const uint32_t symbol = graph_.symbol(call.callee);
    if (context_.symbols[symbol].symbol_class == SymbolClass::kKnown) {
      const uint64_t told = context_.findings.size() + context_.findings_left_out;
      AIRLOCK_ASSIGN(const NodeId made, ConstructKnown(call));
      context_.symbols.MarkCalled(symbol);
      if (made != kNoNode) return made;
      if (told == context_.findings.size() + context_.findings_left_out) ReportNotMade(symbol);
    }
    if (const auto loader = LoaderOf(context_.symbols[symbol].builder); loader && call.kwargs == kNoNode) {
      AIRLOCK_ASSIGN(const NodeId loaded, LoadStream(call, *loader));
      if (loaded != kNoNode) {
        suspicion_.Decoded(symbol);
        return loaded;
      }
    }
  }
  suspicion_.Called(call);
  return graph_.Record(
      {.callee = call.callee, .args = call.args, .kwargs = call.kwargs, .made_by_new = call.made_by_new});
}

// Whoever left it unmade: what is known by name and not understood is never clean.
void Interpreter::ReportNotMade(uint32_t symbol) {
  AddFinding(context_, {.id = "pickle.odd-arguments",
                        .severity = Severity::kWarning,
                        .message = context_.symbols.FullName(symbol) +
                                   " gets arguments that are never written for it; kept as an inert record",
                        .where = {},
                        .offset = offset_});
}

// A loader reads a stream: so does this machine, under its own rules. What does not decode in full is for nobody to
// say.
Result<NodeId> Interpreter::LoadStream(const Call& call, Loader loader) {
  const std::span<const NodeId> args = graph_.children(call.args);
  if (context_.streams == nullptr || call.made_by_new || args.size() != 1) return kNoNode;
  if (!graph_.is(args[0], Kind::kBytes) && !graph_.is(args[0], Kind::kByteArray)) return kNoNode;
  return context_.streams->Load(args[0], loader, call.offset);
}

Result<NodeId> Interpreter::ConstructKnown(const Call& call) {
  const uint32_t symbol = graph_.symbol(call.callee);
  const Builder builder = context_.symbols[symbol].builder;
  if (builder == Builder::kExternal && call.kwargs == kNoNode) {
    return constructor_.Construct(symbol, call.args, call.offset);
  }
  finishes_later_ = finishes_later_ || FinishesLater(builder);
  if (KeepsFunctions(builder)) suspicion_.Called(call);
  return ConstructPython(context_, builder, call);
}

Builder Interpreter::PythonBuilder(NodeId record) const {
  const NodeId callee = graph_.record(record).callee;
  if (!graph_.is(callee, Kind::kSymbol)) return Builder::kNone;
  const SymbolUse& use = context_.symbols[graph_.symbol(callee)];
  const bool pythons = use.symbol_class == SymbolClass::kKnown && use.builder != Builder::kExternal;
  return pythons ? use.builder : Builder::kNone;
}

// What a base class is filled with goes where APPENDS or SETITEMS would have put it.
Result<void> Interpreter::Fill(NodeId node, NodeId contents) {
  const bool pairs = graph_.is(contents, Kind::kDict);
  const auto children = graph_.children(contents);
  context_.opcodes += children.size();
  if (children.empty()) return {};
  switch (graph_.kind(node)) {
    case Kind::kRecord:
      AddToRecord(node, pairs ? Contents::kPairs : Contents::kItems, children);
      return {};
    case Kind::kOrderedDict:
    case Kind::kDict:
      if (!pairs) return Malformed("a list cannot fill a dict");
      graph_.Append(node, children);
      return {};
    case Kind::kList:
      if (pairs) return Malformed("a dict cannot fill a list");
      graph_.Append(node, children);
      return {};
    default:
      return Malformed("a " + std::string(KindName(graph_.kind(node))) + " cannot be filled");
  }
}

Result<void> Interpreter::Build() {
  if (stack_.within() < 2) return Underflow();
  LookSoon();
  const uint64_t behind = source_.offset();
  AIRLOCK_TRY(BuildOn(stack_.Top(1), stack_.Top()));
  stack_.Drop();
  return LeaveFrameFor(behind);
}

Result<void> Interpreter::BuildOn(NodeId object, NodeId state) {
  switch (graph_.kind(object)) {
    case Kind::kRecord:
      return BuildRecord(object, state);
    case Kind::kOrderedDict:
      suspicion_.GivenState(object, state, offset_);
      return BuildOrderedDict(object, state);
    case Kind::kSymbol:
      ChangeSymbol(object);
      AddState(object, state);
      return {};
    case Kind::kTensor:
    case Kind::kStorage:
    case Kind::kSparseTensor:
    case Kind::kMetaTensor:
    case Kind::kNestedTensor:
    case Kind::kStream:
    case Kind::kAttributed:
    case Kind::kArray:
    case Kind::kScalar:
    case Kind::kNumpyDType: {
      if (graph_.is(object, Kind::kAttributed)) suspicion_.Handed(object);  // it may bring a __setstate__ along
      AIRLOCK_ASSIGN(const bool understood, constructor_.Build(object, state, offset_));
      if (understood) return {};
      const NodeId inner = graph_.MoveOut(object);
      graph_.SetRecord(object, {.callee = inner, .state = state});
      return {};
    }
    default:
      return BuildPlain(object, state);
  }
}

// What has no attributes takes no state, unless there is nothing in it: Python then does nothing, and never writes it.
Result<void> Interpreter::BuildPlain(NodeId object, NodeId state) {
  std::string message = "a " + std::string(KindName(graph_.kind(object))) + " has no state";
  if (!graph_.is(state, Kind::kNone)) return Malformed(message);
  AddFinding(context_, {.id = "python.odd-arguments",
                        .severity = Severity::kWarning,
                        .message = std::move(message),
                        .where = {},
                        .offset = offset_});
  return {};
}

Result<void> Interpreter::BuildRecord(NodeId record, NodeId state) {
  suspicion_.GivenState(record, state, offset_);
  if (const Builder builder = PythonBuilder(record); builder != Builder::kNone) {
    if (KeepsFunctions(builder)) JudgeKept(state);
    AIRLOCK_ASSIGN(const bool understood, CompletePython(context_, builder, record, state, offset_));
    if (understood) return {};
  }
  AddState(record, state);
  return CompleteRecord(record, state);
}

// The state of an object that will call what it has: (function, arguments, keyword arguments, ...).
void Interpreter::JudgeKept(NodeId state) {
  const bool parts = graph_.is(state, Kind::kTuple) && graph_.children(state).size() == 4;
  const NodeId function = parts ? graph_.children(state)[0] : kNoNode;
  const NodeId args = parts ? graph_.children(state)[1] : kNoNode;
  if (graph_.is(function, Kind::kSymbol) && graph_.is(args, Kind::kTuple)) {
    suspicion_.Called({.callee = function, .args = args, .offset = offset_});
  }
  suspicion_.Handed(state);
}

// The class or module itself would change, for everybody who names it: so does the node.
void Interpreter::ChangeSymbol(NodeId node) {
  const uint32_t symbol = graph_.symbol(node);
  suspicion_.Rebuilt(symbol, offset_);
  graph_.SetRecord(node, {.callee = graph_.Symbol(symbol)});
}

void Interpreter::AddState(NodeId record, NodeId state) {
  RecordParts parts = graph_.record(record);
  if (parts.many_states) {
    graph_.Append(parts.state, {&state, 1});
    return;
  }
  if (parts.state == kNoNode) {
    parts.state = state;
  } else {
    const NodeId states[] = {parts.state, state};
    parts.state = graph_.Container(Kind::kList, states);
    parts.many_states = true;
  }
  graph_.SetRecord(record, parts);
}

Result<void> Interpreter::CompleteRecord(NodeId record, NodeId state) {
  const NodeId callee = graph_.record(record).callee;
  if (!graph_.is(callee, Kind::kSymbol)) return {};
  if (context_.symbols[graph_.symbol(callee)].builder != Builder::kExternal) return {};
  AIRLOCK_TRY(constructor_.Build(record, state, offset_));
  return {};
}

// The state is a dict, or a pair (dict or None, dict or None) whose second part holds slots.
Result<void> Interpreter::BuildOrderedDict(NodeId object, NodeId state) {
  if (!graph_.is(state, Kind::kTuple)) return MergeAttributes(object, state);
  if (graph_.children(state).size() != 2) return Malformed("the state of an OrderedDict is a dict");
  const NodeId first = graph_.children(state)[0];
  const NodeId second = graph_.children(state)[1];
  AIRLOCK_TRY(MergeAttributes(object, first));
  return MergeAttributes(object, second);
}

Result<void> Interpreter::MergeAttributes(NodeId object, NodeId state) {
  if (graph_.is(state, Kind::kNone)) return {};
  if (!graph_.is(state, Kind::kDict) && !graph_.is(state, Kind::kOrderedDict)) {
    return Malformed("the state of an OrderedDict is a dict");
  }
  context_.opcodes += graph_.children(state).size();
  const NodeId attributes = graph_.attributes(object);
  if (graph_.is(attributes, Kind::kDict)) {
    graph_.Append(attributes, graph_.children(state));
  } else {
    graph_.SetAttributes(object, graph_.CopyAs(Kind::kDict, state));
  }
  return {};
}

// What it stands for may be a call that its reader makes: one like any other.
Result<NodeId> Interpreter::Persistent(NodeId id) {
  LookSoon();
  const size_t before = graph_.size();
  AIRLOCK_ASSIGN(const NodeId node, constructor_.Persistent(id, offset_));
  if (node >= before && graph_.is(node, Kind::kRecord)) {
    const RecordParts parts = graph_.record(node);
    suspicion_.Called({.callee = parts.callee, .args = parts.args, .offset = offset_});
  }
  return node;
}

Result<void> Interpreter::TextPersistentId() {
  for (const char c : first_) {
    if (static_cast<uint8_t>(c) >= 0x80) return Malformed("a persistent id that is not ASCII");
  }
  AIRLOCK_TRY(CheckText(first_.size()));
  AIRLOCK_ASSIGN(const NodeId node, Persistent(graph_.Text(Kind::kString, first_)));
  return Push(node);
}

Result<void> Interpreter::PersistentId() {
  if (stack_.within() == 0) return Underflow();
  AIRLOCK_ASSIGN(const NodeId node, Persistent(stack_.Top()));
  return ReplaceLast(1, node);
}

}  // namespace airlock::pickle
