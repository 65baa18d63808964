// What `scan` decides of one file: it is a gate, so whatever is not known to be clean is not let through.
#pragma once

#include <string>

#include "airlock/checkpoint.h"
#include "client/cli/options.h"

namespace airlock::cli {

struct ScanVerdict {
  // 0 clean, 1 unsafe or refused, 2 undetermined.
  int exit_code = 0;
  // Why a file whose own verdict is better is undetermined.
  std::string doubt;
};

ScanVerdict Decide(const Contents& contents, bool allow_unknown);

// A sentence about code in the file that is no part of its data, of which the verdict says nothing: a loader or a
// person would run it. Empty where there is none.
std::string CodeIn(const Contents& contents);

// Of a file without an answer. One that breaks off behind what would run code is unsafe.
int Decide(const ClientError& error);

// Whether the file is no checkpoint of any format, as most files in a directory are, and is not called one either: what
// is called model.pt and is none that we know may still be one to somebody else.
bool IsNoCheckpoint(const std::string& path, const ClientError& error);

}  // namespace airlock::cli
