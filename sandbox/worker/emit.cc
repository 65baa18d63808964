#include "sandbox/worker/emit.h"

#include <algorithm>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/base/keyed_hash.h"
#include "sandbox/worker/emit_order.h"
#include "sandbox/worker/graph_writer.h"
#include "sandbox/worker/plan_writer.h"
#include "sandbox/worker/safe_text.h"

namespace airlock::worker {
namespace {

using pickle::Kind;
using pickle::kNoNode;
using pickle::NodeId;

// What a person reads of a finding or a failure. The broker cuts its own copy again.
constexpr size_t kMaxMessage = 480;
constexpr size_t kMaxName = 1024;
constexpr size_t kMaxDevice = 64;
// Where a stream is: short, for all of them stand in the last frame.
constexpr size_t kMaxWhere = 200;
// Tags, lengths and numbers of a row that has texts.
constexpr size_t kRowOverhead = 64;
// Of a tensor without its dimensions, of each of those, and of a storage.
constexpr size_t kTensorBytes = 32;
constexpr size_t kDimBytes = 2 * sizeof(uint64_t);
constexpr size_t kStorageBytes = 32;
constexpr size_t kQuantizationBytes = 64;
// Bytes of the input that are read at a time.
constexpr size_t kPieceBytes = 64 << 10;

// Bits of airlock.v1.RecordPart.
enum RecordBit : uint32_t {
  kArgs = 1,
  kKwargs = 2,
  kState = 4,
  kItems = 8,
  kPairs = 16,
  kNew = 32,
  kStates = 64,
  kRecovered = 128
};

class Emitter {
 public:
  Emitter(const formats::Checkpoint& checkpoint, const formats::Input& input, const EmitOrder& order,
          GraphWriter& columns, PlanWriter& rows)
      : checkpoint_(checkpoint),
        input_(input),
        graph_(checkpoint.context.graph),
        order_(order),
        columns_(columns),
        rows_(rows),
        device_of_(checkpoint.tables.devices().size(), kNotReached) {}

  // Fails where the input cannot be read any more, or the graph finds no place.
  Result<void> WriteAll() {
    if (!WriteNodes() && !read_.ok()) return std::move(read_);
    AIRLOCK_TRY(columns_.Finish());
    for (const uint32_t tensor : order_.tensors().order) WriteTensor(tensor);
    for (uint32_t i = 0; i < order_.tensors().order.size(); ++i) WriteQuantization(i);
    for (const uint32_t storage : order_.storages().order) WriteStorage(storage);
    return {};
  }

 private:
  // False where the input cannot be read any more, or the graph finds no place, here and below.
  bool WriteNodes();
  bool WriteRun(NodeId node, NodeId end);
  bool WriteAny(NodeId node) {
    if (graph_.has_spans()) {
      if (const auto span = graph_.span(node)) {
        read_ = WriteSpan(node, *span);
        return read_.ok();
      }
    }
    WriteNode(node);
    return true;
  }
  void WriteNode(NodeId node);
  Result<void> WriteSpan(NodeId node, const pickle::InputSpan& span);
  void WriteText(NodeId node);
  void WriteContainer(NodeId node);
  void WriteRefs(NodeId node);
  void WriteRecord(NodeId node);
  void WriteTensor(uint32_t tensor);
  void WriteQuantization(uint32_t emitted);
  void WriteStorage(uint32_t storage);
  uint32_t Device(uint32_t device);
  uint32_t WriteDevice(uint32_t device);
  void Ref(NodeId node) { columns_.Ref(order_.nodes()[node]); }

  const formats::Checkpoint& checkpoint_;
  const formats::Input& input_;
  const pickle::Graph& graph_;
  const EmitOrder& order_;
  GraphWriter& columns_;
  PlanWriter& rows_;
  std::unordered_map<std::string, uint32_t, KeyedHash> devices_;
  Result<void> read_;                // what the last read of the input came to
  std::vector<uint32_t> device_of_;  // by index in Tables: what Device says, or kNotReached
};

bool Emitter::WriteNodes() {
  const NodeId root = checkpoint_.root;
  return WriteAny(root) && order_.nodes().ForEachRun([&](NodeId node, NodeId end) {
    const bool with_root = node <= root && root < end;
    return with_root ? WriteRun(node, root) && WriteRun(root + 1, end) : WriteRun(node, end);
  });
}

// Numbers often come many in a row, and go out as they are.
bool Emitter::WriteRun(NodeId node, NodeId end) {
  while (node < end) {
    const Kind kind = graph_.kind(node);
    const bool more = node + 1 < end && graph_.kind(node + 1) == kind;
    if (more && (kind == Kind::kInt || kind == Kind::kFloat)) {
      const size_t count = graph_.NumbersFrom(node, end);
      columns_.Numbers(static_cast<uint8_t>(kind), graph_.Numbers(node, count));
      node += static_cast<NodeId>(count);
    } else if (!WriteAny(node++)) {
      return false;
    }
  }
  return columns_.ok();
}

void Emitter::WriteNode(NodeId node) {
  const Kind kind = graph_.kind(node);
  columns_.Kind(static_cast<uint8_t>(kind));
  switch (kind) {
    case Kind::kNone:
    case Kind::kFalse:
    case Kind::kTrue:
      return;
    case Kind::kInt:
      return columns_.Int(graph_.integer(node));
    case Kind::kFloat:
      return columns_.Float(graph_.real(node));
    case Kind::kComplex:
      columns_.Float(graph_.real(node));
      return columns_.Float(graph_.imaginary(node));
    case Kind::kBigInt:
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kByteArray:
    case Kind::kDType:
    case Kind::kLayout:
    case Kind::kDevice:
    case Kind::kNumpyDType:
      return WriteText(node);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kSet:
    case Kind::kFrozenSet:
    case Kind::kSize:
    case Kind::kDict:
    case Kind::kOrderedDict:
      return WriteContainer(node);
    case Kind::kTensor:
    case Kind::kArray:
      return columns_.Link(order_.tensors().index[graph_.tensor(node)]);
    case Kind::kStorage:
      columns_.Link(order_.storages().index[graph_.storage(node)]);
      return columns_.Link(graph_.storage_dtype(node));
    case Kind::kSymbol:
      return columns_.Link(graph_.symbol(node));
    case Kind::kRecord:
      return WriteRecord(node);
    case Kind::kSparseTensor:
    case Kind::kMetaTensor:
      columns_.Count(graph_.count(node));
      return WriteRefs(node);
    case Kind::kNestedTensor:
    case Kind::kStream:
    case Kind::kAttributed:
    case Kind::kScalar:
      return WriteRefs(node);
  }
}

void Emitter::WriteText(NodeId node) {
  const std::string_view text = graph_.text(node);
  columns_.Count(text.size());
  columns_.Blob(text);
}

Result<void> Emitter::WriteSpan(NodeId node, const pickle::InputSpan& span) {
  columns_.Kind(static_cast<uint8_t>(graph_.kind(node)));
  columns_.Count(span.length);
  std::vector<uint8_t> piece;
  for (uint64_t done = 0; done < span.length; done += piece.size()) {
    piece.resize(std::min<uint64_t>(span.length - done, kPieceBytes));
    AIRLOCK_TRY(input_.ReadAt(span.offset + done, piece));
    columns_.Blob({reinterpret_cast<const char*>(piece.data()), piece.size()});
  }
  return {};
}

void Emitter::WriteRefs(NodeId node) { columns_.Refs(graph_.children(node), order_.nodes()); }

void Emitter::WriteContainer(NodeId node) {
  const Kind kind = graph_.kind(node);
  const std::span<const NodeId> children = order_.Children(node);
  const bool pairs = kind == Kind::kDict || kind == Kind::kOrderedDict;
  columns_.Count(pairs ? children.size() / 2 : children.size());
  if (kind == Kind::kOrderedDict) Ref(graph_.attributes(node));
  columns_.Refs(children, order_.nodes());
}

void Emitter::WriteRecord(NodeId node) {
  const pickle::RecordParts parts = graph_.record(node);
  const auto bit = [](NodeId part, uint32_t value) { return part == kNoNode ? 0U : value; };
  columns_.Count(bit(parts.args, kArgs) | bit(parts.kwargs, kKwargs) | bit(parts.state, kState) |
                 bit(parts.items, kItems) | bit(parts.pairs, kPairs) | (parts.made_by_new ? kNew : 0U) |
                 (parts.many_states ? kStates : 0U) | bit(parts.recovered, kRecovered));
  for (const NodeId part :
       {parts.callee, parts.args, parts.kwargs, parts.state, parts.items, parts.pairs, parts.recovered}) {
    if (part != kNoNode) Ref(part);
  }
}

void Emitter::WriteTensor(uint32_t tensor) {
  const tensors::TensorView view = checkpoint_.tables.tensor(tensor);
  ::airlock::v1::TensorColumns& columns = *rows_.Row(kTensorBytes + view.shape.size() * kDimBytes).mutable_tensors();
  columns.add_storage(order_.storages().index[view.storage]);
  columns.add_dtype(static_cast<::airlock::v1::DType>(view.dtype));
  columns.add_flags(view.flags);
  columns.add_offset(view.offset);
  columns.add_rank(static_cast<uint32_t>(view.shape.size()));
  for (const uint64_t dim : view.shape) columns.add_shape(dim);
  for (const uint64_t dim : view.stride) columns.add_stride(dim);
}

void Emitter::WriteQuantization(uint32_t emitted) {
  const uint32_t row = order_.quantization_of()[order_.tensors().order[emitted]];
  if (row == kNotReached) return;
  const tensors::Quantization& quantization = checkpoint_.tables.quantizations()[row];
  ::airlock::v1::Quantization& out = *rows_.Row(kQuantizationBytes).mutable_tensors()->add_quantization();
  out.set_tensor(emitted);
  if (!quantization.per_channel) {
    out.mutable_per_tensor()->set_scale(quantization.scale);
    out.mutable_per_tensor()->set_zero_point(quantization.zero_point);
    return;
  }
  out.mutable_per_channel()->set_axis(quantization.axis);
  out.mutable_per_channel()->set_scales(order_.tensors().index[quantization.scales]);
  out.mutable_per_channel()->set_zero_points(order_.tensors().index[quantization.zero_points]);
}

// Index of a device among those that went out. Names that look alike once they are safe are one.
uint32_t Emitter::Device(uint32_t device) {
  uint32_t& known = device_of_[device];
  if (known == kNotReached) known = WriteDevice(device);
  return known;
}

uint32_t Emitter::WriteDevice(uint32_t device) {
  std::string name = SafeText(checkpoint_.tables.devices()[device], kMaxDevice);
  const auto [found, fresh] = devices_.emplace(std::move(name), static_cast<uint32_t>(devices_.size()));
  if (fresh) rows_.Row(found->first.size() + kRowOverhead).add_devices(found->first);
  return found->second;
}

void Emitter::WriteStorage(uint32_t index) {
  const tensors::Storage& storage = checkpoint_.tables.storages()[index];
  const uint32_t device = Device(storage.device);
  ::airlock::v1::StorageColumns& columns = *rows_.Row(kStorageBytes).mutable_storages();
  columns.add_place(static_cast<::airlock::v1::Place>(storage.place));
  columns.add_offset(storage.offset);
  columns.add_nbytes(storage.nbytes);
  columns.add_device(device);
  columns.add_crc32(storage.crc32);
}

// A load that hits the limit has met one symbol too many, which nobody would take from us.
void WriteSymbols(const pickle::Symbols& symbols, uint64_t limit, PlanWriter& writer) {
  const size_t count = std::min<uint64_t>(symbols.all().size(), limit);
  for (const pickle::SymbolUse& use : std::span(symbols.all()).first(count)) {
    const std::string module = SafeText(use.module, kMaxName);
    const std::string name = SafeText(use.name, kMaxName);
    ::airlock::v1::Symbol& out = *writer.Row(module.size() + name.size() + kRowOverhead).add_symbols();
    out.set_module(module);
    out.set_name(name);
    out.set_class_(static_cast<::airlock::v1::SymbolClass>(use.symbol_class));
    out.set_uses(use.uses);
    out.set_would_call(use.would_call);
    out.set_first_offset(use.first_offset);
    out.set_level(use.level);
  }
}

void WriteFindings(const std::vector<pickle::Finding>& findings, PlanWriter& writer) {
  for (const pickle::Finding& finding : findings) {
    const std::string message = SafeText(finding.message, kMaxMessage);
    const std::string where = SafeText(finding.where, kMaxMessage);
    ::airlock::v1::Finding& out =
        *writer.Row(finding.id.size() + message.size() + where.size() + kRowOverhead).add_findings();
    out.set_id(finding.id);
    out.set_severity(static_cast<::airlock::v1::Severity>(finding.severity));
    out.set_message(message);
    out.set_where(where);
    out.set_offset(finding.offset);
  }
}

// As many as Decode lists fit one frame.
void WriteNested(const std::vector<formats::NestedStream>& nested, v1::Done& done) {
  for (const formats::NestedStream& stream : nested) {
    ::airlock::v1::Nested& out = *done.add_nested();
    out.set_where(SafeText(stream.where, kMaxWhere));
    out.set_format(static_cast<::airlock::v1::Format>(stream.format));
    out.set_level(stream.level);
  }
}

bool WriteDone(const formats::Checkpoint& checkpoint, const Result<void>& result, const GraphBytes& graph,
               FrameSink& sink) {
  v1::Frame frame;
  v1::Done& done = *frame.mutable_done();
  done.set_format(static_cast<::airlock::v1::Format>(checkpoint.format));
  WriteNested(checkpoint.nested, done);
  done.set_held_back(checkpoint.held_back && result.ok());
  if (result.ok()) {
    done.mutable_graph_bytes()->Add(graph.begin(), graph.end());
  } else {
    const Error& error = result.error();
    done.set_reason(static_cast<uint32_t>(error.reason));
    done.set_message(SafeText(error.message, kMaxMessage));
    if (error.offset) done.set_offset(*error.offset);
    if (error.limit) {
      done.set_limit_name(error.limit->name);
      done.set_limit(error.limit->limit);
      done.set_limit_seen(error.limit->seen);
    }
  }
  std::string framed(kFramePrefix, '\0');
  frame.AppendToString(&framed);
  return sink.Write(framed);
}

}  // namespace

bool Emit(const formats::Checkpoint& checkpoint, const formats::Input& input, Result<void> result, const Sinks& sinks) {
  GraphWriter columns(sinks.graph);
  PlanWriter rows(sinks.frames);
  if (result.ok()) {
    EmitOrder order(checkpoint);
    result = order.Walk();
    if (result.ok()) result = Emitter(checkpoint, input, order, columns, rows).WriteAll();
  }
  WriteSymbols(checkpoint.context.symbols, checkpoint.context.limits.symbols, rows);
  WriteFindings(checkpoint.context.findings, rows);
  if (!rows.Finish()) return false;
  return WriteDone(checkpoint, result, columns.bytes(), sinks.frames);
}

}  // namespace airlock::worker
