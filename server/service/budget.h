// Budget: how much of one thing all calls together may hold at a time. Whoever wants more is turned away, or gets less,
// and is not made to wait: a caller that reads slowly on purpose must not hold up, or use up, the daemon. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace airlock::server {

class Budget {
 public:
  explicit Budget(uint64_t capacity) : capacity_(capacity) {}

  // What one call holds; given back when it goes. The budget must outlive it.
  class Share {
   public:
    Share(Share&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)), amount_(other.amount_) {}
    Share& operator=(Share other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(amount_, other.amount_);
      return *this;
    }
    uint64_t amount() const { return amount_; }
    ~Share() {
      if (budget_ != nullptr) budget_->GiveBack(amount_);
    }

   private:
    friend class Budget;
    Share(Budget* budget, uint64_t amount) : budget_(budget), amount_(amount) {}

    Budget* budget_;
    uint64_t amount_;
  };

  // Nothing where less than `amount` is left.
  std::optional<Share> Take(uint64_t amount);
  // `most` while there is plenty. As the budget goes, a sixteenth of what is left, so that no one caller takes the
  // rest; but always `least`, even beyond the capacity. REQUIRES: least <= most.
  Share TakeSome(uint64_t least, uint64_t most);
  // What is left, up to `most`: nothing, perhaps.
  Share TakeUpTo(uint64_t most);

 private:
  void GiveBack(uint64_t amount);

  const uint64_t capacity_;
  std::mutex mutex_;
  uint64_t held_ = 0;
};

}  // namespace airlock::server
