#include "sandbox/spawner/worker_setup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/spawner/worker_setup_make.h"

namespace airlock::spawner {
namespace {

constexpr int kAllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Fd FileWith(const WorkerSetup& setup, int seals) {
  Fd file(memfd_create("setup", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(write(file.get(), &setup, sizeof(setup)), static_cast<ssize_t>(sizeof(setup)));
  EXPECT_EQ(fcntl(file.get(), F_ADD_SEALS, seals), 0);
  return file;
}

WorkerSetup Good() {
  WorkerSetup setup;
  setup.spawner.count = setup.idle.count = setup.working.count = 1;
  return setup;
}

TEST(WorkerSetupTest, WhatTheBrokerMakesIsRead) {
  SpawnerOptions options;
  options.limits.memory_bytes = 12345;
  auto file = MakeWorkerSetup(options);
  ASSERT_TRUE(file.ok());
  const auto setup = ReadWorkerSetup(file->get());
  ASSERT_TRUE(setup.has_value());
  EXPECT_EQ(setup->resources.memory_bytes, 12345U);
  EXPECT_EQ(setup->broker_pid, getpid());
  EXPECT_GT(setup->idle.count, setup->working.count);
}

TEST(WorkerSetupTest, EverySealCounts) {
  EXPECT_TRUE(ReadWorkerSetup(FileWith(Good(), kAllSeals).get()).has_value());
  for (const int seal : {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE}) {
    EXPECT_FALSE(ReadWorkerSetup(FileWith(Good(), kAllSeals & ~seal).get()).has_value()) << seal;
  }
  EXPECT_FALSE(ReadWorkerSetup(-1).has_value());
}

TEST(WorkerSetupTest, OddSetupsAreNone) {
  const auto read = [](auto change) {
    WorkerSetup setup = Good();
    change(setup);
    return ReadWorkerSetup(FileWith(setup, kAllSeals).get()).has_value();
  };
  EXPECT_FALSE(read([](WorkerSetup& setup) { setup.magic = 0; }));
  EXPECT_FALSE(read([](WorkerSetup& setup) { setup.version = kSetupVersion + 1; }));
  EXPECT_FALSE(read([](WorkerSetup& setup) { setup.size = 8; }));
  EXPECT_FALSE(read([](WorkerSetup& setup) { setup.spawner.count = 0; }));
  EXPECT_FALSE(read([](WorkerSetup& setup) { setup.idle.count = 0; }));
  EXPECT_FALSE(read([](WorkerSetup& setup) { setup.working.count = 0; }));
  EXPECT_FALSE(read([](WorkerSetup& setup) { setup.working.count = kMaxFilterOps + 1; }));
}

}  // namespace
}  // namespace airlock::spawner
