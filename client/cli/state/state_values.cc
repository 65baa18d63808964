#include "client/cli/state/state_values.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "client/cli/state/number_text.h"
#include "client/cli/state/path_text.h"

namespace airlock::cli {
namespace {

constexpr int64_t kMaxDays = 999'999'999;
constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kMicros = 1'000'000;
constexpr int kUuidBits = 128;

constexpr std::string_view kPosix = "PurePosixPath";
constexpr std::string_view kWindows = "PureWindowsPath";
// What each class of pathlib is on this machine.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kPaths = {{{"Path", "PosixPath"},
                                                                                  {"PosixPath", "PosixPath"},
                                                                                  {"PurePath", kPosix},
                                                                                  {"PurePosixPath", kPosix},
                                                                                  {"WindowsPath", kWindows},
                                                                                  {"PureWindowsPath", kWindows}}};

int64_t FloorDiv(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

int64_t DaysOf(int64_t year, int64_t month) {
  constexpr std::array<int64_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

StateValue Object(std::string_view name) {
  StateValue value;
  value.name = std::string(name);
  return value;
}

// One record at work. Values inside are of other kinds than what is around them, two deep at most.
class Maker {
 public:
  Maker(const Contents& contents, NodeId node)
      : contents_(contents), graph_(contents.graph()), record_(graph_.RecordAt(node)) {
    if (record_.args && graph_.kind(*record_.args) == v1::NODE_KIND_TUPLE) args_ = graph_.Items(*record_.args);
    if (record_.kwargs && IsDict(graph_.kind(*record_.kwargs))) kwargs_ = graph_.Pairs(*record_.kwargs);
  }

  std::optional<StateValue> Make() const {
    const v1::Symbol& symbol = contents_.symbols()[graph_.Link(record_.callee)];
    if (symbol.module() == "uuid" && symbol.name() == "UUID") return Uuid();
    if (record_.many_states || record_.state || record_.items || record_.pairs || record_.recovered) return {};
    if (symbol.module() == "datetime") return Moment(symbol.name());
    if (!kwargs_.empty()) return {};
    if (symbol.module() == "decimal" && symbol.name() == "Decimal") return Decimal();
    if (symbol.module() == "fractions" && symbol.name() == "Fraction") return Fraction();
    if (symbol.module() == "builtins" && symbol.name() == "range") return Range();
    if (symbol.module() == "builtins" && symbol.name() == "slice") return Slice();
    if (symbol.module() == "pathlib" || symbol.module() == "pathlib._local") return Path(symbol.name());
    return {};
  }

 private:
  // An argument that is another value of a class of datetime.
  std::optional<StateValue> Inner(NodeId node, std::string_view name) const {
    if (graph_.kind(node) != v1::NODE_KIND_RECORD) return {};
    const Maker inner(contents_, node);
    if (graph_.kind(inner.record_.callee) != v1::NODE_KIND_SYMBOL) return {};
    const v1::Symbol& symbol = contents_.symbols()[graph_.Link(inner.record_.callee)];
    const bool fits = symbol.class_() == v1::SYMBOL_CLASS_KNOWN && symbol.module() == "datetime" &&
                      symbol.name() == name && !inner.record_.many_states;
    if (!fits || inner.record_.state || inner.record_.items || inner.record_.pairs || inner.record_.recovered)
      return {};
    return name == "timedelta" ? inner.Timedelta() : inner.Timezone();
  }

  std::optional<StateValue> Moment(std::string_view name) const {
    if (name == "timedelta") return Timedelta();
    if (name == "timezone") return Timezone();
    if (name == "date") return DateAndTime("datetime.date", 3, 0);
    if (name == "datetime") return DateAndTime("datetime.datetime", 3, 4);
    if (name == "time") return DateAndTime("datetime.time", 0, 4);
    return {};
  }

  std::optional<int64_t> Small(size_t at) const {
    if (at >= args_.size() || graph_.kind(args_[at]) != v1::NODE_KIND_INT) return {};
    return graph_.Int(args_[at]);
  }

  // A number within bounds; absent parts of a time are zero.
  bool Take(StateValue& value, size_t at, int64_t least, int64_t most) const {
    const bool there = at < args_.size() && graph_.kind(args_[at]) != v1::NODE_KIND_RECORD;
    const auto number = there ? Small(at) : std::optional<int64_t>(0);
    if (!number || *number < least || *number > most) return false;
    value.args.push_back(StateArgument::Of(*number));
    return true;
  }

  // So many numbers of a date, up to so many of a time, then perhaps a time zone.
  std::optional<StateValue> DateAndTime(std::string_view name, size_t date, size_t time) const {
    const bool zoned = !args_.empty() && graph_.kind(args_.back()) == v1::NODE_KIND_RECORD;
    const size_t numbers = args_.size() - (zoned ? 1 : 0);
    // A zone has its place behind all numbers.
    if (numbers < date || numbers > date + time || (zoned && (time == 0 || numbers < date + time))) return {};
    StateValue value = Object(name);
    if (date > 0) {
      if (!Take(value, 0, 1, 9999) || !Take(value, 1, 1, 12)) return {};
      if (!Take(value, 2, 1, DaysOf(*Small(0), *Small(1)))) return {};
    }
    constexpr std::array<int64_t, 4> kMost = {23, 59, 59, kMicros - 1};
    for (size_t i = 0; i < time; ++i) {
      if (!Take(value, date + i, 0, kMost[i])) return {};
    }
    if (zoned) {
      auto zone = Inner(args_.back(), "timezone");
      if (!zone) return {};
      value.args.push_back(StateArgument::Of(*std::move(zone)));
    }
    return TakeFold(value, time > 0) ? std::optional<StateValue>(std::move(value)) : std::nullopt;
  }

  bool TakeFold(StateValue& value, bool allowed) const {
    if (kwargs_.empty()) return true;
    if (!allowed || kwargs_.size() != 2 || graph_.kind(kwargs_[0]) != v1::NODE_KIND_STRING) return false;
    if (graph_.Text(kwargs_[0]) != "fold" || graph_.kind(kwargs_[1]) != v1::NODE_KIND_INT) return false;
    const int64_t fold = graph_.Int(kwargs_[1]);
    value.fold = fold == 1;
    return fold == 0 || fold == 1;
  }

  // Seconds and microseconds carry over, as they do in Python.
  std::optional<StateValue> Timedelta() const {
    if (!kwargs_.empty() || args_.size() != 3 || !Small(0) || !Small(1) || !Small(2)) return {};
    int64_t seconds = 0;
    int64_t days = 0;
    const int64_t micros = *Small(2) - FloorDiv(*Small(2), kMicros) * kMicros;
    if (__builtin_add_overflow(*Small(1), FloorDiv(*Small(2), kMicros), &seconds)) return {};
    if (__builtin_add_overflow(*Small(0), FloorDiv(seconds, kDaySeconds), &days)) return {};
    if (days < -kMaxDays || days > kMaxDays) return {};
    StateValue value = Object("datetime.timedelta");
    for (const int64_t part : {days, seconds - FloorDiv(seconds, kDaySeconds) * kDaySeconds, micros}) {
      value.args.push_back(StateArgument::Of(part));
    }
    return value;
  }

  std::optional<StateValue> Timezone() const {
    if (!kwargs_.empty() || args_.empty() || args_.size() > 2) return {};
    auto offset = Inner(args_[0], "timedelta");
    if (!offset) return {};
    auto part = [&](size_t at) { return offset->args[at].number; };
    // Less than a day, either way.
    const bool fits = part(0) == 0 || (part(0) == -1 && (part(1) > 0 || part(2) > 0));
    if (!fits || (args_.size() == 2 && graph_.kind(args_[1]) != v1::NODE_KIND_STRING)) return {};
    StateValue value = Object("datetime.timezone");
    value.args.push_back(StateArgument::Of(*std::move(offset)));
    if (args_.size() == 2) value.args.push_back(StateArgument::Of(std::string(graph_.Text(args_[1]))));
    return value;
  }

  std::optional<StateValue> Decimal() const {
    if (args_.size() != 1 || graph_.kind(args_[0]) != v1::NODE_KIND_STRING) return {};
    auto text = DecimalText(graph_.Text(args_[0]));
    if (!text) return {};
    StateValue value = Object("decimal.Decimal");
    value.args.push_back(StateArgument::Of(*std::move(text)));
    return value;
  }

  std::optional<StateArgument> Number(size_t at) const {
    if (graph_.kind(args_[at]) == v1::NODE_KIND_INT) return StateArgument::Of(graph_.Int(args_[at]));
    if (graph_.kind(args_[at]) == v1::NODE_KIND_BIG_INT)
      return StateArgument::Of(Integer::OfBytes(graph_.Text(args_[at])));
    return {};
  }

  // One that is short enough to be reckoned with.
  std::optional<Integer> Long(NodeId node) const {
    if (graph_.kind(node) == v1::NODE_KIND_INT) return Integer(graph_.Int(node));
    if (graph_.kind(node) != v1::NODE_KIND_BIG_INT) return {};
    if (graph_.Text(node).size() > kMaxNumberBits / 8 + 1) return {};
    Integer number = Integer::OfBytes(graph_.Text(node));
    return number.bits() > kMaxNumberBits ? std::nullopt : std::optional<Integer>(std::move(number));
  }

  std::optional<StateValue> Fraction() const {
    std::optional<FractionParts> parts;
    if (args_.size() == 1 && graph_.kind(args_[0]) == v1::NODE_KIND_STRING) parts = FractionOf(graph_.Text(args_[0]));
    if (args_.size() == 2) {
      auto numerator = Long(args_[0]);
      auto denominator = Long(args_[1]);
      if (numerator && denominator) parts = FractionOf(*std::move(numerator), *std::move(denominator));
    }
    if (!parts) return {};
    StateValue value = Object("fractions.Fraction");
    value.args.push_back(StateArgument::Of(std::move(parts->first)));
    value.args.push_back(StateArgument::Of(std::move(parts->second)));
    return value;
  }

  std::optional<StateValue> Range() const {
    if (args_.size() != 3) return {};
    StateValue value = Object("builtins.range");
    for (size_t i = 0; i < 3; ++i) {
      const auto number = Long(args_[i]);
      if (!number || (i == 2 && number->zero())) return {};
      value.args.push_back(*Number(i));
    }
    return value;
  }

  std::optional<StateValue> Slice() const {
    if (args_.size() != 1 && args_.size() != 3) return {};
    StateValue value = Object("builtins.slice");
    if (args_.size() == 1) value.args.emplace_back();
    for (size_t i = 0; i < args_.size(); ++i) {
      if (graph_.kind(args_[i]) == v1::NODE_KIND_NONE) {
        value.args.emplace_back();
        continue;
      }
      auto number = Number(i);
      if (!number) return {};
      value.args.push_back(*std::move(number));
    }
    if (args_.size() == 1) value.args.emplace_back();
    return value;
  }

  std::optional<StateValue> Path(std::string_view name) const {
    const auto row = std::find_if(kPaths.begin(), kPaths.end(), [&](const auto& path) { return path.first == name; });
    if (row == kPaths.end()) return {};
    std::vector<std::string_view> parts;
    for (const NodeId part : args_) {
      if (graph_.kind(part) != v1::NODE_KIND_STRING) return {};
      parts.push_back(graph_.Text(part));
    }
    auto text = row->second == kWindows ? WindowsPathText(parts) : PosixPathText(parts);
    if (!text) return {};
    StateValue value = Object(row->second);
    value.form = StateValue::Form::kPath;
    value.text = *std::move(text);
    return value;
  }

  std::optional<StateValue> Uuid() const {
    if (record_.many_states || !record_.state || graph_.kind(*record_.state) != v1::NODE_KIND_DICT) return {};
    const auto number = graph_.Find(*record_.state, "int");
    if (!number) return {};
    const auto value = Long(*number);
    if (!value || value->negative() || value->bits() > kUuidBits) return {};
    std::string digits = value->HexDigits();
    digits.insert(0, kUuidBits / 4 - digits.size(), '0');
    for (const size_t at : {8U, 13U, 18U, 23U}) digits.insert(at, "-");
    StateValue made;
    made.form = StateValue::Form::kUuid;
    made.text = std::move(digits);
    return made;
  }

  const Contents& contents_;
  const Graph& graph_;
  const Record record_;
  std::span<const NodeId> args_;
  std::span<const NodeId> kwargs_;
};

}  // namespace

StateArgument StateArgument::Of(StateValue value) {
  StateArgument argument{.kind = Kind::kValue};
  argument.inner.push_back(std::move(value));
  return argument;
}

std::optional<StateValue> ValueOf(const Contents& contents, NodeId record) { return Maker(contents, record).Make(); }

}  // namespace airlock::cli
