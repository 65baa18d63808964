#include "client/cli/file_walk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace airlock::cli {
namespace {

namespace fs = std::filesystem;

// A directory of its own, gone afterwards.
class FileWalkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/airlock-walk-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    root_ = path;
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& name) const {
    fs::create_directories(fs::path(root_ + "/" + name).parent_path());
    std::ofstream(root_ + "/" + name) << "x";
  }

  // What is found, each without the root; "+" stands before what was named.
  std::vector<std::string> Found(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(name.empty() ? root_ : root_ + "/" + name);
    FileWalk walk(paths);
    std::vector<std::string> found;
    while (const auto next = walk.Next()) {
      std::string path = next->path == root_ ? "" : next->path.substr(root_.size() + 1);
      if (next->named) path.insert(0, 1, '+');
      if (next->folder) path += "/";
      found.push_back(path.append(next->error ? " !" : ""));
    }
    links_ = walk.links();
    others_ = walk.others();
    return found;
  }

  std::string root_;
  uint64_t links_ = 0;
  uint64_t others_ = 0;
};

using Paths = std::vector<std::string>;

TEST_F(FileWalkTest, GoesByTheBytesOfNames) {
  for (const char* name : {"b/2", "b/1/z", "a", "B", "b.c", "\xc3\xa4"}) Write(name);
  EXPECT_EQ(Found({""}), (Paths{"B", "a", "b/1/z", "b/2", "b.c", "\xc3\xa4"}));
  EXPECT_EQ(Found({"b", "a", "b"}), (Paths{"b/1/z", "b/2", "+a", "b/1/z", "b/2"}));
}

TEST_F(FileWalkTest, ADistributedCheckpointIsOneThing) {
  for (const char* name : {"run/.metadata", "run/__0_0.distcp", "run/__1_0.distcp", "run/a.pt", "run/sub/b", "z"}) {
    Write(name);
  }
  EXPECT_EQ(Found({""}), (Paths{"run/", "run/a.pt", "run/sub/b", "z"}));
  EXPECT_EQ(Found({"run"}), (Paths{"run/", "run/a.pt", "run/sub/b"}));
  // Named by itself it is a file like any other.
  EXPECT_EQ(Found({"run/__0_0.distcp"}), (Paths{"+run/__0_0.distcp"}));
}

TEST_F(FileWalkTest, AFileCalledMetadataIsNoCheckpoint) {
  for (const char* name : {"a/.metadata", "b/x.distcp"}) Write(name);
  EXPECT_EQ(Found({""}), (Paths{"a/.metadata", "b/x.distcp"}));
}

TEST_F(FileWalkTest, LinksInDirectoriesAreCountedAndNotFollowed) {
  Write("d/file");
  fs::create_symlink("file", root_ + "/d/link");
  fs::create_directory_symlink(root_, root_ + "/d/up");
  EXPECT_EQ(Found({""}), Paths{"d/file"});
  EXPECT_EQ(links_, 2U);
  EXPECT_EQ(Found({"d/link", "d/up/d"}), (Paths{"+d/link", "d/up/d/file"})) << "what is named is meant";
}

TEST_F(FileWalkTest, VersionControlIsLeftOutUnlessNamed) {
  for (const char* name : {"p/.git/objects/ab", "p/.hg/x", "p/.svn/x", "p/.github/x", "p/a.git/x", "q/.git"})
    Write(name);
  EXPECT_EQ(Found({""}), (Paths{"p/.github/x", "p/a.git/x", "q/.git"}));
  FileWalk walk({root_});
  while (walk.Next()) continue;
  EXPECT_EQ(walk.histories(), 3U);
  EXPECT_EQ(Found({"p/.git"}), Paths{"p/.git/objects/ab"});
}

TEST_F(FileWalkTest, OtherFilesAreCounted) {
  ASSERT_EQ(mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(Found({""}), Paths{});
  EXPECT_EQ(others_, 1U);
  EXPECT_EQ(Found({"fifo", "none"}), (Paths{"+fifo", "+none"}));
}

TEST_F(FileWalkTest, DirectoriesThatCannotBeReadAreSaidSo) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  Write("closed/file");
  Write("open");
  chmod((root_ + "/closed").c_str(), 0);
  EXPECT_EQ(Found({""}), (Paths{"closed !", "open"}));
  chmod((root_ + "/closed").c_str(), 0700);
}

TEST_F(FileWalkTest, DepthIsNoRecursion) {
  std::string deep;
  for (int i = 0; i < 1'000; ++i) deep += "d/";
  Write(deep + "file");
  EXPECT_EQ(Found({""}), Paths{deep + "file"});
}

TEST_F(FileWalkTest, NamesOfAnotherMachineAreLeftAlone) {
  FileWalk walk({root_, "/nowhere"}, false);
  EXPECT_EQ(walk.Next()->path, root_);
  EXPECT_EQ(walk.Next()->path, "/nowhere");
  EXPECT_FALSE(walk.Next().has_value());
}

}  // namespace
}  // namespace airlock::cli
