#include "sandbox/pickle/suspicion.h"

#include <algorithm>
#include <utility>

namespace airlock::pickle {
namespace {

// Links that one getattr chain is followed.
constexpr int kMaxHops = 24;

// What a loader looks up on the object itself and calls when it gets its next state; and what copy.copy, copy.deepcopy
// and pickle.dump call later. __class__ makes it an object of another class.
constexpr std::string_view kStateHooks[] = {"__setstate__", "__class__", "__reduce__",  "__reduce_ex__",
                                            "__deepcopy__", "__copy__",  "__getstate__"};
// Likewise for APPEND, APPENDS and ADDITEMS.
constexpr std::string_view kFillHooks[] = {"append", "extend", "add"};
// What numpy and torch look up on an object that they are to make an array of: an address in the memory of the process.
constexpr std::string_view kMemoryClaims[] = {"__array_interface__", "__array_struct__", "__cuda_array_interface__"};

template <size_t n>
bool IsOneOf(const std::string_view (&list)[n], std::string_view word) {
  return std::ranges::find(list, word) != std::end(list);
}

}  // namespace

void Suspicion::Add(std::string id, Severity severity, std::string message, uint64_t offset) {
  AddFinding(context_,
             {.id = std::move(id), .severity = severity, .message = std::move(message), .where = {}, .offset = offset});
}

void Suspicion::Named(uint32_t symbol, uint64_t offset) {
  const SymbolUse& use = context_.symbols[symbol];
  names_getattr_ = names_getattr_ || use.builder == Builder::kGetattr || use.builder == Builder::kByName;
  if (use.symbol_class != SymbolClass::kDangerous) return;
  if (use.runs_on_import) Accuse(symbol, offset, "is named");
  if (seen_.insert(symbol).second) named_.push_back({symbol, offset});
}

void Suspicion::Decoded(uint32_t symbol) {
  context_.symbols.MarkDecoded(symbol);
  decoded_.insert(symbol);
}

void Suspicion::Conclude() {
  AccuseReached();
  for (const Name& name : named_) {
    const SymbolUse& use = context_.symbols[name.symbol];
    if (obscure_) Accuse(name.symbol, name.offset, "is named, and what is called is computed");
    if (use.would_call || decoded_.contains(name.symbol)) continue;
    Add("pickle.dangerous-name", Severity::kWarning,
        context_.symbols.FullName(name.symbol) + " is named but not called: " + std::string(use.danger), name.offset);
  }
}

void Suspicion::Accuse(uint32_t symbol, uint64_t offset, std::string_view how) {
  const SymbolUse& use = context_.symbols[symbol];
  if (use.symbol_class != SymbolClass::kDangerous || use.would_call) return;
  context_.symbols.MarkCalled(symbol);
  Add("pickle.dangerous-symbol", Severity::kDanger,
      context_.symbols.FullName(symbol) + " " + std::string(how) + ": " + std::string(use.danger), offset);
}

void Suspicion::Called(const Call& call) {
  const Graph& graph = context_.graph;
  if (graph.is(call.callee, Kind::kSymbol)) {
    const uint32_t symbol = graph.symbol(call.callee);
    Accuse(symbol, call.offset, "is called");
    context_.symbols.MarkCalled(symbol);
    if (IsGetattr(call.callee)) FollowGetattr(call);
    if (IsBuilder(call.callee, Builder::kByName)) FollowName(call);
    return;
  }
  // What getattr gives was judged when it was asked for.
  if (graph.is(call.callee, Kind::kRecord) && IsGetattr(graph.record(call.callee).callee)) return;
  obscure_ = true;
  Add("pickle.computed-call", Severity::kWarning,
      "what is called is no name but computed: a " + std::string(KindName(graph.kind(call.callee))), call.offset);
}

// Everything that calls get: callees that are no names, arguments, and what these hold. One walk for all.
void Suspicion::AccuseReached() {
  const Graph& graph = context_.graph;
  const bool all_known =
      std::ranges::all_of(named_, [&](const Name& name) { return context_.symbols[name.symbol].would_call; });
  if (all_known && !names_getattr_) return;
  reached_.assign(graph.size() - first_node_, false);
  for (const NodeId node : handed_) Reach(node);
  VisitPending();
  for (NodeId id = first_node_; id < graph.size(); ++id) {
    if (!graph.is(id, Kind::kRecord)) continue;
    const RecordParts parts = graph.record(id);
    if (!graph.is(parts.callee, Kind::kSymbol)) Reach(parts.callee);
    Reach(parts.args);
    Reach(parts.kwargs);
    VisitPending();
  }
}

void Suspicion::VisitPending() {
  while (!pending_.empty()) {
    const NodeId node = pending_.back();
    pending_.pop_back();
    Visit(node);
  }
}

void Suspicion::Reach(NodeId node) {
  if (node == kNoNode || node < first_node_ || reached_[node - first_node_]) return;
  reached_[node - first_node_] = true;
  pending_.push_back(node);
}

void Suspicion::Visit(NodeId node) {
  const Graph& graph = context_.graph;
  switch (graph.kind(node)) {
    case Kind::kSymbol:
      ReachSymbol(graph.symbol(node));
      break;
    case Kind::kOrderedDict:
      Reach(graph.attributes(node));
      [[fallthrough]];
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kSet:
    case Kind::kFrozenSet:
    case Kind::kDict:
    case Kind::kStream:
    case Kind::kAttributed:
      for (const NodeId child : graph.children(node)) Reach(child);
      break;
    case Kind::kRecord: {
      const RecordParts parts = graph.record(node);
      // A name that is called here was judged as a callee.
      if (!graph.is(parts.callee, Kind::kSymbol)) Reach(parts.callee);
      for (const NodeId part : {parts.args, parts.kwargs, parts.state, parts.items, parts.pairs}) Reach(part);
      break;
    }
    default:
      break;
  }
}

void Suspicion::ReachSymbol(uint32_t symbol) {
  const SymbolUse& use = context_.symbols[symbol];
  if (use.builder == Builder::kGetattr || use.builder == Builder::kByName) {
    Add("pickle.hidden-name", Severity::kDanger,
        context_.symbols.FullName(symbol) + " is handed to a call: it hides what is reached", use.first_offset);
    context_.symbols.MarkCalled(symbol);
  }
  Accuse(symbol, use.first_offset, "is handed to a call");
}

bool Suspicion::IsBuilder(NodeId callee, Builder builder) const {
  return context_.graph.is(callee, Kind::kSymbol) && context_.symbols[context_.graph.symbol(callee)].builder == builder;
}

// getattr(getattr(torch.serialization, "os"), "system") names what "torch serialization.os.system" names, and is judged
// alike. Nested classes and enums are written so too (getattr(Outer, "Inner")), so getattr itself is no accusation.
void Suspicion::FollowGetattr(const Call& call) {
  const Graph& graph = context_.graph;
  const uint32_t getattr = graph.symbol(call.callee);
  std::string path;
  NodeId base = kNoNode;
  NodeId args = call.args;
  for (int hop = 0; hop < kMaxHops; ++hop) {
    if (args != kNoNode) {
      const auto children = graph.children(args);
      if (children.size() < 2 || !graph.is(children[1], Kind::kString)) break;
      if (graph.text(children[1]).size() + path.size() > Symbols::kMaxName) break;
      if (!path.empty()) path.insert(0, 1, '.');
      path.insert(0, graph.text(children[1]));
      base = children[0];
      args = kNoNode;
    }
    if (!graph.is(base, Kind::kRecord)) {
      JudgePath(base, path, call.offset);
      return;
    }
    const RecordParts parts = graph.record(base);
    if (IsGetattr(parts.callee)) args = parts.args;
    base = parts.callee;
  }
  Add("pickle.hidden-name", Severity::kDanger,
      context_.symbols.FullName(getattr) + " is called with a name that cannot be followed: it hides what is reached",
      call.offset);
}

// dill names types of the standard library by a text, numpy its functions by two: module and name.
void Suspicion::FollowName(const Call& call) {
  const Graph& graph = context_.graph;
  const auto args = graph.children(call.args);
  const bool names = std::ranges::all_of(
      args, [&](NodeId arg) { return graph.is(arg, Kind::kString) && graph.text(arg).size() <= Symbols::kMaxName; });
  if (!names || args.empty() || args.size() > 2) {
    Add("pickle.hidden-name", Severity::kDanger,
        context_.symbols.FullName(graph.symbol(call.callee)) +
            " is called with what is no name: it hides what is reached",
        call.offset);
    return;
  }
  const std::string_view module = args.size() == 2 ? graph.text(args[0]) : "types";
  JudgeName(std::string(module), std::string(graph.text(args.back())), call.offset, "is reached through its name");
}

void Suspicion::JudgePath(NodeId base, const std::string& path, uint64_t offset) {
  const Graph& graph = context_.graph;
  constexpr std::string_view kHow = "is reached through getattr";
  if (graph.is(base, Kind::kSymbol)) {
    const SymbolUse& use = context_.symbols[graph.symbol(base)];
    return JudgeName(use.module, use.name + "." + path, offset, kHow);
  }
  JudgeName("builtins", "object." + path, offset, kHow);  // of plain data: only what every object has can harm
}

void Suspicion::JudgeName(const std::string& module, const std::string& name, uint64_t offset, std::string_view how) {
  if (Classify(module, name).symbol_class != SymbolClass::kDangerous) return;
  if (context_.symbols.all().size() < context_.limits.symbols) {
    const auto symbol = context_.symbols.Use(module, name, offset, level_);
    if (symbol.ok()) return Accuse(*symbol, offset, how);
  }
  Add("pickle.hidden-name", Severity::kDanger, "a dangerous name " + std::string(how) + ", in " + module, offset);
}

void Suspicion::Rebuilt(uint32_t symbol, uint64_t offset) {
  context_.symbols.MarkCalled(symbol);
  Add("pickle.changes-class", Severity::kDanger,
      context_.symbols.FullName(symbol) +
          " itself would be changed, for the whole process: a class, a module or what "
          "belongs to one is no object of the file",
      offset);
}

void Suspicion::GivenState(NodeId object, NodeId state, uint64_t offset) {
  const Graph& graph = context_.graph;
  if (graph.is(object, Kind::kRecord)) Filled(object, offset);
  if (!graph.is(state, Kind::kTuple)) return LookForHooks(object, state, offset);
  // A pair of dicts, the second of which is for slots.
  if (graph.children(state).size() != 2) return;
  const NodeId pair[] = {graph.children(state)[0], graph.children(state)[1]};
  for (const NodeId part : pair) LookForHooks(object, part, offset);
}

void Suspicion::LookForHooks(NodeId object, NodeId attributes, uint64_t offset) {
  const Graph& graph = context_.graph;
  if (!graph.is(attributes, Kind::kDict) && !graph.is(attributes, Kind::kOrderedDict)) return;
  const auto children = graph.children(attributes);
  context_.opcodes += children.size() / 2;
  for (size_t i = 0; i < children.size(); i += 2) {
    if (!graph.is(children[i], Kind::kString)) continue;
    const std::string_view name = graph.text(children[i]);
    if (IsOneOf(kMemoryClaims, name)) {
      Add("pickle.claims-memory", Severity::kDanger,
          "an object would lay claim, by " + std::string(name) + ", to memory of the process that loads it", offset);
    }
    const bool may_be_called = graph.is(children[i + 1], Kind::kSymbol) || graph.is(children[i + 1], Kind::kRecord);
    if (!may_be_called) continue;
    const bool fills = IsOneOf(kFillHooks, name);
    if (fills && graph.is(object, Kind::kRecord)) {
      own_methods_.insert(object);
    } else if (fills || IsOneOf(kStateHooks, name)) {
      Add("pickle.hooked-object", Severity::kDanger,
          "an object would get a " + std::string(name) + " of its own, which a loader calls", offset);
    }
  }
}

void Suspicion::Filled(NodeId record, uint64_t offset) {
  const Graph& graph = context_.graph;
  if (IsGetattr(graph.record(record).callee)) {
    Add("pickle.changes-class", Severity::kDanger,
        "what getattr reaches would be changed, for the whole process: it is no object of the file", offset);
  }
  if (!own_methods_.contains(record)) return;
  Add("pickle.hooked-object", Severity::kDanger, "an object is filled by a method that its state has brought", offset);
}

}  // namespace airlock::pickle
