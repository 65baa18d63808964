#include "sandbox/spawner/output_memfd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

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

TEST(OutputMemfdTest, AnImpossibleSizeIsAnError) { EXPECT_FALSE(OutputMemfd::Create(~uint64_t{0}).ok()); }

}  // namespace
}  // namespace airlock::spawner
