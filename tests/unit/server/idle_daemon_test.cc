// A daemon that had nothing to do for a while answers as one that is busy does.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/unit/server/test_daemon.h"

namespace airlock::server {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Each of gRPC's threads would sleep from a second after its last event on, for 100 ms: a request comes when all do. Of
// several attempts the best counts: a machine that is busy makes some of them slow, sleep makes each.
TEST(IdleDaemon, DoesNotSleep) {
  constexpr milliseconds kIdle{1020};
  constexpr milliseconds kSleepThatIsLeft{50};
  constexpr int kForEachThread = 100;
  const TestDaemon daemon({"--worker", WORKER});
  ASSERT_TRUE(daemon.Serves());
  const auto stub = daemon.NewStub();
  const auto ask = [&] {
    grpc::ClientContext context;
    v1::GetCapabilitiesResponse response;
    const Clock::time_point start = Clock::now();
    EXPECT_TRUE(stub->GetCapabilities(&context, {}, &response).ok());
    return Clock::now() - start;
  };
  Clock::duration best = Clock::duration::max();
  for (int attempt = 0; attempt < 5 && best >= kSleepThatIsLeft; ++attempt) {
    for (int i = 0; i < kForEachThread; ++i) ask();
    std::this_thread::sleep_for(kIdle);
    best = std::min(best, ask());
  }
  EXPECT_LT(best, kSleepThatIsLeft);
}

}  // namespace
}  // namespace airlock::server
