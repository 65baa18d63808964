#include "server/validate/validator.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "sandbox/base/version.h"
#include "sandbox/walls/layers.h"
#include "server/validate/compound_rules.h"
#include "server/validate/graph_rules.h"
#include "server/validate/inventory_rules.h"
#include "server/validate/names.h"
#include "server/validate/node_table.h"
#include "server/validate/rules.h"
#include "server/validate/tensor_rules.h"

namespace airlock::server {
namespace {

v1::Totals TotalsOf(const v1::PlanChunk& plan, const SealedGraph* graph) {
  v1::Totals totals;
  totals.set_nodes(graph == nullptr ? 0 : graph->view().kinds.size());
  totals.set_tensors(static_cast<uint64_t>(plan.tensors().dtype_size()));
  totals.set_storages(static_cast<uint64_t>(plan.storages().place_size()));
  totals.set_entries(static_cast<uint64_t>(plan.entries().name_bytes_size()));
  totals.set_meta_entries(static_cast<uint64_t>(plan.entries().meta_name_bytes_size()));
  uint64_t payload = 0;
  for (const uint64_t nbytes : plan.storages().nbytes()) payload += nbytes;
  totals.set_payload_bytes(payload);
  totals.set_symbols(static_cast<uint64_t>(plan.symbols_size()));
  totals.set_findings(static_cast<uint64_t>(plan.findings_size()));
  return totals;
}

uint64_t KnownLayers() {
  uint64_t mask = 0;
  for (const walls::LayerRow& layer : walls::Layers()) mask |= layer.bit;
  return mask;
}

}  // namespace

std::shared_ptr<v1::PlanChunk> InventoryOf(const v1::PlanChunk& plan) {
  auto inventory = MakePlan();
  *inventory->mutable_symbols() = plan.symbols();
  *inventory->mutable_findings() = plan.findings();
  return inventory;
}

OrVerdict<worker::v1::Ready> Validator::OpenReady(Tainted<worker::v1::Frame> frame) {
  worker::v1::Frame opened = std::move(frame).Open(TaintKey());
  worker::v1::Ready ready = std::move(*opened.mutable_ready());
  if (ready.version() != kVersion) return Broken(Rule::kReadyVersion);
  if ((ready.layers() & ~KnownLayers()) != 0) return Broken(Rule::kReadyLayers);
  return ready;
}

OrVerdict<void> Validator::Add(Tainted<v1::PlanChunk> piece) {
  return accumulator_.Add(std::move(piece).Open(TaintKey()));
}

OrVerdict<std::shared_ptr<const SealedGraph>> Validator::TakeGraph(const worker::v1::Done& done, GraphFile& file) {
  AIRLOCK_ASSIGN(const GraphLengths lengths, CheckGraphLengths(done, file.room()));
  const uint64_t nodes = lengths.front();  // of kinds there is a byte for each
  if (nodes > limits_.nodes) return Broken(Rule::kGraphNodes);
  AIRLOCK_TRY(accumulator_.TakeMemory(std::accumulate(lengths.begin(), lengths.end(), uint64_t{0})));
  return file.Seal(lengths);
}

OrVerdict<void> Validator::CheckPlan(v1::PlanChunk& plan, const GraphView& graph, v1::Format format) {
  AIRLOCK_ASSIGN(const NodeTable nodes, NodeTable::Cut(graph));
  AIRLOCK_TRY(CheckGraph(plan, nodes, limits_));
  AIRLOCK_TRY(CheckStorages(plan, sizes_));
  AIRLOCK_TRY(CheckTensors(plan, limits_));
  AIRLOCK_TRY(CheckCompounds(plan, nodes, limits_));
  // The lengths of names are 32 bits wide.
  const uint64_t name_bytes = std::min<uint64_t>(limits_.name_bytes, UINT32_MAX);
  const NameRules rules{.name_bytes = name_bytes, .arrays = ListsArrays(format)};
  return NameTensors(plan, nodes, rules, *plan.mutable_entries());
}

OrVerdict<Conclusion> Validator::Finish(Tainted<worker::v1::Frame> frame, GraphFile& file) {
  const worker::v1::Frame opened = std::move(frame).Open(TaintKey());
  const worker::v1::Done& done = opened.done();
  v1::PlanChunk& plan = *accumulator_.plan();
  AIRLOCK_TRY(CheckDone(done));
  if (done.held_back() && !may_hold_back_) return Broken(Rule::kDoneHeldBack);

  Conclusion conclusion;
  conclusion.verdict = VerdictOf(done);
  conclusion.judgement = Judge(plan);
  conclusion.format = done.format();
  conclusion.nested = done.nested();
  conclusion.held_back = done.held_back();
  if (conclusion.verdict.ok()) {
    AIRLOCK_ASSIGN(conclusion.graph, TakeGraph(done, file));
    // A limit that names hit is the file's doing; every other failure here is the worker's.
    if (auto checked = CheckPlan(plan, conclusion.graph->view(), done.format()); !checked.ok()) {
      if (checked.error().outcome() == v1::OUTCOME_VIOLATION) return Unexpected<Verdict>{std::move(checked).error()};
      conclusion.verdict = std::move(checked).error();
      conclusion.graph = nullptr;
    }
  }
  conclusion.plan = conclusion.verdict.ok() ? accumulator_.plan() : InventoryOf(plan);
  conclusion.totals = TotalsOf(*conclusion.plan, conclusion.graph.get());
  return conclusion;
}

}  // namespace airlock::server
