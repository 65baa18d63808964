#include "sandbox/spawner/user_ids.h"

#include <utility>

namespace airlock::spawner {

UserLease& UserLease::operator=(UserLease&& other) noexcept {
  if (this != &other) {
    GiveUp();
    ids_ = std::move(other.ids_);
    id_ = other.id_;
  }
  return *this;
}

void UserLease::GiveUp() {
  if (ids_) std::exchange(ids_, nullptr)->GiveBack(id_);
}

std::shared_ptr<UserIds> UserIds::Of(const walls::UserRange& range) {
  std::shared_ptr<UserIds> ids(new UserIds);
  for (uint32_t i = 1; i < range.count; ++i) ids->free_.push_back(range.base + i);
  return ids;
}

std::optional<UserLease> UserIds::Take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return std::nullopt;
  const uint32_t id = free_.front();
  free_.pop_front();
  return UserLease(shared_from_this(), id);
}

void UserIds::GiveBack(uint32_t id) {
  const std::lock_guard lock(mutex_);
  free_.push_back(id);
}

}  // namespace airlock::spawner
