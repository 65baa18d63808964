// Which user each live worker is. No two have the same: an id is free again only when its lease is given up, after the
// worker has been reaped; and then the one that has been free for longest is next.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "sandbox/walls/user_range.h"

namespace airlock::spawner {

class UserIds;

// One id, until destroyed. Movable; not thread-safe. Empty unless made by UserIds.
class UserLease {
 public:
  UserLease() = default;
  UserLease(UserLease&& other) noexcept = default;
  UserLease& operator=(UserLease&& other) noexcept;
  ~UserLease() { GiveUp(); }

  // 0: there is none.
  uint32_t id() const { return ids_ ? id_ : 0; }

 private:
  friend class UserIds;
  UserLease(std::shared_ptr<UserIds> ids, uint32_t id) : ids_(std::move(ids)), id_(id) {}
  void GiveUp();

  std::shared_ptr<UserIds> ids_;
  uint32_t id_ = 0;
};

// Thread-safe.
class UserIds : public std::enable_shared_from_this<UserIds> {
 public:
  // All ids of `range` but the first, which is the spawner's. REQUIRES: IsUsable(range).
  static std::shared_ptr<UserIds> Of(const walls::UserRange& range);

  // Nothing where all are in use.
  std::optional<UserLease> Take();

 private:
  friend class UserLease;
  UserIds() = default;
  void GiveBack(uint32_t id);

  std::mutex mutex_;
  std::deque<uint32_t> free_;
};

}  // namespace airlock::spawner
