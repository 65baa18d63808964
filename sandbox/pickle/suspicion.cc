#include "sandbox/pickle/suspicion.h"

#include <algorithm>
#include <utility>

namespace airlock::pickle {
namespace {

// Nodes that one call is looked through for symbols, and links that one getattr chain is followed.
constexpr size_t kMentionBudget = 256;
constexpr int kMaxHops = 64;

}  // namespace

void Suspicion::Add(std::string id, Severity severity, std::string message, uint64_t offset) {
  AddFinding(context_, {.id = std::move(id),
                        .severity = severity,
                        .message = std::move(message),
                        .where = level_ == 0 ? std::string() : "nested stream, level " + std::to_string(level_),
                        .offset = offset});
}

void Suspicion::Named(uint32_t symbol, uint64_t offset) {
  if (context_.symbols[symbol].symbol_class != SymbolClass::kDangerous) return;
  if (symbol >= seen_.size()) seen_.resize(context_.symbols.all().size(), false);
  if (seen_[symbol]) return;
  seen_[symbol] = true;
  named_.push_back({symbol, offset});
}

void Suspicion::ReportNames() {
  for (const Name& name : named_) {
    const SymbolUse& use = context_.symbols[name.symbol];
    if (obscure_) Accuse(name.symbol, name.offset, "is named, and what is called is computed");
    if (use.would_call) continue;
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
  }
  if (IsGetattr(call.callee)) FollowGetattr(call);
  size_t budget = kMentionBudget;
  if (!graph.is(call.callee, Kind::kSymbol)) {
    // What getattr gives was judged when it was asked for.
    obscure_ = obscure_ || !graph.is(call.callee, Kind::kRecord) || !IsGetattr(graph.record(call.callee).callee);
    AccuseMentioned(call.callee, budget, call.offset);
  }
  AccuseMentioned(call.args, budget, call.offset);
  if (call.kwargs != kNoNode) {
    AccuseMentioned(call.kwargs, budget, call.offset);
  }
}

// Breadth first; each look costs one of the budget.
void Suspicion::AccuseMentioned(NodeId node, size_t& budget, uint64_t offset) {
  const Graph& graph = context_.graph;
  pending_.assign(1, node);
  size_t next = 0;
  for (; next < pending_.size() && budget > 0; ++next, --budget) {
    if (graph.is(pending_[next], Kind::kSymbol)) {
      Accuse(graph.symbol(pending_[next]), offset, "is handed to a call");
    } else {
      LookInto(pending_[next]);
    }
  }
  obscure_ = obscure_ || next < pending_.size();
}

// Adds what a node holds to pending_, as far as there is room.
void Suspicion::LookInto(NodeId node) {
  const Graph& graph = context_.graph;
  const auto add = [&](NodeId child) {
    if (child == kNoNode) return;
    if (pending_.size() < kMentionBudget) {
      pending_.push_back(child);
    } else {
      obscure_ = true;
    }
  };
  switch (graph.kind(node)) {
    case Kind::kOrderedDict:
      add(graph.attributes(node));
      [[fallthrough]];
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kSet:
    case Kind::kFrozenSet:
    case Kind::kDict:
      for (const NodeId child : graph.children(node).first(std::min(graph.children(node).size(), kMentionBudget))) {
        add(child);
      }
      obscure_ = obscure_ || graph.children(node).size() > kMentionBudget;
      break;
    case Kind::kRecord: {
      const RecordParts parts = graph.record(node);
      for (const NodeId part : {parts.callee, parts.args, parts.kwargs, parts.state, parts.items, parts.pairs}) {
        add(part);
      }
      break;
    }
    default:
      break;
  }
}

bool Suspicion::IsGetattr(NodeId callee) const {
  return context_.graph.is(callee, Kind::kSymbol) &&
         context_.symbols[context_.graph.symbol(callee)].builder == Builder::kGetattr;
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

void Suspicion::JudgePath(NodeId base, const std::string& path, uint64_t offset) {
  const Graph& graph = context_.graph;
  std::string module = "builtins";
  std::string name = "object." + path;  // of plain data: only what every object has can harm
  if (graph.is(base, Kind::kSymbol)) {
    const SymbolUse& use = context_.symbols[graph.symbol(base)];
    module = use.module;
    name = use.name + "." + path;
  }
  if (Classify(module, name).symbol_class != SymbolClass::kDangerous) return;
  if (context_.symbols.all().size() >= context_.limits.symbols) {
    Add("pickle.hidden-name", Severity::kDanger, "getattr reaches a dangerous name through " + module, offset);
    return;
  }
  const auto symbol = context_.symbols.Use(module, name, offset, level_);
  if (symbol.ok()) {
    Accuse(*symbol, offset, "is reached through getattr");
  } else {
    Add("pickle.hidden-name", Severity::kDanger, "getattr reaches a dangerous name through " + module, offset);
  }
}

void Suspicion::Rebuilt(uint32_t symbol, uint64_t offset) {
  context_.symbols.MarkCalled(symbol);
  Add("pickle.changes-class", Severity::kDanger,
      context_.symbols.FullName(symbol) + " itself would be changed, for the whole process: BUILD on a class or module",
      offset);
}

}  // namespace airlock::pickle
