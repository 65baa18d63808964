// The graph of a lie: written where a worker writes it, whatever it is said to be.
#pragma once

#include <cstdint>
#include <string_view>

#include "airlock/worker/v1/frame.pb.h"

namespace airlock::hostile {

// Bytes to one column of the graph file, from byte `offset` of it on. False, with errno, where they are refused.
bool WriteColumn(const airlock::worker::v1::Job& job, size_t column, std::string_view bytes, uint64_t offset = 0);

// Writes the graph that a plan has to the graph file and takes it out of the plan, as an honest worker would have it.
// `done` says how long it is, unless it tells of a failure or says something else already.
void TellGraph(const airlock::worker::v1::Job& job, airlock::v1::PlanChunk& plan, airlock::worker::v1::Done& done);

// Both with a graph in its file: what a broker accepts for any input of at least 4 bytes.
void TellTruth(const airlock::worker::v1::Job& job);

}  // namespace airlock::hostile
