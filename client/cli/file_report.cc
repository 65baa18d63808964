#include "client/cli/file_report.h"

#include <cstdio>

#include "client/cli/address.h"
#include "client/cli/contents_json.h"
#include "client/cli/contents_table.h"
#include "client/cli/interrupt.h"
#include "client/cli/listing.h"

namespace airlock::cli {
namespace {

struct Hint {
  v1::Reason reason;
  const char* text;
};

constexpr Hint kHints[] = {
    {v1::REASON_DANGEROUS_CONTENT,
     "`airlock inspect` shows what it would do; --inert takes its data and leaves the rest inert"},
    {v1::REASON_PATH_NOT_ALLOWED,
     "does this user, or the daemon's, have the right to read it? A daemon opens paths beneath its roots alone "
     "(airlockd --root DIR); without --server-path it needs none"},
    {v1::REASON_LIMIT_EXCEEDED, "a daemon of your own may have higher limits: airlockd --limit NAME=VALUE"},
};

}  // namespace

bool PrintConnectionHint(const Options& options, const ClientError& error) {
  // What the daemon says by itself has a reason. Of a connection without TLS it says nothing, and gRPC no more than
  // that the socket closed.
  const bool transport = error.outcome == v1::OUTCOME_UNAVAILABLE && error.reason == v1::REASON_UNSPECIFIED;
  if (!transport || !AddressOf(options).starts_with("dns:")) return false;
  fprintf(stderr, "  hint: a daemon on TCP wants TLS: --tls-ca, --tls-cert, --tls-key\n");
  return true;
}

void PrintFailure(const Options& options, const std::string& file, const ClientError& error) {
  PrintError(file, error.message, error.reason_name());
  for (const Hint& hint : kHints) {
    if (hint.reason == error.reason) fprintf(stderr, "  hint: %s\n", hint.text);
  }
  (void)PrintConnectionHint(options, error);
  if (error.exit_code == 78) fprintf(stderr, "  hint: `airlock doctor` shows every wall\n");
}

void NoteInterrupted(uint64_t left) {
  if (left > 0) PrintNote("", "interrupted: " + Counted(left, "file") + " not looked at");
}

int FileReport::Show(const std::string& file, const Contents& contents, const std::vector<std::string>& digests) {
  if (!options_.select.empty() && ListTensors(contents, options_.select).empty()) return Show(file, NothingChosen());
  ++shown_;
  if (options_.format == Format::kTable) {
    fputs(ContentsTable(file, contents, digests, options_, paint_).c_str(), stdout);
    fflush(stdout);
  } else {
    WriteContents(documents_.Next(), file, contents, digests, options_);
    documents_.Done();
  }
  return ExitCodeOf(contents.report().verdict());
}

int FileReport::Show(const std::string& file, const ClientError& error) {
  // Most likely of the call that the signal ended: ForEachFile says it once for all.
  if (Interrupted()) return error.exit_code;
  ++shown_;
  if (options_.format != Format::kTable) {
    WriteFailure(documents_.Next(), file, error);
    documents_.Done();
  }
  PrintFailure(options_, file, error);
  if (options_.format == Format::kTable && error.seen != nullptr) {
    fputs(FailureTable(*error.seen, options_.all, paint_).c_str(), stdout);
    fflush(stdout);
  }
  return error.exit_code;
}

int ForEachFile(const Options& options, FileReport& report,
                const std::function<int(const Client& client, const std::string& file)>& open) {
  Session session(options, PrivateOptionsOf(options));
  int worst = 0;
  for (const std::string& file : options.files) {
    if (Interrupted()) break;
    const ClientResult<const Client*> client = session.For(file);
    if (!client.ok()) {
      worst = WorseExitCode(worst, report.Show(file, client.error()));
      continue;
    }
    const CancelOnSignal cancel(**client);
    worst = WorseExitCode(worst, open(**client, file));
  }
  if (Interrupted()) NoteInterrupted(options.files.size() - report.shown());
  return worst;
}

}  // namespace airlock::cli
