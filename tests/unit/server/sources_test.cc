#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/source/path_source.h"
#include "server/source/upload_source.h"

namespace airlock::server {
namespace {

namespace fs = std::filesystem;

// Both ways of resolving a path must agree.
class PathSourceTest : public testing::TestWithParam<Resolver> {
 protected:
  PathSourceTest() {
    std::string pattern = testing::TempDir() + "airlock-paths-XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    fs::create_directories(top_ / "root/sub");
    fs::create_directories(top_ / "rootlike");
    Write("root/file");
    Write("root/sub/file");
    Write("outside");
    Write("rootlike/file");
    fs::create_symlink(top_ / "outside", top_ / "root/link");
    fs::create_symlink("file", top_ / "root/inner-link");
    fs::create_directory_symlink(top_ / "rootlike", top_ / "root/linked");
    EXPECT_EQ(::mkfifo((top_ / "root/fifo").c_str(), 0600), 0);
  }
  ~PathSourceTest() override { fs::remove_all(top_); }

  void Write(const std::string& name) { std::ofstream(top_ / name) << "bytes"; }

  v1::Reason ReasonOf(const std::string& path) {
    auto source = PathSource::Open({(top_ / "root").string()}, GetParam());
    EXPECT_TRUE(source.ok());
    auto file = source->OpenFile(path);
    return file.ok() ? v1::REASON_UNSPECIFIED : file.error().reason();
  }
  v1::Reason ReasonUnder(const std::string& name) { return ReasonOf((top_ / "root" / name).string()); }

  fs::path top_;
};

TEST_P(PathSourceTest, OpensWhatIsUnderARoot) {
  EXPECT_EQ(ReasonUnder("file"), v1::REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonUnder("sub/file"), v1::REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonUnder("sub//./file"), v1::REASON_UNSPECIFIED);
}

TEST_P(PathSourceTest, RefusesWhatIsOutside) {
  EXPECT_EQ(ReasonOf((top_ / "outside").string()), v1::REASON_PATH_NOT_ALLOWED);
  EXPECT_EQ(ReasonOf((top_ / "rootlike/file").string()), v1::REASON_PATH_NOT_ALLOWED);
  EXPECT_EQ(ReasonUnder("../outside"), v1::REASON_PATH_NOT_ALLOWED);
  EXPECT_EQ(ReasonUnder("sub/../file"), v1::REASON_PATH_NOT_ALLOWED);
  EXPECT_EQ(ReasonOf("/etc/passwd"), v1::REASON_PATH_NOT_ALLOWED);
}

TEST_P(PathSourceTest, FollowsNoLink) {
  EXPECT_EQ(ReasonUnder("link"), v1::REASON_PATH_NOT_ALLOWED);
  EXPECT_EQ(ReasonUnder("inner-link"), v1::REASON_PATH_NOT_ALLOWED);
  const v1::Reason reason = ReasonUnder("linked/file");
  // O_DIRECTORY | O_NOFOLLOW calls a link to a directory no directory.
  EXPECT_TRUE(reason == v1::REASON_PATH_NOT_ALLOWED || reason == v1::REASON_PATH_NOT_FOUND);
}

TEST_P(PathSourceTest, WantsARegularFile) {
  EXPECT_EQ(ReasonUnder("fifo"), v1::REASON_NOT_A_REGULAR_FILE);
  EXPECT_EQ(ReasonUnder("sub"), v1::REASON_NOT_A_REGULAR_FILE);
  EXPECT_EQ(ReasonUnder(""), v1::REASON_NOT_A_REGULAR_FILE);
}

TEST_P(PathSourceTest, SaysWhatIsNotThere) {
  EXPECT_EQ(ReasonUnder("nothing"), v1::REASON_PATH_NOT_FOUND);
  EXPECT_EQ(ReasonUnder("nothing/file"), v1::REASON_PATH_NOT_FOUND);
  EXPECT_EQ(ReasonUnder("file/below"), v1::REASON_PATH_NOT_FOUND);
}

TEST_P(PathSourceTest, RefusesNamesThatAreNone) {
  EXPECT_EQ(ReasonOf(""), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(ReasonOf("relative"), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(ReasonOf(top_.string() + "/root/fi" + std::string(1, '\0') + "le"), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(ReasonOf("/" + std::string(5000, 'a')), v1::REASON_BAD_REQUEST);
}

TEST_P(PathSourceTest, SeesAFileChange) {
  auto source = PathSource::Open({(top_ / "root").string()}, GetParam());
  auto file = source->OpenFile((top_ / "root/file").string());
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->CheckUnchanged().ok());
  std::ofstream(top_ / "root/file", std::ios::app) << "more";
  EXPECT_EQ(file->CheckUnchanged().error().reason(), v1::REASON_INPUT_CHANGED);
}

INSTANTIATE_TEST_SUITE_P(BothWays, PathSourceTest, testing::Values(Resolver::kBest, Resolver::kComponents));

TEST(PathSource, ARootMustBeThere) { EXPECT_FALSE(PathSource::Open({"/nowhere/at/all"}).ok()); }

v1::Upload Announce(uint64_t size, const std::string& sha256 = "") {
  v1::Upload upload;
  upload.set_size(size);
  upload.set_sha256(sha256);
  return upload;
}

v1::UploadChunk Chunk(const std::string& data, bool finish) {
  v1::UploadChunk chunk;
  chunk.set_data(data);
  chunk.set_finish(finish);
  return chunk;
}

constexpr char kSha256OfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

OrVerdict<UploadSource> OpenUpload(const v1::Upload& upload) {
  return UploadSource::Open(testing::TempDir(), upload, 100);
}

TEST(UploadSource, SpoolsAndHandsOutReadOnly) {
  auto upload = OpenUpload(Announce(3, kSha256OfAbc));
  ASSERT_TRUE(upload.ok());
  EXPECT_TRUE(upload->Add(Chunk("a", false)).ok());
  EXPECT_FALSE(upload->finished());
  EXPECT_TRUE(upload->Add(Chunk("bc", true)).ok());
  ASSERT_TRUE(upload->finished());
  std::string sha256;
  auto file = upload->Finish(&sha256);
  ASSERT_TRUE(file.ok()) << file.error().failure().DebugString();
  EXPECT_EQ(sha256, kSha256OfAbc);
  EXPECT_EQ(file->size(), 3U);
  EXPECT_EQ(::fcntl(file->fd(), F_GETFL) & O_ACCMODE, O_RDONLY);
  char bytes[4] = {};
  EXPECT_EQ(::pread(file->fd(), bytes, sizeof(bytes), 0), 3);
  EXPECT_STREQ(bytes, "abc");
}

TEST(UploadSource, AnEmptyUploadIsAnUpload) {
  auto upload = OpenUpload(Announce(0));
  EXPECT_TRUE(upload->Add(Chunk("", true)).ok());
  EXPECT_EQ(upload->Finish(nullptr)->size(), 0U);
}

TEST(UploadSource, ShorterAndLongerAreTruncated) {
  auto shorter = OpenUpload(Announce(3));
  EXPECT_EQ(shorter->Add(Chunk("ab", true)).error().reason(), v1::REASON_UPLOAD_TRUNCATED);
  auto longer = OpenUpload(Announce(3));
  EXPECT_EQ(longer->Add(Chunk("abcd", false)).error().reason(), v1::REASON_UPLOAD_TRUNCATED);
}

TEST(UploadSource, APieceWithNothingInItIsRefused) {
  auto upload = OpenUpload(Announce(3));
  EXPECT_EQ(upload->Add(Chunk("", false)).error().reason(), v1::REASON_BAD_REQUEST);
}

TEST(UploadSource, RefusesWhatWasNotAnnounced) {
  auto wrong = OpenUpload(Announce(3, std::string(64, '0')));
  EXPECT_TRUE(wrong->Add(Chunk("abc", true)).ok());
  EXPECT_EQ(wrong->Finish(nullptr).error().reason(), v1::REASON_UPLOAD_DIGEST_MISMATCH);
  EXPECT_EQ(OpenUpload(Announce(3, "xyz")).error().reason(), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(OpenUpload(Announce(101)).error().failure().limit().name(), "input_bytes");
  auto after = OpenUpload(Announce(1));
  EXPECT_TRUE(after->Add(Chunk("a", true)).ok());
  EXPECT_EQ(after->Add(Chunk("", true)).error().reason(), v1::REASON_BAD_REQUEST);
}

}  // namespace
}  // namespace airlock::server
