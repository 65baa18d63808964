#include "client/cpp/plan_assembler.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "client/cpp/message_fields.h"
#include "sandbox/base/checked.h"

namespace airlock {
namespace {

using google::protobuf::io::CodedInputStream;

// Bytes from the start of the storage to the end of the last element; absent on overflow.
std::optional<uint64_t> Reach(const TensorInfo& info) {
  const uint32_t element = ElementSize(info.dtype);
  if (element == 0) return std::nullopt;
  if (ElementsPerByte(info.dtype) > 1) {
    const bool in_order = info.offset == 0 && info.Contiguous();
    return in_order || info.Elements() == 0 ? std::optional(info.Bytes()) : std::nullopt;
  }
  std::optional<uint64_t> last = info.offset;
  for (size_t i = 0; i < info.shape.size(); ++i) {
    if (info.shape[i] == 0) return 0;
    const auto step = last ? CheckedMul(info.shape[i] - 1, info.strides[i]) : std::nullopt;
    last = step ? CheckedAdd(*last, *step) : std::nullopt;
  }
  const auto end = last ? CheckedAdd(*last, 1) : std::nullopt;
  return end ? CheckedMul(*end, element) : std::nullopt;
}

// The first `length` bytes; takes them away. Absent where there are fewer.
std::optional<std::string_view> TakeName(std::string_view& names, size_t length) {
  if (length > names.size()) return std::nullopt;
  const std::string_view name = names.substr(0, length);
  names.remove_prefix(length);
  return name;
}

// Room for what the report announces, as far as it may be true.
template <typename... Columns>
void Reserve(uint64_t rows, Columns&... columns) {
  constexpr uint64_t kMost = uint64_t{1} << 20;
  (columns.reserve(std::min(rows, kMost)), ...);
}

template <typename... Columns>
bool AllOf(size_t rows, const Columns&... columns) {
  return ((columns.size() == rows) && ...);
}

}  // namespace

void PlanAssembler::Add(v1::Report report) {
  contents_->report_ = std::move(report);
  const v1::Totals& totals = contents_->report_.totals();
  Reserve(totals.tensors(), tensors_.storage, tensors_.dtype, tensors_.flags, tensors_.offset, tensors_.rank);
  Reserve(totals.storages(), storages_.place, storages_.offset, storages_.nbytes, storages_.device, storages_.crc32);
  Reserve(totals.entries(), entries_.name_bytes, entries_.tensor);
}

bool PlanAssembler::Add(CodedInputStream& piece) {
  return ForEachField(piece, [&](int number, uint32_t bytes) {
    return TakeWithin(piece, bytes, [&] { return AddField(number, piece); });
  });
}

bool PlanAssembler::AddField(int number, CodedInputStream& piece) {
  const int bytes = piece.BytesUntilLimit();
  switch (number) {
    case v1::PlanChunk::kGraphFieldNumber:
      return graph_.Add(piece);
    case v1::PlanChunk::kTensorsFieldNumber:
      return AddTensors(piece);
    case v1::PlanChunk::kStoragesFieldNumber:
      return AddStorages(piece);
    case v1::PlanChunk::kDevicesFieldNumber:
      return piece.ReadString(&contents_->devices_.emplace_back(), bytes);
    case v1::PlanChunk::kSymbolsFieldNumber:
      return contents_->symbols_.emplace_back().MergeFromCodedStream(&piece);
    case v1::PlanChunk::kFindingsFieldNumber:
      return contents_->findings_.emplace_back().MergeFromCodedStream(&piece);
    case v1::PlanChunk::kEntriesFieldNumber:
      return AddEntries(piece);
    default:  // of a later daemon
      return piece.Skip(bytes);
  }
}

bool PlanAssembler::AddTensors(CodedInputStream& piece) {
  using Columns = v1::TensorColumns;
  return ForEachField(piece, [&](int number, uint32_t bytes) {
    switch (number) {
      case Columns::kStorageFieldNumber:
        return AppendValues(tensors_.storage, piece, bytes);
      case Columns::kDtypeFieldNumber:
        return AppendEnums(tensors_.dtype, piece, bytes);
      case Columns::kFlagsFieldNumber:
        return AppendValues(tensors_.flags, piece, bytes);
      case Columns::kOffsetFieldNumber:
        return AppendValues(tensors_.offset, piece, bytes);
      case Columns::kRankFieldNumber:
        return AppendValues(tensors_.rank, piece, bytes);
      case Columns::kShapeFieldNumber:
        return AppendValues(contents_->shapes_, piece, bytes);
      case Columns::kStrideFieldNumber:
        return AppendValues(contents_->strides_, piece, bytes);
      case Columns::kQuantizationFieldNumber:
        return TakeWithin(piece, bytes,
                          [&] { return contents_->quantizations_.emplace_back().MergeFromCodedStream(&piece); });
      default:  // of a later daemon
        return piece.Skip(static_cast<int>(bytes));
    }
  });
}

bool PlanAssembler::AddStorages(CodedInputStream& piece) {
  using Columns = v1::StorageColumns;
  return ForEachField(piece, [&](int number, uint32_t bytes) {
    switch (number) {
      case Columns::kPlaceFieldNumber:
        return AppendEnums(storages_.place, piece, bytes);
      case Columns::kOffsetFieldNumber:
        return AppendValues(storages_.offset, piece, bytes);
      case Columns::kNbytesFieldNumber:
        return AppendValues(storages_.nbytes, piece, bytes);
      case Columns::kDeviceFieldNumber:
        return AppendValues(storages_.device, piece, bytes);
      case Columns::kCrc32FieldNumber:
        return AppendValues(storages_.crc32, piece, bytes);
      default:  // of a later daemon
        return piece.Skip(static_cast<int>(bytes));
    }
  });
}

bool PlanAssembler::AddEntries(CodedInputStream& piece) {
  return ForEachField(piece, [&](int number, uint32_t bytes) {
    switch (number) {
      case v1::Entries::kNamesFieldNumber:
        return AppendValues(contents_->names_, piece, bytes);
      case v1::Entries::kNameBytesFieldNumber:
        return AppendValues(entries_.name_bytes, piece, bytes);
      case v1::Entries::kTensorFieldNumber:
        return AppendValues(entries_.tensor, piece, bytes);
      case v1::Entries::kMetaNamesFieldNumber:
        return AppendValues(contents_->meta_names_, piece, bytes);
      case v1::Entries::kMetaNameBytesFieldNumber:
        return AppendValues(entries_.meta_name_bytes, piece, bytes);
      case v1::Entries::kMetaNodeFieldNumber:
        return AppendValues(entries_.meta_node, piece, bytes);
      case v1::Entries::kMetaAtFieldNumber:
        return AppendValues(entries_.meta_at, piece, bytes);
      default:  // of a later daemon
        return piece.Skip(static_cast<int>(bytes));
    }
  });
}

ClientResult<std::shared_ptr<const Contents>> PlanAssembler::Finish() {
  Contents& contents = *contents_;
  if (!MatchesTotals()) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the daemon's answer is not as long as its report says")};
  }
  if (!BuildStorages() || !BuildTensors() || !BuildEntries()) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the tables in the daemon's answer do not fit together")};
  }
  const GraphBuilder::Tables tables{contents.tensors_.size(), contents.storages_.size(), contents.symbols_.size()};
  AIRLOCK_ASSIGN(contents.graph_, graph_.Finish(tables));
  for (const NamedMeta& meta : contents.meta_entries_) {
    if (meta.node < contents.graph_.size() && contents.graph_.kind(meta.node) == v1::NODE_KIND_META_TENSOR) continue;
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the tables in the daemon's answer do not fit together")};
  }
  return std::shared_ptr<const Contents>(contents_);
}

bool PlanAssembler::MatchesTotals() const {
  const v1::Totals& totals = contents_->report_.totals();
  return totals.nodes() > 0 && graph_.size() == totals.nodes() && tensors_.dtype.size() == totals.tensors() &&
         storages_.nbytes.size() == totals.storages() && entries_.name_bytes.size() == totals.entries() &&
         entries_.meta_name_bytes.size() == totals.meta_entries() && contents_->symbols_.size() == totals.symbols() &&
         contents_->findings_.size() == totals.findings();
}

bool PlanAssembler::BuildStorages() {
  Contents& contents = *contents_;
  const auto& [place, offset, nbytes, device, crc32] = storages_;
  const size_t count = nbytes.size();
  if (!AllOf(count, place, offset, device, crc32)) return false;
  contents.storages_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (device[i] >= contents.devices_.size()) return false;
    const std::optional<uint32_t> checksum =
        crc32[i] == 0 ? std::nullopt : std::optional(static_cast<uint32_t>(crc32[i]));
    contents.storages_.push_back({nbytes[i], contents.devices_[device[i]], place[i], offset[i], checksum});
    if (contents.storages_.back().left_out()) continue;
    const auto total = CheckedAdd(contents.payload_bytes_, nbytes[i]);
    if (!total) return false;
    contents.payload_bytes_ = *total;
  }
  return contents.payload_bytes_ == contents.report_.totals().payload_bytes();
}

bool PlanAssembler::BuildTensors() {
  Contents& contents = *contents_;
  const auto& [storage, dtype, flags, offset, rank] = tensors_;
  const std::span<const uint64_t> shapes = contents.shapes_;
  const std::span<const uint64_t> strides = contents.strides_;
  const size_t count = dtype.size();
  if (!AllOf(count, storage, flags, offset, rank) || shapes.size() != strides.size()) return false;
  contents.tensors_.reserve(count);
  uint64_t dims = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!SpanFits(dims, rank[i], shapes.size())) return false;
    const TensorInfo info{
        storage[i], dtype[i], flags[i], offset[i], shapes.subspan(dims, rank[i]), strides.subspan(dims, rank[i])};
    const auto reach = Reach(info);
    if (info.storage >= contents.storages_.size() || !reach || *reach > contents.storages_[info.storage].bytes)
      return false;
    contents.tensors_.push_back(info);
    dims += rank[i];
  }
  return dims == shapes.size();
}

bool PlanAssembler::BuildEntries() {
  const size_t count = entries_.name_bytes.size();
  if (entries_.tensor.size() != count) return false;
  contents_->entries_.reserve(count);
  std::string_view names = contents_->names_;
  for (size_t i = 0; i < count; ++i) {
    const auto name = TakeName(names, entries_.name_bytes[i]);
    if (!name || entries_.tensor[i] >= contents_->tensors_.size()) return false;
    contents_->entries_.push_back({*name, entries_.tensor[i]});
  }
  return names.empty() && BuildMetaEntries();
}

bool PlanAssembler::BuildMetaEntries() {
  const size_t count = entries_.meta_name_bytes.size();
  if (!AllOf(count, entries_.meta_node, entries_.meta_at)) return false;
  std::string_view names = contents_->meta_names_;
  for (size_t i = 0; i < count; ++i) {
    const auto name = TakeName(names, entries_.meta_name_bytes[i]);
    if (!name) return false;
    contents_->meta_entries_.push_back({*name, entries_.meta_node[i], size_t{entries_.meta_at[i]}});
  }
  return names.empty();
}

}  // namespace airlock
