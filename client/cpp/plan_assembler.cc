#include "client/cpp/plan_assembler.h"

#include <algorithm>
#include <optional>
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
  if (info.Elements() == 0) return 0;
  if (ElementsPerByte(info.dtype) > 1) {
    return info.offset == 0 && info.Contiguous() ? std::optional(info.Bytes()) : std::nullopt;
  }
  std::optional<uint64_t> last = info.offset;
  for (size_t i = 0; i < info.shape.size() && last; ++i) {
    const auto step = CheckedMul(info.shape[i] - 1, info.strides[i]);
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

// Rows that are worth room ahead of them: what the report announces, as far as it may be true.
int RowsAhead(uint64_t rows) {
  constexpr uint64_t kMost = uint64_t{1} << 20;
  return static_cast<int>(std::min(rows, kMost));
}

// Columns grow by whole pieces.
void Append(v1::Entries& to, const v1::Entries& piece) {
  to.mutable_names()->append(piece.names());
  to.mutable_name_bytes()->MergeFrom(piece.name_bytes());
  to.mutable_tensor()->MergeFrom(piece.tensor());
  to.mutable_meta_names()->append(piece.meta_names());
  to.mutable_meta_name_bytes()->MergeFrom(piece.meta_name_bytes());
  to.mutable_meta_node()->MergeFrom(piece.meta_node());
  to.mutable_meta_at()->MergeFrom(piece.meta_at());
}

}  // namespace

void PlanAssembler::Add(v1::Report report) {
  contents_->report_ = std::move(report);
  const v1::Totals& totals = contents_->report_.totals();
  const auto tensors = RowsAhead(totals.tensors());
  for (auto* const column : {tensors_.mutable_storage(), tensors_.mutable_flags(), tensors_.mutable_rank()}) {
    column->Reserve(tensors);
  }
  tensors_.mutable_dtype()->Reserve(tensors);
  tensors_.mutable_offset()->Reserve(tensors);
  const auto storages = RowsAhead(totals.storages());
  storages_.mutable_place()->Reserve(storages);
  storages_.mutable_device()->Reserve(storages);
  for (auto* const column : {storages_.mutable_offset(), storages_.mutable_nbytes(), storages_.mutable_crc32()}) {
    column->Reserve(storages);
  }
}

bool PlanAssembler::Add(CodedInputStream& piece) {
  return ForEachField(piece, [&](int number, uint32_t bytes) {
    // What is left is no negative number where there is a limit.
    if (bytes > static_cast<uint32_t>(std::max(piece.BytesUntilLimit(), 0))) return false;
    const CodedInputStream::Limit outer = piece.PushLimit(static_cast<int>(bytes));
    if (!AddField(number, piece) || piece.BytesUntilLimit() != 0) return false;
    piece.PopLimit(outer);
    return true;
  });
}

bool PlanAssembler::AddField(int number, CodedInputStream& piece) {
  const int bytes = piece.BytesUntilLimit();
  switch (number) {
    case v1::PlanChunk::kGraphFieldNumber:
      return graph_.Add(piece);
    case v1::PlanChunk::kTensorsFieldNumber:
      return tensors_.MergeFromCodedStream(&piece);
    case v1::PlanChunk::kStoragesFieldNumber:
      return storages_.MergeFromCodedStream(&piece);
    case v1::PlanChunk::kDevicesFieldNumber:
      return piece.ReadString(&contents_->devices_.emplace_back(), bytes);
    case v1::PlanChunk::kSymbolsFieldNumber:
      return contents_->symbols_.emplace_back().MergeFromCodedStream(&piece);
    case v1::PlanChunk::kFindingsFieldNumber:
      return contents_->findings_.emplace_back().MergeFromCodedStream(&piece);
    case v1::PlanChunk::kEntriesFieldNumber: {
      v1::Entries entries;
      if (!entries.MergeFromCodedStream(&piece)) return false;
      Append(entries_, entries);
      return true;
    }
    default:  // of a later daemon
      return piece.Skip(bytes);
  }
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
  return totals.nodes() > 0 && graph_.size() == totals.nodes() &&
         static_cast<uint64_t>(tensors_.dtype_size()) == totals.tensors() &&
         static_cast<uint64_t>(storages_.nbytes_size()) == totals.storages() &&
         static_cast<uint64_t>(entries_.name_bytes_size()) == totals.entries() &&
         static_cast<uint64_t>(entries_.meta_name_bytes_size()) == totals.meta_entries() &&
         contents_->symbols_.size() == totals.symbols() && contents_->findings_.size() == totals.findings();
}

bool PlanAssembler::BuildStorages() {
  Contents& contents = *contents_;
  const int count = storages_.nbytes_size();
  if (storages_.device_size() != count || storages_.place_size() != count || storages_.offset_size() != count ||
      storages_.crc32_size() != count) {
    return false;
  }
  contents.storages_.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    if (storages_.device(i) >= contents.devices_.size()) return false;
    const std::optional<uint32_t> crc32 =
        storages_.crc32(i) == 0 ? std::nullopt : std::optional(static_cast<uint32_t>(storages_.crc32(i)));
    contents.storages_.push_back(
        {storages_.nbytes(i), contents.devices_[storages_.device(i)], storages_.place(i), storages_.offset(i), crc32});
    if (contents.storages_.back().left_out()) continue;
    const auto total = CheckedAdd(contents.payload_bytes_, storages_.nbytes(i));
    if (!total) return false;
    contents.payload_bytes_ = *total;
  }
  return contents.payload_bytes_ == contents.report_.totals().payload_bytes();
}

bool PlanAssembler::BuildTensors() {
  Contents& contents = *contents_;
  const int count = tensors_.dtype_size();
  if (tensors_.storage_size() != count || tensors_.flags_size() != count || tensors_.offset_size() != count ||
      tensors_.rank_size() != count || tensors_.shape_size() != tensors_.stride_size()) {
    return false;
  }
  contents.shapes_.assign(tensors_.shape().begin(), tensors_.shape().end());
  contents.strides_.assign(tensors_.stride().begin(), tensors_.stride().end());
  contents.quantizations_.assign(tensors_.quantization().begin(), tensors_.quantization().end());
  contents.tensors_.reserve(static_cast<size_t>(count));
  uint64_t dims = 0;
  for (int i = 0; i < count; ++i) {
    const uint32_t rank = tensors_.rank(i);
    if (!SpanFits(dims, rank, contents.shapes_.size())) return false;
    TensorInfo info{tensors_.storage(i),
                    tensors_.dtype(i),
                    tensors_.flags(i),
                    tensors_.offset(i),
                    std::span(contents.shapes_).subspan(dims, rank),
                    std::span(contents.strides_).subspan(dims, rank)};
    const auto reach = Reach(info);
    if (info.storage >= contents.storages_.size() || !reach || *reach > contents.storages_[info.storage].bytes)
      return false;
    contents.tensors_.push_back(info);
    dims += rank;
  }
  return dims == contents.shapes_.size();
}

bool PlanAssembler::BuildEntries() {
  const int count = entries_.name_bytes_size();
  if (entries_.tensor_size() != count) return false;
  contents_->entries_.reserve(static_cast<size_t>(count));
  std::string_view names = entries_.names();
  for (int i = 0; i < count; ++i) {
    const auto name = TakeName(names, entries_.name_bytes(i));
    if (!name || entries_.tensor(i) >= contents_->tensors_.size()) return false;
    contents_->entries_.push_back({std::string(*name), entries_.tensor(i)});
  }
  return names.empty() && BuildMetaEntries();
}

bool PlanAssembler::BuildMetaEntries() {
  const int count = entries_.meta_name_bytes_size();
  if (entries_.meta_node_size() != count || entries_.meta_at_size() != count) return false;
  std::string_view names = entries_.meta_names();
  for (int i = 0; i < count; ++i) {
    const auto name = TakeName(names, entries_.meta_name_bytes(i));
    if (!name) return false;
    contents_->meta_entries_.push_back({std::string(*name), entries_.meta_node(i), size_t{entries_.meta_at(i)}});
  }
  return names.empty();
}

}  // namespace airlock
