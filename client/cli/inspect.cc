// airlock inspect FILE...
#include "client/cli/address.h"
#include "client/cli/file_report.h"
#include "client/cli/interrupt.h"
#include "client/cli/progress.h"

namespace airlock::cli {

int RunInspect(const Options& options) {
  Session session(options, PrivateOptionsOf(options));
  FileReport report(options);
  int worst = 0;
  for (const std::string& file : options.files) {
    const ClientResult<const Client*> client = session.For(file);
    if (!client.ok()) {
      worst = WorseExitCode(worst, report.Show(file, client.error()));
      continue;
    }
    const CancelOnSignal cancel(**client);
    Progress progress(file);
    CallOptions call = LoadOptionsOf(options);
    call.progress = [&](auto... counts) { progress.Update(counts...); };
    const auto contents = (*client)->Inspect(SourceOf(options, file), call);
    worst =
        WorseExitCode(worst, contents.ok() ? report.Show(file, **contents, {}) : report.Show(file, contents.error()));
  }
  return worst;
}

}  // namespace airlock::cli
