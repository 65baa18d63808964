// Every limit: passed just below, hit exactly one above, and named.
#include <gtest/gtest.h>

#include "tests/unit/pickle/machine_fixture.h"

namespace airlock::pickle {
namespace {

struct Row {
  const char* name;
  uint64_t Limits::*limit;
  std::string_view bytes;
  uint64_t needed;  // the smallest value under which `bytes` load
};

constexpr Row kRows[] = {
    {"opcodes", &Limits::opcodes, "NNN\x87."sv, 5},
    {"nodes", &Limits::nodes, "K\x01K\x02\x86."sv, 6},  // None, False and True are always there
    {"stack", &Limits::stack, "((NNt0N."sv, 4},
    {"memo", &Limits::memo, "Nq\0q\1q\1r\xff\0\0\x7f."sv, 3},
    {"string_bytes", &Limits::string_bytes,
     "\x8c\x03"
     "abcC\x02xy\x86."sv,
     5},
    {"integer_bytes", &Limits::integer_bytes, "\x8a\x0a\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a."sv, 10},
    {"integer_bytes", &Limits::integer_bytes, "L1208925819614629174706176L\n."sv, 11},  // 2^80
    {"symbols", &Limits::symbols, "ca\nb\nca\nc\nca\nb\n\x87."sv, 2},
    {"opcodes", &Limits::opcodes, "cbuiltins\nlist\n(NNNNt\x85R."sv, 14},  // a copy of 4 counts 4 more
    {"string_bytes", &Limits::string_bytes,
     "cbuiltins\nbytearray\nC\x03"
     "abc\x85R."sv,
     6},
};

TEST(Limits, AreTheLargestValuesThatPass) {
  for (const Row& row : kRows) {
    Limits limits;
    limits.*row.limit = row.needed;
    EXPECT_EQ(LoadBytes(row.bytes, limits).failure, "") << row.name;
    limits.*row.limit = row.needed - 1;
    const Load load = LoadBytes(row.bytes, limits);
    ASSERT_TRUE(load.error) << row.name << ' ' << row.needed;
    EXPECT_EQ(load.error->reason, Reason::kLimitExceeded) << load.failure;
    ASSERT_TRUE(load.error->limit) << row.name;
    EXPECT_STREQ(load.error->limit->name, row.name);
    EXPECT_EQ(load.error->limit->limit, row.needed - 1);
    EXPECT_GT(load.error->limit->seen, row.needed - 1);
    EXPECT_TRUE(load.error->offset);
  }
}

// The machine looks at the limits now and then; it must be as if it looked after each opcode.
TEST(Limits, AreHitAtTheVeryOpcode) {
  constexpr uint64_t kMost = 1000;
  const std::string many(5000, 'N');
  Limits limits;
  limits.stack = kMost;
  const Load stack = LoadBytes(many, limits);
  ASSERT_TRUE(stack.error);
  EXPECT_EQ(stack.error->limit->seen, kMost + 1);
  EXPECT_EQ(stack.error->offset, kMost);
  std::string floats;
  for (int i = 0; i < 5000; ++i) floats += "G\0\0\0\0\0\0\0\0"s;
  limits = {};
  limits.nodes = kMost;
  const Load nodes = LoadBytes(floats, limits);
  ASSERT_TRUE(nodes.error);
  EXPECT_STREQ(nodes.error->limit->name, "nodes");
  EXPECT_EQ(nodes.error->limit->seen, kMost + 1);
  EXPECT_EQ(nodes.error->offset, 9 * (kMost - 3));  // None, False and True are always there
}

TEST(Limits, AHugeDecimalIsNeverConverted) {
  const Load load = LoadBytes("L" + std::string(2'000'000, '9') + "L\n.");
  ASSERT_TRUE(load.error);
  EXPECT_STREQ(load.error->limit->name, "integer_bytes");
}

TEST(Limits, FindingsBeyondTheLimitAreCounted) {
  Limits limits;
  limits.findings = 2;
  const Load load = LoadBytes(
      "N\x80\x02K\x01"
      "cbuiltins\nset\nK\x01\x85Rcos\nsystem\n)R."sv,
      limits);
  ASSERT_FALSE(load.error) << load.failure;
  ASSERT_EQ(load.context.findings.size(), 2U);
  EXPECT_EQ(load.context.findings[1].id, "findings.more");
  EXPECT_EQ(load.context.findings[1].message, "3 more findings are not listed");
  EXPECT_EQ(load.context.findings[1].severity, Severity::kDanger);
}

TEST(Limits, AsManyFindingsAsTheLimitAreAllListed) {
  const auto bytes = "cbuiltins\nset\nK\x01\x85R0cbuiltins\nset\nK\x02\x85R."sv;
  Limits limits;
  limits.findings = 2;
  const Load all = LoadBytes(bytes, limits);
  ASSERT_EQ(all.context.findings.size(), 2U) << all.failure;
  EXPECT_EQ(all.CountFindings("findings.more"), 0U);
  limits.findings = 1;
  const Load fewer = LoadBytes(bytes, limits);
  ASSERT_EQ(fewer.context.findings.size(), 1U) << fewer.failure;
  EXPECT_EQ(fewer.context.findings[0].id, "findings.more");
}

TEST(Limits, NoLimitHidesDanger) {
  Limits limits;
  limits.findings = 0;
  const Load load = LoadBytes("cos\nsystem\n)R."sv, limits);
  ASSERT_EQ(load.context.findings.size(), 1U);
  EXPECT_EQ(load.context.findings[0].severity, Severity::kDanger);
}

}  // namespace
}  // namespace airlock::pickle
