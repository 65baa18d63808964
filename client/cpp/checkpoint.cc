#include "airlock/checkpoint.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "sandbox/base/keyed_hash.h"

namespace airlock {

const v1::Quantization* Contents::quantization(uint32_t tensor) const {
  const auto at = std::lower_bound(quantizations_.begin(), quantizations_.end(), tensor,
                                   [](const v1::Quantization& row, uint32_t index) { return row.tensor() < index; });
  return at != quantizations_.end() && at->tensor() == tensor ? &*at : nullptr;
}

Checkpoint::Checkpoint(std::shared_ptr<const Contents> contents, std::vector<std::shared_ptr<const Storage>> storages)
    : contents_(std::move(contents)), storages_(std::move(storages)) {
  const std::vector<NamedTensor>& entries = contents_->entries();
  by_name_.assign(std::bit_ceil(std::max<size_t>(2 * entries.size(), 2)), 0);
  for (size_t i = 0; i < entries.size(); ++i) {
    uint32_t& slot = by_name_[SlotOf(entries[i].name)];
    if (slot == 0) slot = static_cast<uint32_t>(i + 1);  // the first of one name
  }
}

size_t Checkpoint::SlotOf(std::string_view name) const {
  const size_t mask = by_name_.size() - 1;
  size_t at = KeyedHash()(name) & mask;
  while (by_name_[at] != 0 && contents_->entries()[by_name_[at] - 1].name != name) at = (at + 1) & mask;
  return at;
}

Tensor Checkpoint::tensor(size_t index) const {
  const TensorInfo& info = contents_->tensor(index);
  const auto& storage = storages_[info.storage];
  const uint64_t offset = info.Elements() == 0 ? 0 : info.offset * ElementSize(info.dtype);
  return Tensor{info.dtype,
                info.flags,
                {info.shape.begin(), info.shape.end()},
                {info.strides.begin(), info.strides.end()},
                storage == nullptr ? nullptr : std::as_const(*storage).bytes().data() + offset,
                storage};
}

std::optional<Tensor> Checkpoint::Find(std::string_view name) const {
  const uint32_t slot = by_name_[SlotOf(name)];
  if (slot == 0) return std::nullopt;
  return tensor(contents_->entries()[slot - 1].tensor);
}

}  // namespace airlock
