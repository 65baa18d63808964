#include "client/cpp/plan_assembler.h"

#include <utility>

#include "sandbox/base/checked.h"

namespace airlock {
namespace {

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

}  // namespace

void PlanAssembler::Add(const v1::PlanChunk& piece) {
  graph_.Append(piece.graph());
  tensors_.MergeFrom(piece.tensors());
  storages_.MergeFrom(piece.storages());
  entries_.MergeFrom(piece.entries());
  contents_->devices_.insert(contents_->devices_.end(), piece.devices().begin(), piece.devices().end());
  contents_->symbols_.insert(contents_->symbols_.end(), piece.symbols().begin(), piece.symbols().end());
  contents_->findings_.insert(contents_->findings_.end(), piece.findings().begin(), piece.findings().end());
}

ClientResult<std::shared_ptr<const Contents>> PlanAssembler::Finish() {
  Contents& contents = *contents_;
  if (!MatchesTotals()) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the daemon's answer is not as long as its report says")};
  }
  if (!BuildStorages() || !BuildTensors() || !BuildEntries()) {
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the tables in the daemon's answer do not fit together")};
  }
  const Graph::Tables tables{contents.tensors_.size(), contents.storages_.size(), contents.symbols_.size()};
  AIRLOCK_ASSIGN(contents.graph_, Graph::Build(std::move(graph_), tables));
  for (const NamedMeta& meta : contents.meta_entries_) {
    if (meta.node < contents.graph_.size() && contents.graph_.kind(meta.node) == v1::NODE_KIND_META_TENSOR) continue;
    return Unexpected{MakeError(v1::REASON_INTERNAL, "the tables in the daemon's answer do not fit together")};
  }
  return std::shared_ptr<const Contents>(contents_);
}

bool PlanAssembler::MatchesTotals() const {
  const v1::Totals& totals = contents_->report_.totals();
  return totals.nodes() > 0 && graph_.kinds.size() == totals.nodes() &&
         static_cast<uint64_t>(tensors_.dtype_size()) == totals.tensors() &&
         static_cast<uint64_t>(storages_.nbytes_size()) == totals.storages() &&
         static_cast<uint64_t>(entries_.name_size()) == totals.entries() &&
         static_cast<uint64_t>(entries_.meta_name_size()) == totals.meta_entries() &&
         contents_->symbols_.size() == totals.symbols() && contents_->findings_.size() == totals.findings();
}

bool PlanAssembler::BuildStorages() {
  Contents& contents = *contents_;
  const int count = storages_.nbytes_size();
  if (storages_.device_size() != count || storages_.place_size() != count || storages_.offset_size() != count) {
    return false;
  }
  contents.storages_.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    if (storages_.device(i) >= contents.devices_.size()) return false;
    contents.storages_.push_back(
        {storages_.nbytes(i), contents.devices_[storages_.device(i)], storages_.place(i), storages_.offset(i)});
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
  const int count = entries_.name_size();
  if (entries_.tensor_size() != count) return false;
  contents_->entries_.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    if (entries_.tensor(i) >= contents_->tensors_.size()) return false;
    contents_->entries_.push_back({std::move(*entries_.mutable_name(i)), entries_.tensor(i)});
  }
  const int meta = entries_.meta_name_size();
  if (entries_.meta_node_size() != meta || entries_.meta_at_size() != meta) return false;
  for (int i = 0; i < meta; ++i) {
    contents_->meta_entries_.push_back(
        {std::move(*entries_.mutable_meta_name(i)), entries_.meta_node(i), size_t{entries_.meta_at(i)}});
  }
  return true;
}

}  // namespace airlock
