#include "client/cpp/memory_sink.h"

#include <cstring>
#include <utility>

namespace airlock {

ClientResult<void> MemorySink::Plan(const std::shared_ptr<const Contents>& contents) {
  contents_ = contents;
  done_.resize(contents->storage_count());
  return {};
}

ClientResult<void> MemorySink::Begin(uint32_t index) {
  if (current_ != nullptr) return {};
  current_ = Storage::Allocate(contents_->storage(index).bytes);
  if (current_ == nullptr)
    return Unexpected{MakeError(v1::OUTCOME_INTERNAL, "this machine has no memory for the tensors")};
  return {};
}

// Without memory there is no room; Data then says so.
std::span<std::byte> MemorySink::Room(uint32_t index, uint64_t offset) {
  if (!Begin(index).ok()) return {};
  return current_->bytes().subspan(offset);
}

ClientResult<void> MemorySink::Data(uint32_t index, uint64_t offset, std::string_view bytes) {
  AIRLOCK_TRY(Begin(index));
  std::byte* const place = current_->bytes().data() + offset;
  if (static_cast<const void*>(bytes.data()) != place) memcpy(place, bytes.data(), bytes.size());
  return {};
}

ClientResult<void> MemorySink::End(uint32_t index) {
  AIRLOCK_TRY(Begin(index));
  done_[index] = std::exchange(current_, nullptr);
  return {};
}

}  // namespace airlock
