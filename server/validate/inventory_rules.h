// What symbols, findings and the last frame must be, and the one-word verdict that follows from them. Pure, linear,
// total.
#pragma once

#include "airlock/v1/plan.pb.h"
#include "airlock/v1/verdict.pb.h"
#include "airlock/worker/v1/done.pb.h"
#include "server/graph_view.h"
#include "server/verdict.h"

namespace airlock::server {

// Asked of each piece before it is kept, so that no long text ever is.
OrVerdict<void> CheckInventory(const v1::PlanChunk& piece);
OrVerdict<void> CheckDone(const worker::v1::Done& done);
// How long the columns of the graph are. `room`: of each in the file. REQUIRES: the worker has an answer.
OrVerdict<GraphLengths> CheckGraphLengths(const worker::v1::Done& done, uint64_t room);

// The worker's reason for having no answer as a verdict of the broker; success where it has one. REQUIRES: CheckDone
// passed.
Verdict VerdictOf(const worker::v1::Done& done);

// The broker's own judgement: clean, unknown_types or dangerous. REQUIRES: CheckInventory passed all its pieces.
v1::Verdict Judge(const v1::PlanChunk& plan);

}  // namespace airlock::server
