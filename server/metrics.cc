#include "server/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "sandbox/base/version.h"

namespace airlock::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// Seconds: a tiny file with a waiting worker takes one millisecond; loads are given up after minutes.
const prometheus::Histogram::BucketBoundaries kBuckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                          0.25,   0.5,   1,      2.5,   5,    10,    30,   60};

// FORMAT_TORCH_ZIP is torch_zip, as everywhere on the command line.
std::string WordOf(v1::Format format) {
  constexpr std::string_view kPrefix = "FORMAT_";
  std::string word = v1::Format_Name(format);
  if (word.starts_with(kPrefix)) word.erase(0, kPrefix.size());
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word;
}

// A family that is made when it is asked for.
class Family {
 public:
  Family(std::string name, std::string help, MetricType type) : family_{std::move(name), std::move(help), type, {}} {}
  Family& Add(double value, std::string label = {}, std::string_view label_value = {}) {
    prometheus::ClientMetric metric;
    if (!label.empty()) metric.label.push_back({std::move(label), std::string(label_value)});
    (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family_.metric.push_back(std::move(metric));
    return *this;
  }
  MetricFamily Take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

MetricFamily Layers(uint64_t layers) {
  Family family("airlock_isolation_layer", "Whether workers stand behind this wall.", MetricType::Gauge);
  for (const walls::LayerRow& row : walls::Layers()) family.Add((layers & row.bit) != 0 ? 1 : 0, "layer", row.name);
  return family.Take();
}

MetricFamily Postures(walls::Posture posture) {
  Family family("airlock_isolation_posture", "1 for the posture in force.", MetricType::Gauge);
  for (const walls::Posture each : walls::kPostures)
    family.Add(each == posture ? 1 : 0, "posture", walls::PostureName(each));
  return family.Take();
}

void AppendState(const DaemonState& now, std::vector<MetricFamily>& families) {
  families.push_back(Family("airlock_build_info", "Always 1.", MetricType::Gauge).Add(1, "version", kVersion).Take());
  families.push_back(Layers(now.layers));
  families.push_back(Postures(now.posture));
  families.push_back(Family("airlock_workers_ready", "Walled workers that wait for a file.", MetricType::Gauge)
                         .Add(static_cast<double>(now.pool.ready))
                         .Take());
  families.push_back(Family("airlock_worker_births_total", "Workers made, by whether they came up behind their walls.",
                            MetricType::Counter)
                         .Add(static_cast<double>(now.pool.born), "result", "ready")
                         .Add(static_cast<double>(now.pool.failed), "result", "failed")
                         .Take());
}

}  // namespace

Metrics::Seconds Metrics::MakeSeconds(prometheus::Registry& registry) {
  auto& family = prometheus::BuildHistogram()
                     .Name("airlock_load_duration_seconds")
                     .Help("Time of calls: in the queue, decoding, validating, and in total.")
                     .Register(registry);
  const auto of = [&](const char* stage) -> prometheus::Histogram& { return family.Add({{"stage", stage}}, kBuckets); };
  return {of("queue"), of("decode"), of("validate"), of("total")};
}

Metrics::Metrics()
    : loads_(prometheus::BuildCounter()
                 .Name("airlock_loads_total")
                 .Help("Calls that have ended, by outcome and first cause.")
                 .Register(registry_)),
      seconds_(MakeSeconds(registry_)),
      input_bytes_(prometheus::BuildCounter()
                       .Name("airlock_input_bytes_total")
                       .Help("Size of the files that calls were about.")
                       .Register(registry_)
                       .Add({})) {}

void Metrics::Note(const LoadEnd& end) {
  loads_
      .Add({{"method", std::string(end.method)},
            {"format", WordOf(end.format)},
            {"outcome", std::string(end.verdict.outcome_name())},
            {"reason", std::string(end.verdict.reason_name())}})
      .Increment();
  input_bytes_.Increment(static_cast<double>(end.input_bytes));
  const auto seconds = [](uint64_t microseconds) { return static_cast<double>(microseconds) / 1e6; };
  seconds_.queue.Observe(seconds(end.queue_us));
  seconds_.decode.Observe(seconds(end.decode_us));
  seconds_.validate.Observe(seconds(end.validate_us));
  seconds_.total.Observe(seconds(end.total_us));
}

std::string Metrics::Text(const DaemonState& now) const {
  std::vector<MetricFamily> families = registry_.Collect();
  AppendState(now, families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace airlock::server
