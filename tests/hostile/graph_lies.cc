// Lies about the graph file: what DONE says of it, and what becomes of it after DONE. The frames are well-formed.
#include <unistd.h>

#include <cerrno>

#include "sandbox/base/graph_file.h"
#include "sandbox/worker/frame_writer.h"
#include "tests/hostile/hostile_acts.h"
#include "tests/hostile/told_graph.h"

namespace airlock::hostile {
namespace {

using airlock::worker::v1::Done;
using airlock::worker::v1::Frame;
using airlock::worker::v1::Job;

constexpr size_t kKinds = 0;
constexpr size_t kLinks = 3;
constexpr size_t kBlob = 6;
constexpr char kNoKind = char(200);

// The truth, but for what DONE says.
void TellOther(const Job& job, void (*change)(const Job& job, Done& done)) {
  Frame plan = TruePlan();
  Frame done = TrueDone();
  TellGraph(job, *plan.mutable_plan(), *done.mutable_done());
  change(job, *done.mutable_done());
  worker::WriteFrame(plan);
  worker::WriteFrame(done);
}

void TellGraphInPlan(const Job& job) {
  Frame plan = TruePlan();
  Frame done = TrueDone();
  TellGraph(job, *plan.mutable_plan(), *done.mutable_done());
  worker::WriteFrame(TruePlan());
  worker::WriteFrame(done);
}

// As much of each column as there is room for, of which nothing is there.
void ClaimAllMemory(const Job& job, Done& done) {
  for (int i = 0; i < done.graph_bytes_size(); ++i) done.set_graph_bytes(i, job.graph_room());
  done.set_graph_bytes(kKinds, 1);
}

// What nobody asked for, where no column is.
void LeaveJunk(const Job& job) {
  (void)WriteColumn(job, kBlob, std::string(size_t{16} << 20, 'x'), uint64_t{32} << 20);
}

// Waits until the kernel refuses a byte that changes nothing. From then on it must refuse all others.
void ChangeSealedGraph(const Job& job) {
  TellTruth(job);
  const std::string same(1, char(airlock::v1::NODE_KIND_TENSOR));
  while (WriteColumn(job, kKinds, same)) {
  }
  const bool refused = errno == EPERM;
  const std::string other(1, kNoKind);
  for (size_t column = 0; column < kGraphColumns; ++column) {
    for (const uint64_t at : {uint64_t{0}, job.graph_room() - 1}) {
      if (!refused || WriteColumn(job, column, other, at) || errno != EPERM) asm volatile("ud2");
    }
  }
}

struct Lie {
  uint32_t id;
  void (*tell)(const Job& job);
};

constexpr Lie kLies[] = {
    {350, [](const Job& job) { TellOther(job, [](const Job&, Done& done) { done.clear_graph_bytes(); }); }},
    {351,
     [](const Job& job) { TellOther(job, [](const Job&, Done& done) { done.mutable_graph_bytes()->RemoveLast(); }); }},
    {352, [](const Job& job) { TellOther(job, [](const Job&, Done& done) { done.add_graph_bytes(0); }); }},
    {353, [](const Job& job) { TellOther(job, [](const Job&, Done& done) { done.set_reason(40); }); }},
    {354,
     [](const Job& job) {
       TellOther(job, [](const Job& of, Done& done) { done.set_graph_bytes(kBlob, of.graph_room() + 1); });
     }},
    {355,
     [](const Job& job) { TellOther(job, [](const Job&, Done& done) { done.set_graph_bytes(kBlob, ~uint64_t{0}); }); }},
    {356, [](const Job& job) { TellOther(job, [](const Job&, Done& done) { done.set_graph_bytes(kLinks, 3); }); }},
    {357, [](const Job& job) { TellOther(job, ClaimAllMemory); }},
    {358,
     [](const Job& job) {
       TellOther(job, [](const Job&, Done& done) { done.set_graph_bytes(kBlob, uint64_t{1} << 20); });
     }},
    {359, TellGraphInPlan},
    {360, ChangeSealedGraph},
    {361,
     [](const Job& job) {
       TellTruth(job);
       (void)WriteColumn(job, kKinds, std::string(1, kNoKind));
     }},
    {362,
     [](const Job& job) {
       LeaveJunk(job);
       TellTruth(job);
     }},
    {363,
     [](const Job& job) {
       LeaveJunk(job);
       TellOther(job, [](const Job&, Done& done) { done.set_graph_bytes(kBlob, uint64_t{8} << 20); });
     }},
};

}  // namespace

bool TellGraphLie(uint32_t id, const Job& job) {
  for (const Lie& lie : kLies) {
    if (lie.id != id) continue;
    lie.tell(job);
    return true;
  }
  return false;
}

}  // namespace airlock::hostile
