// Any messages as a daemon's answer, in slices of any length: the client makes contents of them that can be walked, or
// says what is wrong.
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/v1/loader.pb.h"
#include "client/cpp/answer.h"
#include "tests/unit/client/graph_file_maker.h"

namespace airlock {
namespace {

uint64_t sum = 0;

void Use(std::string_view text) {
  for (const char c : text) sum += static_cast<uint8_t>(c);
}

void Use(const Graph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case v1::NODE_KIND_INT:
      sum += static_cast<uint64_t>(graph.Int(node));
      return;
    case v1::NODE_KIND_FLOAT:
      sum += graph.Float(node) > 0 ? 1 : 0;
      return;
    case v1::NODE_KIND_COMPLEX:
      sum += graph.Float(node, 1) > 0 ? 1 : 0;
      return;
    case v1::NODE_KIND_BIG_INT:
    case v1::NODE_KIND_STRING:
    case v1::NODE_KIND_BYTES:
    case v1::NODE_KIND_BYTE_ARRAY:
    case v1::NODE_KIND_DTYPE:
    case v1::NODE_KIND_LAYOUT:
    case v1::NODE_KIND_DEVICE:
    case v1::NODE_KIND_NUMPY_DTYPE:
      return Use(graph.Text(node));
    case v1::NODE_KIND_LIST:
    case v1::NODE_KIND_TUPLE:
    case v1::NODE_KIND_SET:
    case v1::NODE_KIND_FROZEN_SET:
    case v1::NODE_KIND_SIZE:
      for (const NodeId item : graph.Items(node)) sum += graph.kind(item);
      return;
    case v1::NODE_KIND_ORDERED_DICT:
      sum += graph.kind(graph.Attributes(node));
      [[fallthrough]];
    case v1::NODE_KIND_DICT:
      for (const NodeId item : graph.Pairs(node)) sum += graph.kind(item);
      sum += graph.Find(node, "key").value_or(0);
      return;
    case v1::NODE_KIND_STORAGE:
      sum += graph.Link(node, 1);
      [[fallthrough]];
    case v1::NODE_KIND_TENSOR:
    case v1::NODE_KIND_ARRAY:
    case v1::NODE_KIND_SYMBOL:
      sum += graph.Link(node);
      return;
    case v1::NODE_KIND_RECORD: {
      const Record record = graph.RecordAt(node);
      for (const auto part : {std::optional(record.callee), record.args, record.kwargs, record.state, record.items,
                              record.pairs, record.recovered}) {
        if (part) sum += graph.kind(*part);
      }
      return;
    }
    case v1::NODE_KIND_SPARSE_TENSOR: {
      const SparseTensor sparse = graph.SparseAt(node);
      sum += graph.Link(sparse.indices) + graph.Link(sparse.values) + graph.Items(sparse.size).size();
      return;
    }
    case v1::NODE_KIND_META_TENSOR: {
      const MetaTensor meta = graph.MetaAt(node);
      Use(meta.dtype);
      for (const NodeId item : graph.Items(meta.shape)) sum += static_cast<uint64_t>(graph.Int(item));
      for (const NodeId item : graph.Items(meta.strides)) sum += static_cast<uint64_t>(graph.Int(item));
      return;
    }
    case v1::NODE_KIND_NESTED_TENSOR:
    case v1::NODE_KIND_STREAM:
    case v1::NODE_KIND_ATTRIBUTED:
    case v1::NODE_KIND_SCALAR:
      for (const NodeId part : graph.Parts(node)) sum += graph.kind(part);
      return;
    default:
      return;
  }
}

void Use(const Contents& contents) {
  const Graph& graph = contents.graph();
  for (NodeId node = 0; node < graph.size(); ++node) Use(graph, node);
  for (const NamedTensor& entry : contents.entries()) {
    Use(entry.name);
    sum += contents.tensor(entry.tensor).Bytes();
  }
  for (const NamedMeta& meta : contents.meta_entries()) {
    Use(meta.name);
    Use(graph, meta.node);
  }
  for (uint32_t i = 0; i < contents.tensor_count(); ++i) {
    const TensorInfo& info = contents.tensor(i);
    sum += contents.storage(info.storage).bytes + info.shape.size() + (contents.quantization(i) != nullptr ? 1 : 0);
    for (const uint64_t dim : info.shape) sum += dim;
    for (const uint64_t stride : info.strides) sum += stride;
  }
  for (size_t i = 0; i < contents.storage_count(); ++i) Use(contents.storage(i).device);
  if (graph.size() > 0) (void)TensorsUnder(graph, 0, {.arrays = true, .max_name_bytes = 1 << 16});
}

class Sink final : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>& contents) override {
    Use(*contents);
    return {};
  }
  ClientResult<void> Data(uint32_t, uint64_t, std::string_view bytes) override {
    Use(bytes);
    return {};
  }
  ClientResult<void> End(uint32_t) override { return {}; }
};

grpc::ByteBuffer Cut(std::string_view message, size_t length) {
  std::vector<grpc::Slice> slices;
  while (!message.empty()) {
    const size_t part = std::min(length, message.size());
    slices.emplace_back(std::string(message.substr(0, part)));
    message.remove_prefix(part);
  }
  return {slices.data(), slices.size()};
}

// Reports what the messages hold, as far as they are any, so that an answer can come to its end.
v1::Report ReportOf(const std::vector<std::string_view>& messages) {
  v1::PlanChunk plan;
  uint64_t nodes = 0;
  uint64_t payload = 0;
  for (const std::string_view message : messages) {
    v1::LoadResponse response;
    (void)response.ParseFromArray(message.data(), static_cast<int>(message.size()));
    plan.MergeFrom(response.plan());
    nodes += response.plan().graph().kinds().size();
  }
  const auto& storages = plan.storages();
  for (int i = 0; i < storages.nbytes_size(); ++i) {
    const bool left_out = i < storages.place_size() && storages.place(i) == v1::PLACE_LEFT_OUT;
    payload += left_out ? 0 : storages.nbytes(i);
  }
  v1::Report report;
  report.set_outcome(v1::OUTCOME_OK);
  report.set_posture(v1::POSTURE_FULL);
  v1::Totals& totals = *report.mutable_totals();
  totals.set_nodes(nodes);
  totals.set_tensors(static_cast<uint64_t>(plan.tensors().dtype_size()));
  totals.set_storages(static_cast<uint64_t>(storages.nbytes_size()));
  totals.set_entries(static_cast<uint64_t>(plan.entries().name_bytes_size()));
  totals.set_meta_entries(static_cast<uint64_t>(plan.entries().meta_name_bytes_size()));
  totals.set_symbols(static_cast<uint64_t>(plan.symbols_size()));
  totals.set_findings(static_cast<uint64_t>(plan.findings_size()));
  totals.set_payload_bytes(payload);
  return report;
}

// Takes the graph out of the message.
void TakeGraph(v1::LoadResponse& message, v1::GraphColumns& graph) {
  if (!message.has_plan()) return;
  const std::string kinds = graph.kinds() + message.plan().graph().kinds();
  const std::string blob = graph.blob() + message.plan().graph().blob();
  graph.MergeFrom(message.plan().graph());
  graph.set_kinds(kinds);
  graph.set_blob(blob);
  message.mutable_plan()->clear_graph();
}

// The same messages once more, with the graph that they hold in a memory file. Where its columns are may be theirs to
// say.
void UseGraphFile(v1::LoadResponse report, const std::vector<std::string_view>& messages) {
  std::vector<v1::LoadResponse> answers = {std::move(report)};
  v1::GraphColumns graph;
  bool said = false;
  for (const std::string_view message : messages) {
    v1::LoadResponse& taken = answers.emplace_back();
    if (!taken.ParseFromArray(message.data(), static_cast<int>(message.size()))) return;
    TakeGraph(taken, graph);
    said |= taken.has_graph_file();
  }
  const testing::GraphFileMaker file(graph);
  if (!said) *answers.emplace_back().mutable_graph_file() = file.message;
  Answer answer(nullptr);
  answer.ExpectGraphFile([&](const std::string&) -> ClientResult<Fd> { return file.Descriptor(); });
  for (const v1::LoadResponse& message : answers) {
    grpc::ByteBuffer bytes = Cut(message.SerializeAsString(), 1 << 16);
    if (!answer.TakeEncoded<v1::LoadResponse>(bytes).ok()) return;
  }
  if (const auto contents = answer.Finish(); contents.ok()) Use(**contents);
}

}  // namespace
}  // namespace airlock

// Each message: its length in two bytes and how long its slices are in a third.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace airlock;  // NOLINT(google-build-using-namespace)
  std::vector<std::string_view> messages;
  std::vector<size_t> slices;
  while (size >= 3) {
    const size_t length = std::min<size_t>(data[0] | data[1] << 8, size - 3);
    slices.push_back(size_t{1} + data[2]);
    messages.emplace_back(reinterpret_cast<const char*>(data) + 3, length);
    data += 3 + length;
    size -= 3 + length;
  }
  Sink sink;
  const v1::Report report_of = ReportOf(messages);
  for (StorageSink* const to : {static_cast<StorageSink*>(nullptr), static_cast<StorageSink*>(&sink)}) {
    Answer answer(to);
    v1::LoadResponse report;
    *report.mutable_report() = report_of;
    if (!answer.Take(report).ok()) __builtin_trap();
    bool good = true;
    for (size_t i = 0; i < messages.size() && good; ++i) {
      grpc::ByteBuffer message = Cut(messages[i], slices[i]);
      good = answer.TakeEncoded<v1::LoadResponse>(message).ok();
    }
    if (!good) continue;
    const uint64_t payload = report_of.totals().payload_bytes();
    if (to != nullptr && payload > 0 && payload < (1 << 16)) {
      v1::LoadResponse data;
      data.set_data(std::string(payload, 'x'));
      grpc::ByteBuffer message = Cut(data.SerializeAsString(), 100);
      (void)answer.TakeEncoded<v1::LoadResponse>(message);
    }
    if (const auto contents = answer.Finish(); contents.ok()) Use(**contents);
  }
  v1::LoadResponse report;
  *report.mutable_report() = report_of;
  UseGraphFile(std::move(report), messages);
  return 0;
}
