// airlock inspect FILE...
#include "client/cli/address.h"
#include "client/cli/file_report.h"
#include "client/cli/interrupt.h"
#include "client/cli/progress.h"

namespace airlock::cli {

int RunInspect(const Options& options) {
  PrivateOptions private_options;
  private_options.minimum_posture = PostureOf(options.minimum_posture);
  Result<Client> client = MakeClient(options, private_options);
  FileReport report(options);
  int worst = 0;
  for (const std::string& file : options.files) {
    if (!client.ok()) {
      worst = WorseExitCode(worst, report.Show(file, client.error()));
      continue;
    }
    const CancelOnSignal cancel(*client);
    Progress progress(file);
    CallOptions call = LoadOptionsOf(options);
    call.progress = [&](auto... counts) { progress.Update(counts...); };
    const auto contents = client->Inspect(SourceOf(options, file), call);
    worst =
        WorseExitCode(worst, contents.ok() ? report.Show(file, **contents, {}) : report.Show(file, contents.error()));
  }
  return worst;
}

}  // namespace airlock::cli
