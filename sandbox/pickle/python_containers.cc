// list, tuple, set, frozenset, dict and OrderedDict become what they are; defaultdict, Counter and deque records whose
// contents stand where SETITEMS and APPENDS would have put them.
#include <utility>
#include <vector>

#include "sandbox/pickle/python_builders.h"

namespace airlock::pickle {
namespace {

Result<NodeId> Sequence(Maker& m, Kind kind) {
  if (m.args().empty()) return m.graph.Container(kind, {});
  // list.__new__ ignores what list() takes.
  if (m.args().size() != 1 || !m.IsList(m.arg(0)) || (kind == Kind::kList && m.call.made_by_new)) return kNoNode;
  return m.Copy(kind, m.arg(0));
}

Result<NodeId> Members(Maker& m, Kind kind) {
  if (m.args().empty()) return m.graph.Container(kind, {});
  if (m.args().size() != 1 || (kind == Kind::kSet && m.call.made_by_new)) return kNoNode;
  const NodeId members = m.arg(0);
  if (!m.IsList(members) && !m.graph.is(members, Kind::kSet) && !m.graph.is(members, Kind::kFrozenSet)) return kNoNode;
  m.Charge(m.graph.children(members).size());
  for (const NodeId member : m.graph.children(members)) AIRLOCK_TRY(m.CheckHashable(member));
  return m.Copy(kind, members);
}

// OrderedDict([[key, value], ...]), as Python 2 wrote it.
Result<NodeId> FromPairs(Maker& m, Kind kind, NodeId pairs) {
  const auto items = m.graph.children(pairs);
  m.Charge(items.size() * 2);
  std::vector<NodeId> children;
  children.reserve(items.size() * 2);
  for (const NodeId item : items) {
    if (!m.IsList(item) || m.graph.children(item).size() != 2) return kNoNode;
    const auto pair = m.graph.children(item);
    AIRLOCK_TRY(m.CheckHashable(pair[0]));
    children.insert(children.end(), pair.begin(), pair.end());
  }
  return m.graph.Container(kind, children);
}

Result<NodeId> Mapping(Maker& m, Kind kind) {
  if (m.args().empty()) return m.graph.Container(kind, {});
  if (m.args().size() != 1 || m.call.made_by_new) return kNoNode;
  const NodeId source = m.arg(0);
  if (m.IsDict(source) || m.graph.is(source, Kind::kOrderedDict)) return m.Copy(kind, source);
  if (!m.IsList(source)) return kNoNode;
  return FromPairs(m, kind, source);
}

}  // namespace

Result<NodeId> MakeList(Maker& m) { return Sequence(m, Kind::kList); }
Result<NodeId> MakeTuple(Maker& m) { return Sequence(m, Kind::kTuple); }
Result<NodeId> MakeSet(Maker& m) { return Members(m, Kind::kSet); }
Result<NodeId> MakeFrozenSet(Maker& m) { return Members(m, Kind::kFrozenSet); }
Result<NodeId> MakeDict(Maker& m) { return Mapping(m, Kind::kDict); }
Result<NodeId> MakeOrderedDict(Maker& m) { return Mapping(m, Kind::kOrderedDict); }

// () or (what makes a missing value,); the items come by SETITEMS.
Result<NodeId> MakeDefaultDict(Maker& m) {
  const size_t count = m.args().size();
  if (count > 1 || (count == 1 && !m.IsCallable(m.arg(0)))) return kNoNode;
  return m.Record();
}

// ({member: count},)
Result<NodeId> MakeCounter(Maker& m) {
  if (m.args().empty()) return m.Record();
  if (m.args().size() != 1 || !m.IsDict(m.arg(0))) return kNoNode;
  AIRLOCK_ASSIGN(const NodeId pairs, m.Copy(Kind::kDict, m.arg(0)));
  return m.Record({.args = m.graph.Container(Kind::kTuple, {}), .pairs = pairs});
}

// () or ((), maxlen), and APPENDS; up to Python 3.4 (items,), (items, None) or (items, maxlen).
Result<NodeId> MakeDeque(Maker& m) {
  const size_t count = m.args().size();
  if (count == 0) return m.Record();
  if (count > 2 || !m.IsList(m.arg(0))) return kNoNode;
  const bool bounded = count == 2 && !m.IsNone(m.arg(1));
  if (bounded && m.Integer(m.arg(1)).value_or(-1) < 0) return kNoNode;
  NodeId items = kNoNode;
  if (!m.graph.children(m.arg(0)).empty()) {
    AIRLOCK_ASSIGN(items, m.Copy(Kind::kList, m.arg(0)));
  }
  const NodeId maxlen = m.arg(1);
  const NodeId args = m.graph.Container(Kind::kTuple, std::span(&maxlen, bounded ? 1 : 0));
  return m.Record({.args = args, .items = items});
}

// A deque that is given more than its length throws away the first of it: Python would hold other items than are shown.
bool FitsItsLength(const Graph& graph, NodeId record) {
  const RecordParts parts = graph.record(record);
  const auto args = graph.children(parts.args);
  if (args.size() != 1 || !graph.is(args[0], Kind::kInt) || parts.items == kNoNode) return true;
  return std::cmp_greater_equal(graph.integer(args[0]), graph.children(parts.items).size());
}

}  // namespace airlock::pickle
