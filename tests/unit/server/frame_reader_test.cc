#include "server/frame_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "sandbox/base/fd.h"

namespace airlock::server {
namespace {

using worker::v1::Frame;

// A worker's end and a reader on the other.
class FrameReaderTest : public testing::Test {
 protected:
  FrameReaderTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    worker_ = Fd(ends[0]);
    broker_ = Fd(ends[1]);
    ::fcntl(broker_.get(), F_SETFL, O_NONBLOCK);
  }

  static std::string Prefixed(const std::string& body) {
    const auto length = static_cast<uint32_t>(body.size());
    std::string out;
    for (int i = 0; i < 4; ++i) out += static_cast<char>(length >> (8 * i));
    return out + body;
  }
  static std::string Ready() {
    Frame frame;
    frame.mutable_ready()->set_version("1");
    return Prefixed(frame.SerializeAsString());
  }
  static std::string Plan() {
    Frame frame;
    frame.mutable_plan()->add_devices("cpu");
    return Prefixed(frame.SerializeAsString());
  }
  static std::string Done() {
    Frame frame;
    frame.mutable_done()->set_reason(1);
    return Prefixed(frame.SerializeAsString());
  }

  void Say(const std::string& bytes) {
    ASSERT_EQ(::write(worker_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  static Deadlines Soon() { return {Clock::now() + std::chrono::milliseconds(400), std::chrono::milliseconds(100)}; }

  // Reads until the end or a failure; the number of frames, or the verdict.
  Verdict ReadAll(FrameReader& reader, int* frames = nullptr) {
    while (true) {
      auto next = reader.Next(Soon());
      if (!next.ok()) return next.error();
      if (!next->has_value()) return {};
      if (frames != nullptr) ++*frames;
    }
  }

  // What becomes of a worker that says this and goes.
  std::string LayerAfter(const std::string& bytes, FrameCaps caps = {}) {
    Say(bytes);
    worker_.Close();
    FrameReader reader(broker_.get(), caps);
    const Verdict verdict = ReadAll(reader);
    EXPECT_EQ(verdict.reason(), v1::REASON_WORKER_PROTOCOL) << verdict.failure().DebugString();
    return verdict.failure().layer();
  }

  Fd worker_;
  Fd broker_;
};

TEST_F(FrameReaderTest, TakesTheGrammar) {
  Say(Ready() + Plan() + Plan() + Done());
  worker_.Close();
  FrameReader reader(broker_.get());
  int frames = 0;
  EXPECT_TRUE(ReadAll(reader, &frames).ok());
  EXPECT_EQ(frames, 4);
  EXPECT_TRUE(reader.done());
}

TEST_F(FrameReaderTest, TakesFramesByteByByte) {
  const std::string all = Ready() + Plan() + Done();
  std::thread worker([&] {
    for (const char byte : all) {
      EXPECT_EQ(::write(worker_.get(), &byte, 1), 1);
      std::this_thread::yield();
    }
    worker_.Close();
  });
  FrameReader reader(broker_.get());
  int frames = 0;
  EXPECT_TRUE(ReadAll(reader, &frames).ok());
  EXPECT_EQ(frames, 3);
  worker.join();
}

TEST_F(FrameReaderTest, TakesTheLargestFrame) {
  Frame frame;
  auto& blob = *frame.mutable_plan()->mutable_graph()->mutable_blob();
  while (frame.ByteSizeLong() < kMaxFrameBytes) blob += 'x';
  ASSERT_EQ(frame.ByteSizeLong(), kMaxFrameBytes);
  std::thread worker([&] {
    Say(Ready() + Prefixed(frame.SerializeAsString()) + Done());
    worker_.Close();
  });
  FrameReader reader(broker_.get());
  EXPECT_TRUE(ReadAll(reader).ok());
  worker.join();
}

TEST_F(FrameReaderTest, AnEarlyEndIsNotDone) {
  Say(Ready() + Plan());
  worker_.Close();
  FrameReader reader(broker_.get());
  EXPECT_TRUE(ReadAll(reader).ok());
  EXPECT_FALSE(reader.done());
}

TEST_F(FrameReaderTest, RefusesPlanBeforeReady) { EXPECT_EQ(LayerAfter(Plan()), "frame: out of order"); }
TEST_F(FrameReaderTest, RefusesDoneBeforeReady) { EXPECT_EQ(LayerAfter(Done()), "frame: out of order"); }
TEST_F(FrameReaderTest, RefusesReadyTwice) { EXPECT_EQ(LayerAfter(Ready() + Ready()), "frame: out of order"); }
TEST_F(FrameReaderTest, RefusesFramesAfterDone) {
  EXPECT_EQ(LayerAfter(Ready() + Done() + Plan()), "frame: bytes after DONE");
}
TEST_F(FrameReaderTest, RefusesOneByteAfterDone) {
  EXPECT_EQ(LayerAfter(Ready() + Done() + "x"), "frame: bytes after DONE");
}
TEST_F(FrameReaderTest, RefusesLateBytesAfterDone) {
  Say(Ready() + Done());
  FrameReader reader(broker_.get());
  ASSERT_TRUE(reader.Next(Soon()).ok());
  ASSERT_TRUE(reader.Next(Soon()).ok());
  Say("x");
  EXPECT_EQ(ReadAll(reader).failure().layer(), "frame: bytes after DONE");
}
TEST_F(FrameReaderTest, RefusesLengthZero) { EXPECT_EQ(LayerAfter(Prefixed("")), "frame: length 0"); }
TEST_F(FrameReaderTest, RefusesLengthOverTheCapBeforeReadingIt) {
  EXPECT_EQ(LayerAfter(std::string("\x01\x00\x01\x00", 4)), "frame: length over the cap");
}
TEST_F(FrameReaderTest, RefusesTheLargestLength) {
  EXPECT_EQ(LayerAfter("\xff\xff\xff\xff"), "frame: length over the cap");
}
TEST_F(FrameReaderTest, RefusesEndInsideAFrame) {
  EXPECT_EQ(LayerAfter(Ready() + Plan().substr(0, 5)), "frame: end of file inside a frame");
}
TEST_F(FrameReaderTest, RefusesEndInsideALength) {
  EXPECT_EQ(LayerAfter(std::string("\x01\x00", 2)), "frame: end of file inside a frame");
}
TEST_F(FrameReaderTest, RefusesWhatDoesNotParse) { EXPECT_EQ(LayerAfter(Prefixed("\x0a\x7f")), "frame: not a Frame"); }
TEST_F(FrameReaderTest, RefusesUnknownFields) {
  Frame frame;
  frame.mutable_ready()->set_version("1");
  EXPECT_EQ(LayerAfter(Prefixed(frame.SerializeAsString() + "\x78\x01")), "frame: not canonical");
}
TEST_F(FrameReaderTest, RefusesUnknownFieldsWithin) {
  EXPECT_EQ(LayerAfter(Prefixed(std::string("\x0a\x02\x78\x01"))), "frame: not canonical");
}
TEST_F(FrameReaderTest, RefusesABodyTwice) {
  Frame frame;
  frame.mutable_ready()->set_version("1");
  const std::string once = frame.SerializeAsString();
  EXPECT_EQ(LayerAfter(Prefixed(once + once)), "frame: not canonical");
}
TEST_F(FrameReaderTest, RefusesPaddedNumbers) {
  // layers = 1 as a varint of two bytes.
  EXPECT_EQ(LayerAfter(Prefixed(std::string("\x0a\x03\x10\x81\x00", 5))), "frame: not canonical");
}
TEST_F(FrameReaderTest, RefusesAnEmptyBody) { EXPECT_EQ(LayerAfter(Prefixed("\x78\x01")), "frame: not canonical"); }
TEST_F(FrameReaderTest, RefusesBadUtf8) {
  EXPECT_EQ(LayerAfter(Prefixed("\x0a\x03\x0a\x01\xff")), "frame: not a Frame");
}
TEST_F(FrameReaderTest, RefusesEndlessFrames) {
  EXPECT_EQ(LayerAfter(Ready() + Plan() + Plan() + Plan(), {3, 1 << 20}), "frame: more frames than one load can need");
}
TEST_F(FrameReaderTest, RefusesEndlessBytes) {
  EXPECT_EQ(LayerAfter(Ready() + Plan() + Plan() + Plan(), {100, 20}), "frame: more bytes than one load can need");
}

TEST_F(FrameReaderTest, SilenceEndsIt) {
  Say(Ready());
  FrameReader reader(broker_.get());
  ASSERT_TRUE(reader.Next(Soon()).ok());
  EXPECT_EQ(reader.Next(Soon()).error().reason(), v1::REASON_TIMEOUT_SILENCE);
}

TEST_F(FrameReaderTest, ATrickleIsSilenceToo) {
  const std::string all = Plan() + Plan();
  std::atomic<bool> stop = false;
  Say(Ready());
  std::thread worker([&] {
    for (size_t i = 0; i < all.size() && !stop; ++i) {
      if (::send(worker_.get(), &all[i], 1, MSG_NOSIGNAL) != 1) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
  });
  FrameReader reader(broker_.get());
  EXPECT_EQ(ReadAll(reader).reason(), v1::REASON_TIMEOUT_SILENCE);
  stop = true;
  worker.join();
}

TEST_F(FrameReaderTest, TheTotalDeadlineEndsAFlood) {
  std::atomic<bool> stop = false;
  std::thread worker([&] {
    std::string bytes = Ready();
    while (!stop && ::send(worker_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) bytes = Plan();
  });
  FrameReader reader(broker_.get());
  const Deadlines deadlines{Clock::now() + std::chrono::milliseconds(100), std::chrono::seconds(10)};
  Verdict verdict;
  while (verdict.ok()) {
    auto next = reader.Next(deadlines);
    if (!next.ok()) verdict = next.error();
  }
  stop = true;
  broker_.Close();
  worker.join();
  EXPECT_EQ(verdict.reason(), v1::REASON_TIMEOUT_TOTAL);
}

TEST_F(FrameReaderTest, CancellationEndsIt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd readable(ends[0]);
  const Fd writable(ends[1]);
  ASSERT_EQ(::write(writable.get(), "x", 1), 1);
  FrameReader reader(broker_.get());
  EXPECT_EQ(reader.Next(Soon(), readable.get()).error().reason(), v1::REASON_CANCELLED);
}

TEST_F(FrameReaderTest, PassedDescriptorsAreDropped) {
  const auto open_descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const std::string bytes = Ready();
  iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = STDERR_FILENO;
  std::memcpy(CMSG_DATA(header), &passed, sizeof(passed));
  const int before = open_descriptors();
  ASSERT_GT(::sendmsg(worker_.get(), &message, 0), 0);
  FrameReader reader(broker_.get());
  EXPECT_TRUE(reader.Next(Soon()).ok());
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace airlock::server
