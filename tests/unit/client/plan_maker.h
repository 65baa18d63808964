// PlanMaker: writes the messages of a daemon's answer, for tests of those who read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/v1/loader.pb.h"
#include "client/cpp/plan_assembler.h"

namespace airlock::testing {

// As it comes from the daemon.
inline bool AddPiece(PlanAssembler& assembler, const v1::PlanChunk& piece) {
  const std::string encoded = piece.SerializeAsString();
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(encoded.data()),
                                            static_cast<int>(encoded.size()));
  (void)in.PushLimit(static_cast<int>(encoded.size()));
  return assembler.Add(in);
}

class PlanMaker {
 public:
  // Each adds a node and returns its index. The first one is the root: fill containers in with Refs, by index to come.
  uint32_t Leaf(v1::NodeKind kind) { return Add(kind); }
  uint32_t Int(int64_t value) {
    graph().add_ints(value);
    return Add(v1::NODE_KIND_INT);
  }
  uint32_t Float(double value) {
    graph().add_floats(value);
    return Add(v1::NODE_KIND_FLOAT);
  }
  uint32_t Text(v1::NodeKind kind, std::string_view text) {
    graph().add_counts(static_cast<uint32_t>(text.size()));
    graph().mutable_blob()->append(text);
    return Add(kind);
  }
  uint32_t String(std::string_view text) { return Text(v1::NODE_KIND_STRING, text); }
  uint32_t Items(v1::NodeKind kind, const std::vector<uint32_t>& refs) {
    graph().add_counts(static_cast<uint32_t>(refs.size()));
    return Refs(kind, refs);
  }
  uint32_t Dict(const std::vector<uint32_t>& pairs) {
    graph().add_counts(static_cast<uint32_t>(pairs.size() / 2));
    return Refs(v1::NODE_KIND_DICT, pairs);
  }
  uint32_t OrderedDict(uint32_t attributes, const std::vector<uint32_t>& pairs) {
    graph().add_counts(static_cast<uint32_t>(pairs.size() / 2));
    graph().add_refs(attributes);
    return Refs(v1::NODE_KIND_ORDERED_DICT, pairs);
  }
  uint32_t RecordOf(uint32_t bits, const std::vector<uint32_t>& refs) {
    graph().add_counts(bits);
    return Refs(v1::NODE_KIND_RECORD, refs);
  }
  uint32_t Counted(v1::NodeKind kind, uint32_t count, const std::vector<uint32_t>& refs) {
    graph().add_counts(count);
    return Refs(kind, refs);
  }
  uint32_t Refs(v1::NodeKind kind, const std::vector<uint32_t>& refs) {
    for (uint32_t ref : refs) graph().add_refs(ref);
    return Add(kind);
  }
  uint32_t Link(v1::NodeKind kind, uint32_t index) {
    graph().add_links(index);
    return Add(kind);
  }

  uint32_t Storage(uint64_t bytes, v1::Place place = v1::PLACE_INPUT, uint64_t offset = 0) {
    if (plan.devices_size() == 0) plan.add_devices("cpu");
    plan.mutable_storages()->add_place(place);
    plan.mutable_storages()->add_offset(offset);
    plan.mutable_storages()->add_nbytes(bytes);
    plan.mutable_storages()->add_device(0);
    plan.mutable_storages()->add_crc32(0);
    if (place != v1::PLACE_LEFT_OUT) payload_ += bytes;
    return static_cast<uint32_t>(plan.storages().nbytes_size() - 1);
  }
  uint32_t Tensor(uint32_t storage, v1::DType dtype, const std::vector<uint64_t>& shape,
                  const std::vector<uint64_t>& strides, uint64_t offset = 0, uint32_t flags = 0) {
    v1::TensorColumns& tensors = *plan.mutable_tensors();
    tensors.add_storage(storage);
    tensors.add_dtype(dtype);
    tensors.add_flags(flags);
    tensors.add_offset(offset);
    tensors.add_rank(static_cast<uint32_t>(shape.size()));
    for (uint64_t dim : shape) tensors.add_shape(dim);
    for (uint64_t stride : strides) tensors.add_stride(stride);
    return static_cast<uint32_t>(tensors.dtype_size() - 1);
  }
  void Entry(const std::string& name, uint32_t tensor) {
    plan.mutable_entries()->mutable_names()->append(name);
    plan.mutable_entries()->add_name_bytes(static_cast<uint32_t>(name.size()));
    plan.mutable_entries()->add_tensor(tensor);
  }
  // A tensor without data, behind all entries there are.
  void MetaEntry(const std::string& name, uint32_t node) {
    plan.mutable_entries()->mutable_meta_names()->append(name);
    plan.mutable_entries()->add_meta_name_bytes(static_cast<uint32_t>(name.size()));
    plan.mutable_entries()->add_meta_node(node);
    plan.mutable_entries()->add_meta_at(static_cast<uint32_t>(plan.entries().name_bytes_size()));
  }

  v1::Report Report() const {
    v1::Report report;
    report.set_outcome(v1::OUTCOME_OK);
    report.set_verdict(v1::VERDICT_CLEAN);
    report.set_format(v1::FORMAT_TORCH_ZIP);
    v1::Totals& totals = *report.mutable_totals();
    totals.set_nodes(plan.graph().kinds().size());
    totals.set_tensors(static_cast<uint64_t>(plan.tensors().dtype_size()));
    totals.set_storages(static_cast<uint64_t>(plan.storages().nbytes_size()));
    totals.set_entries(static_cast<uint64_t>(plan.entries().name_bytes_size()));
    totals.set_meta_entries(static_cast<uint64_t>(plan.entries().meta_name_bytes_size()));
    totals.set_payload_bytes(payload_);
    totals.set_symbols(static_cast<uint64_t>(plan.symbols_size()));
    totals.set_findings(static_cast<uint64_t>(plan.findings_size()));
    return report;
  }
  ClientResult<std::shared_ptr<const Contents>> Make() const {
    PlanAssembler assembler;
    assembler.Add(Report());
    if (!AddPiece(assembler, plan)) return Unexpected{MakeError(v1::REASON_INTERNAL, "not a plan")};
    return assembler.Finish();
  }

  v1::PlanChunk plan;

 private:
  v1::GraphColumns& graph() { return *plan.mutable_graph(); }
  uint32_t Add(v1::NodeKind kind) {
    graph().mutable_kinds()->push_back(static_cast<char>(kind));
    return static_cast<uint32_t>(graph().kinds().size() - 1);
  }

  uint64_t payload_ = 0;
};

}  // namespace airlock::testing
