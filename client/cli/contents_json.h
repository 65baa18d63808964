// What is known of one file, as JSON: schema_version 1, described in client/README.md.
#pragma once

#include <string>
#include <vector>

#include "airlock/checkpoint.h"
#include "airlock/error.h"
#include "client/cli/json_writer.h"
#include "client/cli/metadata.h"

namespace airlock::cli {

inline constexpr uint64_t kSchemaVersion = 1;

// `digests` is empty, or has one for each tensor index; `select` is empty, or says which tensors are listed.
void WriteContents(JsonWriter& json, const std::string& file, const Contents& contents,
                   const std::vector<std::string>& digests, const MetadataLimits& limits,
                   const std::vector<std::string>& select = {});

// A file without an answer: verdict, reason, message, and what was known before it failed.
void WriteFailure(JsonWriter& json, const std::string& file, const ClientError& error);

}  // namespace airlock::cli
