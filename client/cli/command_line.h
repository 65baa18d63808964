// The command line's grammar: options and subcommands, and which of them was meant.
#pragma once

#include <optional>

#include "client/cli/options.h"

namespace airlock::cli {

struct CommandLine {
  Options options;
  int (*run)(const Options&) = nullptr;
};

// Prints help and usage errors itself; then there is only an exit code.
struct Parsed {
  std::optional<CommandLine> command;
  int exit_code = 0;
};

Parsed ParseCommandLine(int argc, const char* const* argv);

}  // namespace airlock::cli
