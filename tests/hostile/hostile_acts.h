// What the hostile worker can do, by kind. Each returns false for an id that is not of its kind. `result` is what an
// act that was survived came to: minus an errno, or anything else for success.
#pragma once

#include <cstdint>

#include "airlock/worker/v1/frame.pb.h"

namespace airlock::hostile {

bool PerformSyscall(uint32_t id, long& result);
bool PerformAct(uint32_t id);
bool TellPlanLie(uint32_t id, const airlock::worker::v1::Job& job);
bool TellGraphLie(uint32_t id, const airlock::worker::v1::Job& job);
bool TellFrameLie(uint32_t id, const airlock::worker::v1::Job& job);
// In the first round the truth, in which data is held back; then a lie, by the worker of the last share alone.
bool TellShareLie(uint32_t id, const airlock::worker::v1::Job& job);

// A plan that a broker accepts for any input of at least 4 bytes: one float32 tensor of one element. With its graph,
// which TellGraph (told_graph.h) puts into its file.
airlock::worker::v1::Frame TruePlan();
airlock::worker::v1::Frame TrueDone();

}  // namespace airlock::hostile
