// airlock convert --split SRC DIR
#include "client/cli/split.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "client/cli/address.h"
#include "client/cli/conversion.h"
#include "client/cli/file_report.h"
#include "client/cli/state/split_sink.h"

namespace airlock::cli {
namespace {

constexpr std::array<std::string_view, 4> kFiles = {kWeightsFile, kEmaFile, kOptimizerFile, kStateFile};

Unexpected<ClientError> Usage(const std::string& message) {
  return Unexpected{MakeError(v1::OUTCOME_BAD_REQUEST, message)};
}

// A link is something there, wherever it leads.
bool IsThere(const std::string& path, struct stat& there) { return lstat(path.c_str(), &there) == 0; }

// Whether something stands in the way of the files.
ClientResult<void> CheckFolder(const Options& options) {
  if (options.destination.empty()) return Usage("no folder has an empty name");
  struct stat there = {};
  if (stat(options.destination.c_str(), &there) != 0) return {};
  if (!S_ISDIR(there.st_mode)) return Usage("is there and is no folder");
  for (const std::string_view name : kFiles) {
    if (!IsThere(options.destination + "/" + std::string(name), there)) continue;
    if (S_ISDIR(there.st_mode)) return Usage("has a folder of the name " + std::string(name));
    if (!options.force) return Usage("has a file " + std::string(name) + "; --force replaces it");
  }
  return {};
}

// Files of an earlier conversion that this one had nothing for.
void NoteOldFiles(const Options& options, const std::vector<std::string>& files) {
  struct stat there = {};
  for (const std::string_view name : kFiles) {
    const bool written = std::find(files.begin(), files.end(), name) != files.end();
    if (written || !IsThere(options.destination + "/" + std::string(name), there)) continue;
    PrintNote(options.destination,
              std::string(name) + " was there before and has nothing to do with " + options.source);
  }
}

void Summarise(const Options& options, const SplitSink& sink) {
  const std::vector<std::string> files = sink.files();
  if (options.format != Format::kTable) {
    JsonWriter json(stdout);
    BeginSummary(options, sink.key(), sink.names(), json);
    json.Field("bytes", sink.bytes());
    json.Key("files");
    json.BeginArray();
    for (const std::string& name : files) json.String(name);
    json.EndArray();
    json.EndObject();
    json.Newline();
    return;
  }
  std::string text;
  for (const std::string& name : files) text += (text.empty() ? "" : ", ") + name;
  printf("%s; %s\n", SummaryOf(options, sink.key(), sink.names()).c_str(), text.c_str());
}

}  // namespace

int RunSplit(const Options& options) {
  if (const auto checked = CheckFolder(options); !checked.ok()) {
    PrintFailure(options, options.destination, checked.error());
    return checked.error().exit_code;
  }
  SplitSink sink(options.destination, options.key, options.strip);
  const auto existing = options.force ? NewFile::Existing::kReplace : NewFile::Existing::kKeep;
  const auto contents = LoadInto(options, sink, [&] { return sink.Commit(existing); });
  if (!contents.ok()) {
    PrintFailure(options, options.source, contents.error());
    return contents.error().exit_code;
  }
  NoteShortcomings(options, **contents);
  NoteOldFiles(options, sink.files());
  Summarise(options, sink);
  return 0;
}

}  // namespace airlock::cli
