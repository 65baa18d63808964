// What `convert --split` makes of values: as Python's own classes make them. The other direction, and whole files, are
// compared with the Python package (client/python/tests/split_program_test.py).
#include <gtest/gtest.h>

#include "client/cli/state/integer.h"
#include "client/cli/state/number_text.h"
#include "client/cli/state/path_text.h"
#include "client/cli/state/state_objects.h"
#include "client/cli/state/state_values.h"
#include "client/cli/state/text_budget.h"
#include "client/cli/weights/weight_names.h"
#include "tests/unit/client/plan_maker.h"

namespace airlock::cli {
namespace {

using airlock::testing::PlanMaker;

TEST(Integer, ReadsTwosComplement) {
  using namespace std::string_view_literals;
  EXPECT_EQ(Integer::OfBytes("").Text(), "0");
  EXPECT_EQ(Integer::OfBytes("\x7f").Text(), "127");
  EXPECT_EQ(Integer::OfBytes("\x80").Text(), "-128");
  EXPECT_EQ(Integer::OfBytes("\xff\xff").Text(), "-1");
  EXPECT_EQ(Integer::OfBytes("\0\0\0\0\0\0\0\0\1"sv).Text(), "18446744073709551616");
  EXPECT_EQ(Integer(INT64_MIN).Text(), "-9223372036854775808");
}

TEST(Integer, IsExactUpToTheFiftyThirdPower) {
  constexpr int64_t kLimit = int64_t{1} << 53;
  EXPECT_TRUE(Integer(kLimit).Exact());
  EXPECT_TRUE(Integer(-kLimit).Exact());
  EXPECT_FALSE(Integer(kLimit + 1).Exact());
  EXPECT_FALSE(Integer(-kLimit - 1).Exact());
}

TEST(Integer, IsHexadecimalWhereDecimalTakesLong) {
  std::string bytes(500, '\xff');
  bytes += '\0';
  EXPECT_EQ(Integer::OfBytes(bytes).Text().size(), 1205U);  // 2^4000 - 1
  bytes.assign(500, '\0');
  bytes += '\1';
  EXPECT_EQ(Integer::OfBytes(bytes).Text(), "0x1" + std::string(1000, '0'));
  bytes.back() = '\xff';
  EXPECT_EQ(Integer::OfBytes(bytes).Text(), "-0x1" + std::string(1000, '0'));
}

TEST(DecimalText, IsPythons) {
  const std::pair<const char*, const char*> rows[] = {{"1.50", "1.50"},
                                                      {"0", "0"},
                                                      {"-0", "-0"},
                                                      {"+007", "7"},
                                                      {"0.000001", "0.000001"},
                                                      {"0.0000001", "1E-7"},
                                                      {"1e5", "1E+5"},
                                                      {"12.3E2", "1.23E+3"},
                                                      {"12.3e1", "123"},
                                                      {".5", "0.5"},
                                                      {"5.", "5"},
                                                      {"0E+3", "0E+3"},
                                                      {"0.00", "0.00"},
                                                      {"123e-2", "1.23"},
                                                      {"1e-6", "0.000001"},
                                                      {"inf", "Infinity"},
                                                      {"-inf", "-Infinity"},
                                                      {"nan", "NaN"},
                                                      {"sNaN012", "sNaN12"},
                                                      {"NaN0", "NaN"},
                                                      {"1e-10", "1E-10"},
                                                      {"12e-10", "1.2E-9"}};
  for (const auto& [text, want] : rows) EXPECT_EQ(DecimalText(text).value_or("none"), want) << text;
  for (const char* text : {"", ".", "e5", "1e", "1e+-5", "--1", "1 ", "0x1", "1e999999999999999999", "nan-1"}) {
    EXPECT_FALSE(DecimalText(text)) << text;
  }
  EXPECT_FALSE(DecimalText(std::string(5000, '1')));
}

TEST(FractionOf, TakesOutWhatIsCommon) {
  auto text = [](std::string_view of) {
    const auto parts = FractionOf(of);
    return parts ? parts->first.Text() + "/" + parts->second.Text() : "none";
  };
  EXPECT_EQ(text("6/4"), "3/2");
  EXPECT_EQ(text("-6/4"), "-3/2");
  EXPECT_EQ(text("0/5"), "0/1");
  EXPECT_EQ(text("7"), "7/1");
  for (const char* none : {"1/0", "1/-2", "1.5", "", "/2", "1/"}) EXPECT_EQ(text(none), "none") << none;
  const auto parts = FractionOf(Integer(6), Integer(-4));
  EXPECT_EQ(parts->first.Text() + "/" + parts->second.Text(), "-3/2");
  EXPECT_FALSE(FractionOf(Integer(1), Integer(0)));
}

TEST(PathText, IsPathlibs) {
  EXPECT_EQ(PosixPathText({}), ".");
  EXPECT_EQ(PosixPathText({"a", "b"}), "a/b");
  EXPECT_EQ(PosixPathText({"/", "a//b/./c/"}), "/a/b/c");
  EXPECT_EQ(PosixPathText({"a", "/b"}), "/b");
  EXPECT_EQ(PosixPathText({"//a"}), "//a");
  EXPECT_EQ(PosixPathText({"///a", "..", ""}), "/a/..");
  EXPECT_EQ(WindowsPathText({"C:\\", "a", "b/c"}).value_or("none"), "C:\\a\\b\\c");
  EXPECT_EQ(WindowsPathText({"C:a"}).value_or("none"), "C:a");
  EXPECT_EQ(WindowsPathText({}).value_or("none"), ".");
  for (const char* odd : {"\\\\server\\share", "a:b:c", "//x"}) EXPECT_FALSE(WindowsPathText({odd})) << odd;
  EXPECT_FALSE(WindowsPathText({"a", "\\b"}));
}

TEST(TextBudget, CountsLetters) {
  TextBudget budget(3);
  EXPECT_TRUE(budget.Use("\xc3\xa9\xf0\x9f\x98\x80").ok());
  EXPECT_TRUE(budget.Use("a").ok());
  const auto over = budget.Use("b");
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().reason, v1::REASON_LIMIT_EXCEEDED);
}

TEST(StrippedName, TakesEitherPrefixAroundTheOther) {
  EXPECT_EQ(StrippedName("module._orig_mod.w"), "w");
  EXPECT_EQ(StrippedName("_orig_mod.module.w"), "w");
  EXPECT_EQ(StrippedName("module.module.w"), "module.w");
  EXPECT_EQ(StrippedName("submodule.w"), "submodule.w");
}

// A record of a known class with integers as its arguments.
class Records : public ::testing::Test {
 protected:
  void Make(const char* module, const char* name, const std::vector<int64_t>& numbers) {
    PlanMaker maker;
    v1::Symbol& symbol = *maker.plan.add_symbols();
    symbol.set_module(module);
    symbol.set_name(name);
    symbol.set_class_(v1::SYMBOL_CLASS_KNOWN);
    maker.RecordOf(v1::RECORD_PART_ARGS, {1, 2});
    maker.Link(v1::NODE_KIND_SYMBOL, 0);
    std::vector<uint32_t> refs;
    for (uint32_t i = 0; i < numbers.size(); ++i) refs.push_back(3 + i);
    maker.Items(v1::NODE_KIND_TUPLE, refs);
    for (const int64_t number : numbers) maker.Int(number);
    contents_ = *maker.Make();
  }

  // The arguments of the value, if it is one.
  std::string Args(const char* module, const char* name, const std::vector<int64_t>& numbers) {
    Make(module, name, numbers);
    const StateObjects objects(*contents_);
    const auto value = ValueOf(*contents_, 0);
    EXPECT_EQ(objects.kind(0), value ? ObjectKind::kValue : ObjectKind::kRecord);
    if (!value) return "none";
    std::string text;
    for (const StateArgument& argument : value->args) text += std::to_string(argument.number) + " ";
    return text;
  }

  std::shared_ptr<const Contents> contents_;
};

TEST_F(Records, CarryOverAsTimedeltasDo) {
  auto args = [&](int64_t days, int64_t seconds, int64_t micros) {
    return Args("datetime", "timedelta", {days, seconds, micros});
  };
  EXPECT_EQ(args(0, 90'000, 0), "1 3600 0 ");
  EXPECT_EQ(args(0, -1, 0), "-1 86399 0 ");
  EXPECT_EQ(args(1, 0, -1), "0 86399 999999 ");
  EXPECT_EQ(args(999'999'999, 86'399, 999'999), "999999999 86399 999999 ");
  EXPECT_EQ(args(999'999'999, 86'400, 0), "none");
  EXPECT_EQ(args(INT64_MAX, INT64_MAX, INT64_MAX), "none");
  EXPECT_EQ(args(INT64_MIN, INT64_MIN, INT64_MIN), "none");
}

TEST_F(Records, ThatArePossibleDatesAreDates) {
  EXPECT_EQ(Args("datetime", "date", {2000, 2, 29}), "2000 2 29 ");
  EXPECT_EQ(Args("datetime", "date", {1900, 2, 29}), "none");
  EXPECT_EQ(Args("datetime", "date", {0, 1, 1}), "none");
  EXPECT_EQ(Args("datetime", "date", {2000, 13, 1}), "none");
  EXPECT_EQ(Args("datetime", "date", {2000, 1}), "none");
  EXPECT_EQ(Args("datetime", "datetime", {2000, 1, 1}), "2000 1 1 0 0 0 0 ");
  EXPECT_EQ(Args("datetime", "datetime", {2000, 1, 1, 24, 0, 0, 0}), "none");
  EXPECT_EQ(Args("datetime", "time", {1, 2, 3, 1'000'000}), "none");
  EXPECT_EQ(Args("builtins", "range", {1, 2, 0}), "none");
  EXPECT_EQ(Args("builtins", "range", {1, 2, -1}), "1 2 -1 ");
}

TEST_F(Records, OfDequesKeepTheLastItemsThatFit) {
  for (const int64_t most : {0, 2, 5}) {
    PlanMaker maker;
    v1::Symbol& symbol = *maker.plan.add_symbols();
    symbol.set_module("collections");
    symbol.set_name("deque");
    symbol.set_class_(v1::SYMBOL_CLASS_KNOWN);
    maker.RecordOf(v1::RECORD_PART_ARGS | v1::RECORD_PART_ITEMS, {1, 2, 4});
    maker.Link(v1::NODE_KIND_SYMBOL, 0);
    maker.Items(v1::NODE_KIND_TUPLE, {3});
    maker.Int(most);
    maker.Items(v1::NODE_KIND_LIST, {3, 3, 0});
    const auto contents = *maker.Make();
    const StateObjects objects(*contents);
    ASSERT_EQ(objects.kind(0), ObjectKind::kDeque);
    EXPECT_EQ(objects.Items(0).size(), static_cast<size_t>(std::min<int64_t>(most, 3)));
    EXPECT_TRUE(most == 0 || objects.Items(0).back() == 0);
  }
}

}  // namespace
}  // namespace airlock::cli
