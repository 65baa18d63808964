#include "sandbox/formats/zip_member.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace airlock::formats {
namespace {

// Empty where the name is taken.
std::string Refusal(std::string_view name, uint16_t flags = 0) {
  const Result<void> checked = CheckMemberName({.name = name, .flags = flags});
  return checked.ok() ? "" : checked.error().message.substr(name.size() + 11);  // member '...':
}

// Names are looked at eight bytes at a time: what is wrong may stand anywhere in them, and across two of those.
TEST(MemberName, IsLookedAtInEachPlace) {
  for (size_t place = 1; place < 20; ++place) {
    const std::string before(place, 'a');
    for (const std::string_view behind : {"", "b", "bcdefghijklm"}) {
      const auto refusal = [&](std::string_view part) {
        return Refusal(before + std::string(part) + std::string(behind));
      };
      for (const char bad : {'\\', '\0', '\n', '\x1F', '\x7F'}) {
        EXPECT_EQ(refusal({&bad, 1}), "has a name that readers cut or rewrite") << place;
      }
      for (const std::string_view part : {"//", "/./", "/../"}) {
        EXPECT_EQ(refusal(part), "has a name that leads elsewhere") << place << part << behind;
      }
      EXPECT_EQ(refusal("\xC3\xA4"), "has a name in no known encoding") << place;
      for (const std::string_view fine : {"/", "/b/", "/.b/", "/..b/", ".", "..", "/...", "/b./", "/b../", " ", "~"}) {
        EXPECT_EQ(refusal(fine), "") << place << fine << behind;
      }
    }
    for (const std::string_view end : {"/.", "/..", "/./", "/../", "//"}) {
      EXPECT_EQ(Refusal(before + std::string(end)), "has a name that leads elsewhere") << place << end;
    }
    EXPECT_EQ(Refusal(before + "\xC3\xA4", kUtf8), "");
    EXPECT_EQ(Refusal(before + "\xC3", kUtf8), "has a name in no known encoding");
  }
}

TEST(MemberName, BeginsWithAComponentThatSaysSomething) {
  for (const std::string_view name : {"/", "/a", ".", "..", "./a", "../a", "./", "../"}) {
    EXPECT_EQ(Refusal(name), "has a name that leads elsewhere") << name;
  }
  for (const std::string_view name : {".a", "..a", ".../a", ".data/version", "a/"})
    EXPECT_EQ(Refusal(name), "") << name;
  EXPECT_FALSE(CheckMemberName({}).ok());
}

}  // namespace
}  // namespace airlock::formats
