// What both forms of `convert` do: load a file into a sink, and say what of it no file of weights has.
#pragma once

#include <functional>
#include <memory>

#include "airlock/client.h"
#include "client/cli/options.h"

namespace airlock::cli {

// Loads the source of the options; then commits.
ClientResult<std::shared_ptr<const Contents>> LoadInto(const Options& options, StorageSink& sink,
                                                       const std::function<ClientResult<void>()>& commit);

// The weights of a module are not all that its own code would have given.
void NoteIncomplete(const Options& options, const Contents& contents);

}  // namespace airlock::cli
