// Sets of files as one input: where parts come from, and which of the files is opened.
#include "sandbox/formats/set.h"

#include <gtest/gtest.h>

#include "tests/fixtures/gguf_writer.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/decoded_set.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

const std::vector<uint8_t>& Bytes(const Input& input, uint64_t offset, size_t length) {
  static std::vector<uint8_t> bytes;
  bytes.assign(length, 0);
  EXPECT_TRUE(input.ReadAt(offset, bytes).ok());
  return bytes;
}

std::string Text(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

TEST(FileSet, IsItsFilesOneAfterTheOther) {
  const Files files = {{"a", "abc"}, {"empty", ""}, {"b", "defgh"}};
  for (const bool apart : {false, true}) {
    std::vector<Fd> parts;
    std::vector<int> fds;
    if (apart) {
      for (const auto& [name, content] : files) parts.push_back(fixtures::MemoryFile(content));
    } else {
      parts.push_back(fixtures::MemoryFile(Joined(files)));
    }
    for (const Fd& part : parts) fds.push_back(part.get());
    const FileSet set(NamesOf(files), fds);
    const Input input(set);
    EXPECT_EQ(input.size(), 8U);
    EXPECT_EQ(Text(Bytes(input, 0, 8)), "abcdefgh");
    EXPECT_EQ(Text(Bytes(input, 2, 3)), "cde");
    std::vector<uint8_t> past(2);
    EXPECT_FALSE(input.ReadAt(7, past).ok());
    const Input part = input.Part(3, 5);
    EXPECT_EQ(part.set(), nullptr);
    EXPECT_TRUE(part.in_file());
    EXPECT_EQ(part.FileOffset(1), 4U);
    EXPECT_EQ(Text(Bytes(part.Part(1, 3), 0, 3)), "efg");
    EXPECT_EQ(Text(Bytes(input.Part(1, 5), 0, 5)), "bcdef");
    EXPECT_EQ(Text(Bytes(input.Part(1, 5).Part(2, 3), 1, 2)), "ef");
    EXPECT_EQ(set.Holding(2, 2), nullptr);
    EXPECT_EQ(set.Holding(3, 5)->name, "b");
    EXPECT_EQ(set.Find("c"), nullptr);
  }
}

std::string Gguf(const std::string& tensor) {
  return fixtures::WriteGguf({.tensors = {{.name = tensor, .dims = {1}, .data = "abcd"}}});
}

TEST(Set, TheOnlyCheckpointStandsForTheFolder) {
  const Decoded decoded = DecodeFiles({{"README.md", "# words"}, {"config.json", "{}"}, {"m.gguf", Gguf("g")}});
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kGguf);
  EXPECT_EQ(ListTensors(decoded).size(), 1U);
}

TEST(Set, OfSeveralOneMustBeNamed) {
  const Files files = {{"a.gguf", Gguf("a")}, {"b!c.gguf", Gguf("bc")}};
  const Decoded decoded = DecodeFiles(files);
  EXPECT_EQ(decoded.reason(), Reason::kUnsupportedFeature);
  EXPECT_NE(decoded.message().find("'a.gguf', 'b!c.gguf'"), std::string::npos);
  EXPECT_TRUE(DecodeFiles(files, "b!c.gguf").ok());
  EXPECT_EQ(DecodeFiles(files, "c.gguf").reason(), Reason::kNoSuchMember);
  EXPECT_EQ(DecodeFiles(files, "../a.gguf").reason(), Reason::kNoSuchMember);
}

TEST(Set, WithoutACheckpointItIsNone) {
  EXPECT_EQ(DecodeFiles({{"README.md", "# words"}}).reason(), Reason::kNotACheckpoint);
  EXPECT_EQ(DecodeFiles({{"empty", ""}}).reason(), Reason::kNotACheckpoint);
}

TEST(Set, MembersOfArchivesInItAreOpened) {
  const std::string zip = fixtures::WriteZip({.parts = {{.name = "data", .data = "{}", .torch_style = false},
                                                        {.name = "in.gguf", .data = Gguf("x"), .torch_style = false}}});
  const Files files = {{"first", "filler"}, {"agent!.zip", zip}};
  const Decoded member = DecodeFiles(files, "agent!.zip!in.gguf");
  ASSERT_TRUE(member.ok()) << member.message();
  EXPECT_EQ(member.checkpoint.format, Format::kGguf);
  EXPECT_EQ(TensorBytes(member, 0), "abcd");
  const Decoded whole = DecodeFiles(files, "agent!.zip");
  ASSERT_TRUE(whole.ok()) << whole.message();
  EXPECT_EQ(whole.checkpoint.format, Format::kZipOfCheckpoints);
  EXPECT_EQ(DecodeFiles(files, "agent!.zip!no").reason(), Reason::kNoSuchMember);
}

TEST(Set, TheWholeIsUnderTheInputLimit) {
  const Files files = {{"a", std::string(50, 'a')}, {"m.gguf", Gguf("g")}};
  Limits limits;
  limits.input_bytes = Joined(files).size();
  EXPECT_TRUE(DecodeFiles(files, {}, limits).ok());
  limits.input_bytes -= 1;
  EXPECT_EQ(DecodeFiles(files, {}, limits).reason(), Reason::kLimitExceeded);
}

}  // namespace
}  // namespace airlock::formats
