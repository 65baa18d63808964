#include "server/service/budget.h"

namespace airlock::server {

std::optional<Budget::Share> Budget::Take(uint64_t amount) {
  const std::lock_guard lock(mutex_);
  if (amount > left_) return std::nullopt;
  left_ -= amount;
  return Share(this, amount);
}

void Budget::GiveBack(uint64_t amount) {
  const std::lock_guard lock(mutex_);
  left_ += amount;
}

}  // namespace airlock::server
