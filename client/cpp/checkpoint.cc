#include "airlock/checkpoint.h"

#include <algorithm>
#include <utility>

namespace airlock {

const v1::Quantization* Contents::quantization(uint32_t tensor) const {
  const auto at = std::lower_bound(quantizations_.begin(), quantizations_.end(), tensor,
                                   [](const v1::Quantization& row, uint32_t index) { return row.tensor() < index; });
  return at != quantizations_.end() && at->tensor() == tensor ? &*at : nullptr;
}

Checkpoint::Checkpoint(std::shared_ptr<const Contents> contents, std::vector<std::shared_ptr<const Storage>> storages)
    : contents_(std::move(contents)), storages_(std::move(storages)) {
  by_name_.reserve(contents_->entries().size());
  for (const NamedTensor& entry : contents_->entries()) by_name_.emplace(entry.name, entry.tensor);
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
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return std::nullopt;
  return tensor(at->second);
}

}  // namespace airlock
