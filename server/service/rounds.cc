#include "server/service/rounds.h"

#include <cstdint>
#include <utility>

#include "server/pool/shared_session.h"
#include "server/pool/shares.h"

namespace airlock::server {
namespace {

// Inflating so much beside the largest storage takes ten times as long as another round of small workers.
constexpr uint64_t kHoldBackBytes = uint64_t{32} << 20;
// Beyond, they wait for each other: the kernel takes writes to one file one by one.
constexpr size_t kMostShares = 4;
// A job has room for them.
constexpr size_t kMaxWantedSpans = 64;

class Rounds {
 public:
  Rounds(Broker& broker, const Input& input, const SessionOptions& options, const Cancellation& cancellation)
      : broker_(broker), input_(input), options_(options), cancellation_(cancellation) {}

  SessionResult All() {
    // Where there could be others.
    if (broker_.workers.Take(1)) options_.hold_back_bytes = kHoldBackBytes;
    SessionResult result = RunSession(broker_.pool, input_, options_, cancellation_);
    if (!result.verdict.ok() || !result.conclusion.held_back) return result;
    const Spans spans = OutputSpans(result.conclusion.plan->storages());
    // What the plan does not show was left as well, and may be broken.
    if (spans.empty()) return Move({{{0, UINT64_MAX}}}, std::move(result));
    const Helped helped = Help(spans);
    return Move(WithoutGaps(helped.shares), std::move(result));
  }

  // Names are made here, from a whole plan: so the first round is for the plan alone.
  SessionResult Chosen(const Globs& select) {
    SessionResult result = PlanAlone();
    if (!result.verdict.ok()) return result;
    auto selection = Select(select, *result.conclusion.plan);
    if (!selection.ok()) {
      result.verdict = std::move(selection).error();
      return result;
    }
    const Spans spans = OutputSpans(selection->storages);
    if (!spans.empty()) result = MoveChosen(spans, std::move(result));
    result.conclusion.plan->mutable_storages()->Swap(&selection->storages);
    result.conclusion.totals.set_payload_bytes(selection->bytes);
    return result;
  }

 private:
  // Shares, and the places of the workers that do them besides the first.
  struct Helped {
    std::vector<Spans> shares;
    Budget::Share places;
  };

  Helped Help(const Spans& spans) {
    const size_t worth = CutShares(spans, kMostShares).size();
    Budget::Share places = broker_.workers.TakeUpTo(worth - 1);
    return {CutShares(spans, 1 + places.amount()), std::move(places)};
  }

  SessionResult PlanAlone() {
    SessionOptions options = options_;
    options.rewrite = false;
    options.wanted.emplace();
    return RunSession(broker_.pool, input_, options, cancellation_);
  }

  SessionResult MoveChosen(const Spans& spans, SessionResult first) {
    Helped helped = Help(spans);
    for (Spans& share : helped.shares) share = Joined(share, kMaxWantedSpans);
    return Move(helped.shares, std::move(first));
  }

  SessionResult Move(const std::vector<Spans>& shares, SessionResult first) {
    return RunShares(broker_.pool, broker_.helpers, input_, options_, shares, std::move(first), cancellation_);
  }

  Broker& broker_;
  const Input& input_;
  SessionOptions options_;
  const Cancellation& cancellation_;
  const Budget::Share own_ = broker_.workers.TakeSome(1, 1);
};

}  // namespace

SessionResult RunRounds(Broker& broker, const Input& input, SessionOptions options, const Globs& select,
                        const Cancellation& cancellation) {
  Rounds rounds(broker, input, options, cancellation);
  return select.empty() ? rounds.All() : rounds.Chosen(select);
}

}  // namespace airlock::server
