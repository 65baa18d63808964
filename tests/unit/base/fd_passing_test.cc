#include "sandbox/base/fd_passing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace airlock {
namespace {

struct Pair {
  explicit Pair(int type) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
    left = Fd(fds[0]);
    right = Fd(fds[1]);
  }
  Fd left;
  Fd right;
};

int OpenFds() {
  int count = 0;
  for (int fd = 0; fd < 512; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

TEST(FdPassingTest, CarriesBytesAndDescriptors) {
  const Pair pair(SOCK_STREAM);
  const std::array fds = {0, 1};
  const uint64_t value = 42;
  ASSERT_TRUE(SendWithFds(pair.left.get(), BytesOf(value), fds));
  uint64_t got = 0;
  std::array<Fd, 2> received_fds;
  const Received received = ReceiveWithFds(pair.right.get(), WritableBytesOf(got), received_fds);
  EXPECT_EQ(received.size, 8);
  EXPECT_EQ(got, 42U);
  ASSERT_EQ(received.fd_count, 2U);
  EXPECT_EQ(fcntl(received_fds[1].get(), F_GETFD), FD_CLOEXEC);
}

TEST(FdPassingTest, EndOfFileIsZero) {
  Pair pair(SOCK_STREAM);
  pair.left.Close();
  uint64_t got = 0;
  EXPECT_EQ(ReceiveWithFds(pair.right.get(), WritableBytesOf(got)).size, 0);
}

TEST(FdPassingTest, AMessageThatIsCutOffIsNone) {
  const Pair pair(SOCK_SEQPACKET);
  const uint64_t value = 42;
  ASSERT_TRUE(SendWithFds(pair.left.get(), BytesOf(value), {}));
  uint32_t got = 0;
  EXPECT_EQ(ReceiveWithFds(pair.right.get(), WritableBytesOf(got)).size, -1);
}

// More descriptors than anybody asked for: refused, and those that there was room for are the caller's to close.
TEST(FdPassingTest, SurplusDescriptorsAreClosed) {
  const Pair pair(SOCK_STREAM);
  std::vector<int> fds(200, 0);
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  const int before = OpenFds();
  ASSERT_EQ(sendmsg(pair.left.get(), &message, 0), 1);
  char got = 0;
  std::array<Fd, 199> room;
  EXPECT_EQ(ReceiveWithFds(pair.right.get(), WritableBytesOf(got), room).size, -1);
  EXPECT_EQ(OpenFds(), before + 199);
  room = {};
  EXPECT_EQ(OpenFds(), before);
}

TEST(FdPassingTest, CarriesAsManyAsTheKernelPasses) {
  const Pair pair(SOCK_STREAM);
  const std::vector<int> fds(kMaxPassedFds, 0);
  const char byte = 0;
  ASSERT_TRUE(SendWithFds(pair.left.get(), BytesOf(byte), fds));
  char got = 1;
  std::array<Fd, kMaxPassedFds> room;
  EXPECT_EQ(ReceiveWithFds(pair.right.get(), WritableBytesOf(got), room).fd_count, kMaxPassedFds);
}

TEST(FdPassingTest, MoreDescriptorsThanThatAreNotSent) {
  const Pair pair(SOCK_STREAM);
  const std::array<int, kMaxPassedFds + 1> fds = {};
  EXPECT_FALSE(SendWithFds(pair.left.get(), BytesOf(fds), fds));
}

}  // namespace
}  // namespace airlock
