// Validator: looks into a worker's frames, as nothing else does but repeat_validator.h. It believes nothing: every
// index, span, shape, stride, name and count is checked by the rules of rules.def against limits and against the real
// sizes of the files.
//
// Order: OpenReady for the first frame, Add for each PLAN, Finish for DONE. A worker that breaks a rule is a violation,
// whatever else the file may be. The graph is checked where the worker wrote it, once nobody can write there any more.
// Not thread-safe; one validator for one load.
#pragma once

#include <memory>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/limits.h"
#include "server/tainted.h"
#include "server/validate/examiner.h"
#include "server/validate/plan_accumulator.h"
#include "server/validate/storage_rules.h"
#include "server/verdict.h"

namespace airlock::server {

// Of a load that failed nothing but the inventory is of use: symbols and findings.
std::shared_ptr<v1::PlanChunk> InventoryOf(const v1::PlanChunk& plan);

class Validator final : public Examiner {
 public:
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;
  // `may_hold_back`: the worker's job has a bound for what it moves.
  Validator(const Limits& limits, const PlaceSizes& sizes, bool may_hold_back = false)
      : limits_(limits), sizes_(sizes), may_hold_back_(may_hold_back), accumulator_(limits) {}

  // The first frame: a worker of this very version, with layers that are known.
  static OrVerdict<worker::v1::Ready> OpenReady(Tainted<worker::v1::Frame> frame);

  OrVerdict<void> Add(Tainted<v1::PlanChunk> piece) override;
  OrVerdict<Conclusion> Finish(Tainted<worker::v1::Frame> frame, GraphFile& file) override;

 private:
  OrVerdict<std::shared_ptr<const SealedGraph>> TakeGraph(const worker::v1::Done& done, GraphFile& file);
  OrVerdict<void> CheckPlan(v1::PlanChunk& plan, const GraphView& graph, v1::Format format);

  const Limits limits_;
  const PlaceSizes sizes_;
  const bool may_hold_back_;
  PlanAccumulator accumulator_;
};

}  // namespace airlock::server
