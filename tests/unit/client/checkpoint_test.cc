// Checkpoint: tensors by name.
#include "airlock/checkpoint.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

using testing::PlanMaker;

constexpr uint32_t kNames = 1000;

std::string NameOf(uint32_t tensor) { return "layer." + std::to_string(tensor) + std::string(tensor % 40, 'x'); }

// One storage, a byte of it for each tensor, and a second name, twice, for the first two.
Checkpoint Make() {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {});
  const uint32_t storage = maker.Storage(kNames);
  for (uint32_t i = 0; i < kNames; ++i) {
    maker.Tensor(storage, v1::DTYPE_UINT8, {1}, {1}, i);
    maker.Entry(NameOf(i), i);
  }
  maker.Entry("twice", 0);
  maker.Entry("twice", 1);
  maker.Entry("", 7);
  return {*maker.Make(), {Storage::Allocate(kNames)}};
}

ptrdiff_t FoundAt(const Checkpoint& checkpoint, const std::string& name) {
  const auto tensor = checkpoint.Find(name);
  return tensor ? tensor->data - checkpoint.storage(0)->bytes().data() : -1;
}

TEST(Checkpoint, FindsEachByItsName) {
  const Checkpoint checkpoint = Make();
  for (uint32_t i = 0; i < kNames; ++i) ASSERT_EQ(FoundAt(checkpoint, NameOf(i)), i);
  EXPECT_EQ(FoundAt(checkpoint, "twice"), 0);
  EXPECT_EQ(FoundAt(checkpoint, ""), 7);
  EXPECT_EQ(FoundAt(checkpoint, "layer"), -1);
  EXPECT_EQ(FoundAt(checkpoint, "layer.0."), -1);
}

TEST(Checkpoint, WithoutNamesFindsNothing) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {});
  const Checkpoint checkpoint(*maker.Make(), {});
  EXPECT_FALSE(checkpoint.Find("").has_value());
}

TEST(Checkpoint, ThreadsMayAskFirstAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const Checkpoint checkpoint = Make();
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (uint32_t tensor = i; tensor < kNames; tensor += 100) {
          if (FoundAt(checkpoint, NameOf(tensor)) != tensor) ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(wrong, 0);
  }
}

TEST(Checkpoint, MovesAndCopiesBeforeAndAfterItWasAsked) {
  Checkpoint first = Make();
  const Checkpoint copy = first;
  EXPECT_EQ(FoundAt(first, NameOf(9)), 9);
  const Checkpoint moved = std::move(first);
  EXPECT_EQ(FoundAt(moved, NameOf(10)), 10);
  EXPECT_EQ(FoundAt(copy, NameOf(11)), 11);
}

// Short names too, which a string would keep within itself.
TEST(Names, OutliveTheListsThatTheyCameIn) {
  PlanMaker maker;
  maker.Dict({1, 2, 3, 4});
  maker.String("a");
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.String(std::string(5000, 'b'));
  maker.Link(v1::NODE_KIND_TENSOR, 0);
  maker.Tensor(maker.Storage(4), v1::DTYPE_UINT8, {4}, {1});
  maker.Entry("a", 0);
  maker.Entry(std::string(5000, 'b'), 0);
  std::optional<TensorNames> names;
  {
    const auto contents = maker.Make();
    ASSERT_TRUE(contents.ok());
    EXPECT_EQ((*contents)->entries().at(0).name, "a");
    EXPECT_EQ((*contents)->entries().at(1).name, std::string(5000, 'b'));
    names = *TensorsUnder((*contents)->graph(), 0);
  }
  const TensorNames copy = *names;
  names.reset();
  ASSERT_EQ(copy.tensors.size(), 2U);
  EXPECT_EQ(copy.tensors[0].name, "a");
  EXPECT_EQ(copy.tensors[1].name, std::string(5000, 'b'));
}

}  // namespace
}  // namespace airlock
