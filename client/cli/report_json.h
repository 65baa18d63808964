// The fields that all JSON about a file has: of `inspect` and `load` (contents_json.h) and of `scan` (scan_report.h).
#pragma once

#include <vector>

#include "airlock/checkpoint.h"
#include "client/cli/json_writer.h"

namespace airlock::cli {

// "format": null where it is not known.
void WriteFormat(JsonWriter& json, v1::Format format);

// "posture": null where no worker was there.
void WritePosture(JsonWriter& json, v1::Posture posture);

// "findings"
void WriteFindings(JsonWriter& json, const std::vector<v1::Finding>& findings);

}  // namespace airlock::cli
