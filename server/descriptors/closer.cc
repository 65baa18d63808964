#include "server/descriptors/closer.h"

#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

namespace airlock::server {
namespace {

// An honest user's are closed within microseconds.
constexpr size_t kMostWaiting = 64;

}  // namespace

void Closer::Close(uid_t owner, std::vector<Fd> fds) {
  if (fds.empty()) return;
  const std::lock_guard lock(state_->mutex);
  Pile& pile = state_->piles[owner];
  pile.waiting.insert(pile.waiting.end(), std::move_iterator(fds.begin()), std::move_iterator(fds.end()));
  if (pile.has_thread) return;
  try {
    std::thread([state = state_, owner] { Run(*state, owner); }).detach();
    pile.has_thread = true;
  } catch (const std::system_error&) {
    // No thread to be had: the next one that comes for this user takes them too.
  }
}

bool Closer::IsBehind(uid_t owner) const {
  const std::lock_guard lock(state_->mutex);
  const auto pile = state_->piles.find(owner);
  return pile != state_->piles.end() && pile->second.waiting.size() + pile->second.being_closed >= kMostWaiting;
}

void Closer::Run(State& state, uid_t owner) {
  std::vector<Fd> fds;
  while (true) {
    {
      const std::lock_guard lock(state.mutex);
      Pile& pile = state.piles[owner];
      fds = std::exchange(pile.waiting, {});
      pile.being_closed = fds.size();
      if (fds.empty()) {
        state.piles.erase(owner);
        return;
      }
    }
    fds.clear();
  }
}

}  // namespace airlock::server
