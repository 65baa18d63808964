// `airlock convert --split`: weights and training state apart.
#pragma once

#include "client/cli/options.h"

namespace airlock::cli {

// The exit code.
int RunSplit(const Options& options);

}  // namespace airlock::cli
