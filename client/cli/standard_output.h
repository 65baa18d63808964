// What becomes of standard output. A disk that is full is noticed when what was kept back is written, by then whoever
// printed it has gone on: so the stream keeps the first failure, and the end of the program asks for it.
#pragma once

namespace airlock::cli {

// Once, before anything is printed.
void WatchStandardOutput();

// At the end: writes what was kept back, and says on stderr why something could not be written. Returns the exit code:
// `code`, or that of output that is lost where it is the worse one. A reader that went away (`| head`) has seen what it
// wanted: that is no failure.
int FinishStandardOutput(int code);

}  // namespace airlock::cli
