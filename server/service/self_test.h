// SelfTest: proves the walls now. One real worker decodes a tiny checkpoint; then one fresh worker for each probe tries
// a forbidden act and must die of the filter.
#pragma once

#include "airlock/v1/loader.pb.h"
#include "server/service/broker.h"

namespace airlock::server {

// Blocks; run it on a thread of the broker's loads.
v1::SelfTestResponse RunSelfTest(Broker& broker);

}  // namespace airlock::server
