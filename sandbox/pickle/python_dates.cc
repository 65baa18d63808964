// datetime's classes. Python packs a date into a few bytes; the records have the numbers, as the constructors take
// them.
#include <array>
#include <string_view>

#include "sandbox/pickle/python_builders.h"

namespace airlock::pickle {
namespace {

constexpr size_t kDateBytes = 4;
constexpr size_t kTimeBytes = 6;
// The highest bit of the first byte of a time, or of a datetime's month: the later of two equal times.
constexpr uint8_t kFold = 0x80;
constexpr int64_t kSecondsADay = 24 * 60 * 60;
constexpr int64_t kMaxDays = 999'999'999;

uint8_t ByteAt(std::string_view bytes, size_t index) { return static_cast<uint8_t>(bytes[index]); }

bool IsDay(int year, int month, int day) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

// The fields of a date or time in the making. Nothing of it is a node before all is checked.
struct Fields {
  std::array<int64_t, 7> values{};
  size_t count = 0;
  bool fold = false;
  NodeId zone = kNoNode;

  void Add(int64_t value) { values[count++] = value; }
};

// Two bytes of year, month, day.
bool AddDate(std::string_view bytes, Fields& fields) {
  const int year = ByteAt(bytes, 0) << 8 | ByteAt(bytes, 1);
  for (const int value : {year, int{ByteAt(bytes, 2)}, int{ByteAt(bytes, 3)}}) fields.Add(value);
  return IsDay(year, ByteAt(bytes, 2), ByteAt(bytes, 3));
}

// Hour, minute, second, three bytes of microseconds.
bool AddTime(std::string_view bytes, Fields& fields) {
  const int micros = ByteAt(bytes, 3) << 16 | ByteAt(bytes, 4) << 8 | ByteAt(bytes, 5);
  for (const int value : {int{ByteAt(bytes, 0)}, int{ByteAt(bytes, 1)}, int{ByteAt(bytes, 2)}, micros})
    fields.Add(value);
  return ByteAt(bytes, 0) < 24 && ByteAt(bytes, 1) < 60 && ByteAt(bytes, 2) < 60 && micros < 1'000'000;
}

// Takes the bit of the fold out of a byte.
void TakeFold(std::array<char, kDateBytes + kTimeBytes>& bytes, size_t index, Fields& fields) {
  fields.fold = (static_cast<uint8_t>(bytes[index]) & kFold) != 0;
  bytes[index] = static_cast<char>(static_cast<uint8_t>(bytes[index]) & ~kFold);
}

NodeId RecordOf(Maker& m, const Fields& fields) {
  std::array<NodeId, 8> args{};
  size_t count = 0;
  for (; count < fields.count; ++count) args[count] = m.graph.Int(fields.values[count]);
  if (fields.zone != kNoNode) args[count++] = fields.zone;
  RecordParts parts = {.args = m.graph.Container(Kind::kTuple, std::span(args).first(count))};
  if (fields.fold) {
    const NodeId fold[] = {m.graph.Text(Kind::kString, "fold"), m.graph.Int(1)};
    parts.kwargs = m.graph.Container(Kind::kDict, fold);
  }
  return m.Record(parts);
}

// The packed bytes, and the time zone where there is one: an object of a class of its own.
std::optional<std::string_view> Packed(Maker& m, size_t size, Fields& fields) {
  if (m.args().empty() || m.args().size() > 2) return std::nullopt;
  if (m.args().size() == 2) {
    if (!m.graph.is(m.arg(1), Kind::kRecord) && !m.graph.is(m.arg(1), Kind::kSymbol)) return std::nullopt;
    fields.zone = m.arg(1);
  }
  const auto bytes = m.ShortBytes(m.arg(0), size);
  return bytes && bytes->size() == size ? bytes : std::nullopt;
}

}  // namespace

Result<NodeId> MakeDate(Maker& m) {
  Fields fields;
  const auto bytes = Packed(m, kDateBytes, fields);
  if (!bytes || fields.zone != kNoNode || !AddDate(*bytes, fields)) return kNoNode;
  return RecordOf(m, fields);
}

Result<NodeId> MakeDateTime(Maker& m) {
  Fields fields;
  const auto packed = Packed(m, kDateBytes + kTimeBytes, fields);
  if (!packed) return kNoNode;
  std::array<char, kDateBytes + kTimeBytes> bytes{};
  packed->copy(bytes.data(), bytes.size());
  TakeFold(bytes, 2, fields);
  const std::string_view plain(bytes.data(), bytes.size());
  if (!AddDate(plain, fields) || !AddTime(plain.substr(kDateBytes), fields)) return kNoNode;
  return RecordOf(m, fields);
}

Result<NodeId> MakeTime(Maker& m) {
  Fields fields;
  const auto packed = Packed(m, kTimeBytes, fields);
  if (!packed) return kNoNode;
  std::array<char, kDateBytes + kTimeBytes> bytes{};
  packed->copy(bytes.data(), bytes.size());
  TakeFold(bytes, 0, fields);
  if (!AddTime({bytes.data(), kTimeBytes}, fields)) return kNoNode;
  return RecordOf(m, fields);
}

// (days, seconds, microseconds), of which only days may be negative.
Result<NodeId> MakeTimeDelta(Maker& m) {
  if (m.args().size() != 3) return kNoNode;
  const auto days = m.Integer(m.arg(0));
  const int64_t seconds = m.Integer(m.arg(1)).value_or(-1);
  const int64_t micros = m.Integer(m.arg(2)).value_or(-1);
  if (!days || *days < -kMaxDays || *days > kMaxDays) return kNoNode;
  if (seconds < 0 || seconds >= kSecondsADay || micros < 0 || micros >= 1'000'000) return kNoNode;
  return m.Record();
}

// (offset,) or (offset, name): less than a day away.
Result<NodeId> MakeTimeZone(Maker& m) {
  if (m.args().empty() || m.args().size() > 2 || !m.IsRecordOf(m.arg(0), Builder::kTimeDelta)) return kNoNode;
  if (m.args().size() == 2 && !m.IsText(m.arg(1))) return kNoNode;
  const auto offset = m.graph.children(m.graph.record(m.arg(0)).args);
  if (offset.size() != 3) return kNoNode;
  const int64_t days = m.Integer(offset[0]).value_or(-2);
  const bool zero = m.Integer(offset[1]) == 0 && m.Integer(offset[2]) == 0;
  return days == 0 || (days == -1 && !zero) ? m.Record() : kNoNode;
}

}  // namespace airlock::pickle
