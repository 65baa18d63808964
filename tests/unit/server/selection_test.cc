#include "server/validate/selection.h"

#include <gtest/gtest.h>

#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

using Spans = std::vector<std::pair<uint64_t, uint64_t>>;

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

std::vector<int> PlacesOf(const v1::PlanChunk& plan) {
  return {plan.storages().place().begin(), plan.storages().place().end()};
}

TEST(Select, LeavesOutWhatNoChosenTensorUses) {
  v1::PlanChunk plan = NamedPlan();
  const auto bytes = Select(GlobsOf({"w"}), plan);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, 64U);
  EXPECT_EQ(PlacesOf(plan), (std::vector<int>{v1::PLACE_INPUT, v1::PLACE_LEFT_OUT, v1::PLACE_LEFT_OUT}));
  EXPECT_EQ(plan.storages().offset(1), 0U);
  EXPECT_EQ(plan.storages().nbytes(1), 100U);
}

TEST(Select, AQuantisedTensorNeedsItsScales) {
  v1::PlanChunk plan = NamedPlan();
  const auto bytes = Select(GlobsOf({"nothing", "li*"}), plan);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, 600U);
  EXPECT_EQ(PlacesOf(plan), (std::vector<int>{v1::PLACE_LEFT_OUT, v1::PLACE_INPUT, v1::PLACE_OUTPUT}));
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

TEST(OutputSpans, AreThoseOfTheOutputAndAtMostSoMany) {
  v1::PlanChunk plan;
  AddStorage(plan, v1::PLACE_OUTPUT, 400, 10);
  AddStorage(plan, v1::PLACE_OUTPUT, 0, 10);
  AddStorage(plan, v1::PLACE_OUTPUT, 20, 10);
  AddStorage(plan, v1::PLACE_OUTPUT, 60, 0);
  AddStorage(plan, v1::PLACE_INPUT, 80, 10);
  AddStorage(plan, v1::PLACE_LEFT_OUT, 0, 10);
  AddStorage(plan, v1::PLACE_OUTPUT, 100, 10);
  EXPECT_EQ(OutputSpans(plan.storages(), 4), (Spans{{0, 10}, {20, 30}, {100, 110}, {400, 410}}));
  EXPECT_EQ(OutputSpans(plan.storages(), 3), (Spans{{0, 30}, {100, 110}, {400, 410}}));
  EXPECT_EQ(OutputSpans(plan.storages(), 2), (Spans{{0, 110}, {400, 410}}));
  EXPECT_EQ(OutputSpans(plan.storages(), 1), (Spans{{0, 410}}));
}

}  // namespace
}  // namespace airlock::server
