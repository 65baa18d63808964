#include "client/cli/address.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace airlock::cli {
namespace {

TEST(AbsolutePath, CountsFromHere) {
  const std::filesystem::path here = std::filesystem::current_path();
  const std::string above = here.parent_path();
  EXPECT_EQ(AbsolutePath("a.pt"), here / "a.pt");
  EXPECT_EQ(AbsolutePath("./b/./a.pt"), here / "b/a.pt");
  EXPECT_EQ(AbsolutePath("../a.pt"), above + (above == "/" ? "" : "/") + "a.pt");
  EXPECT_EQ(AbsolutePath("../../../../../../../../../../../../../../../../a.pt"), "/a.pt");
}

TEST(AbsolutePath, LeavesToTheDaemonWhatIsTheDaemonsToJudge) {
  EXPECT_EQ(AbsolutePath("b/../a.pt"), std::filesystem::current_path() / "b/../a.pt");
  EXPECT_EQ(AbsolutePath("/b/../a.pt"), "/b/../a.pt");
  EXPECT_EQ(AbsolutePath(""), "");
}

TEST(SourceOf, OnlyADaemonOfThisMachineHasOurDirectory) {
  Options options;
  options.server_path = true;
  options.address = "unix:/s";
  EXPECT_EQ(SourceOf(options, "a.pt").path, AbsolutePath("a.pt"));
  options.address = "dns:///elsewhere:1";
  EXPECT_EQ(SourceOf(options, "a.pt").path, "a.pt");
  options.server_path = false;
  EXPECT_EQ(SourceOf(options, "a.pt").path, "a.pt");
}

}  // namespace
}  // namespace airlock::cli
