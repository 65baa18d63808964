// Payload through a socket: what arrives, and what becomes of callers that close early or do not read.
#include "server/service/payload_pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <limits>
#include <string>

#include "airlock/v1/tensor.pb.h"
#include "tests/fixtures/memory_file.h"

namespace airlock::server {
namespace {

using Clock = PayloadPump::Clock;
constexpr Clock::rep kNotWaiting = std::numeric_limits<Clock::rep>::max();
constexpr size_t kMuch = size_t{4} << 20;

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  return bytes;
}

void AddStorage(v1::StorageColumns& storages, v1::Place place, uint64_t offset, uint64_t nbytes) {
  storages.add_place(place);
  storages.add_offset(offset);
  storages.add_nbytes(nbytes);
}

// One payload on its way.
class Sending {
 public:
  Sending(JobQueue& threads, SocketWatch& watch, const v1::StorageColumns& storages, const Input& input, int output) {
    std::signal(SIGPIPE, SIG_IGN);  // as in the daemon
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    EXPECT_EQ(::shutdown(ends[1], SHUT_WR), 0);
    caller = Fd(ends[1]);
    pump_ = std::make_unique<PayloadPump>(threads, watch, Fd(ends[0]), PayloadCursor(storages, input, output),
                                          cancellation, waiting_since);
    pump_->Start([this](OrVerdict<void> result) { done_.set_value(std::move(result)); });
  }

  // All that comes until there is nothing more to come.
  std::string ReadAll(size_t size) const {
    std::string bytes(size, '\0');
    size_t filled = 0;
    while (filled < size) {
      const ssize_t got = ::read(caller.get(), bytes.data() + filled, size - filled);
      if (got <= 0) break;
      filled += static_cast<size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
  }
  // Success, or why not.
  v1::Reason Ends() {
    const OrVerdict<void> result = done_.get_future().get();
    return result.ok() ? v1::REASON_UNSPECIFIED : result.error().reason();
  }
  void AwaitWaiting() const {
    while (waiting_since == kNotWaiting) ::usleep(1'000);
  }

  Fd caller;
  Cancellation cancellation;
  std::atomic<Clock::rep> waiting_since = kNotWaiting;

 private:
  std::promise<OrVerdict<void>> done_;
  std::unique_ptr<PayloadPump> pump_;
};

class PayloadPumpTest : public ::testing::Test {
 protected:
  PayloadPumpTest() : input_(InputFile::Take(fixtures::MemoryFile(bytes_)).value()) {
    AddStorage(storages_, v1::PLACE_INPUT, 1, kMuch - 1);
  }

  const std::string bytes_ = Pattern(kMuch);
  const Input input_;
  v1::StorageColumns storages_;
  // One: whoever holds it up holds up all.
  JobQueue threads_{1, 100};
  SocketWatch watch_;
};

TEST_F(PayloadPumpTest, StoragesComeInOrderWhateverTheirSize) {
  const std::string written = Pattern(200'000);
  const Fd output = fixtures::MemoryFile(written);
  std::string expected = bytes_.substr(1);
  for (uint64_t i = 0; i < 300; ++i) {  // small ones, large ones, nothing
    const uint64_t size = i % 50 == 0 ? 100'000 : i % 7;
    AddStorage(storages_, i % 2 == 0 ? v1::PLACE_OUTPUT : v1::PLACE_INPUT, i, size);
    expected += (i % 2 == 0 ? written : bytes_).substr(i, size);
  }
  AddStorage(storages_, v1::PLACE_LEFT_OUT, 0, 10);
  Sending sending(threads_, watch_, storages_, input_, output.get());
  EXPECT_EQ(sending.ReadAll(expected.size()), expected);
  sending.caller.Close();
  EXPECT_EQ(sending.Ends(), v1::REASON_UNSPECIFIED);
}

TEST_F(PayloadPumpTest, NothingIsSentToo) {
  const v1::StorageColumns none;
  Sending sending(threads_, watch_, none, input_, -1);
  sending.caller.Close();
  EXPECT_EQ(sending.Ends(), v1::REASON_UNSPECIFIED);
}

TEST_F(PayloadPumpTest, ItIsNotOverBeforeTheCallerHasAll) {
  Sending sending(threads_, watch_, storages_, input_, -1);
  EXPECT_EQ(sending.ReadAll(kMuch - 2), bytes_.substr(1, kMuch - 2));
  sending.AwaitWaiting();
  sending.caller.Close();  // one byte is still in the socket
  EXPECT_EQ(sending.Ends(), v1::REASON_CANCELLED);
}

TEST_F(PayloadPumpTest, ACallerThatClosesEarlyEndsIt) {
  Sending sending(threads_, watch_, storages_, input_, -1);
  EXPECT_EQ(sending.ReadAll(1).size(), 1U);
  sending.caller.Close();
  EXPECT_EQ(sending.Ends(), v1::REASON_CANCELLED);
}

TEST_F(PayloadPumpTest, AFileThatBecameShorterHasChanged) {
  for (const uint64_t size : {uint64_t{100}, uint64_t{100'000}}) {
    v1::StorageColumns storages;
    AddStorage(storages, v1::PLACE_INPUT, kMuch - 10, size);
    Sending sending(threads_, watch_, storages, input_, -1);
    EXPECT_EQ(sending.Ends(), v1::REASON_INPUT_CHANGED) << size;
    EXPECT_LE(sending.ReadAll(size).size(), 10U) << "its end of the socket is closed";
  }
}

TEST_F(PayloadPumpTest, WhoDoesNotReadHoldsNobodyUp) {
  Sending stalled(threads_, watch_, storages_, input_, -1);
  stalled.AwaitWaiting();
  Sending other(threads_, watch_, storages_, input_, -1);
  EXPECT_EQ(other.ReadAll(kMuch - 1), bytes_.substr(1));
  other.caller.Close();
  EXPECT_EQ(other.Ends(), v1::REASON_UNSPECIFIED);
  EXPECT_NE(stalled.waiting_since, kNotWaiting);
  // And goes on where it was.
  EXPECT_EQ(stalled.ReadAll(kMuch - 1), bytes_.substr(1));
  stalled.caller.Close();
  EXPECT_EQ(stalled.Ends(), v1::REASON_UNSPECIFIED);
}

TEST_F(PayloadPumpTest, ACancelledCallEndsWhileItWaits) {
  Sending sending(threads_, watch_, storages_, input_, -1);
  sending.AwaitWaiting();
  sending.cancellation.Cancel();
  EXPECT_EQ(sending.Ends(), v1::REASON_CANCELLED);
}

TEST(SocketWatch, RefusesWhatTheKernelDoesNotWaitFor) {
  SocketWatch watch;
  const Cancellation cancellation;
  const Fd file = fixtures::MemoryFile("x");
  EXPECT_FALSE(watch.Wait(file.get(), EPOLLIN, cancellation, [] { ADD_FAILURE(); }));
}

}  // namespace
}  // namespace airlock::server
