#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "client/cli/escape.h"
#include "client/cli/json_writer.h"
#include "client/cli/output.h"

namespace airlock::cli {
namespace {

TEST(Escape, NothingReachesTheTerminalThatItObeys) {
  EXPECT_EQ(Escape("plain name.weight"), "plain name.weight");
  EXPECT_EQ(Escape("\x1b[2J\r\n\t"), "\\x1b[2J\\x0d\\x0a\\x09");
  EXPECT_EQ(Escape("a\\b"), "a\\\\b");
  EXPECT_EQ(Escape("\xc2\x9b"), "\\x9b");  // CSI as one character
  EXPECT_EQ(Escape("\xe2\x80\xae"
                   "exe"),
            "\\u202eexe");                               // right-to-left override
  EXPECT_EQ(Escape("\xf3\xa0\x81\x81"), "\\U000e0041");  // a tag
  EXPECT_EQ(Escape("\xff\xc0\x80"), "\\xff\\xc0\\x80");  // no UTF-8
  EXPECT_EQ(Escape("\xed\xa0\x80"), "\\ud800");          // a lone surrogate
  EXPECT_EQ(Escape("n\xc3\xa4me"), "n\xc3\xa4me");
}

TEST(Escape, EveryControlCharacterIsEscaped) {
  for (int c = 0; c < 256; ++c) {
    for (char out : Escape(std::string(1, static_cast<char>(c)))) {
      EXPECT_TRUE(out >= 0x20 && out < 0x7f) << c;
    }
  }
}

TEST(Escape, ShortTextIsCutAtCharacters) {
  EXPECT_EQ(EscapeShort("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(EscapeShort("abcdefghi", 8), "abcde...");
  EXPECT_EQ(Width(EscapeShort("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 4)), 4U);
}

TEST(JsonWriter, WritesWhatAParserReads) {
  JsonWriter json;
  json.BeginObject();
  json.Field("a\"\\\n\x1b", "\xe2\x80\xae");
  json.Key("list");
  json.BeginArray();
  json.Int(-5);
  json.Uint(UINT64_MAX);
  json.Double(1.0);
  json.Double(1e300);
  json.Null();
  json.Bool(true);
  json.BeginObject();
  json.EndObject();
  json.EndArray();
  json.EndObject();
  const auto parsed = nlohmann::json::parse(json.text());
  EXPECT_EQ(parsed["a\"\\\n\x1b"], "\xe2\x80\xae");
  EXPECT_EQ(parsed["list"].size(), 7U);
  EXPECT_EQ(parsed["list"][1], UINT64_MAX);
  for (char c : json.text()) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(JsonWriter, LoneSurrogatesAndInvalidBytes) {
  JsonWriter json;
  json.String("\xed\xa0\x80\xff");
  EXPECT_EQ(json.text(), "\"\\ud800\xef\xbf\xbd\"");
}

TEST(HumanBytes, PicksTheUnit) {
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(uint64_t{1} << 30), "1.0 GiB");
}

TEST(Counted, OneIsNoPlural) {
  EXPECT_EQ(Counted(0, "tensor"), "0 tensors");
  EXPECT_EQ(Counted(1, "tensor"), "1 tensor");
  EXPECT_EQ(Counted(2, "tensor"), "2 tensors");
}

}  // namespace
}  // namespace airlock::cli
