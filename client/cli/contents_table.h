// What is known of one file, for a person: a header line, tensors, symbols that are not known to be harmless, findings,
// a summary. Nothing of the file reaches the terminal unescaped.
#pragma once

#include <string>
#include <vector>

#include "airlock/checkpoint.h"
#include "client/cli/output.h"

namespace airlock::cli {

// As text. `digests` and `options` as in WriteContents.
std::string ContentsTable(const std::string& file, const Contents& contents, const std::vector<std::string>& digests,
                          const Options& options, const Paint& paint);

// What was seen of a file that has no answer: symbols and findings. Empty if nothing.
std::string FailureTable(const Contents& seen, bool all, const Paint& paint);

}  // namespace airlock::cli
