// The client's end of a payload's socket, before daemons that take their time.
#include "client/cpp/payload_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace airlock {
namespace {

class PayloadSocketTest : public ::testing::Test {
 protected:
  PayloadSocketTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    daemon_ = Fd(ends[0]);
    socket_.emplace("", Fd(ends[1]));
  }

  Fd daemon_;
  std::optional<PayloadSocket> socket_;
  std::vector<std::byte> room_ = std::vector<std::byte>(1 << 18);
};

TEST_F(PayloadSocketTest, ReadsWhatThereIsUpToTheEnd) {
  ASSERT_EQ(::send(daemon_.get(), "abc", 3, 0), 3);
  daemon_.Close();
  EXPECT_EQ(*socket_->Read(room_, [] { return ClientResult<void>(); }), 3U);
  EXPECT_EQ(*socket_->Read(room_, [] { return ClientResult<void>(); }), 0U);
}

TEST_F(PayloadSocketTest, WhoSendsAByteNowAndThenKeepsNobody) {
  std::atomic<bool> over = false;
  std::thread drip([&] {
    for (int i = 0; i < 100 && !over; ++i) {
      (void)::send(daemon_.get(), "x", 1, MSG_NOSIGNAL);
      ::usleep(30'000);
    }
    daemon_.Close();
  });
  const auto read = socket_->Read(room_, []() -> ClientResult<void> { return Unexpected{ClientError()}; });
  over = true;
  drip.join();
  EXPECT_FALSE(read.ok());
}

}  // namespace
}  // namespace airlock
