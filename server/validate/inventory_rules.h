// What symbols, findings and the last frame must be, and the one-word verdict that follows from them. Pure, linear,
// total.
#pragma once

#include "airlock/v1/plan.pb.h"
#include "airlock/v1/verdict.pb.h"
#include "airlock/worker/v1/done.pb.h"
#include "server/verdict.h"

namespace airlock::server {

// Asked of each piece before it is kept, so that no long text ever is.
OrVerdict<void> CheckInventory(const v1::PlanChunk& piece);
OrVerdict<void> CheckDone(const worker::v1::Done& done);

// The worker's reason for having no answer as a verdict of the broker; success where it has one. REQUIRES: CheckDone
// passed.
Verdict VerdictOf(const worker::v1::Done& done);

// The broker's own judgement: clean, unknown_types or dangerous. REQUIRES: CheckInventory passed all its pieces.
v1::Verdict Judge(const v1::PlanChunk& plan);

}  // namespace airlock::server
