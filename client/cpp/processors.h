// Work on much memory, shared among as many threads as there are processors.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "airlock/error.h"

namespace airlock {

// Work in turns, of which each is done once, by whichever thread comes first. Start and Finish are for one thread.
class SharedWork {
 public:
  using Turn = std::function<ClientResult<void>(size_t)>;

  // Turn 0 to `count` - 1 are to be done, in any order and several at a time, until one fails.
  SharedWork(size_t count, Turn turn) : count_(count), turn_(std::move(turn)) {}
  // No further turn begins; waits for those under way.
  ~SharedWork() { over_ = true; }
  SharedWork(const SharedWork&) = delete;
  SharedWork& operator=(const SharedWork&) = delete;

  // So many threads take turns from now on; fewer, where the process may have no more.
  void Start(size_t threads);
  // Takes turns too, until all are done: the error of one that failed.
  ClientResult<void> Finish();

 private:
  void TakeTurns();
  void Note(ClientError error);

  const size_t count_;
  const Turn turn_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> over_ = false;
  std::mutex mutex_;
  std::optional<ClientError> first_;
  // Last, for it is the first to go: they use all of the above.
  std::vector<std::jthread> threads_;
};

// How many threads work on so many bytes in `count` turns is worth, this one included.
size_t ThreadsFor(size_t count, uint64_t bytes);

// Calls turn(i) for each i below `count`, on as many threads as `bytes`, what all of them read together, is worth.
// Blocks until it is done.
ClientResult<void> OnAllProcessors(size_t count, uint64_t bytes, const SharedWork::Turn& turn);

}  // namespace airlock
