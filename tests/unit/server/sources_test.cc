#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "server/source/path_source.h"
#include "server/source/upload_source.h"
#include "tests/support/chunk_slices.h"

namespace airlock::server {
namespace {

namespace fs = std::filesystem;
using test::InSlices;
using test::Join;

// Both ways of resolving a path must agree.
constexpr uint64_t kMaxFiles = 5;

class PathSourceTest : public testing::TestWithParam<Resolver> {
 protected:
  PathSourceTest() {
    std::string pattern = testing::TempDir() + "airlock-paths-XXXXXX";
    top_ = ::mkdtemp(pattern.data());
    fs::create_directories(top_ / "root/sub");
    fs::create_directories(top_ / "root/empty/deeper");
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
    auto file = source->OpenInput(path, kMaxFiles);
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
  EXPECT_EQ(ReasonUnder("empty"), v1::REASON_NOT_A_REGULAR_FILE);
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
  auto file = source->OpenInput((top_ / "root/file").string(), kMaxFiles);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->CheckUnchanged().ok());
  std::ofstream(top_ / "root/file", std::ios::app) << "more";
  EXPECT_EQ(file->CheckUnchanged().error().reason(), v1::REASON_INPUT_CHANGED);
}

std::vector<std::string> NamesOf(const Input& input) {
  std::vector<std::string> names;
  for (const v1::File& file : input.files()) names.push_back(file.name());
  return names;
}

// Its regular files in the order of their names; the links, the FIFO and the folders of the root are passed over.
TEST_P(PathSourceTest, AFolderIsTheSetOfItsFiles) {
  Write("root/.hidden");
  std::ofstream(top_ / "root/zero");
  auto source = PathSource::Open({(top_ / "root").string()}, GetParam());
  auto set = source->OpenInput((top_ / "root").string(), kMaxFiles);
  ASSERT_TRUE(set.ok()) << set.error().failure().DebugString();
  EXPECT_EQ(NamesOf(*set), (std::vector<std::string>{".hidden", "file", "zero"}));
  EXPECT_EQ(set->size(), 10U);
  EXPECT_EQ(set->FileEnds(), (std::vector<uint64_t>{5, 10, 10}));
  ASSERT_EQ(set->fds().size(), 3U);
  EXPECT_EQ(set->At(4).fd, set->fds()[0]);
  EXPECT_EQ(set->At(5).fd, set->fds()[1]);
  EXPECT_EQ(set->At(7).offset, 2U);
  EXPECT_TRUE(set->CheckUnchanged().ok());
  std::ofstream(top_ / "root/zero", std::ios::app) << "more";
  EXPECT_EQ(set->CheckUnchanged().error().reason(), v1::REASON_INPUT_CHANGED);
}

TEST_P(PathSourceTest, AFolderOfTooManyFilesIsALimit) {
  for (uint64_t i = 0; i < kMaxFiles; ++i) Write("root/sub/" + std::to_string(i));
  EXPECT_EQ(ReasonUnder("sub"), v1::REASON_LIMIT_EXCEEDED);
  fs::remove(top_ / "root/sub/0");
  EXPECT_EQ(ReasonUnder("sub"), v1::REASON_UNSPECIFIED);
  // So many entries that are no files.
  for (uint64_t i = 0; i < 20 * kMaxFiles; ++i)
    fs::create_symlink("file", top_ / ("root/sub/link" + std::to_string(i)));
  EXPECT_EQ(ReasonUnder("sub"), v1::REASON_LIMIT_EXCEEDED);
}

TEST_P(PathSourceTest, AFolderWithANameThatIsNoTextIsRefused) {
  Write("root/sub/\xff");
  EXPECT_EQ(ReasonUnder("sub"), v1::REASON_BAD_REQUEST);
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

OrVerdict<void> Add(OrVerdict<UploadSource>& upload, const std::string& data, bool finish) {
  return upload->Add(ChunkView::Of(Chunk(data, finish)));
}

constexpr char kSha256OfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

OrVerdict<UploadSource> OpenUpload(const v1::Upload& upload) {
  Limits limits;
  limits.input_bytes = 100;
  limits.files = 3;
  return UploadSource::Open(testing::TempDir(), upload, limits);
}

TEST(UploadSource, SpoolsAndHandsOutReadOnly) {
  auto upload = OpenUpload(Announce(3, kSha256OfAbc));
  ASSERT_TRUE(upload.ok());
  EXPECT_TRUE(Add(upload, "a", false).ok());
  EXPECT_FALSE(upload->finished());
  EXPECT_TRUE(Add(upload, "bc", true).ok());
  ASSERT_TRUE(upload->finished());
  std::string sha256;
  auto file = upload->Finish(&sha256);
  ASSERT_TRUE(file.ok()) << file.error().failure().DebugString();
  EXPECT_EQ(sha256, kSha256OfAbc);
  EXPECT_EQ(file->size(), 3U);
  EXPECT_EQ(::fcntl(file->fds()[0], F_GETFL) & O_ACCMODE, O_RDONLY);
  char bytes[4] = {};
  EXPECT_EQ(::pread(file->fds()[0], bytes, sizeof(bytes), 0), 3);
  EXPECT_STREQ(bytes, "abc");
}

TEST(UploadSource, AnEmptyUploadIsAnUpload) {
  auto upload = OpenUpload(Announce(0));
  EXPECT_TRUE(Add(upload, "", true).ok());
  EXPECT_EQ(upload->Finish(nullptr)->size(), 0U);
}

TEST(UploadSource, ShorterAndLongerAreTruncated) {
  auto shorter = OpenUpload(Announce(3));
  EXPECT_EQ(Add(shorter, "ab", true).error().reason(), v1::REASON_UPLOAD_TRUNCATED);
  auto longer = OpenUpload(Announce(3));
  EXPECT_EQ(Add(longer, "abcd", false).error().reason(), v1::REASON_UPLOAD_TRUNCATED);
}

TEST(UploadSource, APieceWithNothingInItIsRefused) {
  auto upload = OpenUpload(Announce(3));
  EXPECT_EQ(Add(upload, "", false).error().reason(), v1::REASON_BAD_REQUEST);
}

TEST(UploadSource, RefusesWhatWasNotAnnounced) {
  auto wrong = OpenUpload(Announce(3, std::string(64, '0')));
  EXPECT_TRUE(Add(wrong, "abc", true).ok());
  EXPECT_EQ(wrong->Finish(nullptr).error().reason(), v1::REASON_UPLOAD_DIGEST_MISMATCH);
  EXPECT_EQ(OpenUpload(Announce(3, "xyz")).error().reason(), v1::REASON_BAD_REQUEST);
  EXPECT_EQ(OpenUpload(Announce(101)).error().failure().limit().name(), "input_bytes");
  auto after = OpenUpload(Announce(1));
  EXPECT_TRUE(Add(after, "a", true).ok());
  EXPECT_EQ(Add(after, "", true).error().reason(), v1::REASON_BAD_REQUEST);
}

std::string Encoded(const v1::UploadChunk& chunk) {
  v1::LoadRequest request;
  *request.mutable_chunk() = chunk;
  return request.SerializeAsString();
}

TEST(ChunkView, FindsTheDataInAnySlices) {
  std::string data(1000, 'x');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i);
  const std::string message = Encoded(Chunk(data, false));
  for (const size_t size : {size_t{1}, size_t{7}, size_t{100}, message.size()}) {
    grpc::ByteBuffer bytes = InSlices(message, size);
    const auto view = ChunkView::Of(bytes);
    ASSERT_TRUE(view) << size;
    EXPECT_EQ(Join(*view), data);
    EXPECT_EQ(view->size, data.size());
    EXPECT_FALSE(view->finish);
  }
}

TEST(ChunkView, TakesTheMarkerBeforeTheData) {
  // Tag and length of the chunk; finish; data.
  grpc::ByteBuffer bytes = InSlices(std::string("\x12\x07\x10\x01\x0a\x03", 6) + "abc", 3);
  const auto view = ChunkView::Of(bytes);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->finish);
  EXPECT_EQ(Join(*view), "abc");
}

TEST(ChunkView, TakesNothingElse) {
  v1::LoadRequest options;
  options.mutable_options()->set_inert(true);
  const std::string rows[] = {
      Encoded(Chunk("abc", true)),                              // the marker behind it: protobuf's to read
      std::string("\x12\x07\x10\x02\x0a\x03", 6) + "abc",       // no bool
      std::string("\x12\x05\x0a\x04", 4) + "abc",               // longer than the message
      std::string("\x12\x05\x0a\x02", 4) + "abc",               // shorter
      std::string("\x12\x04\x0a\x03", 4) + "abc",               // the chunk is shorter than its data
      std::string("\x12\x05\x0a\x03", 4) + "abc" + "\x12\x00",  // another chunk behind it
      options.SerializeAsString(),
      "",
  };
  for (const std::string& row : rows) {
    grpc::ByteBuffer bytes = InSlices(row, 3);
    EXPECT_FALSE(ChunkView::Of(bytes)) << row;
  }
}

TEST(UploadSource, TakesMorePiecesThanOneSystemCallDoes) {
  const std::string message = Encoded(Chunk(std::string(100, 'q'), false));
  grpc::ByteBuffer bytes = InSlices(message, 1);
  auto upload = OpenUpload(Announce(100));
  ASSERT_TRUE(upload->Add(*ChunkView::Of(bytes)).ok());
  ASSERT_TRUE(Add(upload, "", true).ok());
  auto file = upload->Finish(nullptr);
  ASSERT_TRUE(file.ok());
  std::string read(100, '-');
  EXPECT_EQ(::pread(file->fds().front(), read.data(), read.size(), 0), 100);
  EXPECT_EQ(read, std::string(100, 'q'));
}

v1::Upload AnnounceFiles(uint64_t size, const std::vector<std::pair<std::string, uint64_t>>& files) {
  v1::Upload upload = Announce(size);
  for (const auto& [name, bytes] : files) {
    v1::File& file = *upload.add_files();
    file.set_name(name);
    file.set_size(bytes);
  }
  return upload;
}

TEST(UploadSource, AManifestMakesItASet) {
  auto upload = OpenUpload(AnnounceFiles(3, {{"b", 1}, {"a", 0}, {".metadata", 2}}));
  ASSERT_TRUE(upload.ok());
  EXPECT_TRUE(Add(upload, "abc", true).ok());
  auto set = upload->Finish(nullptr);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(NamesOf(*set), (std::vector<std::string>{"b", "a", ".metadata"}));
  EXPECT_EQ(set->fds().size(), 1U);
  EXPECT_EQ(set->FileEnds(), (std::vector<uint64_t>{1, 1, 3}));
  EXPECT_EQ(set->At(2).offset, 2U);
}

TEST(UploadSource, AManifestThatLiesIsRefused) {
  const std::string long_name(256, 'n');
  for (const auto& files : std::vector<std::vector<std::pair<std::string, uint64_t>>>{
           {{"a", 2}},
           {{"a", 4}},
           {{"a", 3}, {"b", 1}},
           {{"a", 3}, {"b", UINT64_MAX}},
           {{"a", 1}, {"a", 2}},
           {{"", 3}},
           {{".", 3}},
           {{"..", 3}},
           {{"../a", 3}},
           {{"/a", 3}},
           {{"a/b", 3}},
           {{std::string("a\0b", 3), 3}},
           {{long_name, 3}},
       }) {
    EXPECT_EQ(OpenUpload(AnnounceFiles(3, files)).error().reason(), v1::REASON_BAD_REQUEST) << files[0].first;
  }
  EXPECT_TRUE(OpenUpload(AnnounceFiles(3, {{long_name.substr(1), 3}})).ok());
  const auto many = OpenUpload(AnnounceFiles(3, {{"a", 3}, {"b", 0}, {"c", 0}, {"d", 0}}));
  EXPECT_EQ(many.error().failure().limit().name(), "files");
}

}  // namespace
}  // namespace airlock::server
