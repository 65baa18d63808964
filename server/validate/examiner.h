// Examiner: who looks into the frames of one worker, and what they come to.
#pragma once

#include <memory>

#include "airlock/v1/report.pb.h"
#include "airlock/worker/v1/frame.pb.h"
#include "server/graph_file.h"
#include "server/tainted.h"
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
  // All but the graph, with entries. After a failure: symbols and findings only.
  std::shared_ptr<v1::PlanChunk> plan;
  // Nothing after a failure.
  std::shared_ptr<const SealedGraph> graph;
  // The worker left what it was to inflate or swap to others, as its job allowed.
  bool held_back = false;
};

// Order: Add for each PLAN, Finish for DONE, with the file that the worker wrote its graph to. A worker that breaks a
// rule is a violation, whatever else the file may be.
class Examiner {
 public:
  virtual ~Examiner() = default;
  virtual OrVerdict<void> Add(Tainted<v1::PlanChunk> piece) = 0;
  virtual OrVerdict<Conclusion> Finish(Tainted<worker::v1::Frame> frame, GraphFile& file) = 0;
};

}  // namespace airlock::server
