// Closer: closes descriptors of callers where nobody waits for it.
//
// Closing a file asks the file's server, who may be the caller (FUSE) and never answer: not even a signal that kills
// ends that wait. So the descriptors of each user are closed by a thread of that user's, which lives for as long as
// there are any. What is still to be closed when the closer goes is closed all the same, or goes with the process.
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "sandbox/base/fd.h"

namespace airlock::server {

class Closer {
 public:
  // Never waits.
  void Close(uid_t owner, std::vector<Fd> fds);
  // Whether so many of the user's are not closed yet that nothing more should be taken from it now.
  bool IsBehind(uid_t owner) const;

 private:
  // Of one user, while there is anything to be closed.
  struct Pile {
    std::vector<Fd> waiting;
    size_t being_closed = 0;
    bool has_thread = false;
  };
  struct State {
    std::mutex mutex;
    std::map<uid_t, Pile> piles;
  };

  static void Run(State& state, uid_t owner);

  // Threads that nobody answers outlive us.
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace airlock::server
