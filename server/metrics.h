// Metrics: what the daemon stands behind and has done, in Prometheus' text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Names have the prefix airlock_, base units, and
// _total where they only grow. Labels hold words of our own tables alone, never text of a caller or a file, so that
// nobody can make series without end. Thread-safe.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "airlock/v1/report.pb.h"
#include "sandbox/walls/layers.h"
#include "server/pool/worker_pool.h"
#include "server/verdict.h"

namespace airlock::server {

// One call that has ended.
struct LoadEnd {
  std::string_view method;  // Load, Inspect
  v1::Format format = v1::FORMAT_UNSPECIFIED;
  const Verdict& verdict;
  uint64_t input_bytes = 0;
  uint64_t queue_us = 0;
  uint64_t decode_us = 0;
  uint64_t validate_us = 0;
  uint64_t total_us = 0;
};

// What is read at the moment of the question.
struct DaemonState {
  uint64_t layers = 0;  // LayerBits
  walls::Posture posture = walls::Posture::kNone;
  PoolCounts pool;
};

class Metrics {
 public:
  Metrics();
  void Note(const LoadEnd& end);
  std::string Text(const DaemonState& now) const;

 private:
  // One for each stage.
  struct Seconds {
    prometheus::Histogram& queue;
    prometheus::Histogram& decode;
    prometheus::Histogram& validate;
    prometheus::Histogram& total;
  };
  static Seconds MakeSeconds(prometheus::Registry& registry);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& loads_;
  const Seconds seconds_;
  prometheus::Counter& input_bytes_;
};

}  // namespace airlock::server
