// Rounds: the workers that one load takes. Mostly one. Where tensors were chosen by name, or where there is so much to
// inflate or swap that several should do it, the first one says what the file holds and moves nothing; then others
// move what is delivered, each a share of it.
//
// A load never waits for workers that others have: it has one, and more only where they are free.
#pragma once

#include "server/pool/cancellation.h"
#include "server/pool/session.h"
#include "server/service/broker.h"
#include "server/source/input.h"
#include "server/validate/selection.h"

namespace airlock::server {

// `select` empty: everything is delivered. Of the result's plan what is not delivered is left out.
SessionResult RunRounds(Broker& broker, const Input& input, SessionOptions options, const Globs& select,
                        const Cancellation& cancellation);

}  // namespace airlock::server
