#include "server/plan_piece.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "airlock/worker/v1/frame.pb.h"
#include "tests/unit/server/valid_plan.h"

namespace airlock::server {
namespace {

std::string FrameOf(const v1::PlanChunk& plan) {
  worker::v1::Frame frame;
  *frame.mutable_plan() = plan;
  return frame.SerializeAsString();
}

// A field with a length below 128.
std::string Field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

PieceParse Parse(const std::string& frame) {
  PlanPiece piece;
  return ParsePlanFrame(frame, piece);
}

template <typename Column>
bool IsColumn(std::string_view span, const Column& column) {
  const size_t bytes = static_cast<size_t>(column.size()) * sizeof(*column.data());
  return span.size() == bytes && (bytes == 0 || std::memcmp(span.data(), column.data(), bytes) == 0);
}

bool Agree(const PlanPiece& piece, const v1::PlanChunk& plan) {
  const v1::GraphColumns& graph = plan.graph();
  v1::PlanChunk rest = plan;
  rest.clear_graph();
  return IsColumn(piece.graph.kinds, graph.kinds()) && IsColumn(piece.graph.counts, graph.counts()) &&
         IsColumn(piece.graph.refs, graph.refs()) && IsColumn(piece.graph.links, graph.links()) &&
         IsColumn(piece.graph.ints, graph.ints()) && IsColumn(piece.graph.floats, graph.floats()) &&
         IsColumn(piece.graph.blob, graph.blob()) && piece.rest.SerializeAsString() == rest.SerializeAsString();
}

TEST(PlanPiece, HasWhatTheFrameHas) {
  v1::PlanChunk columns;
  columns.mutable_graph()->set_kinds(std::string(300, '\x04'));
  columns.mutable_graph()->add_floats(-0.0);
  columns.mutable_graph()->add_ints(INT64_MIN);
  v1::PlanChunk empty_graph;
  empty_graph.mutable_graph();
  for (const v1::PlanChunk& plan : {ValidPlan(), v1::PlanChunk(), columns, empty_graph}) {
    const std::string frame = FrameOf(plan);
    EXPECT_TRUE(IsPlanFrame(frame));
    PlanPiece piece;
    ASSERT_EQ(ParsePlanFrame(frame, piece), PieceParse::kGood) << plan.ShortDebugString();
    EXPECT_TRUE(Agree(piece, plan)) << plan.ShortDebugString();
  }
  EXPECT_FALSE(IsPlanFrame(""));
  EXPECT_FALSE(IsPlanFrame("\x0a"));
}

TEST(PlanPiece, RefusesWhatProtobufWouldNotWrite) {
  using Graph = v1::GraphColumns;
  using Plan = v1::PlanChunk;
  const int plan = worker::v1::Frame::kPlanFieldNumber;
  const std::string kinds = Field(Graph::kKindsFieldNumber, "\x01");
  const std::string refs = Field(Graph::kRefsFieldNumber, std::string(4, '\0'));
  const std::string device = Field(Plan::kDevicesFieldNumber, "cpu");
  const auto graph = [](const std::string& columns) { return Field(Plan::kGraphFieldNumber, columns); };
  const std::pair<std::string, std::string> cases[] = {
      {"bytes behind the plan", Field(plan, graph(kinds)) + "\x78\x01"},
      {"two plans", Field(plan, graph(kinds)) + Field(plan, "")},
      {"two graphs", Field(plan, graph(kinds) + graph(refs))},
      {"a graph behind a device", Field(plan, device + graph(kinds))},
      {"a column twice", Field(plan, graph(refs + refs))},
      {"columns in another order", Field(plan, graph(refs + kinds))},
      {"a column without values", Field(plan, graph(Field(Graph::kIntsFieldNumber, "")))},
      {"a column that nobody knows", Field(plan, graph(kinds + Field(8, "x")))},
      {"a value that is not packed", Field(plan, graph(std::string("\x15\0\0\0\0", 5)))},
      {"half a value", Field(plan, graph(Field(Graph::kRefsFieldNumber, "abc")))},
      {"a padded length of a column", Field(plan, graph(std::string("\x0a\x81\x00\x01", 4)))},
      {"a padded length of a graph", Field(plan, std::string("\x0a\x83\x00", 3) + kinds)},
      {"a padded length of a plan", std::string("\x12\x80\x00", 3)},
      {"a length without end", std::string("\x12\xff\xff\xff\xff\xff\xff\x01", 8)},
      {"a column that is longer than its graph", Field(plan, graph(std::string("\x0a\x02\x01", 3)))},
      {"a graph that is longer than its plan", Field(plan, std::string("\x0a\x7f", 2))},
      {"a plan that is longer than its frame", std::string("\x12\x7f", 2)},
      {"no length", std::string("\x12", 1)},
      {"a table that nobody knows", Field(plan, Field(15, "x"))},
      {"a padded length of a table", Field(plan, std::string("\x22\x83\x00", 3) + "cpu")},
      {"a device that is no text", Field(plan, Field(Plan::kDevicesFieldNumber, "\xff"))},
  };
  EXPECT_EQ(Parse(Field(plan, graph(kinds + refs) + device)), PieceParse::kGood);
  for (const auto& [what, frame] : cases) EXPECT_NE(Parse(frame), PieceParse::kGood) << what;
}

// Whatever bytes come: what is taken is what protobuf would take, and whatever protobuf would write is taken.
TEST(PlanPiece, AgreesWithProtobufOnAnything) {
  std::mt19937 random(20261128);
  const auto below = [&](size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random); };
  const std::string whole = FrameOf(ValidPlan());
  int taken = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string frame = whole;
    for (size_t change = below(3) + 1; change > 0; --change) {
      // Where fields begin most often.
      const size_t at = below(round % 2 == 0 ? std::min<size_t>(frame.size(), 24) : frame.size());
      switch (below(4)) {
        case 0:
          frame[at] = static_cast<char>(below(256));
          break;
        case 1:
          frame.erase(at, below(6) + 1);
          break;
        case 2:
          frame.insert(at, frame.substr(below(frame.size()), below(12)));
          break;
        default:
          frame[at] = static_cast<char>(frame[at] ^ (1 << below(8)));
      }
      if (frame.empty()) frame = whole;
    }
    if (!IsPlanFrame(frame)) continue;
    worker::v1::Frame parsed;
    const bool good = parsed.ParseFromString(frame);
    parsed.DiscardUnknownFields();
    PlanPiece piece;
    if (ParsePlanFrame(frame, piece) == PieceParse::kGood) {
      ++taken;
      ASSERT_TRUE(good && parsed.has_plan() && parsed.ByteSizeLong() == frame.size()) << round;
      ASSERT_TRUE(Agree(piece, parsed.plan())) << round;
    } else {
      ASSERT_FALSE(good && parsed.has_plan() && parsed.SerializeAsString() == frame) << round;
    }
  }
  EXPECT_GT(taken, 1000);
}

}  // namespace
}  // namespace airlock::server
