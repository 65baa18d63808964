// airlock convert SRC DST.safetensors
#include <sys/stat.h>

#include <cstdio>
#include <string_view>

#include "client/cli/address.h"
#include "client/cli/escape.h"
#include "client/cli/file_report.h"
#include "client/cli/interrupt.h"
#include "client/cli/progress.h"
#include "client/cli/safetensors_sink.h"

namespace airlock::cli {
namespace {

// The weights of a module are not all that its own code would have given.
constexpr std::string_view kIncomplete = "recovery.left-out";

Unexpected<ClientError> Usage(const char* message) { return Unexpected{MakeError(v1::OUTCOME_BAD_REQUEST, message)}; }

// Whether something stands in the way of the destination.
ClientResult<void> CheckDestination(const Options& options) {
  struct stat there = {};
  if (stat(options.destination.c_str(), &there) != 0) return {};
  if (!S_ISREG(there.st_mode)) return Usage("is there and is not a regular file");
  struct stat source = {};
  const bool local = !options.server_path && stat(SplitMember(options, options.source).first.c_str(), &source) == 0;
  const bool same = local && source.st_dev == there.st_dev && source.st_ino == there.st_ino;
  if (same && !options.force) return Usage("is the source itself; --force replaces it");
  return {};
}

void Summarise(const Options& options, const SafetensorsSink& sink, const Contents& contents) {
  if (sink.repeated() > 0) {
    PrintNote(options.source,
              "names that share their elements with others, each written in full: " + std::to_string(sink.repeated()));
  }
  for (const v1::Finding& finding : contents.findings()) {
    if (finding.id() == kIncomplete) PrintNote(options.source, finding.message());
  }
  if (options.format != Format::kTable) {
    JsonWriter json(stdout);
    json.BeginObject();
    json.Field("schema_version", uint64_t{1});
    json.Field("file", options.source);
    json.Field("destination", options.destination);
    json.Field("key", sink.key());
    json.Field("tensors", uint64_t{sink.names()});
    json.Field("left_out", uint64_t{contents.entries().size() - std::min(contents.entries().size(), sink.names())});
    json.Field("bytes", sink.file_bytes());
    json.EndObject();
    json.Newline();
    return;
  }
  const std::string key = sink.key().empty() ? "" : " from " + EscapeShort(sink.key(), 72);
  printf("%s: %zu tensors%s, %s\n", Escape(options.destination).c_str(), sink.names(), key.c_str(),
         HumanBytes(sink.file_bytes()).c_str());
}

ClientResult<std::shared_ptr<const Contents>> Convert(const Client& client, const Options& options,
                                                      SafetensorsSink& sink) {
  const CancelOnSignal cancel(client);
  Progress progress(options.source);
  LoadOptions load = LoadOptionsOf(options);
  load.progress = [&](auto... counts) { progress.Update(counts...); };
  AIRLOCK_ASSIGN(auto contents, client.Load(SourceOf(options, options.source), load, sink));
  AIRLOCK_TRY(sink.Commit());
  return contents;
}

}  // namespace

int RunConvert(const Options& options) {
  if (const auto checked = CheckDestination(options); !checked.ok()) {
    PrintFailure(options.destination, checked.error());
    return checked.error().exit_code;
  }
  Session session(options, PrivateOptionsOf(options));
  const ClientResult<const Client*> client = session.For(options.source);
  if (!client.ok()) {
    PrintFailure(options.source, client.error());
    return client.error().exit_code;
  }
  SafetensorsSink sink(options.destination, {options.key, options.select, options.strip});
  const auto contents = Convert(**client, options, sink);
  if (!contents.ok()) {
    PrintFailure(options.source, contents.error());
    return contents.error().exit_code;
  }
  Summarise(options, sink, **contents);
  return 0;
}

}  // namespace airlock::cli
