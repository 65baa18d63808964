// airlock scan PATH...
#include <cstdio>

#include "client/cli/address.h"
#include "client/cli/file_report.h"
#include "client/cli/file_walk.h"
#include "client/cli/interrupt.h"
#include "client/cli/progress.h"
#include "client/cli/scan_report.h"
#include "client/cli/scan_verdict.h"

namespace airlock::cli {
namespace {

constexpr int kBelowMinimum = 78;
// In the summary; the process ends by the signal.
constexpr int kInterrupted = 70;

// One scan: a daemon, which lives for all files, and what was seen so far.
class Scan {
 public:
  explicit Scan(const Options& options)
      : options_(options),
        session_(options, PrivateOptionsOf(options)),
        walk_(options.files, !options.server_path),
        report_(options) {}

  int Run() {
    while (const auto found = walk_.Next()) {
      if (Interrupted()) {
        ++passed_over_.left;
      } else if (!Look(*found)) {
        break;
      }
    }
    if (passed_over_.left > 0) Stop();
    passed_over_.links = walk_.links();
    passed_over_.others = walk_.others();
    passed_over_.histories = walk_.histories();
    report_.Finish(passed_over_, worst_);
    if (shown_ == 0 && !Interrupted()) PrintNote("", "no checkpoint was found: nothing was scanned");
    return worst_;
  }

 private:
  // What was clean so far is no answer about the rest.
  void Stop() {
    worst_ = WorseExitCode(worst_, kInterrupted);
    NoteInterrupted(passed_over_.left);
  }

  // False where no further file can be looked at either.
  bool Look(const FileWalk::Found& found) {
    if (found.error) return Failed(found, *found.error);
    const ClientResult<const Client*> client = session_.For(found.path);
    if (!client.ok()) return Failed(found, client.error());
    const CancelOnSignal cancel(**client);
    const auto contents = Inspect(**client, found.path);
    if (!contents.ok()) return Failed(found, contents.error());
    const ScanVerdict verdict = Decide(**contents, options_.allow_unknown);
    const bool allowable = verdict.exit_code != 0 && Decide(**contents, true).exit_code == 0;
    Show({found.path, (*contents)->report().verdict(), verdict.exit_code, contents->get(), nullptr, verdict.doubt,
          allowable, CodeIn(**contents)});
    return true;
  }

  ClientResult<std::shared_ptr<const Contents>> Inspect(const Client& client, const std::string& file) const {
    LoadOptions call = LoadOptionsOf(options_);
    Progress progress(file);
    call.progress = [&](auto... counts) { progress.Update(counts...); };
    return client.Inspect(SourceOf(options_, file), call);
  }

  bool Failed(const FileWalk::Found& found, const ClientError& error) {
    // Most likely of the call that the signal ended.
    if (Interrupted()) {
      ++passed_over_.left;
      return true;
    }
    if (!found.named && !found.folder && IsNoCheckpoint(found.path, error)) {
      ++passed_over_.skipped;
      return true;
    }
    Show({found.path, error.verdict(), Decide(error), error.seen.get(), &error, {}, false, {}});
    hinted_ = hinted_ || PrintConnectionHint(options_, error);
    if (error.exit_code == kBelowMinimum) PrintFailure(options_, found.path, error);
    return error.exit_code != kBelowMinimum && error.reason != v1::REASON_CANCELLED;
  }

  void Show(const Scanned& scanned) {
    ++shown_;
    worst_ = WorseExitCode(worst_, scanned.exit_code);
    report_.Show(scanned);
  }

  const Options& options_;
  Session session_;
  FileWalk walk_;
  ScanReport report_;
  PassedOver passed_over_;
  uint64_t shown_ = 0;
  int worst_ = 0;
  bool hinted_ = false;
};

}  // namespace

int RunScan(const Options& options) { return Scan(options).Run(); }

}  // namespace airlock::cli
