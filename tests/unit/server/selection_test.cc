#include "server/validate/selection.h"

#include <gtest/gtest.h>

#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

Globs GlobsOf(const std::vector<std::string>& patterns) { return {patterns.begin(), patterns.end()}; }

// "w": tensor 0 in storage 0; "list.0": tensor 1 in storage 1, quantised, its scales in storage 2.
v1::PlanChunk NamedPlan() {
  v1::PlanChunk plan = ValidPlan();
  for (const auto& [name, tensor] : {std::pair("w", 0U), std::pair("list.0", 1U)}) {
    plan.mutable_entries()->mutable_names()->append(name);
    plan.mutable_entries()->add_name_bytes(static_cast<uint32_t>(std::string_view(name).size()));
    plan.mutable_entries()->add_tensor(tensor);
  }
  return plan;
}

std::vector<int> PlacesOf(const Selection& selection) {
  return {selection.storages.place().begin(), selection.storages.place().end()};
}

TEST(Select, LeavesOutWhatNoChosenTensorUses) {
  const auto selection = Select(GlobsOf({"w"}), NamedPlan());
  ASSERT_TRUE(selection.ok());
  EXPECT_EQ(selection->bytes, 64U);
  EXPECT_EQ(PlacesOf(*selection), (std::vector<int>{v1::PLACE_INPUT, v1::PLACE_LEFT_OUT, v1::PLACE_LEFT_OUT}));
  EXPECT_EQ(selection->storages.offset(1), 0U);
  EXPECT_EQ(selection->storages.nbytes(1), 100U);
}

TEST(Select, AQuantisedTensorNeedsItsScales) {
  const auto selection = Select(GlobsOf({"nothing", "li*"}), NamedPlan());
  ASSERT_TRUE(selection.ok());
  EXPECT_EQ(selection->bytes, 600U);
  EXPECT_EQ(PlacesOf(*selection), (std::vector<int>{v1::PLACE_LEFT_OUT, v1::PLACE_INPUT, v1::PLACE_OUTPUT}));
}

TEST(Select, PatternsAreFew) {
  EXPECT_TRUE(CheckGlobs(GlobsOf(std::vector<std::string>(64, "x"))).ok());
  EXPECT_EQ(CheckGlobs(GlobsOf(std::vector<std::string>(65, "x"))).error().reason(), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(CheckGlobs(GlobsOf({std::string(4097, 'x')})).error().reason(), v1::REASON_BAD_REQUEST);
}

TEST(Select, WorkIsBounded) {
  v1::PlanChunk plan = NamedPlan();
  plan.mutable_entries()->mutable_names()->append(5 << 20, 'x');
  plan.mutable_entries()->add_name_bytes(5 << 20);
  plan.mutable_entries()->add_tensor(0);
  EXPECT_EQ(Select(GlobsOf({std::string(4096, '?')}), plan).error().reason(), v1::REASON_BAD_REQUEST);
}

}  // namespace
}  // namespace airlock::server
