// bytes and bytearray become what they are; paths and compiled patterns records.
#include <algorithm>
#include <string>

#include "sandbox/pickle/python_builders.h"
#include "sandbox/pickle/utf8.h"

namespace airlock::pickle {
namespace {

// (text, "latin1"): how protocols 0 to 2 write bytes. Any other codec would run, so it does not.
Result<NodeId> Encoded(Maker& m, Kind kind) {
  if (m.args().size() != 2 || !m.IsText(m.arg(0)) || !m.IsText(m.arg(1))) return kNoNode;
  constexpr std::string_view kLatin1[] = {"latin1", "latin-1", "latin_1", "iso-8859-1", "iso8859-1"};
  if (std::ranges::find(kLatin1, m.graph.text(m.arg(1))) == std::end(kLatin1)) return kNoNode;
  std::string_view text = m.graph.text(m.arg(0));
  m.Charge(text.size() / 16);
  std::string bytes;
  while (!text.empty()) {
    const auto code_point = TakeCodePoint(text);
    if (!code_point || *code_point > 0xFF) return kNoNode;
    bytes += static_cast<char>(*code_point);
  }
  return m.Text(kind, bytes);
}

// bytearray(10) would allocate from a number alone, so only bytes count as understood.
Result<NodeId> ByteString(Maker& m, Kind kind) {
  if (m.args().empty()) return m.graph.Text(kind, {});
  if (m.args().size() == 2 && kind == Kind::kByteArray && !m.call.made_by_new) return Encoded(m, kind);
  if (m.args().size() != 1 || (kind == Kind::kByteArray && m.call.made_by_new)) return kNoNode;
  if (!m.graph.is(m.arg(0), Kind::kBytes) && !m.graph.is(m.arg(0), Kind::kByteArray)) return kNoNode;
  if (const auto span = m.graph.span(m.arg(0))) {
    AIRLOCK_TRY(m.CheckString(span->length));
    return m.graph.BytesAt(kind, span->offset, span->length);
  }
  return m.Text(kind, m.graph.text(m.arg(0)));
}

}  // namespace

Result<NodeId> MakeBytes(Maker& m) { return ByteString(m, Kind::kBytes); }
Result<NodeId> MakeByteArray(Maker& m) { return ByteString(m, Kind::kByteArray); }
Result<NodeId> MakeEncoded(Maker& m) { return Encoded(m, Kind::kBytes); }

// The parts of the path, each a text.
Result<NodeId> MakePath(Maker& m) {
  m.Charge(m.args().size());
  for (const NodeId part : m.args()) {
    if (!m.IsText(part)) return kNoNode;
  }
  return m.Record();
}

// re._compile(pattern, flags)
Result<NodeId> MakePattern(Maker& m) {
  if (m.args().size() != 2 || !m.Integer(m.arg(1))) return kNoNode;
  if (!m.IsText(m.arg(0)) && !m.graph.is(m.arg(0), Kind::kBytes)) return kNoNode;
  return m.Record();
}

}  // namespace airlock::pickle
