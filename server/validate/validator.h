// Validator: the only code that looks into a worker's frames. It believes nothing: every index, span, shape, stride,
// name and count is checked by the rules of rules.def against limits and against the real sizes of the files.
//
// Order: OpenReady for the first frame, Add for each PLAN, Finish for DONE. A worker that breaks a rule is a violation,
// whatever else the file may be. Not thread-safe; one validator for one load.
#pragma once

#include <memory>

#include "airlock/v1/report.pb.h"
#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/limits.h"
#include "server/tainted.h"
#include "server/validate/node_table.h"
#include "server/validate/plan_accumulator.h"
#include "server/validate/storage_rules.h"
#include "server/verdict.h"

namespace airlock::server {

// What a load has come to, checked. All of it may go to the caller.
struct Conclusion {
  // Success, or why the decoder has no answer.
  Verdict verdict;
  // The broker's word about what was met, also where the load failed: a stream that breaks off after its payload ran
  // would have run it.
  v1::Verdict judgement = v1::VERDICT_UNSPECIFIED;
  v1::Format format = v1::FORMAT_UNSPECIFIED;
  google::protobuf::RepeatedPtrField<v1::Nested> nested;
  v1::Totals totals;
  // With entries. After a failure: symbols and findings only.
  std::shared_ptr<v1::PlanChunk> plan;
};

// Of a load that failed nothing but the inventory is of use: symbols and findings.
std::shared_ptr<v1::PlanChunk> InventoryOf(const v1::PlanChunk& plan);

class Validator {
 public:
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;
  Validator(const Limits& limits, const PlaceSizes& sizes)
      : limits_(limits), sizes_(sizes), accumulator_(limits), nodes_(*accumulator_.plan()->mutable_graph()) {}

  // The first frame: a worker of this very version, with layers that are known.
  static OrVerdict<worker::v1::Ready> OpenReady(Tainted<worker::v1::Frame> frame);

  OrVerdict<void> Add(Tainted<worker::v1::Frame> frame);
  OrVerdict<Conclusion> Finish(Tainted<worker::v1::Frame> frame);

 private:
  OrVerdict<void> CheckPlan(v1::PlanChunk& plan, v1::Format format);

  const Limits limits_;
  const PlaceSizes sizes_;
  PlanAccumulator accumulator_;
  // Of the accumulated plan, which grows under it.
  NodeTable nodes_;
};

}  // namespace airlock::server
