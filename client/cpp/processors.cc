#include "client/cpp/processors.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace airlock {
namespace {

// To start a thread takes as long as to read some hundred KiB.
constexpr uint64_t kWorthAThread = 2 << 20;

// What the threads share.
class Turns {
 public:
  Turns(size_t count, const std::function<ClientResult<void>(size_t)>& turn) : count_(count), turn_(turn) {}

  // The next turn that nobody has, until one has failed or none is left.
  void Take() {
    for (size_t i = next_++; i < count_ && !failed_; i = next_++) {
      auto done = turn_(i);
      if (!done.ok()) Note(std::move(done).error());
    }
  }

  ClientResult<void> Result() {
    if (first_) return Unexpected{std::move(*first_)};
    return {};
  }

 private:
  void Note(ClientError error) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
    failed_ = true;
  }

  const size_t count_;
  const std::function<ClientResult<void>(size_t)>& turn_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::optional<ClientError> first_;
};

}  // namespace

ClientResult<void> OnAllProcessors(size_t count, uint64_t bytes,
                                   const std::function<ClientResult<void>(size_t)>& turn) {
  Turns turns(count, turn);
  {
    const uint64_t worth = std::min<uint64_t>(count, bytes / kWorthAThread);
    const uint64_t threads = std::min<uint64_t>(std::thread::hardware_concurrency(), worth);
    std::vector<std::jthread> others;
    try {
      for (uint64_t i = 1; i < threads; ++i) others.emplace_back([&] { turns.Take(); });
    } catch (const std::system_error&) {
      // A process that may have no more threads goes on with those that it has.
    }
    turns.Take();
  }
  return turns.Result();
}

}  // namespace airlock
