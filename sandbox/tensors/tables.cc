#include "sandbox/tensors/tables.h"

#include <algorithm>
#include <iterator>

namespace airlock::tensors {

uint32_t Tables::AddStorage(const Storage& storage) {
  storages_.push_back(storage);
  return static_cast<uint32_t>(storages_.size() - 1);
}

uint32_t Tables::AddTensor(const TensorView& tensor) {
  const uint64_t* const before = dims_.data();
  const size_t before_size = dims_.size();
  rows_.push_back(Row{.storage = tensor.storage,
                      .flags = tensor.flags,
                      .offset = tensor.offset,
                      .dims = dims_.size(),
                      .rank = static_cast<uint32_t>(tensor.shape.size()),
                      .dtype = tensor.dtype});
  // The spans may view dims_ itself (a copy of a tensor), which growth moves: that by index and not by pointer.
  for (const std::span<const uint64_t> dims : {tensor.shape, tensor.stride}) {
    const bool inside = dims.data() >= before && dims.data() < before + before_size;
    const size_t from = inside ? static_cast<size_t>(dims.data() - before) : 0;
    uint64_t* const to = dims_.Extend(dims.size());
    std::copy_n(inside ? dims_.data() + from : dims.data(), dims.size(), to);
  }
  return static_cast<uint32_t>(rows_.size() - 1);
}

uint32_t Tables::Device(std::string_view name) {
  // Nearly all storages of a file name one.
  if (last_device_ < devices_.size() && devices_[last_device_] == name) return last_device_;
  last_device_ = FindDevice(name);
  return last_device_;
}

uint32_t Tables::FindDevice(std::string_view name) {
  if (const auto found = device_index_.find(name); found != device_index_.end()) return found->second;
  const auto device = static_cast<uint32_t>(devices_.size());
  devices_.emplace_back(name);
  device_index_.emplace(name, device);
  return device;
}

std::unordered_set<uint32_t> Tables::CheckedStorages() const {
  std::unordered_set<uint32_t> storages;
  for (const NumberCheck& check : checks_) {
    for (const uint32_t tensor : {check.first, check.second, check.third}) {
      // A part that a layout does not have is tensor 0, which does no harm.
      storages.insert(rows_[tensor].storage);
    }
  }
  return storages;
}

std::vector<NumberCheck> Tables::TakeChecks(size_t first) {
  const auto begin = checks_.begin() + static_cast<std::ptrdiff_t>(first);
  std::vector<NumberCheck> taken(std::make_move_iterator(begin), std::make_move_iterator(checks_.end()));
  checks_.erase(begin, checks_.end());
  return taken;
}

TensorView Tables::tensor(uint32_t index) const {
  const Row& row = rows_[index];
  const std::span<const uint64_t> dims(dims_.data(), dims_.size());
  return TensorView{.storage = row.storage,
                    .dtype = row.dtype,
                    .flags = row.flags,
                    .offset = row.offset,
                    .shape = dims.subspan(row.dims, row.rank),
                    .stride = dims.subspan(row.dims + row.rank, row.rank)};
}

}  // namespace airlock::tensors
