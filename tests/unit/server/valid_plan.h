// A plan that every rule accepts, for tests that break one thing at a time.
//
//   {"w": tensor 0, "list": [tensor 1, tensor 0], 7: OrderedDict(a=tensor 2), "size": Size([2]), "rec": Record, "st":
//   storage}
#pragma once

#include <string>
#include <utility>

#include "airlock/v1/plan.pb.h"
#include "server/validate/validator.h"
#include "tests/unit/server/written_graph.h"

namespace airlock::server {

inline constexpr uint64_t kInputSize = 1000;
inline constexpr uint64_t kOutputSize = 500;

// Appends nodes; refs by index in order of appending.
class PlanMaker {
 public:
  explicit PlanMaker(v1::PlanChunk& plan) : graph_(*plan.mutable_graph()) {}

  uint32_t Plain(v1::NodeKind kind) {
    graph_.mutable_kinds()->push_back(static_cast<char>(kind));
    return size_++;
  }
  uint32_t Int(int64_t value) {
    graph_.add_ints(value);
    return Plain(v1::NODE_KIND_INT);
  }
  uint32_t Text(v1::NodeKind kind, const std::string& text) {
    graph_.add_counts(static_cast<uint32_t>(text.size()));
    graph_.mutable_blob()->append(text);
    return Plain(kind);
  }
  uint32_t String(const std::string& text) { return Text(v1::NODE_KIND_STRING, text); }
  uint32_t Linked(v1::NodeKind kind, std::initializer_list<uint32_t> links) {
    for (const uint32_t link : links) graph_.add_links(link);
    return Plain(kind);
  }
  uint32_t Tensor(uint32_t tensor) { return Linked(v1::NODE_KIND_TENSOR, {tensor}); }
  uint32_t Refs(v1::NodeKind kind, std::initializer_list<uint32_t> refs) {
    for (const uint32_t ref : refs) graph_.add_refs(ref);
    return Plain(kind);
  }
  // `count`: as graph.proto has it for the kind.
  uint32_t Holder(v1::NodeKind kind, uint32_t count, std::initializer_list<uint32_t> refs) {
    graph_.add_counts(count);
    return Refs(kind, refs);
  }

 private:
  v1::GraphColumns& graph_;
  uint32_t size_ = 0;
};

inline void AddStorage(v1::PlanChunk& plan, v1::Place place, uint64_t offset, uint64_t nbytes) {
  auto& storages = *plan.mutable_storages();
  storages.add_place(place);
  storages.add_offset(offset);
  storages.add_nbytes(nbytes);
  storages.add_device(0);
  storages.add_crc32(0);
}

inline void AddTensor(v1::PlanChunk& plan, uint32_t storage, v1::DType dtype, uint64_t offset,
                      std::initializer_list<uint64_t> shape, std::initializer_list<uint64_t> stride) {
  auto& tensors = *plan.mutable_tensors();
  tensors.add_storage(storage);
  tensors.add_dtype(dtype);
  tensors.add_flags(v1::TENSOR_FLAG_PARAMETER);
  tensors.add_offset(offset);
  tensors.add_rank(static_cast<uint32_t>(shape.size()));
  for (const uint64_t size : shape) tensors.add_shape(size);
  for (const uint64_t step : stride) tensors.add_stride(step);
}

inline v1::PlanChunk ValidPlan() {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  // Node 0 is the root; its refs come first, so they name nodes that follow.
  make.Holder(v1::NODE_KIND_DICT, 6, {1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 17, 18});
  make.String("w");                                                                               // 1
  make.Tensor(0);                                                                                 // 2
  make.String("list");                                                                            // 3
  make.Holder(v1::NODE_KIND_LIST, 2, {5, 2});                                                     // 4
  make.Tensor(1);                                                                                 // 5
  make.Int(7);                                                                                    // 6
  make.Holder(v1::NODE_KIND_ORDERED_DICT, 1, {11, 8, 19});                                        // 7
  make.String("a");                                                                               // 8
  make.String("size");                                                                            // 9
  make.Holder(v1::NODE_KIND_SIZE, 1, {6});                                                        // 10
  make.Plain(v1::NODE_KIND_NONE);                                                                 // 11
  make.String("rec");                                                                             // 12
  make.Holder(v1::NODE_KIND_RECORD, v1::RECORD_PART_ARGS | v1::RECORD_PART_STATE, {14, 15, 16});  // 13
  make.Linked(v1::NODE_KIND_SYMBOL, {0});                                                         // 14
  make.Holder(v1::NODE_KIND_TUPLE, 1, {6});                                                       // 15
  make.Text(v1::NODE_KIND_DTYPE, "float32");                                                      // 16
  make.String("st");                                                                              // 17
  make.Linked(v1::NODE_KIND_STORAGE, {1, v1::DTYPE_FLOAT32});                                     // 18
  make.Tensor(2);                                                                                 // 19
  plan.add_devices("cpu");
  AddStorage(plan, v1::PLACE_INPUT, 100, 64);
  AddStorage(plan, v1::PLACE_INPUT, 164, 100);
  AddStorage(plan, v1::PLACE_OUTPUT, 0, 500);
  AddTensor(plan, 0, v1::DTYPE_FLOAT32, 0, {4, 4}, {4, 1});
  AddTensor(plan, 1, v1::DTYPE_QINT8, 10, {3, 2}, {2, 1});
  AddTensor(plan, 2, v1::DTYPE_FLOAT64, 0, {3}, {1});
  AddTensor(plan, 2, v1::DTYPE_INT64, 3, {3}, {1});
  auto* quantization = plan.mutable_tensors()->add_quantization();
  quantization->set_tensor(1);
  quantization->mutable_per_channel()->set_axis(0);
  quantization->mutable_per_channel()->set_scales(2);
  quantization->mutable_per_channel()->set_zero_points(3);
  auto* symbol = plan.add_symbols();
  symbol->set_module("m");
  symbol->set_name("C");
  symbol->set_class_(v1::SYMBOL_CLASS_UNKNOWN);
  auto* finding = plan.add_findings();
  finding->set_id("zip.wrong-crc");
  finding->set_severity(v1::SEVERITY_NOTE);
  return plan;
}

// [COO, CSR, meta, nested, stream of [attributed tensor], array, scalar, record with its state_dict()]
//
// Node numbers as they stand here; the tests that break one thing use them.
inline v1::PlanChunk CompoundPlan() {
  v1::PlanChunk plan;
  PlanMaker make(plan);
  make.Holder(v1::NODE_KIND_LIST, 8, {1, 2, 3, 4, 5, 6, 7, 8});  // refs 0
  make.Holder(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_COO | v1::SPARSE_BIT_COALESCED,
              {9, 10, 11, 12});                                                                        // 1: refs 8
  make.Holder(v1::NODE_KIND_SPARSE_TENSOR, v1::SPARSE_BIT_CSR, {13, 14, 15, 12});                      // 2: refs 12
  make.Holder(v1::NODE_KIND_META_TENSOR, v1::TENSOR_FLAG_PARAMETER, {16, 12, 17});                     // 3: refs 16
  make.Refs(v1::NODE_KIND_NESTED_TENSOR, {11, 18, 18, 14});                                            // 4: refs 19
  make.Refs(v1::NODE_KIND_STREAM, {19, 20});                                                           // 5: refs 23
  make.Linked(v1::NODE_KIND_ARRAY, {1});                                                               // 6
  make.Refs(v1::NODE_KIND_SCALAR, {22, 23});                                                           // 7: refs 25
  make.Holder(v1::NODE_KIND_RECORD, v1::RECORD_PART_STATE | v1::RECORD_PART_RECOVERED, {24, 25, 26});  // 8: refs 27
  make.Tensor(0);                                            // 9: COO indices [2, 3]
  make.Plain(v1::NODE_KIND_NONE);                            // 10
  make.Tensor(1);                                            // 11: values [3]
  make.Holder(v1::NODE_KIND_SIZE, 2, {23, 23});              // 12: [4, 4], refs 30
  make.Tensor(2);                                            // 13: crow_indices [5]
  make.Tensor(3);                                            // 14: col_indices [3]
  make.Tensor(1);                                            // 15: values [3]
  make.Text(v1::NODE_KIND_DTYPE, "float32");                 // 16
  make.Holder(v1::NODE_KIND_TUPLE, 2, {23, 23});             // 17: refs 32
  make.Tensor(4);                                            // 18: sizes and strides [3, 1]
  make.Text(v1::NODE_KIND_BYTES, "PK");                      // 19
  make.Holder(v1::NODE_KIND_TUPLE, 1, {21});                 // 20: refs 34
  make.Refs(v1::NODE_KIND_ATTRIBUTED, {11, 25});             // 21: refs 35
  make.Text(v1::NODE_KIND_NUMPY_DTYPE, "<i8");               // 22
  make.Int(4);                                               // 23
  make.Linked(v1::NODE_KIND_SYMBOL, {0});                    // 24
  make.Holder(v1::NODE_KIND_DICT, 1, {27, 11});              // 25: refs 37
  make.Holder(v1::NODE_KIND_ORDERED_DICT, 1, {10, 27, 13});  // 26: refs 39
  make.String("w");                                          // 27
  plan.add_devices("cpu");
  AddStorage(plan, v1::PLACE_INPUT, 0, 400);
  AddTensor(plan, 0, v1::DTYPE_INT64, 0, {2, 3}, {3, 1});
  AddTensor(plan, 0, v1::DTYPE_FLOAT32, 0, {3}, {1});
  AddTensor(plan, 0, v1::DTYPE_INT64, 0, {5}, {1});
  AddTensor(plan, 0, v1::DTYPE_INT64, 0, {3}, {1});
  AddTensor(plan, 0, v1::DTYPE_INT64, 0, {3, 1}, {1, 1});
  auto* symbol = plan.add_symbols();
  symbol->set_module("m");
  symbol->set_name("C");
  symbol->set_class_(v1::SYMBOL_CLASS_UNKNOWN);
  return plan;
}

inline worker::v1::Done ValidDone() {
  worker::v1::Done done;
  done.set_format(v1::FORMAT_TORCH_ZIP);
  return done;
}

// As it comes out of a frame: without the graph.
inline Tainted<v1::PlanChunk> PlanFrame(v1::PlanChunk plan) {
  plan.clear_graph();
  return Tainted(std::move(plan));
}

inline Tainted<worker::v1::Frame> DoneFrame(const worker::v1::Done& done) {
  worker::v1::Frame frame;
  *frame.mutable_done() = done;
  return Tainted(std::move(frame));
}

// The last frame, beside the file that a worker has written `graph` to.
inline OrVerdict<Conclusion> FinishWith(Examiner& examiner, const v1::GraphColumns& graph,
                                        worker::v1::Done done = ValidDone()) {
  SayLengths(graph, done);
  GraphFile file = WrittenGraph(graph);
  return examiner.Finish(DoneFrame(done), file);
}

inline OrVerdict<Conclusion> Validate(const v1::PlanChunk& plan, const worker::v1::Done& done = ValidDone(),
                                      const Limits& limits = {}) {
  Validator validator(limits, PlaceSizes{kInputSize, kOutputSize});
  AIRLOCK_TRY(validator.Add(PlanFrame(plan)));
  return FinishWith(validator, plan.graph(), done);
}

}  // namespace airlock::server
