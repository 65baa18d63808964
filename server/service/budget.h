// Budget: how much of one thing all calls together may hold at a time. Whoever wants more is turned away and not made
// to wait: a caller that reads slowly on purpose must not hold up, or use up, the daemon. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace airlock::server {

class Budget {
 public:
  explicit Budget(uint64_t capacity) : left_(capacity) {}

  // What one call holds; given back when it goes. The budget must outlive it.
  class Share {
   public:
    Share(Share&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)), amount_(other.amount_) {}
    Share& operator=(Share&&) = delete;
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

 private:
  void GiveBack(uint64_t amount);

  std::mutex mutex_;
  uint64_t left_;
};

}  // namespace airlock::server
