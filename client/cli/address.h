// Which daemon the command line speaks to.
#pragma once

#include <string>

#include "airlock/client.h"
#include "client/cli/options.h"

namespace airlock::cli {

// --address, else $AIRLOCK_ADDRESS; empty for a private daemon.
std::string AddressOf(const Options& options);

// Connects, or starts a private daemon. From then on a signal to this process cancels the client's calls (see
// interrupt.h).
Result<Client> MakeClient(const Options& options, const PrivateOptions& private_options = {});

// The posture of a word; UNSPECIFIED for none.
v1::Posture PostureOf(const std::string& word);

Source SourceOf(const Options& options, const std::string& file);
LoadOptions LoadOptionsOf(const Options& options);

}  // namespace airlock::cli
