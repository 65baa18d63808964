// A load that several workers share, of which one lies. The first one tells of more data than one worker should move,
// and holds it back; of the others all tell the truth but the one with the last share.
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/worker/frame_writer.h"
#include "tests/hostile/hostile_acts.h"
#include "tests/hostile/told_graph.h"

namespace airlock::hostile {
namespace {

using airlock::v1::PlanChunk;
using airlock::worker::v1::Done;
using airlock::worker::v1::Frame;
using airlock::worker::v1::Job;

constexpr uint32_t kTruth = 380;
constexpr uint32_t kAllSilent = 390;
constexpr uint64_t kStorages = 4;

// A list of tensors, each in a storage of its own; together they fill the output.
Frame SharedPlan(uint64_t output_bytes) {
  Frame frame = TruePlan();
  PlanChunk& plan = *frame.mutable_plan();
  auto& graph = *plan.mutable_graph();
  graph.Clear();
  graph.set_kinds(std::string(1, char(airlock::v1::NODE_KIND_LIST)) +
                  std::string(kStorages, char(airlock::v1::NODE_KIND_TENSOR)));
  graph.add_counts(kStorages);
  const auto tensor = plan.tensors();
  plan.mutable_storages()->Clear();
  for (uint32_t i = 0; i < kStorages; ++i) {
    graph.add_refs(1 + i);
    graph.add_links(i);
    if (i > 0) plan.mutable_tensors()->MergeFrom(tensor);
    plan.mutable_tensors()->set_storage(static_cast<int>(i), i);
    auto& storages = *plan.mutable_storages();
    storages.add_place(airlock::v1::PLACE_OUTPUT);
    storages.add_offset(output_bytes / kStorages * i);
    storages.add_nbytes(output_bytes / kStorages);
    storages.add_device(0);
    storages.add_crc32(0);
  }
  return frame;
}

[[noreturn]] void StaySilent() {
  while (true) asm volatile("" : : : "memory");
}

struct Lie {
  uint32_t id;
  void (*tell)(PlanChunk& plan, Done& done);
};

constexpr Lie kLies[] = {
    {kTruth, [](PlanChunk&, Done&) {}},
    {381, [](PlanChunk& plan, Done&) { plan.mutable_storages()->mutable_offset()->SwapElements(0, 1); }},
    {382, [](PlanChunk&, Done& done) { done.set_held_back(true); }},
    {383, [](PlanChunk& plan, Done&) { plan.Clear(); }},
    {384, [](PlanChunk& plan, Done&) { plan.add_devices("cuda:0"); }},
    {385, [](PlanChunk&, Done&) { asm volatile("ud2"); }},
    {386, [](PlanChunk&, Done&) { StaySilent(); }},
    {387, [](PlanChunk&, Done&) { (void)syscall(SYS_openat, -100, "/etc/passwd", 0); }},
    {388, [](PlanChunk&, Done& done) { done.set_format(airlock::v1::FORMAT_NPZ); }},
    {389,
     [](PlanChunk& plan, Done&) {
       for (int i = 0; i < 1001; ++i) {
         plan.add_findings()->set_id("zip.wrong-crc");
         plan.mutable_findings(i)->set_severity(airlock::v1::SEVERITY_NOTE);
       }
     }},
    {kAllSilent, [](PlanChunk&, Done&) { StaySilent(); }},
};

bool HasLastShare(const Job& job) { return job.wanted_size() > 0 && job.wanted(job.wanted_size() - 1) == UINT64_MAX; }

void Tell(const Lie& lie, const Job& job) {
  Frame plan = SharedPlan(job.limits().output_bytes());
  Frame done = TrueDone();
  if (!job.only_wanted()) {
    // A liar does so unasked.
    done.mutable_done()->set_held_back(lie.id != kTruth || job.hold_back_bytes() > 0);
  } else if (HasLastShare(job) || lie.id == kAllSilent) {
    lie.tell(*plan.mutable_plan(), *done.mutable_done());
  }
  TellGraph(job, *plan.mutable_plan(), *done.mutable_done());
  worker::WriteFrame(plan);
  worker::WriteFrame(done);
}

}  // namespace

bool TellShareLie(uint32_t id, const Job& job) {
  for (const Lie& lie : kLies) {
    if (lie.id != id) continue;
    Tell(lie, job);
    return true;
  }
  return false;
}

}  // namespace airlock::hostile
