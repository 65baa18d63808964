// What is known of one file, as JSON: schema_version 1, described in client/README.md.
#pragma once

#include <string>
#include <vector>

#include "airlock/checkpoint.h"
#include "airlock/error.h"
#include "client/cli/json_writer.h"
#include "client/cli/options.h"

namespace airlock::cli {

inline constexpr uint64_t kSchemaVersion = 1;

// `digests` is empty, or has one for each tensor index. Of the options, --all, --select and --verify say what is
// written.
void WriteContents(JsonWriter& json, const std::string& file, const Contents& contents,
                   const std::vector<std::string>& digests, const Options& options);

// A file without an answer: verdict, reason, message, and what was known before it failed.
void WriteFailure(JsonWriter& json, const std::string& file, const ClientError& error);

}  // namespace airlock::cli
