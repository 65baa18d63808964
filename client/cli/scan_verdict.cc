#include "client/cli/scan_verdict.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace airlock::cli {
namespace {

constexpr int kUnsafe = 1;
constexpr int kUndetermined = 2;
// Of every format that has members.
constexpr std::string_view kUnusedMember = ".unused-member";

// Findings of code, in the order of how near it is to being run.
struct CodeRow {
  std::string_view finding;
  const char* sentence;
};
constexpr CodeRow kCode[] = {
    {"torchscript.code", "holds code, which torch.jit.load would run; it was not judged"},
    {"package.code", "holds Python code, which torch.package would run; it was not judged"},
    {"export.compiled", "holds a compiled model, which torch would run; it was not judged"},
    {"export.program", "holds a program, which torch.export would run; only its expressions were judged"},
    {"archive.library", "holds a library or program beside its data; it was not judged"},
    {"archive.code", "holds scripts beside its data; they were not judged"},
};

// Endings of names that loaders are pointed at.
constexpr std::string_view kCalledCheckpoints[] = {
    ".bin",  ".ckpt",        ".gguf", ".h5",      ".joblib", ".keras",       ".mar", ".model", ".npy", ".npz",
    ".onnx", ".pickle",      ".pk",   ".pkl",     ".pt",     ".pt2",         ".pth", ".ptl",   ".sav", ".skops",
    ".t7",   ".torchscript", ".dump", ".weights", ".params", ".safetensors", ".th",  ".tar",   ".zip", ".dat"};

bool IsCalledCheckpoint(std::string_view path) {
  std::string name(path.substr(path.find_last_of('/') + 1));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::any_of(std::begin(kCalledCheckpoints), std::end(kCalledCheckpoints),
                     [&name](std::string_view ending) { return name.ends_with(ending); });
}

// A member that nothing refers to was not decoded; another reader may have a use for it.
std::string NotLookedAt(const Contents& contents) {
  for (const v1::Finding& finding : contents.findings()) {
    if (!finding.id().ends_with(kUnusedMember)) continue;
    return "it holds what nothing in the checkpoint refers to and nobody looked at: " + finding.where();
  }
  return {};
}

// What was seen in a file that is none: its format, where it is one and the failure is of something inside it, or an
// archive at its end that some readers find.
bool IsSomething(const Contents& seen) {
  const auto hidden = [](const v1::Finding& finding) { return finding.severity() != v1::SEVERITY_NOTE; };
  return seen.report().format() != v1::FORMAT_UNSPECIFIED ||
         std::any_of(seen.findings().begin(), seen.findings().end(), hidden);
}

}  // namespace

ScanVerdict Decide(const Contents& contents, bool allow_unknown) {
  switch (contents.report().verdict()) {
    case v1::VERDICT_UNKNOWN_TYPES:
      if (!allow_unknown) return {kUndetermined, {}};
      [[fallthrough]];
    case v1::VERDICT_CLEAN: {
      std::string doubt = NotLookedAt(contents);
      const int exit_code = doubt.empty() ? 0 : kUndetermined;
      return {exit_code, std::move(doubt)};
    }
    case v1::VERDICT_DANGEROUS:
    case v1::VERDICT_REFUSED:
      return {kUnsafe, {}};
    default:
      return {kUndetermined, {}};
  }
}

std::string CodeIn(const Contents& contents) {
  const std::vector<v1::Finding>& findings = contents.findings();
  for (const CodeRow& row : kCode) {
    const auto is_row = [&row](const v1::Finding& finding) { return finding.id() == row.finding; };
    if (std::any_of(findings.begin(), findings.end(), is_row)) return row.sentence;
  }
  return {};
}

int Decide(const ClientError& error) {
  const v1::Verdict verdict = error.verdict();
  if (verdict == v1::VERDICT_DANGEROUS || verdict == v1::VERDICT_REFUSED) return kUnsafe;
  return error.exit_code == 0 ? kUndetermined : error.exit_code;
}

bool IsNoCheckpoint(const std::string& path, const ClientError& error) {
  const bool none = error.reason == v1::REASON_NOT_A_CHECKPOINT || error.reason == v1::REASON_EMPTY_FILE ||
                    error.reason == v1::REASON_HTML_PAGE;
  if (!none || (error.seen != nullptr && IsSomething(*error.seen))) return false;
  return error.verdict() != v1::VERDICT_DANGEROUS && !IsCalledCheckpoint(path);
}

}  // namespace airlock::cli
