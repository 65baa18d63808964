// Ctrl-C and its relatives: they cancel the calls that run, so that the command unwinds as from any failure and leaves
// neither a temporary file nor a private daemon behind. A second one ends the process at once.
#pragma once

#include "airlock/client.h"

namespace airlock::cli {

// First thing in main, before there are threads.
void CatchSignals();

// Whether there was a signal.
bool Interrupted();

// While it lives, a signal cancels this client's calls.
class CancelOnSignal {
 public:
  explicit CancelOnSignal(const Client& client);
  ~CancelOnSignal();
  CancelOnSignal(const CancelOnSignal&) = delete;
  CancelOnSignal& operator=(const CancelOnSignal&) = delete;
};

// Last thing in main: if there was a signal, ends the process by it, as its parent expects. Else returns.
void DieBySignal();

}  // namespace airlock::cli
