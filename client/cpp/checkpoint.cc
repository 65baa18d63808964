#include "airlock/checkpoint.h"

#include <algorithm>
#include <bit>
#include <mutex>
#include <utility>

#include "sandbox/base/keyed_hash.h"

namespace airlock {

const v1::Quantization* Contents::quantization(uint32_t tensor) const {
  const auto at = std::lower_bound(quantizations_.begin(), quantizations_.end(), tensor,
                                   [](const v1::Quantization& row, uint32_t index) { return row.tensor() < index; });
  return at != quantizations_.end() && at->tensor() == tensor ? &*at : nullptr;
}

// Where names stand among the entries. Made when somebody first asks: most callers walk the entries and never do.
class Checkpoint::NameIndex {
 public:
  // Absent if there is no such name. Thread-safe; always of the same entries.
  std::optional<size_t> Find(const std::vector<NamedTensor>& entries, std::string_view name) {
    std::call_once(made_, [&] { Make(entries); });
    const uint32_t slot = slots_[SlotOf(entries, name)];
    return slot == 0 ? std::nullopt : std::optional<size_t>(slot - 1);
  }

 private:
  void Make(const std::vector<NamedTensor>& entries) {
    slots_.assign(std::bit_ceil(std::max<size_t>(2 * entries.size(), 2)), 0);
    for (size_t i = 0; i < entries.size(); ++i) {
      uint32_t& slot = slots_[SlotOf(entries, entries[i].name)];
      if (slot == 0) slot = static_cast<uint32_t>(i + 1);  // the first of one name
    }
  }

  // The slot that has the name, or the free one where it would be.
  size_t SlotOf(const std::vector<NamedTensor>& entries, std::string_view name) const {
    const size_t mask = slots_.size() - 1;
    size_t at = KeyedHash()(name) & mask;
    while (slots_[at] != 0 && entries[slots_[at] - 1].name != name) at = (at + 1) & mask;
    return at;
  }

  std::once_flag made_;
  // An open table: where a name stands, plus 1; 0 is free. A power of two, at most half of it taken.
  std::vector<uint32_t> slots_;
};

Checkpoint::Checkpoint(std::shared_ptr<const Contents> contents, std::vector<std::shared_ptr<const Storage>> storages)
    : contents_(std::move(contents)), storages_(std::move(storages)), by_name_(std::make_shared<NameIndex>()) {}

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
  const std::vector<NamedTensor>& entries = contents_->entries();
  const auto at = by_name_->Find(entries, name);
  return at ? std::optional(tensor(entries[*at].tensor)) : std::nullopt;
}

}  // namespace airlock
