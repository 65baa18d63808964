// What both forms of `convert` do: load a file into a sink, and say what of it no file of weights has.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "airlock/client.h"
#include "client/cli/json_writer.h"
#include "client/cli/options.h"

namespace airlock::cli {

// Loads the source of the options; then commits.
ClientResult<std::shared_ptr<const Contents>> LoadInto(const Options& options, StorageSink& sink,
                                                       const std::function<ClientResult<void>()>& commit);

// What both say first of what was written: the members of a JSON object that both have, and the beginning of a line.
void BeginSummary(const Options& options, const std::string& key, size_t tensors, JsonWriter& json);
std::string SummaryOf(const Options& options, const std::string& key, size_t tensors);

// What the result is not: all that a module's own code would have given; with --verify, all compared.
void NoteShortcomings(const Options& options, const Contents& contents);

}  // namespace airlock::cli
