// airlock inspect FILE...
#include "client/cli/address.h"
#include "client/cli/file_report.h"
#include "client/cli/progress.h"

namespace airlock::cli {
namespace {

int InspectOne(const Client& client, const Options& options, const std::string& file, FileReport& report) {
  CallOptions call = LoadOptionsOf(options);
  // The bar goes before the answer comes.
  const auto contents = [&] {
    Progress progress(file);
    call.progress = [&](auto... counts) { progress.Update(counts...); };
    return client.Inspect(SourceOf(options, file), call);
  }();
  return contents.ok() ? report.Show(file, **contents, {}) : report.Show(file, contents.error());
}

}  // namespace

int RunInspect(const Options& options) {
  FileReport report(options);
  return ForEachFile(options, report, [&](const Client& client, const std::string& file) {
    return InspectOne(client, options, file, report);
  });
}

}  // namespace airlock::cli
