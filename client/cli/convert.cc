// airlock convert SRC DST.safetensors; with --split see split.h
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "client/cli/address.h"
#include "client/cli/conversion.h"
#include "client/cli/file_report.h"
#include "client/cli/split.h"
#include "client/cli/weights/safetensors_sink.h"

namespace airlock::cli {
namespace {

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
  NoteShortcomings(options, contents);
  if (options.format != Format::kTable) {
    JsonWriter json(stdout);
    BeginSummary(options, sink.key(), sink.names(), json);
    json.Field("left_out", uint64_t{contents.entries().size() - std::min(contents.entries().size(), sink.names())});
    json.Field("bytes", sink.file_bytes());
    json.EndObject();
    json.Newline();
    return;
  }
  printf("%s, %s\n", SummaryOf(options, sink.key(), sink.names()).c_str(), HumanBytes(sink.file_bytes()).c_str());
}

}  // namespace

int RunConvert(const Options& options) {
  if (options.split) return RunSplit(options);
  if (const auto checked = CheckDestination(options); !checked.ok()) {
    PrintFailure(options, options.destination, checked.error());
    return checked.error().exit_code;
  }
  SafetensorsSink sink(options.destination, {options.key, options.select, options.strip});
  const auto contents = LoadInto(options, sink, [&] { return sink.Commit(); });
  if (!contents.ok()) {
    PrintFailure(options, options.source, contents.error());
    return contents.error().exit_code;
  }
  Summarise(options, sink, **contents);
  return 0;
}

}  // namespace airlock::cli
