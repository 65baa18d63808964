#include "sandbox/spawner/output_memfd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace airlock::spawner {
namespace {

constexpr uint64_t kCapacity = 1 << 20;

TEST(OutputMemfdTest, HasItsSizeForGood) {
  auto output = OutputMemfd::Create(kCapacity);
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(lseek(output->fd(), 0, SEEK_END), static_cast<off_t>(kCapacity));
  EXPECT_NE(ftruncate(output->fd(), 0), 0);
  EXPECT_NE(ftruncate(output->fd(), kCapacity * 2), 0);
  const char byte = 1;
  EXPECT_EQ(pwrite(output->fd(), &byte, 1, kCapacity - 1), 1);
  EXPECT_EQ(pwrite(output->fd(), &byte, 1, kCapacity), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(OutputMemfdTest, NobodyWritesAfterSealing) {
  auto output = OutputMemfd::Create(kCapacity);
  ASSERT_TRUE(output.ok());
  const Fd copy(dup(output->fd()));
  ASSERT_TRUE(output->SealForReading().ok());
  const char byte = 1;
  EXPECT_EQ(pwrite(copy.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_NE(fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

// A mapping that could still write is an error, not a race.
TEST(OutputMemfdTest, SealingFailsWhileAnybodyMapsItForWriting) {
  auto output = OutputMemfd::Create(kCapacity);
  ASSERT_TRUE(output.ok());
  void* mapping = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, output->fd(), 0);
  ASSERT_NE(mapping, MAP_FAILED);
  EXPECT_FALSE(output->SealForReading().ok());
  munmap(mapping, 4096);
  EXPECT_TRUE(output->SealForReading().ok());
}

// As the graph file is, while its worker lives: of what another process writes before the seal all is there, and of
// what it tries afterwards nothing.
TEST(OutputMemfdTest, SealingEndsTheWritesOfAnotherProcess) {
  auto graph = OutputMemfd::Create(kCapacity);
  ASSERT_TRUE(graph.ok());
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t writer = fork();
  ASSERT_GE(writer, 0);
  if (writer == 0) {
    const bool before = pwrite(graph->fd(), "before", 6, 0) == 6 && write(theirs.get(), "!", 1) == 1;
    char sealed = 0;
    if (!before || read(theirs.get(), &sealed, 1) != 1) _exit(1);
    // Neither over what it wrote nor where nothing is yet.
    for (const off_t at : {off_t{0}, off_t{kCapacity / 2}}) {
      if (pwrite(graph->fd(), "after!", 6, at) >= 0 || errno != EPERM) _exit(2);
    }
    constexpr int kBoth = PROT_READ | PROT_WRITE;
    _exit(mmap(nullptr, 4096, kBoth, MAP_SHARED, graph->fd(), 0) == MAP_FAILED && errno == EPERM ? 0 : 3);
  }
  char byte = 0;
  ASSERT_EQ(read(ours.get(), &byte, 1), 1);
  ASSERT_TRUE(graph->SealForReading().ok());
  ASSERT_EQ(write(ours.get(), "!", 1), 1);
  int status = -1;
  ASSERT_EQ(waitpid(writer, &status, 0), writer);
  EXPECT_EQ(status, 0);
  std::string text(7, '?');
  EXPECT_EQ(pread(graph->fd(), text.data(), text.size(), 0), 7);
  EXPECT_EQ(text, std::string("before\0", 7));
}

TEST(OutputMemfdTest, AnImpossibleSizeIsAnError) { EXPECT_FALSE(OutputMemfd::Create(~uint64_t{0}).ok()); }

}  // namespace
}  // namespace airlock::spawner
