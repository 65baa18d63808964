#include "server/service/budget.h"

#include <algorithm>

namespace airlock::server {
namespace {

// What one caller may have of what is left.
constexpr uint64_t kPart = 16;

}  // namespace

std::optional<Budget::Share> Budget::Take(uint64_t amount) {
  const std::lock_guard lock(mutex_);
  if (held_ > capacity_ || amount > capacity_ - held_) return std::nullopt;
  held_ += amount;
  return Share(this, amount);
}

Budget::Share Budget::TakeSome(uint64_t least, uint64_t most) {
  const std::lock_guard lock(mutex_);
  const uint64_t left = capacity_ - std::min(held_, capacity_);
  const uint64_t amount = std::clamp(left / kPart, least, most);
  held_ += amount;
  return Share(this, amount);
}

Budget::Share Budget::TakeUpTo(uint64_t most) {
  const std::lock_guard lock(mutex_);
  const uint64_t amount = std::min(most, capacity_ - std::min(held_, capacity_));
  held_ += amount;
  return Share(this, amount);
}

void Budget::GiveBack(uint64_t amount) {
  const std::lock_guard lock(mutex_);
  held_ -= amount;
}

}  // namespace airlock::server
