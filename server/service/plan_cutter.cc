#include "server/service/plan_cutter.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <bit>
#include <span>
#include <string_view>
#include <utility>

#include "airlock/v1/loader.pb.h"

namespace airlock::server {
namespace {

// Less than 1 MiB: tags, lengths and the message around it take some.
constexpr size_t kPieceBytes = (1 << 20) - 1024;
// A varint of what the validator takes for an enum value.
constexpr size_t kEnumBytes = 2;
// A varint of anything.
constexpr size_t kMostVarint = 5;
constexpr size_t kMaxRowOverhead = 16;

static_assert(std::endian::native == std::endian::little, "columns go out as they lie in memory");

template <typename Column>
size_t LengthOf(const Column& column) {
  return static_cast<size_t>(column.size());
}

// Numbers of a fixed width: what protobuf makes of them is what lies in memory.
template <typename T>
PlanColumn Numbers(PlanField field, std::span<const T> source) {
  return {source.size(), [field, source](PieceWriter& piece, size_t from, size_t& budget) {
            const auto part = source.subspan(from, std::min(source.size() - from, budget / sizeof(T)));
            if (!part.empty()) piece.Add(field, {reinterpret_cast<const char*>(part.data()), part.size_bytes()});
            budget -= part.size_bytes();
            return part.size();
          }};
}
template <typename T>
PlanColumn Numbers(PlanField field, const google::protobuf::RepeatedField<T>& source) {
  return Numbers(field, std::span<const T>(source.data(), LengthOf(source)));
}

PlanColumn Bytes(PlanField field, std::string_view source) {
  return {source.size(), [field, source](PieceWriter& piece, size_t from, size_t& budget) {
            const std::string_view part = source.substr(from, budget);
            if (!part.empty()) piece.Add(field, part);
            budget -= part.size();
            return part.size();
          }};
}

template <typename Source>
PlanColumn Enums(PlanField field, const Source& source) {
  using google::protobuf::io::CodedOutputStream;
  return {LengthOf(source), [field, &source](PieceWriter& piece, size_t from, size_t& budget) {
            const size_t rows = std::min(LengthOf(source) - from, budget / kEnumBytes);
            std::string packed(rows * kMostVarint, '\0');
            auto* const begin = reinterpret_cast<uint8_t*>(packed.data());
            uint8_t* end = begin;
            for (size_t row = from; row < from + rows; ++row) {
              end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(source[static_cast<int>(row)]), end);
            }
            if (rows > 0) piece.AddCopy(field, std::string_view(packed).substr(0, static_cast<size_t>(end - begin)));
            budget -= rows * kEnumBytes;
            return rows;
          }};
}

const std::string& Encoded(const std::string& text) { return text; }
template <typename Message>
std::string Encoded(const Message& message) {
  return message.SerializeAsString();
}

// A column of messages or strings: at least one goes into an empty piece (none is longer than a worker's frame).
template <typename Source>
PlanColumn Rows(PlanField field, const Source& source) {
  return {LengthOf(source), [field, &source](PieceWriter& piece, size_t from, size_t& budget) {
            size_t rows = 0;
            for (; from + rows < LengthOf(source); ++rows) {
              const std::string& row = Encoded(source[static_cast<int>(from + rows)]);
              const size_t size = row.size() + kMaxRowOverhead;
              if (size > budget && budget < kPieceBytes) break;
              piece.AddCopy(field, row);
              budget -= std::min(size, budget);
            }
            return rows;
          }};
}

}  // namespace

PlanCutter::PlanCutter(std::shared_ptr<const v1::PlanChunk> plan, std::shared_ptr<const SealedGraph> graph)
    : subject_(std::make_shared<Subject>(Subject{std::move(plan), std::move(graph)})) {
  if (subject_->graph != nullptr) AddGraph(subject_->graph->view());
  const v1::PlanChunk& tables = *subject_->plan;
  AddTensors(tables.tensors());
  AddStorages(tables.storages());
  AddInventory(tables);
  AddEntries(tables.entries());
}

void PlanCutter::AddGraph(const GraphView& graph) {
  using Table = v1::GraphColumns;
  const auto at = [](int number) { return PlanField{v1::PlanChunk::kGraphFieldNumber, number}; };
  columns_.push_back(Bytes(at(Table::kKindsFieldNumber), graph.kinds));
  columns_.push_back(Numbers(at(Table::kCountsFieldNumber), graph.counts));
  columns_.push_back(Numbers(at(Table::kRefsFieldNumber), graph.refs));
  columns_.push_back(Numbers(at(Table::kLinksFieldNumber), graph.links));
  columns_.push_back(Numbers(at(Table::kIntsFieldNumber), graph.ints));
  columns_.push_back(Numbers(at(Table::kFloatsFieldNumber), graph.floats));
  columns_.push_back(Bytes(at(Table::kBlobFieldNumber), graph.blob));
}

void PlanCutter::AddTensors(const v1::TensorColumns& tensors) {
  using Table = v1::TensorColumns;
  const auto at = [](int number) { return PlanField{v1::PlanChunk::kTensorsFieldNumber, number}; };
  columns_.push_back(Numbers(at(Table::kStorageFieldNumber), tensors.storage()));
  columns_.push_back(Enums(at(Table::kDtypeFieldNumber), tensors.dtype()));
  columns_.push_back(Numbers(at(Table::kFlagsFieldNumber), tensors.flags()));
  columns_.push_back(Numbers(at(Table::kOffsetFieldNumber), tensors.offset()));
  columns_.push_back(Numbers(at(Table::kRankFieldNumber), tensors.rank()));
  columns_.push_back(Numbers(at(Table::kShapeFieldNumber), tensors.shape()));
  columns_.push_back(Numbers(at(Table::kStrideFieldNumber), tensors.stride()));
  columns_.push_back(Rows(at(Table::kQuantizationFieldNumber), tensors.quantization()));
}

void PlanCutter::AddStorages(const v1::StorageColumns& storages) {
  using Table = v1::StorageColumns;
  const auto at = [](int number) { return PlanField{v1::PlanChunk::kStoragesFieldNumber, number}; };
  columns_.push_back(Enums(at(Table::kPlaceFieldNumber), storages.place()));
  columns_.push_back(Numbers(at(Table::kOffsetFieldNumber), storages.offset()));
  columns_.push_back(Numbers(at(Table::kNbytesFieldNumber), storages.nbytes()));
  columns_.push_back(Numbers(at(Table::kDeviceFieldNumber), storages.device()));
  columns_.push_back(Numbers(at(Table::kCrc32FieldNumber), storages.crc32()));
}

void PlanCutter::AddInventory(const v1::PlanChunk& plan) {
  const auto at = [](int number) { return PlanField{0, number}; };
  columns_.push_back(Rows(at(v1::PlanChunk::kDevicesFieldNumber), plan.devices()));
  columns_.push_back(Rows(at(v1::PlanChunk::kSymbolsFieldNumber), plan.symbols()));
  columns_.push_back(Rows(at(v1::PlanChunk::kFindingsFieldNumber), plan.findings()));
}

void PlanCutter::AddEntries(const v1::Entries& entries) {
  using Table = v1::Entries;
  const auto at = [](int number) { return PlanField{v1::PlanChunk::kEntriesFieldNumber, number}; };
  columns_.push_back(Bytes(at(Table::kNamesFieldNumber), entries.names()));
  columns_.push_back(Numbers(at(Table::kNameBytesFieldNumber), entries.name_bytes()));
  columns_.push_back(Numbers(at(Table::kTensorFieldNumber), entries.tensor()));
  columns_.push_back(Bytes(at(Table::kMetaNamesFieldNumber), entries.meta_names()));
  columns_.push_back(Numbers(at(Table::kMetaNameBytesFieldNumber), entries.meta_name_bytes()));
  columns_.push_back(Numbers(at(Table::kMetaNodeFieldNumber), entries.meta_node()));
  columns_.push_back(Numbers(at(Table::kMetaAtFieldNumber), entries.meta_at()));
}

std::optional<grpc::ByteBuffer> PlanCutter::Next() {
  PieceWriter piece(subject_);
  size_t budget = kPieceBytes;
  for (; column_ < columns_.size(); ++column_, row_ = 0) {
    const PlanColumn& column = columns_[column_];
    row_ += column.take(piece, row_, budget);
    if (row_ < column.size) break;
  }
  if (piece.empty()) return std::nullopt;
  return piece.Take(v1::LoadResponse::kPlanFieldNumber);
}

}  // namespace airlock::server
