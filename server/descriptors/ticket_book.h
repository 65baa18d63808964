// TicketBook: open files that somebody left here, each lot against a ticket. A ticket is good once, for a short time,
// and only for its owner. Thread-safe.
//
// A ticket is 32 bytes from getrandom. It is kept, and looked up, as its SHA-256: how long a look-up takes may tell
// something of the digests that it met, which lead to no ticket, so nothing has to be compared in constant time.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fd.h"
#include "server/verdict.h"

namespace airlock::server {

// Who is at the other end of a unix socket, as the kernel says.
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;

  bool operator==(const Peer&) const = default;
};

struct TicketOptions {
  std::chrono::milliseconds lifetime{30'000};
  size_t most_of_a_user = 64;
  size_t most = 1024;
};

class TicketBook {
 public:
  using Clock = std::chrono::steady_clock;

  struct Lot {
    std::vector<Fd> files;
    Peer owner;
    // What the owner calls it; for logs.
    std::string name = {};
    // Goes when the lot goes: what the files take of a budget.
    std::shared_ptr<const void> share = {};
  };

  explicit TicketBook(const TicketOptions& options = {}) : options_(options) {}

  // Fails as QUEUE_FULL; then the lot stays as it was.
  OrVerdict<std::string> Issue(Lot&& lot);
  // What the ticket stands for, once. With `claimant`: only if that is the owner; a stranger's attempt uses nothing up.
  // Fails as NO_SUCH_TICKET.
  OrVerdict<Lot> Redeem(std::string_view ticket, const std::optional<Peer>& claimant = std::nullopt);
  // The lots of tickets whose time is over, to be closed: that may take a while.
  std::vector<Lot> Expire();

  size_t size() const;

 private:
  using Digest = std::array<uint8_t, 32>;
  struct Entry {
    Lot lot;
    Clock::time_point end;
  };

  // Takes out of the tickets what is over.
  void BuryExpired(Clock::time_point now);
  void Forget(const Peer& owner);

  const TicketOptions options_;
  mutable std::mutex mutex_;
  std::map<Digest, Entry> entries_;
  std::map<uid_t, size_t> of_user_;
  // Whose time is over, until somebody asks for them.
  std::vector<Lot> expired_;
};

}  // namespace airlock::server
