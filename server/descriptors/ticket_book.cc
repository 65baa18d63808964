#include "server/descriptors/ticket_book.h"

#include <openssl/sha.h>
#include <sys/random.h>

#include <utility>

namespace airlock::server {
namespace {

constexpr size_t kTicketBytes = 32;

OrVerdict<std::string> NewTicket() {
  std::string ticket(kTicketBytes, '\0');
  // So few bytes come at once, and in whole, ever since the system has randomness.
  if (::getrandom(ticket.data(), ticket.size(), 0) != static_cast<ssize_t>(ticket.size())) {
    return Because(v1::REASON_INTERNAL, "no randomness for a ticket");
  }
  return ticket;
}

std::array<uint8_t, 32> DigestOf(std::string_view ticket) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(ticket.data()), ticket.size(), digest.data());
  return digest;
}

}  // namespace

OrVerdict<std::string> TicketBook::Issue(Lot&& lot) {
  AIRLOCK_ASSIGN(std::string ticket, NewTicket());
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(mutex_);
  BuryExpired(now);
  if (entries_.size() >= options_.most) return Because(v1::REASON_QUEUE_FULL, "too many tickets at a time");
  size_t& of_user = of_user_[lot.owner.uid];
  if (of_user >= options_.most_of_a_user)
    return Because(v1::REASON_QUEUE_FULL, "too many tickets of one user at a time");
  ++of_user;
  entries_.emplace(DigestOf(ticket), Entry{std::move(lot), now + options_.lifetime});
  return ticket;
}

OrVerdict<TicketBook::Lot> TicketBook::Redeem(std::string_view ticket, const std::optional<Peer>& claimant) {
  if (ticket.size() != kTicketBytes) return Because(v1::REASON_NO_SUCH_TICKET);
  const Digest digest = DigestOf(ticket);
  const Clock::time_point now = Clock::now();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(digest);
  if (found == entries_.end() || found->second.end <= now) return Because(v1::REASON_NO_SUCH_TICKET);
  if (claimant && *claimant != found->second.lot.owner) return Because(v1::REASON_NO_SUCH_TICKET);
  Lot lot = std::move(found->second.lot);
  entries_.erase(found);
  Forget(lot.owner);
  return lot;
}

std::vector<TicketBook::Lot> TicketBook::Expire() {
  const std::lock_guard lock(mutex_);
  BuryExpired(Clock::now());
  return std::exchange(expired_, {});
}

size_t TicketBook::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

// REQUIRES, of both: mutex_ is held.
void TicketBook::BuryExpired(Clock::time_point now) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->second.end > now) {
      ++entry;
      continue;
    }
    Forget(entry->second.lot.owner);
    expired_.push_back(std::move(entry->second.lot));
    entry = entries_.erase(entry);
  }
}

void TicketBook::Forget(const Peer& owner) {
  const auto user = of_user_.find(owner.uid);
  if (--user->second == 0) of_user_.erase(user);
}

}  // namespace airlock::server
