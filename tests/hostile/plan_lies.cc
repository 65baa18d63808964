// Plans that are well-formed frames and claim what cannot be. Each is the true plan with one thing changed.
#include "sandbox/worker/frame_writer.h"
#include "tests/hostile/hostile_acts.h"
#include "tests/hostile/told_graph.h"

namespace airlock::hostile {
namespace {

using airlock::v1::PlanChunk;
using airlock::worker::v1::Done;
using airlock::worker::v1::Frame;

constexpr uint64_t kHuge = uint64_t{1} << 40;

struct Lie {
  uint32_t id;
  void (*tell)(PlanChunk& plan, Done& done);
};

// Node 0 of another kind, with no tensor.
void Graph(PlanChunk& plan, char kind) {
  plan.mutable_graph()->Clear();
  plan.mutable_graph()->set_kinds(std::string(1, kind));
}

void Overlap(PlanChunk& plan, Done&) {
  auto& storages = *plan.mutable_storages();
  storages.add_place(airlock::v1::PLACE_INPUT);
  storages.add_offset(2);
  storages.add_nbytes(4);
  storages.add_device(0);
  storages.add_crc32(0);
  auto& tensors = *plan.mutable_tensors();
  tensors.add_storage(1);
  tensors.add_dtype(airlock::v1::DTYPE_FLOAT32);
  tensors.add_flags(0);
  tensors.add_offset(0);
  tensors.add_rank(0);
  // LIST of both.
  auto& graph = *plan.mutable_graph();
  graph.set_kinds(std::string{char(airlock::v1::NODE_KIND_LIST), char(airlock::v1::NODE_KIND_TENSOR),
                              char(airlock::v1::NODE_KIND_TENSOR)});
  graph.add_counts(2);
  graph.add_refs(1);
  graph.add_refs(2);
  graph.clear_links();
  graph.add_links(0);
  graph.add_links(1);
}

void Shape(PlanChunk& plan, uint32_t rank, uint64_t size, uint64_t stride) {
  auto& tensors = *plan.mutable_tensors();
  tensors.set_rank(0, rank);
  tensors.clear_shape();
  tensors.clear_stride();
  for (uint32_t i = 0; i < rank; ++i) {
    tensors.add_shape(size);
    tensors.add_stride(stride);
  }
}

// Plan after plan until the broker has had enough.
[[noreturn]] void TellTensorsWithoutEnd() {
  Frame frame;
  auto& tensors = *frame.mutable_plan()->mutable_tensors();
  // As many as a frame may hold.
  for (int i = 0; i < 2000; ++i) {
    tensors.add_storage(0);
    tensors.add_dtype(airlock::v1::DTYPE_FLOAT32);
    tensors.add_flags(0);
    tensors.add_offset(0);
    tensors.add_rank(0);
  }
  const std::string encoded = frame.SerializeAsString();
  while (true) worker::WriteEncodedFrame(encoded);
}

constexpr Lie kLies[] = {
    {300, [](PlanChunk&, Done&) {}},
    {301, [](PlanChunk& plan, Done&) { plan.mutable_storages()->set_offset(0, kHuge); }},
    {302, [](PlanChunk& plan, Done&) { plan.mutable_storages()->set_nbytes(0, kHuge); }},
    {303, [](PlanChunk& plan, Done&) { plan.mutable_storages()->set_offset(0, ~uint64_t{0} - 1); }},
    {304,
     [](PlanChunk& plan, Done&) {
       plan.mutable_storages()->set_place(0, airlock::v1::PLACE_OUTPUT);
       plan.mutable_storages()->set_offset(0, uint64_t{1} << 62);
     }},
    {305, Overlap},
    {306, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_shape(0, 2); }},
    {307, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_offset(0, 1); }},
    {308, [](PlanChunk& plan, Done&) { Shape(plan, 2, uint64_t{1} << 32, 1); }},
    {309, [](PlanChunk& plan, Done&) { Shape(plan, 1, 3, uint64_t{1} << 63); }},
    {310, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_dtype(0, static_cast<airlock::v1::DType>(99)); }},
    {311, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_dtype(0, airlock::v1::DTYPE_UNSPECIFIED); }},
    {312, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_rank(0, 2); }},
    {313, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_rank(0, uint32_t{1} << 31); }},
    {314, [](PlanChunk& plan, Done&) { Shape(plan, 65, 1, 1); }},
    {315, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->add_dtype(airlock::v1::DTYPE_FLOAT32); }},
    {316, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_storage(0, 7); }},
    {317, [](PlanChunk& plan, Done&) { plan.mutable_storages()->set_device(0, 7); }},
    {318, [](PlanChunk& plan, Done&) { plan.mutable_storages()->set_place(0, static_cast<airlock::v1::Place>(9)); }},
    {319, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_flags(0, 1U << 30); }},
    {320, [](PlanChunk& plan, Done&) { plan.mutable_graph()->set_links(0, 7); }},
    {321, [](PlanChunk& plan, Done&) { Graph(plan, char(200)); }},
    {322, [](PlanChunk& plan, Done&) { plan.clear_graph(); }},
    {323,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_LIST);
       plan.mutable_graph()->add_counts(1);
       plan.mutable_graph()->add_refs(9);
     }},
    {324,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_LIST);
       plan.mutable_graph()->add_counts(0xffffffff);
     }},
    {325,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_STRING);
       plan.mutable_graph()->add_counts(0xfffffff0);
       plan.mutable_graph()->set_blob("short");
     }},
    {326,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_STRING);
       plan.mutable_graph()->add_counts(2);
       plan.mutable_graph()->set_blob("\xff\xfe");
     }},
    {327, [](PlanChunk& plan, Done&) { plan.mutable_graph()->add_ints(7); }},
    {328,
     [](PlanChunk& plan, Done&) {
       auto& finding = *plan.add_findings();
       finding.set_id("pickle.something");
       finding.set_severity(static_cast<airlock::v1::Severity>(77));
     }},
    {329,
     [](PlanChunk& plan, Done&) {
       auto& symbol = *plan.add_symbols();
       symbol.set_module("os");
       symbol.set_name("system");
       symbol.set_class_(static_cast<airlock::v1::SymbolClass>(77));
       symbol.set_uses(1);
     }},
    {330,
     [](PlanChunk& plan, Done&) {
       plan.mutable_entries()->set_names("weight");
       plan.mutable_entries()->add_name_bytes(6);
       plan.mutable_entries()->add_tensor(0);
     }},
    {331,
     [](PlanChunk& plan, Done&) {
       auto& quantization = *plan.mutable_tensors()->add_quantization();
       quantization.set_tensor(7);
       quantization.mutable_per_tensor()->set_scale(1);
     }},
    {332, [](PlanChunk&, Done& done) { done.set_reason(150); }},
    {333, [](PlanChunk&, Done& done) { done.set_reason(99); }},
    {334, [](PlanChunk&, Done& done) { done.set_format(static_cast<airlock::v1::Format>(77)); }},
    {335,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_RECORD);
       plan.mutable_graph()->add_counts(0);
     }},
    {336,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_STREAM);
       plan.mutable_graph()->add_refs(0);
       plan.mutable_graph()->add_refs(0);
     }},
    {337,
     [](PlanChunk& plan, Done&) {
       auto& graph = *plan.mutable_graph();
       graph.Clear();
       graph.set_kinds(std::string{char(airlock::v1::NODE_KIND_STREAM), char(airlock::v1::NODE_KIND_BYTES)});
       graph.add_counts(0);
       graph.add_refs(1);
       graph.add_refs(0);
     }},
    {338,
     [](PlanChunk& plan, Done&) {
       auto& graph = *plan.mutable_graph();
       graph.Clear();
       graph.set_kinds(std::string{char(airlock::v1::NODE_KIND_SPARSE_TENSOR), char(airlock::v1::NODE_KIND_NONE)});
       graph.add_counts(1);
       for (int i = 0; i < 4; ++i) graph.add_refs(1);
     }},
    {339,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_ATTRIBUTED);
       plan.mutable_graph()->add_refs(0);
       plan.mutable_graph()->add_refs(0);
     }},
    {340,
     [](PlanChunk& plan, Done&) {
       Graph(plan, airlock::v1::NODE_KIND_ARRAY);
       plan.mutable_graph()->add_links(1);
     }},
    {341, [](PlanChunk& plan, Done&) { plan.mutable_tensors()->set_shape(0, ~uint64_t{0}); }},
    {342, [](PlanChunk&, Done&) { TellTensorsWithoutEnd(); }},
    {343,
     [](PlanChunk&, Done& done) {
       done.set_reason(40);
       done.set_held_back(true);
     }},
};

}  // namespace

Frame TruePlan() {
  Frame frame;
  PlanChunk& plan = *frame.mutable_plan();
  plan.mutable_graph()->set_kinds(std::string(1, char(airlock::v1::NODE_KIND_TENSOR)));
  plan.mutable_graph()->add_links(0);
  auto& tensors = *plan.mutable_tensors();
  tensors.add_storage(0);
  tensors.add_dtype(airlock::v1::DTYPE_FLOAT32);
  tensors.add_flags(0);
  tensors.add_offset(0);
  tensors.add_rank(1);
  tensors.add_shape(1);
  tensors.add_stride(1);
  auto& storages = *plan.mutable_storages();
  storages.add_place(airlock::v1::PLACE_INPUT);
  storages.add_offset(0);
  storages.add_nbytes(4);
  storages.add_device(0);
  storages.add_crc32(0);
  plan.add_devices("cpu");
  return frame;
}

Frame TrueDone() {
  Frame frame;
  frame.mutable_done()->set_format(airlock::v1::FORMAT_SAFETENSORS);
  return frame;
}

bool TellPlanLie(uint32_t id, const airlock::worker::v1::Job& job) {
  for (const Lie& lie : kLies) {
    if (lie.id != id) continue;
    Frame plan = TruePlan();
    Frame done = TrueDone();
    lie.tell(*plan.mutable_plan(), *done.mutable_done());
    TellGraph(job, *plan.mutable_plan(), *done.mutable_done());
    worker::WriteFrame(plan);
    worker::WriteFrame(done);
    return true;
  }
  return false;
}

}  // namespace airlock::hostile
