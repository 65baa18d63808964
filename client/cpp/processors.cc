#include "client/cpp/processors.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace airlock {
namespace {

// To start a thread takes as long as to read some hundred KiB.
constexpr uint64_t kWorthAThread = 2 << 20;

}  // namespace

void SharedWork::TakeTurns() {
  for (size_t i = next_++; i < count_ && !over_; i = next_++) {
    auto done = turn_(i);
    if (!done.ok()) Note(std::move(done).error());
  }
}

void SharedWork::Note(ClientError error) {
  const std::lock_guard lock(mutex_);
  if (!first_) first_ = std::move(error);
  over_ = true;
}

void SharedWork::Start(size_t threads) {
  try {
    while (threads_.size() < threads) threads_.emplace_back([this] { TakeTurns(); });
  } catch (const std::system_error&) {
    // A process that may have no more threads goes on with those that it has.
  }
}

ClientResult<void> SharedWork::Finish() {
  TakeTurns();
  threads_.clear();
  if (first_) return Unexpected{*first_};
  return {};
}

size_t ThreadsFor(size_t count, uint64_t bytes) {
  const uint64_t worth = std::max<uint64_t>(1, std::min<uint64_t>(count, bytes / kWorthAThread));
  return std::min<uint64_t>(std::max(1U, std::thread::hardware_concurrency()), worth);
}

ClientResult<void> OnAllProcessors(size_t count, uint64_t bytes, const SharedWork::Turn& turn) {
  SharedWork work(count, turn);
  work.Start(ThreadsFor(count, bytes) - 1);
  return work.Finish();
}

}  // namespace airlock
