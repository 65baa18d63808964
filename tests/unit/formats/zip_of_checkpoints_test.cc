// Zip archives that hold several checkpoints, and members by name.
#include "sandbox/formats/zip_of_checkpoints.h"

#include <gtest/gtest.h>

#include "tests/fixtures/gguf_writer.h"
#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::FloatStorage;
using fixtures::PickleAssembler;
using fixtures::WriteZip;
using fixtures::ZipPart;

std::string Checkpoint4() {
  const std::vector<fixtures::StorageSpec> storages = {FloatStorage("0", 4)};
  return WriteZip(fixtures::TorchZipShape(
      fixtures::PickleStateDict({{.name = "w", .storage = 0, .shape = {4}, .stride = {1}}}, storages, false),
      storages));
}

std::string Gguf() { return fixtures::WriteGguf({.tensors = {{.name = "g", .dims = {1}, .data = "abcd"}}}); }

std::string Hostile() {
  return WriteZip(
      fixtures::TorchZipShape(PickleAssembler().Proto(2).Global("os", "system").Text("id").Op("\x85R").Stop(), {}));
}

ZipPart Stored(std::string name, std::string data) {
  return {.name = std::move(name), .data = std::move(data), .torch_style = false};
}

std::string Agent() {
  return WriteZip({.parts = {Stored("data", "{}"), Stored("policy.pth", Checkpoint4()), Stored("model.gguf", Gguf())}});
}

Decoded Member(const std::string& bytes, std::string_view name) {
  Decoded decoded = Undecoded(bytes, {});
  const Input input(decoded.input.get(), bytes.size());
  Output output(decoded.output.get(), 1 << 20, false);
  decoded.result = name.empty() ? DecodeMember(input, name, output, decoded.checkpoint)
                                : Decode(input, output, decoded.checkpoint, name);
  return decoded;
}

TEST(ZipOfCheckpoints, EachCheckpointIsUnderItsName) {
  const std::string file = Agent();
  const Decoded decoded = DecodeBytes(file);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kZipOfCheckpoints);
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "policy.pth.w");
  EXPECT_EQ(listed[1].name, "model.gguf.g");
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 4).bytes);
  EXPECT_EQ(TensorBytes(decoded, 1), "abcd");
  EXPECT_TRUE(decoded.HasFinding("zip.other-member"));
}

// stable-baselines3 unpickles what stands in the JSON beside its checkpoints.
TEST(ZipOfCheckpoints, PicklesInJson) {
  const std::string_view rows[] = {R"({"a": {":serialized:": "gASVAA=="}})",
                                   R"({"a": {"\u003aserialized:": "gASVAA=="}})",
                                   R"( {"a": {":\u0073erialized:": "gASVAA=="}})"};
  for (const std::string_view json : rows) {
    const Decoded decoded =
        DecodeBytes(WriteZip({.parts = {Stored("data", std::string(json)), Stored("a.pth", Checkpoint4())}}));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_TRUE(decoded.HasFinding("zip.serialized-objects")) << json;
  }
  for (const std::string_view json : {R"({"a": "serialized", "b": "\u001b \u00e9 \u007f"})", "{:serial"}) {
    const Decoded decoded =
        DecodeBytes(WriteZip({.parts = {Stored("data", std::string(json)), Stored("a.pth", Checkpoint4())}}));
    ASSERT_TRUE(decoded.ok()) << decoded.message();
    EXPECT_FALSE(decoded.HasFinding("zip.serialized-objects")) << json;
    EXPECT_TRUE(decoded.HasFinding("zip.other-member")) << json;
  }
}

ZipPart Deflated(ZipPart part) {
  part.deflate = true;
  return part;
}

TEST(ZipOfCheckpoints, WhatIsDeflatedGoesToTheOutput) {
  const std::string file =
      WriteZip({.parts = {Stored("policy.pth", Checkpoint4()), Deflated(Stored("optimizer.pth", Checkpoint4())),
                          Deflated(Stored("model.gguf", Gguf()))}});
  const Decoded decoded = DecodeBytes(file);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  const std::vector<ListedTensor> listed = ListTensors(decoded);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[1].name, "optimizer.pth.w");
  EXPECT_EQ(decoded.checkpoint.tables.storages()[0].place, tensors::Place::kInput);
  EXPECT_EQ(decoded.checkpoint.tables.storages()[1].place, tensors::Place::kOutput);
  for (uint32_t tensor : {0U, 1U}) EXPECT_EQ(TensorBytes(decoded, tensor), FloatStorage("0", 4).bytes);
  EXPECT_EQ(TensorBytes(decoded, 2), "abcd");
  EXPECT_FALSE(decoded.HasFinding("zip.wrong-crc"));
  const Decoded alone = Member(file, "optimizer.pth");
  ASSERT_TRUE(alone.ok()) << alone.message();
  EXPECT_EQ(alone.checkpoint.format, Format::kTorchZip);
  EXPECT_EQ(TensorBytes(alone, 0), FloatStorage("0", 4).bytes);
}

TEST(ZipOfCheckpoints, ADeflatedMemberIsBoundByTheLimits) {
  const std::string file = WriteZip({.parts = {Deflated(Stored("policy.pth", Checkpoint4()))}});
  Limits limits;
  limits.ratio = 1;
  EXPECT_EQ(DecodeBytes(file, limits).reason(), Reason::kLimitExceeded);
  // More than DecodeBytes has room for.
  const std::string large =
      WriteZip({.parts = {Deflated(Stored("a.gguf", Gguf() + std::string(size_t{1} << 24, '\0')))}});
  EXPECT_EQ(DecodeBytes(large).reason(), Reason::kLimitExceeded);
}

TEST(ZipOfCheckpoints, ABrokenDeflatedMemberEndsTheLoad) {
  ZipPart part = Deflated(Stored("policy.pth", Checkpoint4()));
  part.size = part.data.size() + 1;
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = {part}})).reason(), Reason::kUnsupportedFormat);
  part.data.pop_back();
  part.size = {};
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = {part}})).reason(), Reason::kTruncated);
  part = Deflated(Stored("policy.pth", Checkpoint4()));
  part.crc = 7;
  EXPECT_TRUE(DecodeBytes(WriteZip({.parts = {part}})).HasFinding("zip.wrong-crc"));
}

TEST(ZipOfCheckpoints, AHostileMemberIsFoundAtItsPlace) {
  const std::string file = WriteZip({.parts = {Stored("policy.pth", Checkpoint4()), Stored("evil.pth", Hostile())}});
  const Decoded decoded = DecodeBytes(file);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_TRUE(decoded.HasFinding("pickle.dangerous-symbol"));
  for (const pickle::Finding& finding : decoded.checkpoint.context.findings) {
    if (finding.id != "pickle.dangerous-symbol") continue;
    EXPECT_EQ(finding.where, "evil.pth");
    EXPECT_EQ(file[finding.offset], 'R');
  }
}

TEST(ZipOfCheckpoints, ABrokenMemberEndsTheLoad) {
  std::string broken = Checkpoint4();
  broken.pop_back();
  const Decoded decoded =
      DecodeBytes(WriteZip({.parts = {Stored("policy.pth", Checkpoint4()), Stored("broken.pth", broken)}}));
  EXPECT_EQ(decoded.reason(), Reason::kTruncated);
  EXPECT_TRUE(decoded.message().starts_with("broken.pth: ")) << decoded.message();
}

TEST(ZipOfCheckpoints, AnArchiveOfArchivesIsRefused) {
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = {Stored("inner.zip", Agent())}})).reason(), Reason::kUnsupportedFeature);
}

TEST(ZipOfCheckpoints, ManyMembersHitTheLimit) {
  std::vector<ZipPart> parts = {Stored("policy.pth", Checkpoint4())};
  while (parts.size() < 1000) parts.push_back(Stored(std::to_string(parts.size()), "text"));
  EXPECT_TRUE(DecodeBytes(WriteZip({.parts = parts})).ok());
  parts.push_back(Stored("last", "text"));
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = parts})).reason(), Reason::kLimitExceeded);
}

TEST(ZipOfCheckpoints, NothingButTextIsNoCheckpoint) {
  const Decoded decoded =
      DecodeBytes(WriteZip({.parts = {Stored("a.txt", "hello"), Stored("d/", ""), Stored("e", "")}}));
  EXPECT_EQ(decoded.reason(), Reason::kNotACheckpoint);
  EXPECT_EQ(decoded.checkpoint.format, Format::kUnknown) << "the file itself is none";
}

TEST(ZipOfCheckpoints, WhatWasNotLookedIntoIsNotCalledNone) {
  const std::string hdf5 = "\x89HDF\r\n\x1A\n";
  const std::string serialized = R"({"policy": {":serialized:": "gASVBAAAAA=="}})";
  ZipPart cut = Deflated(Stored("policy", "some text that is long enough"));
  cut.size = cut.data.size() + 1;
  for (const ZipPart& part : {Stored("model", hdf5), Stored("data", serialized), Stored("a/model.json", "[]"),
                              Stored("a/constants.pkl", "text"), cut}) {
    EXPECT_FALSE(DecodeBytes(WriteZip({.parts = {Stored("a.txt", "hello"), part}})).ok());
    EXPECT_NE(DecodeBytes(WriteZip({.parts = {Stored("a.txt", "hello"), part}})).reason(), Reason::kNotACheckpoint)
        << part.name;
  }
  std::vector<ZipPart> many;
  while (many.size() <= 1000) many.push_back(Stored(std::to_string(many.size()), "text"));
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = many})).reason(), Reason::kUnsupportedFormat);
}

TEST(ZipOfCheckpoints, AnOfficeDocumentWithAPickleInItIsOneThatIsNotRead) {
  const ZipPart types = Stored("[Content_Types].xml", "<Types/>");
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = {types}})).reason(), Reason::kNotACheckpoint);
  const ZipPart pickle = Stored("word/x", "cos\nsystem\n(S'id'\ntR.");
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = {types, pickle}})).reason(), Reason::kUnsupportedFormat);
  // Longer than what is inflated for a look, and text without its first byte.
  const ZipPart large = Deflated(Stored("word/x", std::string("T\0\x20\0\0", 5) + std::string(0x2000, 'x') + "."));
  EXPECT_EQ(DecodeBytes(WriteZip({.parts = {types, large}})).reason(), Reason::kUnsupportedFormat);
}

TEST(Members, AreOpenedAsFilesOfTheirOwn) {
  const Decoded decoded = Member(Agent(), "policy.pth");
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  EXPECT_EQ(decoded.checkpoint.format, Format::kTorchZip);
  ASSERT_EQ(ListTensors(decoded).size(), 1U);
  EXPECT_EQ(ListTensors(decoded)[0].name, "w");
  EXPECT_EQ(TensorBytes(decoded, 0), FloatStorage("0", 4).bytes);
}

TEST(Members, ThatAreNotThereAreNotGuessedAt) {
  for (const char* name : {"nothing", "Policy.pth", "policy.pth/", "../policy.pth", ""}) {
    EXPECT_EQ(Member(Agent(), name).reason(), Reason::kNoSuchMember) << name;
  }
  EXPECT_EQ(Member("no zip", "policy.pth").reason(), Reason::kNoSuchMember);
  EXPECT_EQ(Member("", "policy.pth").reason(), Reason::kNoSuchMember);
}

TEST(Members, ThatAreNoCheckpointsAreNamed) {
  const Decoded decoded = Member(Agent(), "data");
  EXPECT_EQ(decoded.reason(), Reason::kNotACheckpoint);
  EXPECT_EQ(decoded.message(), "not a checkpoint of any known format");
}

}  // namespace
}  // namespace airlock::formats
