// PlanAccumulator: concatenates the pieces of a plan, column by column, in bounded memory: a piece that would go past a
// limit is refused before anything grows. It checks amounts only; what the columns say is for the rules that follow.
#pragma once

#include <cstdint>
#include <memory>

#include "airlock/v1/plan.pb.h"
#include "sandbox/base/limits.h"
#include "server/validate/plan_memory.h"
#include "server/verdict.h"

namespace airlock::server {

class PlanAccumulator {
 public:
  explicit PlanAccumulator(const Limits& limits) : limits_(limits) {}

  OrVerdict<void> Add(const v1::PlanChunk& piece);
  // Counts bytes that the plan takes elsewhere: those of its graph.
  OrVerdict<void> TakeMemory(uint64_t bytes);
  const std::shared_ptr<v1::PlanChunk>& plan() { return plan_; }

 private:
  OrVerdict<void> CheckCounts(const v1::PlanChunk& piece) const;

  const Limits limits_;
  const std::shared_ptr<v1::PlanChunk> plan_ = MakePlan();
  // Bytes that the columns take.
  uint64_t memory_ = 0;
};

}  // namespace airlock::server
