#include "client/cli/record_form.h"

#include <cstdio>
#include <span>
#include <string_view>

namespace airlock::cli {
namespace {

// The part of a record that its class keeps everything in.
enum class Keeps : uint8_t { kText, kArguments, kState, kPairs, kItems, kPath, kDate, kDateTime, kTime };

struct Row {
  std::string_view module;
  std::string_view names;
  Keeps keeps;
  const char* key;
  // Under which the first argument is shown, where there is one.
  const char* argument = nullptr;
};

constexpr Row kRows[] = {
    {"argparse", " Namespace ", Keeps::kState, "$namespace"},
    {"types", " SimpleNamespace ", Keeps::kState, "$namespace"},
    {"builtins", " range ", Keeps::kArguments, "$range"},
    {"builtins", " slice ", Keeps::kArguments, "$slice"},
    {"collections", " Counter ", Keeps::kPairs, "$counter"},
    {"collections", " defaultdict ", Keeps::kPairs, "$defaultdict", "factory"},
    {"collections", " deque ", Keeps::kItems, "$deque", "maxlen"},
    {"datetime", " date ", Keeps::kDate, "$date"},
    {"datetime", " datetime ", Keeps::kDateTime, "$datetime"},
    {"datetime", " time ", Keeps::kTime, "$time"},
    {"datetime", " timedelta ", Keeps::kArguments, "$timedelta"},
    {"datetime", " timezone ", Keeps::kArguments, "$timezone"},
    {"decimal", " Decimal ", Keeps::kText, "$decimal"},
    {"fractions", " Fraction ", Keeps::kArguments, "$fraction"},
    {"pathlib", " Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath ", Keeps::kPath, "$path"},
    {"pathlib._local", " Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath ", Keeps::kPath, "$path"},
};
constexpr size_t kMaxPathParts = 64;

const Row* RowOf(const v1::Symbol& symbol) {
  if (symbol.class_() != v1::SYMBOL_CLASS_KNOWN) return nullptr;
  const std::string name = " " + symbol.name() + " ";
  for (const Row& row : kRows) {
    if (row.module == symbol.module() && row.names.find(name) != std::string_view::npos) return &row;
  }
  return nullptr;
}

// One record at work.
class Former {
 public:
  Former(const Graph& graph, const Record& record) : graph_(graph), record_(record) {
    if (record.args && graph.kind(*record.args) == v1::NODE_KIND_TUPLE) args_ = graph.Items(*record.args);
  }

  std::optional<RecordForm> Form(const Row& row) const {
    switch (row.keeps) {
      case Keeps::kText:
        if (!Only(row) || args_.size() != 1) return std::nullopt;
        return Text(row, TextOf(args_[0]));
      case Keeps::kPath:
        return Only(row) ? Text(row, Path()) : std::nullopt;
      case Keeps::kDate:
        return Only(row) && args_.size() == 3 ? Text(row, Date()) : std::nullopt;
      case Keeps::kDateTime:
        return Only(row) ? Timed(row, 3) : std::nullopt;
      case Keeps::kTime:
        return Only(row) ? Timed(row, 0) : std::nullopt;
      case Keeps::kArguments:
        return Only(row) ? Whole(row, record_.args) : std::nullopt;
      case Keeps::kState:
        return Only(row, record_.state.has_value()) && args_.empty() ? Whole(row, record_.state) : std::nullopt;
      case Keeps::kPairs:
        return Only(row, record_.pairs.has_value()) ? Whole(row, record_.pairs) : std::nullopt;
      case Keeps::kItems:
        return Only(row, record_.items.has_value()) ? Whole(row, record_.items) : std::nullopt;
    }
    return std::nullopt;
  }

 private:
  // Whether there are arguments, as many as are shown, and nothing else but the part that the class keeps things in.
  bool Only(const Row& row, bool has_part = false) const {
    const int parts = (record_.kwargs ? 1 : 0) + (record_.state ? 1 : 0) + (record_.items ? 1 : 0) +
                      (record_.pairs ? 1 : 0) + (record_.recovered ? 1 : 0);
    if (parts != (has_part ? 1 : 0) || record_.many_states) return false;
    const bool contents = row.keeps == Keeps::kPairs || row.keeps == Keeps::kItems;
    return !contents || args_.size() <= (row.argument != nullptr ? 1U : 0U);
  }

  std::optional<std::string> TextOf(NodeId node) const {
    if (graph_.kind(node) != v1::NODE_KIND_STRING) return std::nullopt;
    return std::string(graph_.Text(node));
  }

  static std::optional<RecordForm> Text(const Row& row, std::optional<std::string> text) {
    if (!text) return std::nullopt;
    RecordForm form;
    form.key = row.key;
    form.text = std::move(text);
    return form;
  }

  std::optional<RecordForm> Whole(const Row& row, std::optional<NodeId> part) const {
    RecordForm form;
    form.key = row.key;
    form.node = part;
    form.sequence = row.keeps == Keeps::kItems || row.keeps == Keeps::kArguments;
    form.more_key = row.argument;
    if (row.argument != nullptr && !args_.empty()) form.more = args_[0];
    return form;
  }

  std::optional<std::string> Path() const {
    if (args_.size() > kMaxPathParts) return std::nullopt;
    std::string path;
    for (const NodeId part : args_) {
      const auto text = TextOf(part);
      if (!text) return std::nullopt;
      if (!path.empty() && path.back() != '/' && path.back() != '\\') path += '/';
      path += *text;
    }
    return path.empty() ? "." : path;
  }

  // The numbers from `from` on, separated; nothing where one is no small number.
  std::optional<std::string> Numbers(size_t from, size_t count, char separator) const {
    std::string text;
    for (size_t i = from; i < from + count; ++i) {
      if (i >= args_.size() || graph_.kind(args_[i]) != v1::NODE_KIND_INT) return std::nullopt;
      const int64_t number = graph_.Int(args_[i]);
      if (number < 0 || number > 9999) return std::nullopt;
      char digits[8];
      snprintf(digits, sizeof digits, separator == '-' && i == from ? "%04d" : "%02d", static_cast<int>(number));
      if (i > from) text += separator;
      text += digits;
    }
    return text;
  }

  std::optional<std::string> Date() const { return Numbers(0, 3, '-'); }

  // A date of so many numbers, four more of a time, perhaps a time zone.
  std::optional<RecordForm> Timed(const Row& row, size_t date) const {
    const size_t numbers = date + 4;
    if (args_.size() < numbers || args_.size() > numbers + 1) return std::nullopt;
    const auto day = date == 0 ? std::optional<std::string>("") : Date();
    const auto time = Numbers(date, 3, ':');
    const NodeId micros = args_[numbers - 1];
    if (!day || !time || graph_.kind(micros) != v1::NODE_KIND_INT) return std::nullopt;
    const int64_t fraction = graph_.Int(micros);
    if (fraction < 0 || fraction > 999'999) return std::nullopt;
    std::string text = *day + (date == 0 ? "" : "T") + *time;
    if (fraction != 0) {
      char digits[16];
      snprintf(digits, sizeof digits, ".%06d", static_cast<int>(fraction));
      text += digits;
    }
    auto form = Text(row, std::move(text));
    form->more_key = "tz";
    if (args_.size() > numbers) form->more = args_[numbers];
    return form;
  }

  const Graph& graph_;
  const Record& record_;
  std::span<const NodeId> args_;
};

}  // namespace

std::optional<RecordForm> FormOf(const Contents& contents, NodeId node) {
  const Graph& graph = contents.graph();
  const Record record = graph.RecordAt(node);
  if (graph.kind(record.callee) != v1::NODE_KIND_SYMBOL) return std::nullopt;
  const Row* row = RowOf(contents.symbols()[graph.Link(record.callee)]);
  return row == nullptr ? std::nullopt : Former(graph, record).Form(*row);
}

}  // namespace airlock::cli
