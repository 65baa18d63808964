#include "server/plan_piece.h"

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "airlock/worker/v1/frame.pb.h"

namespace airlock::server {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are taken as they are on the wire");

// A column, its field number and the width of its values.
struct ColumnRow {
  int number;
  size_t width;
  std::string_view GraphSpans::*column;
};
using Graph = v1::GraphColumns;
constexpr std::array<ColumnRow, 7> kColumns = {{
    {Graph::kKindsFieldNumber, 1, &GraphSpans::kinds},
    {Graph::kCountsFieldNumber, sizeof(uint32_t), &GraphSpans::counts},
    {Graph::kRefsFieldNumber, sizeof(uint32_t), &GraphSpans::refs},
    {Graph::kLinksFieldNumber, sizeof(uint32_t), &GraphSpans::links},
    {Graph::kIntsFieldNumber, sizeof(int64_t), &GraphSpans::ints},
    {Graph::kFloatsFieldNumber, sizeof(double), &GraphSpans::floats},
    {Graph::kBlobFieldNumber, 1, &GraphSpans::blob},
}};

// The tag of a field below 16 with a length.
constexpr char TagOf(int number) { return static_cast<char>(number << 3 | 2); }

// A length of 32 bits. Nothing where it is none, or could be written shorter.
std::optional<size_t> TakeLength(std::string_view& bytes) {
  size_t length = 0;
  for (size_t i = 0; i < 5 && i < bytes.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    length |= size_t{byte & 0x7FU} << (7 * i);
    if (byte >= 0x80) continue;
    if (i > 0 && byte == 0) return std::nullopt;
    bytes.remove_prefix(i + 1);
    return length;
  }
  return std::nullopt;
}

// Takes tag, length and as many bytes off. Nothing where that is not what comes.
std::optional<std::string_view> TakeField(std::string_view& bytes, int number) {
  if (bytes.empty() || bytes.front() != TagOf(number)) return std::nullopt;
  bytes.remove_prefix(1);
  const auto length = TakeLength(bytes);
  if (!length || *length > bytes.size()) return std::nullopt;
  const std::string_view field = bytes.substr(0, *length);
  bytes.remove_prefix(*length);
  return field;
}

PieceParse ParseGraph(std::string_view bytes, GraphSpans& graph) {
  for (const ColumnRow& row : kColumns) {
    if (bytes.empty() || bytes.front() != TagOf(row.number)) continue;
    const auto column = TakeField(bytes, row.number);
    if (!column || column->size() % row.width != 0) return PieceParse::kMalformed;
    if (column->empty()) return PieceParse::kNotCanonical;
    graph.*row.column = *column;
  }
  // Out of order, twice or not known.
  return bytes.empty() ? PieceParse::kGood : PieceParse::kNotCanonical;
}

PieceParse ParseRest(std::string_view bytes, v1::PlanChunk& rest) {
  if (!rest.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return PieceParse::kMalformed;
  rest.DiscardUnknownFields();
  const bool canonical = !rest.has_graph() && rest.ByteSizeLong() == bytes.size();
  return canonical ? PieceParse::kGood : PieceParse::kNotCanonical;
}

}  // namespace

bool IsPlanFrame(std::string_view frame) {
  return !frame.empty() && frame.front() == TagOf(worker::v1::Frame::kPlanFieldNumber);
}

PieceParse ParsePlanFrame(std::string_view frame, PlanPiece& piece) {
  auto plan = TakeField(frame, worker::v1::Frame::kPlanFieldNumber);
  if (!plan) return PieceParse::kMalformed;
  if (!frame.empty()) return PieceParse::kNotCanonical;
  if (!plan->empty() && plan->front() == TagOf(v1::PlanChunk::kGraphFieldNumber)) {
    const auto graph = TakeField(*plan, v1::PlanChunk::kGraphFieldNumber);
    if (!graph) return PieceParse::kMalformed;
    if (const PieceParse parsed = ParseGraph(*graph, piece.graph); parsed != PieceParse::kGood) return parsed;
  }
  return ParseRest(*plan, piece.rest);
}

}  // namespace airlock::server
