// ScanReport: what `scan` says of each file and of all of them: a table for people, JSON, a line of JSON a file, or
// SARIF 2.1.0 for code scanners. Written as the files are looked at, so that a long scan says something meanwhile.
//
//   json:  {"schema_version": 1, "files": [<file>..], "summary": <summary>}
//   jsonl: <file>, a line each; the last line is {"schema_version": 1, "summary": <summary>}
//   <file>: {"file", "status": "clean" | "unsafe" | "undetermined" | "error", "verdict", "format", "size", "posture",
//            "reason"?, "message"?, "code"?, "symbols": [those that are not known], "findings": [..]}
//   <summary>: {"files", "clean", "unsafe", "undetermined", "error", "let_pass", "with_code", "skipped", "links",
//               "others", "histories", "left", "exit_code"}
// `clean` counts those that --allow-unknown let pass (`let_pass`); `left`, the files that a signal came before.
#pragma once

#include <cstdint>
#include <string>

#include "airlock/checkpoint.h"
#include "client/cli/json_writer.h"
#include "client/cli/output.h"
#include "client/cli/sarif.h"

namespace airlock::cli {

// One file, looked at.
struct Scanned {
  std::string file;
  v1::Verdict verdict = v1::VERDICT_UNSPECIFIED;
  int exit_code = 0;
  // What is known of it; null where nothing is.
  const Contents* contents = nullptr;
  // Null for a file that was decoded.
  const ClientError* error = nullptr;
  // A sentence about a file that was decoded and is no more than undetermined. May be empty.
  std::string doubt;
  // Undetermined, and clean under --allow-unknown.
  bool allowable = false;
  // A sentence about code in it that the verdict does not speak of. May be empty.
  std::string code;
};

// Files that were passed over.
struct PassedOver {
  // No checkpoints of any format.
  uint64_t skipped = 0;
  uint64_t links = 0;
  uint64_t others = 0;
  // Directories of version control.
  uint64_t histories = 0;
  // Files that a signal came before.
  uint64_t left = 0;
};

class ScanReport {
 public:
  explicit ScanReport(const Options& options);

  void Show(const Scanned& scanned);
  // Last, once.
  void Finish(const PassedOver& passed_over, int exit_code);

 private:
  void ShowRow(const Scanned& scanned);
  void ShowObject(const Scanned& scanned);
  void ShowResults(const Scanned& scanned);
  void ShowResult(const std::string& file, const SarifResult& result);
  void WriteSummary(const PassedOver& passed_over, int exit_code);
  void PrintSummary(const PassedOver& passed_over) const;

  const Options& options_;
  const Paint paint_;
  JsonWriter json_;
  uint64_t clean_ = 0;
  uint64_t unsafe_ = 0;
  uint64_t undetermined_ = 0;
  uint64_t errors_ = 0;
  uint64_t with_code_ = 0;
  // Of the clean ones, those that --allow-unknown made so; of the undetermined ones, those that it would.
  uint64_t let_pass_ = 0;
  uint64_t allowable_ = 0;
  SarifRules rules_;
};

}  // namespace airlock::cli
