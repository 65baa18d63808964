// Answer: messages as they come from gRPC, in slices.
#include "client/cpp/answer.h"

#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/client/plan_maker.h"

namespace airlock {
namespace {

using testing::PlanMaker;

grpc::ByteBuffer InSlices(std::string_view message, size_t length) {
  std::vector<grpc::Slice> slices;
  for (; !message.empty(); message.remove_prefix(std::min(length, message.size()))) {
    slices.emplace_back(std::string(message.substr(0, length)));
  }
  return {slices.data(), slices.size()};
}

// Field `number` that says it is `length` bytes long, and what there is of it.
std::string Field(int number, uint64_t length, const std::string& bytes) {
  std::string text(1, static_cast<char>(number << 3 | 2));
  for (; length > 127; length >>= 7) text += static_cast<char>(length | 128);
  return text + static_cast<char>(length) + bytes;
}
std::string Field(int number, const std::string& bytes) { return Field(number, bytes.size(), bytes); }

// The most address space that this process has had.
uint64_t PeakBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  uint64_t kilobytes = 0;
  while (status >> word && word != "VmPeak:") status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  status >> kilobytes;
  return kilobytes << 10;
}

TEST(Answer, APlanMayComeInSlicesOfAnyLength) {
  PlanMaker maker;
  maker.Items(v1::NODE_KIND_LIST, {1, 2, 3});
  maker.Int(1);
  maker.Float(2.5);
  maker.String("three");
  v1::LoadResponse plan;
  *plan.mutable_plan() = maker.plan;
  for (size_t length = 1; length <= plan.ByteSizeLong(); ++length) {
    Answer answer(nullptr);
    v1::LoadResponse report;
    *report.mutable_report() = maker.Report();
    report.mutable_report()->set_posture(v1::POSTURE_FULL);
    ASSERT_TRUE(answer.Take(report).ok());
    grpc::ByteBuffer message = InSlices(plan.SerializeAsString(), length);
    ASSERT_TRUE(answer.TakeEncoded<v1::LoadResponse>(message).ok()) << length;
    const auto contents = answer.Finish();
    ASSERT_TRUE(contents.ok()) << length;
    EXPECT_EQ((*contents)->graph().Text(3), "three");
  }
}

TEST(Answer, ALengthThatIsALieTakesNoMemory) {
  constexpr uint64_t kLie = uint64_t{1} << 30;
  const std::string few = "cpu";
  const std::string kinds = Field(v1::GraphColumns::kKindsFieldNumber, kLie - 64, few);
  for (const std::string& plan :
       {Field(v1::PlanChunk::kDevicesFieldNumber, kLie, few), Field(v1::PlanChunk::kGraphFieldNumber, kLie, kinds),
        Field(v1::PlanChunk::kGraphFieldNumber, kinds)}) {
    Answer answer(nullptr);
    v1::LoadResponse report;
    report.mutable_report()->set_outcome(v1::OUTCOME_OK);
    ASSERT_TRUE(answer.Take(report).ok());
    const uint64_t before = PeakBytes();
    grpc::ByteBuffer message = InSlices(Field(v1::LoadResponse::kPlanFieldNumber, plan), 4);
    EXPECT_FALSE(answer.TakeEncoded<v1::LoadResponse>(message).ok());
    EXPECT_LT(PeakBytes() - before, kLie / 4);
  }
}

}  // namespace
}  // namespace airlock
