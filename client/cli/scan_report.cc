#include "client/cli/scan_report.h"

#include <cstdio>
#include <string_view>

#include "airlock/words.h"
#include "client/cli/contents_table.h"
#include "client/cli/escape.h"
#include "client/cli/report_json.h"

namespace airlock::cli {
namespace {

constexpr int kUnsafe = 1;
constexpr int kUndetermined = 2;

const char* StatusOf(int exit_code) {
  return exit_code == 0               ? "clean"
         : exit_code == kUnsafe       ? "unsafe"
         : exit_code == kUndetermined ? "undetermined"
                                      : "error";
}

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

const char* LevelOf(v1::Severity severity) {
  return severity == v1::SEVERITY_DANGER ? "error" : severity == v1::SEVERITY_WARNING ? "warning" : "note";
}

void WriteSymbol(JsonWriter& json, const v1::Symbol& symbol) {
  json.BeginObject();
  json.Field("name", symbol.module() + "." + symbol.name());
  json.Field("class", Word(symbol.class_()));
  json.Key("would_call");
  json.Bool(symbol.would_call());
  json.Field("first_offset", symbol.first_offset());
  json.EndObject();
}

// One word for the file that says what its exit code does.
std::string WordOf(const Scanned& scanned) {
  const bool doubted = scanned.exit_code != 0 && scanned.error == nullptr && !scanned.doubt.empty();
  return doubted ? StatusOf(scanned.exit_code) : Word(scanned.verdict);
}

// Why a file without dangers is not clean: nothing where it is.
std::string ReasonOf(const Scanned& scanned) {
  return scanned.error != nullptr ? scanned.error->message : scanned.doubt;
}

}  // namespace

ScanReport::ScanReport(const Options& options) : options_(options), paint_(options.color), json_(stdout) {
  if (options_.format == Format::kSarif) BeginSarif(json_);
  if (options_.format != Format::kJson) return;
  json_.BeginObject();
  json_.Field("schema_version", uint64_t{1});
  json_.Key("files");
  json_.BeginArray();
}

void ScanReport::Show(const Scanned& scanned) {
  const std::string_view status = StatusOf(scanned.exit_code);
  if (!scanned.code.empty()) ++with_code_;
  if (scanned.exit_code == 0 && scanned.verdict == v1::VERDICT_UNKNOWN_TYPES) ++let_pass_;
  if (scanned.allowable) ++allowable_;
  ++(status == "clean" ? clean_ : status == "unsafe" ? unsafe_ : status == "undetermined" ? undetermined_ : errors_);
  switch (options_.format) {
    case Format::kTable:
      return ShowRow(scanned);
    case Format::kSarif:
      return ShowResults(scanned);
    default:
      return ShowObject(scanned);
  }
}

void ScanReport::ShowRow(const Scanned& scanned) {
  const std::string word = Padded(WordOf(scanned), 13);
  std::string row = scanned.exit_code == 0         ? paint_.Good(word)
                    : scanned.exit_code == kUnsafe ? paint_.Bad(word)
                                                   : paint_.Doubtful(word);
  row += "  " + Escape(scanned.file);
  if (const std::string reason = ReasonOf(scanned); !reason.empty()) row += ": " + Escape(reason);
  row += '\n';
  if (scanned.contents != nullptr && scanned.verdict != v1::VERDICT_CLEAN) {
    row += FailureTable(*scanned.contents, options_.all, paint_);
  } else if (!scanned.code.empty()) {
    row += "  " + paint_.Doubtful("note") + "       " + scanned.code + "\n";
  }
  fputs(row.c_str(), stdout);
  fflush(stdout);
}

void ScanReport::ShowObject(const Scanned& scanned) {
  static const Contents kNothing;
  const Contents& contents = scanned.contents == nullptr ? kNothing : *scanned.contents;
  const v1::Report& report = contents.report();
  json_.BeginObject();
  if (options_.format == Format::kJsonl) json_.Field("schema_version", uint64_t{1});
  json_.Field("file", scanned.file);
  json_.Field("status", StatusOf(scanned.exit_code));
  json_.Field("verdict", Word(scanned.verdict));
  WriteFormat(json_, report.format());
  json_.Field("size", report.size());
  WritePosture(json_, report.posture());
  if (scanned.error != nullptr) json_.Field("reason", scanned.error->reason_name());
  if (const std::string reason = ReasonOf(scanned); !reason.empty()) json_.Field("message", reason);
  if (!scanned.code.empty()) json_.Field("code", scanned.code);
  json_.Key("symbols");
  json_.BeginArray();
  for (const v1::Symbol& symbol : contents.symbols()) {
    if (symbol.class_() != v1::SYMBOL_CLASS_KNOWN) WriteSymbol(json_, symbol);
  }
  json_.EndArray();
  WriteFindings(json_, contents.findings());
  json_.EndObject();
  if (options_.format == Format::kJsonl) json_.Newline();
  json_.Flush();
  fflush(stdout);
}

void ScanReport::ShowResult(const std::string& file, const SarifResult& result) {
  rules_.insert(result.rule);
  WriteSarifResult(json_, file, result);
}

void ScanReport::ShowResults(const Scanned& scanned) {
  if (const std::string reason = ReasonOf(scanned); !reason.empty()) {
    const std::string rule = scanned.error != nullptr ? scanned.error->reason_name() : kUndeterminedRule;
    const uint64_t offset = scanned.contents == nullptr ? 0 : scanned.contents->report().failure().offset();
    ShowResult(scanned.file, {rule, scanned.exit_code == kUnsafe ? "error" : "warning", reason, offset});
  }
  if (scanned.contents == nullptr) return;
  for (const v1::Finding& finding : scanned.contents->findings()) {
    ShowResult(scanned.file, {finding.id(), LevelOf(finding.severity()), finding.message(), finding.offset()});
  }
  for (const v1::Symbol& symbol : scanned.contents->symbols()) {
    if (symbol.class_() != v1::SYMBOL_CLASS_UNKNOWN) continue;
    const std::string message = symbol.module() + "." + symbol.name() + " is not known; it stays inert";
    ShowResult(scanned.file, {kUnknownTypeRule, "warning", message, symbol.first_offset()});
  }
  json_.Flush();
}

void ScanReport::WriteSummary(const PassedOver& passed_over, int exit_code) {
  json_.Key("summary");
  json_.BeginObject();
  json_.Field("files", clean_ + unsafe_ + undetermined_ + errors_);
  json_.Field("clean", clean_);
  json_.Field("unsafe", unsafe_);
  json_.Field("undetermined", undetermined_);
  json_.Field("error", errors_);
  json_.Field("let_pass", let_pass_);
  json_.Field("with_code", with_code_);
  json_.Field("skipped", passed_over.skipped);
  json_.Field("links", passed_over.links);
  json_.Field("others", passed_over.others);
  json_.Field("histories", passed_over.histories);
  json_.Field("left", passed_over.left);
  json_.Field("exit_code", static_cast<uint64_t>(exit_code));
  json_.EndObject();
}

void ScanReport::PrintSummary(const PassedOver& passed_over) const {
  const uint64_t files = clean_ + unsafe_ + undetermined_;
  std::string text = Counted(files, "file") + " scanned";
  const auto add = [&text](const char* before, uint64_t count, const char* what) {
    if (count > 0) text += before + std::to_string(count) + " " + what;
  };
  add(": ", clean_ - let_pass_, "clean");
  add(text.find(':') == std::string::npos ? ": " : ", ", let_pass_, "of unknown types let pass");
  add(text.find(':') == std::string::npos ? ": " : ", ", unsafe_, "unsafe");
  add(text.find(':') == std::string::npos ? ": " : ", ", undetermined_, "undetermined");
  add("; ", errors_ + passed_over.left, "not looked at");
  add("; ", with_code_, with_code_ == 1 ? "holds code" : "hold code");
  add("; ", passed_over.skipped,
      passed_over.skipped == 1 ? "skipped that is no checkpoint" : "skipped that are no checkpoints");
  add("; ", passed_over.links, passed_over.links == 1 ? "symbolic link not followed" : "symbolic links not followed");
  add("; ", passed_over.others, passed_over.others == 1 ? "not a regular file" : "not regular files");
  add("; ", passed_over.histories,
      passed_over.histories == 1 ? "folder of version control left out" : "folders of version control left out");
  printf("%s\n", text.c_str());
  if (allowable_ > 0) {
    printf("%s undetermined for unknown types alone: --allow-unknown lets such files pass\n",
           Counted(allowable_, "file").c_str());
  }
}

void ScanReport::Finish(const PassedOver& passed_over, int exit_code) {
  switch (options_.format) {
    case Format::kTable:
      return PrintSummary(passed_over);
    case Format::kSarif:
      EndSarif(json_, rules_);
      break;
    case Format::kJson:
      json_.EndArray();
      WriteSummary(passed_over, exit_code);
      json_.EndObject();
      break;
    case Format::kJsonl:
      json_.BeginObject();
      json_.Field("schema_version", uint64_t{1});
      WriteSummary(passed_over, exit_code);
      json_.EndObject();
      break;
  }
  json_.Newline();
}

}  // namespace airlock::cli
