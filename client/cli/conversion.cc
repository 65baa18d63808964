#include "client/cli/conversion.h"

#include <string_view>

#include "client/cli/address.h"
#include "client/cli/escape.h"
#include "client/cli/interrupt.h"
#include "client/cli/output.h"
#include "client/cli/progress.h"

namespace airlock::cli {
namespace {

constexpr std::string_view kIncomplete = "recovery.left-out";

}  // namespace

ClientResult<std::shared_ptr<const Contents>> LoadInto(const Options& options, StorageSink& sink,
                                                       const std::function<ClientResult<void>()>& commit) {
  Session session(options, PrivateOptionsOf(options));
  AIRLOCK_ASSIGN(const Client* client, session.For(options.source));
  const CancelOnSignal cancel(*client);
  Progress progress(options.source);
  LoadOptions load = LoadOptionsOf(options);
  load.progress = [&](auto... counts) { progress.Update(counts...); };
  AIRLOCK_ASSIGN(auto contents, client->Load(SourceOf(options, options.source), load, sink));
  AIRLOCK_TRY(commit());
  return contents;
}

void BeginSummary(const Options& options, const std::string& key, size_t tensors, JsonWriter& json) {
  json.BeginObject();
  json.Field("schema_version", uint64_t{1});
  json.Field("file", options.source);
  json.Field("destination", options.destination);
  json.Field("key", key);
  json.Field("tensors", uint64_t{tensors});
}

std::string SummaryOf(const Options& options, const std::string& key, size_t tensors) {
  const std::string place = key.empty() ? "" : " from " + EscapeShort(key, 72);
  return Escape(options.destination) + ": " + Counted(tensors, "tensor") + place;
}

void NoteShortcomings(const Options& options, const Contents& contents) {
  for (const v1::Finding& finding : contents.findings()) {
    if (finding.id() == kIncomplete) PrintNote(options.source, finding.message());
  }
  if (!options.verify) return;
  size_t held = 0;
  size_t without = 0;
  for (uint32_t i = 0; i < contents.storage_count(); ++i) {
    const StorageInfo& storage = contents.storage(i);
    if (storage.left_out() || storage.bytes == 0) continue;
    ++held;
    without += storage.unchecked() ? 1 : 0;
  }
  if (without == 0) return;
  PrintNote(options.source, "not verified, as the file has no CRC-32 of them: " + std::to_string(without) + " of " +
                                Counted(held, "storage"));
}

}  // namespace airlock::cli
