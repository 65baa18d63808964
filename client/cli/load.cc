// airlock load FILE... [--digests]
#include "client/cli/address.h"
#include "client/cli/file_report.h"
#include "client/cli/progress.h"
#include "client/cli/weights/digest_sink.h"

namespace airlock::cli {
namespace {

int LoadOne(const Client& client, const Options& options, const std::string& file, FileReport& report) {
  DigestSink digests(options.select);
  NullSink nothing;
  StorageSink& sink = options.digests ? static_cast<StorageSink&>(digests) : nothing;
  LoadOptions load = LoadOptionsOf(options);
  ClientResult<std::shared_ptr<const Contents>> contents = [&] {
    Progress progress(file);
    load.progress = [&](auto... counts) { progress.Update(counts...); };
    return client.Load(SourceOf(options, file), load, sink);
  }();
  if (!contents.ok()) return report.Show(file, contents.error());
  const int code = report.Show(file, **contents, digests.digests());
  // What was asked for with open eyes is no failure.
  return options.inert && (*contents)->report().verdict() == v1::VERDICT_DANGEROUS ? 0 : code;
}

}  // namespace

int RunLoad(const Options& options) {
  FileReport report(options);
  return ForEachFile(options, report, [&](const Client& client, const std::string& file) {
    return LoadOne(client, options, file, report);
  });
}

}  // namespace airlock::cli
