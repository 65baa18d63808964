// airlock: the command line.
#include "airlock/client.h"
#include "client/cli/command_line.h"
#include "client/cli/interrupt.h"
#include "client/cli/standard_output.h"

int main(int argc, char** argv) {
  airlock::cli::WatchStandardOutput();
  const airlock::cli::Parsed parsed = airlock::cli::ParseCommandLine(argc, argv);
  if (!parsed.command) return airlock::cli::FinishStandardOutput(parsed.exit_code);
  airlock::cli::CatchSignals();
  airlock::TuneAllocator();
  const int code = airlock::cli::FinishStandardOutput(parsed.command->run(parsed.command->options));
  airlock::cli::DieBySignal();
  return code;
}
