#include "client/cli/state/state_objects.h"

#include <algorithm>

#include "client/cli/state/state_values.h"

namespace airlock::cli {
namespace {

// Classes that hold others, and are made empty first: which part of their record fills them.
struct Row {
  std::string_view module;
  std::string_view names;
  ObjectKind kind;
};

constexpr Row kRows[] = {
    {"argparse", " Namespace ", ObjectKind::kNamespace},
    {"types", " SimpleNamespace ", ObjectKind::kNamespace},
    {"collections", " Counter ", ObjectKind::kCounter},
    {"collections", " defaultdict ", ObjectKind::kDefaultDict},
    {"collections", " deque ", ObjectKind::kDeque},
    {"lightning.fabric.utilities.data", " AttributeDict ", ObjectKind::kAttributeDict},
    {"lightning_fabric.utilities.data", " AttributeDict ", ObjectKind::kAttributeDict},
    {"lightning.pytorch.utilities.parsing", " AttributeDict ", ObjectKind::kAttributeDict},
    {"pytorch_lightning.utilities.parsing", " AttributeDict ", ObjectKind::kAttributeDict},
    {"yacs.config", " CfgNode ", ObjectKind::kAttributeDict},
    {"easydict", " EasyDict ", ObjectKind::kAttributeDict},
    {"builtins",
     " ArithmeticError AssertionError AttributeError BaseException BlockingIOError BrokenPipeError BufferError "
     "BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError "
     "ConnectionResetError DeprecationWarning EOFError EnvironmentError Exception FileExistsError FileNotFoundError "
     "FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError IndexError "
     "InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError "
     "NameError NotADirectoryError NotImplementedError OSError OverflowError PendingDeprecationWarning "
     "PermissionError ProcessLookupError RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning "
     "StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError "
     "TypeError UnboundLocalError UnicodeError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError ",
     ObjectKind::kException},
};

ObjectKind RowOf(const v1::Symbol& symbol) {
  const std::string name = " " + symbol.name() + " ";
  for (const Row& row : kRows) {
    if (row.module == symbol.module() && row.names.find(name) != std::string_view::npos) return row.kind;
  }
  return ObjectKind::kRecord;
}

// What may be the factory of a defaultdict.
constexpr std::string_view kBuiltinFactories =
    " bool int float str bytes bytearray complex list dict set frozenset tuple object ";
constexpr std::string_view kCollectionsFactories = " OrderedDict defaultdict Counter deque ";
constexpr std::string_view kTypingFactories =
    " Any Callable Dict FrozenSet Iterable Iterator List Mapping MutableMapping Optional Sequence Set Tuple Type "
    "Union ";

bool IsFactory(const v1::Symbol& symbol) {
  const std::string_view names = symbol.module() == "builtins"      ? kBuiltinFactories
                                 : symbol.module() == "collections" ? kCollectionsFactories
                                 : symbol.module() == "typing"      ? kTypingFactories
                                                                    : std::string_view();
  return symbol.class_() == v1::SYMBOL_CLASS_KNOWN && names.find(" " + symbol.name() + " ") != std::string_view::npos;
}

// Whether a record has no parts but its arguments and, perhaps, this one.
bool HasOnly(const Record& record, const std::optional<NodeId>& part) {
  const int parts = (record.kwargs ? 1 : 0) + (record.state ? 1 : 0) + (record.items ? 1 : 0) + (record.pairs ? 1 : 0) +
                    (record.recovered ? 1 : 0);
  return parts == (part ? 1 : 0) && !record.many_states;
}

}  // namespace

StateObjects::StateObjects(const Contents& contents) : contents_(contents), graph_(contents.graph()) {
  for (NodeId node = 0; node < graph_.size(); ++node) {
    if (graph_.kind(node) != v1::NODE_KIND_RECORD) continue;
    kinds_.resize(graph_.size(), ObjectKind::kNone);
    kinds_[node] = Classify(node);
  }
}

NodeId StateObjects::ObjectOf(NodeId node) const {
  for (size_t hops = 0; graph_.kind(node) == v1::NODE_KIND_STREAM && hops < graph_.size(); ++hops) {
    const auto parts = graph_.Parts(node);
    node = graph_.kind(parts[0]) == v1::NODE_KIND_NONE ? parts[1] : parts[0];
  }
  return graph_.kind(node) == v1::NODE_KIND_ATTRIBUTED ? graph_.Parts(node)[0] : node;
}

const v1::Symbol& StateObjects::SymbolOf(NodeId record) const {
  return contents_.symbols()[graph_.Link(graph_.RecordAt(record).callee)];
}

std::optional<NodeId> StateObjects::Argument(NodeId record) const {
  const auto args = graph_.RecordAt(record).args;
  if (!args || graph_.kind(*args) != v1::NODE_KIND_TUPLE || graph_.Items(*args).empty()) return std::nullopt;
  return graph_.Items(*args)[0];
}

ObjectKind StateObjects::Classify(NodeId node) const {
  const Record record = graph_.RecordAt(node);
  if (graph_.kind(record.callee) != v1::NODE_KIND_SYMBOL || record.many_states) return ObjectKind::kRecord;
  const v1::Symbol& symbol = contents_.symbols()[graph_.Link(record.callee)];
  if (symbol.class_() != v1::SYMBOL_CLASS_KNOWN) return ObjectKind::kRecord;
  if (ValueOf(contents_, node)) return ObjectKind::kValue;
  const ObjectKind kind = RowOf(symbol);
  return kind != ObjectKind::kRecord && IsShell(record, symbol, kind) ? kind : ObjectKind::kRecord;
}

bool StateObjects::NamesAttributes(NodeId state) const {
  if (graph_.kind(state) != v1::NODE_KIND_DICT) return false;
  const auto pairs = graph_.Pairs(state);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (graph_.kind(pairs[i]) != v1::NODE_KIND_STRING || !IsAttribute(pairs[i])) return false;
  }
  return true;
}

bool StateObjects::IsAttribute(NodeId name) const {
  const NodeId node = ObjectOf(name);
  if (graph_.kind(node) != v1::NODE_KIND_STRING) return false;
  return !graph_.Text(node).starts_with("__") || !graph_.Text(node).ends_with("__");
}

// Records are made one after the other, before what is immutable is.
bool StateObjects::ArgumentsAreThere(const Record& record) const {
  if (!record.args) return true;
  const auto args = graph_.Items(*record.args);
  return std::all_of(args.begin(), args.end(), [&](NodeId arg) {
    const v1::NodeKind kind = graph_.kind(arg);
    if (kind == v1::NODE_KIND_RECORD) return kinds_[arg] != ObjectKind::kNone && kinds_[arg] != ObjectKind::kValue;
    return kind != v1::NODE_KIND_TUPLE && kind != v1::NODE_KIND_FROZEN_SET && kind != v1::NODE_KIND_SIZE &&
           kind != v1::NODE_KIND_SCALAR && kind != v1::NODE_KIND_SPARSE_TENSOR && kind != v1::NODE_KIND_META_TENSOR &&
           kind != v1::NODE_KIND_NESTED_TENSOR && kind != v1::NODE_KIND_STREAM && kind != v1::NODE_KIND_ATTRIBUTED;
  });
}

bool StateObjects::IsShell(const Record& record, const v1::Symbol& symbol, ObjectKind kind) const {
  if (record.args && graph_.kind(*record.args) != v1::NODE_KIND_TUPLE) return false;
  const auto args = record.args ? graph_.Items(*record.args) : std::span<const NodeId>();
  auto is = [&](v1::NodeKind wanted) { return args.size() == 1 && graph_.kind(args[0]) == wanted; };
  const bool state_fits = !record.state || NamesAttributes(*record.state);
  const bool pairs_fit = !record.pairs || graph_.kind(*record.pairs) == v1::NODE_KIND_DICT;
  switch (kind) {
    case ObjectKind::kNamespace:
      return HasOnly(record, record.state) && state_fits && args.empty() &&
             (record.by_new || symbol.name() != "Namespace");
    case ObjectKind::kException:
      return HasOnly(record, record.state) && state_fits && ArgumentsAreThere(record);
    case ObjectKind::kDefaultDict:
      return HasOnly(record, record.pairs) && pairs_fit &&
             (args.empty() || is(v1::NODE_KIND_NONE) ||
              (is(v1::NODE_KIND_SYMBOL) && IsFactory(contents_.symbols()[graph_.Link(args[0])])));
    case ObjectKind::kDeque:
      return HasOnly(record, record.items) && (!record.items || graph_.kind(*record.items) == v1::NODE_KIND_LIST) &&
             (args.empty() || (is(v1::NODE_KIND_INT) && graph_.Int(args[0]) >= 0));
    default:
      return HasOnly(record, record.pairs) && pairs_fit && args.empty();
  }
}

std::span<const NodeId> StateObjects::Pairs(NodeId node) const {
  if (IsDict(graph_.kind(node))) return graph_.Pairs(node);
  const ObjectKind object = kind(node);
  if (object == ObjectKind::kNone || object == ObjectKind::kValue) return {};
  const Record record = graph_.RecordAt(node);
  const bool attributes = object == ObjectKind::kNamespace;
  const bool pairs =
      object == ObjectKind::kAttributeDict || object == ObjectKind::kDefaultDict || object == ObjectKind::kCounter;
  const auto part = attributes ? record.state : pairs ? record.pairs : std::nullopt;
  return part ? graph_.Pairs(*part) : std::span<const NodeId>();
}

std::span<const NodeId> StateObjects::Items(NodeId node) const {
  switch (graph_.kind(node)) {
    case v1::NODE_KIND_LIST:
    case v1::NODE_KIND_TUPLE:
    case v1::NODE_KIND_SET:
    case v1::NODE_KIND_FROZEN_SET:
      return graph_.Items(node);
    default:
      break;
  }
  if (kind(node) != ObjectKind::kDeque) return {};
  const Record record = graph_.RecordAt(node);
  if (!record.items) return {};
  const auto items = graph_.Items(*record.items);
  const auto most = Argument(node);
  if (!most) return items;
  return items.last(std::min<uint64_t>(items.size(), static_cast<uint64_t>(graph_.Int(*most))));
}

}  // namespace airlock::cli
