#include "server/text.h"

#include <gtest/gtest.h>

#include "server/log.h"

namespace airlock::server {
namespace {

TEST(EscapeText, IsPrintableAscii) {
  EXPECT_EQ(EscapeText("plain text", 100), "plain text");
  EXPECT_EQ(EscapeText("a\nb\x7f", 100), "a\\x0ab\\x7f");
  EXPECT_EQ(EscapeText("\\", 100), "\\\\");
  EXPECT_EQ(EscapeText("\xc3\xa9 \xe2\x82\xac", 100), "\\u00e9 \\u20ac");
  EXPECT_EQ(EscapeText("\xf0\x9f\x98\x80", 100), "\\U0001f600");
  EXPECT_EQ(EscapeText("\xff\xc3", 100), "\\xff\\xc3");
  EXPECT_EQ(EscapeText("\xc0\x80", 100), "\\xc0\\x80") << "an overlong NUL is no character";
  EXPECT_EQ(EscapeText("\xe2\x80\xae", 100), "\\u202e") << "right-to-left override";
}

TEST(EscapeText, IsCapped) {
  EXPECT_EQ(EscapeText("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(EscapeText("abcdefghi", 8), "abcde...");
  EXPECT_LE(EscapeText(std::string(1'000'000, '\n'), 64).size(), 64U);
}

TEST(Wtf8, AllowsLoneSurrogatesAndNothingElse) {
  EXPECT_TRUE(IsWtf8(""));
  EXPECT_TRUE(IsWtf8("a\xed\xa0\x80z"));
  EXPECT_FALSE(IsWtf8("\xf4\x90\x80\x80")) << "beyond the last code point";
  EXPECT_FALSE(IsWtf8("abc\xe2\x82"));
  EXPECT_FALSE(IsWtf8("\x80"));
  std::string out;
  AppendUtf8("a\xed\xa0\x80z\xc3\xa9", out);
  EXPECT_EQ(out, "a\\ud800z\xc3\xa9");
}

TEST(Log, ValuesCannotForgeALine) {
  const std::string hostile = "x\" outcome=OK\n{\"event\":\"load\"}";
  const std::string text = FormatLine(LogFormat::kText, "load", {{"name", hostile}, {"size", uint64_t{7}}});
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const std::string json = FormatLine(LogFormat::kJson, "load", {{"name", hostile}, {"size", uint64_t{7}}});
  EXPECT_EQ(json.find('\n'), std::string::npos);
  EXPECT_NE(json.find(R"("size":7)"), std::string::npos);
  EXPECT_NE(json.find(R"(x\" outcome)"), std::string::npos);
}

}  // namespace
}  // namespace airlock::server
