// airlock: the command line.
#include <cstdio>

#include "airlock/client.h"
#include "client/cli/command_line.h"
#include "client/cli/interrupt.h"

int main(int argc, char** argv) {
  const airlock::cli::Parsed parsed = airlock::cli::ParseCommandLine(argc, argv);
  if (!parsed.command) return parsed.exit_code;
  airlock::cli::CatchSignals();
  airlock::TuneAllocator();
  const int code = parsed.command->run(parsed.command->options);
  fflush(stdout);
  airlock::cli::DieBySignal();
  return code;
}
