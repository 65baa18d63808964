// One archive for each rule of the zip reader: right but for one thing.
#include <gtest/gtest.h>

#include <functional>

#include "tests/fixtures/torch_writer.h"
#include "tests/unit/formats/tensor_path.h"

namespace airlock::formats {
namespace {

using fixtures::ZipPart;
using fixtures::ZipShape;

constexpr Reason kAccepted{};

// data.pkl, byteorder, data/0, data/1, version.
ZipShape GoodShape() {
  const std::vector<fixtures::StorageSpec> storages = {fixtures::FloatStorage("0", 12), fixtures::FloatStorage("1", 3)};
  const std::string pickle = fixtures::PickleStateDict({{.name = "a", .storage = 0, .shape = {3, 4}, .stride = {4, 1}},
                                                        {.name = "b", .storage = 1, .shape = {3}, .stride = {1}}},
                                                       storages, false);
  return fixtures::TorchZipShape(pickle, storages);
}

struct Rule {
  const char* name;
  Reason reason;
  std::function<void(ZipShape&)> break_it;
};

class ZipRule : public testing::TestWithParam<Rule> {};

TEST_P(ZipRule, EndsAsItShould) {
  ZipShape shape = GoodShape();
  GetParam().break_it(shape);
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(shape));
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
  const size_t tensors = GetParam().reason == kAccepted ? 2 : 0;
  EXPECT_EQ(decoded.ok() ? ListTensors(decoded).size() : 0, tensors);
}

ZipPart Part(std::string name, std::string data = "x") { return {.name = std::move(name), .data = std::move(data)}; }

std::function<void(ZipShape&)> Member(size_t index, std::function<void(ZipPart&)> change) {
  return [=](ZipShape& shape) { change(shape.parts[index]); };
}

std::function<void(ZipShape&)> Added(ZipPart part) {
  return [part = std::move(part)](ZipShape& shape) { shape.parts.push_back(part); };
}

std::function<void(ZipShape&)> EachMember(std::function<void(ZipPart&)> change) {
  return [=](ZipShape& shape) {
    for (ZipPart& part : shape.parts) change(part);
  };
}

// A second archive end that reaches exactly to the end of the file, hidden in the comment's room.
std::string CommentWithEnd() { return std::string("PK\x05\x06", 4) + std::string(16, '\0') + std::string(2, '\0'); }

const Rule kRules[] = {
    // What writers do.
    {"AsTorchWrites", kAccepted, [](ZipShape&) {}},
    {"WithoutZip64End", kAccepted, [](ZipShape& s) { s.zip64_end = false; }},
    {"AsOtherWritersDo", kAccepted, EachMember([](ZipPart& p) { p.torch_style = false; })},
    {"AllDeflated", kAccepted, EachMember([](ZipPart& p) { p.deflate = true; })},
    {"DeflatedWithoutDescriptor", kAccepted, EachMember([](ZipPart& p) {
       p.deflate = true;
       p.torch_style = false;
     })},
    {"Zip64Fields", kAccepted, EachMember([](ZipPart& p) { p.zip64 = true; })},
    {"Zip64FieldsOfOtherWriters", kAccepted, EachMember([](ZipPart& p) {
       p.zip64 = true;
       p.torch_style = false;
     })},
    {"ZeroPadding", kAccepted, Member(0, [](ZipPart& p) { p.padding = '\0'; })},
    {"EmptyFolder", kAccepted, Added(Part("archive/code/", ""))},
    {"ForeignExtraField", kAccepted, Member(0, [](ZipPart& p) { p.central_extra = std::string("UT\x01\0\x01", 5); })},
    {"WrongCrc", kAccepted, Member(0, [](ZipPart& p) { p.crc = 0x12345678; })},
    {"Comment", kAccepted, [](ZipShape& s) { s.comment = "made by hand"; }},
    {"UnusedMember", kAccepted, Added(Part("archive/notes.txt"))},
    {"Utf8Name", kAccepted, Added(Part("archive/\xC3\xA4"))},

    // Two readers, two files.
    {"DuplicateName", Reason::kZipDuplicateMember, Added(Part("archive/data.pkl"))},
    {"DuplicateNameInOtherCase", Reason::kZipDuplicateMember, Added(Part("archive/DATA.PKL"))},
    {"FolderAndFileOfOneName", Reason::kZipDuplicateMember, Added(Part("archive/version/", ""))},
    {"LocalNameDiffers", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.local_name = "archive/data/9"; })},
    {"LocalFlagsDiffer", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.local_flags = 0x0800; })},
    {"LocalMethodDiffers", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.local_method = 8; })},
    {"LocalSizeDiffers", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.local_size = 7; })},
    {"LocalSizeDiffersWithoutDescriptor", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) {
       p.torch_style = false;
       p.local_size = 0;
     })},
    {"DescriptorDiffers", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.descriptor_crc = 1; })},
    {"StoredWithTwoSizes", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.size = 4; })},
    {"PatchFlag", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.flags = 0x0828; })},
    {"Zip64FieldTwice", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) {
       p.zip64 = true;
       p.central_extra = std::string("\x01\0\0\0", 4);
     })},
    {"Zip64FieldWithoutNeed", Reason::kZipAmbiguous,
     Member(2, [](ZipPart& p) { p.central_extra = std::string("\x01\0\x08\0", 4) + std::string(8, '\0'); })},
    {"BrokenExtraField", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.central_extra = "abc"; })},
    {"BrokenLocalExtraField", Reason::kZipAmbiguous, Member(2, [](ZipPart& p) { p.local_extra = std::string("ab\xFF\x7F", 4); })},
    {"LocalZip64Lies", Reason::kZipAmbiguous,
     Member(2, [](ZipPart& p) { p.local_extra = std::string("\x01\0\x08\0\x05\0\0\0\0\0\0\0", 12); })},
    {"ParentFolder", Reason::kZipAmbiguous, Added(Part("archive/../evil"))},
    {"AbsoluteName", Reason::kZipAmbiguous, Added(Part("/archive/evil"))},
    {"EmptyName", Reason::kZipAmbiguous, Added(Part(""))},
    {"Backslash", Reason::kZipAmbiguous, Added(Part("archive\\evil"))},
    {"NulInName", Reason::kZipAmbiguous, Added(Part(std::string("archive/a\0b", 11)))},
    {"NewlineInName", Reason::kZipAmbiguous, Added(Part("archive/a\nb"))},
    {"NameIsNotUtf8", Reason::kZipAmbiguous, Added(Part("archive/\xFF"))},
    {"SecondRoot", Reason::kZipAmbiguous, Added(Part("other/data.pkl"))},
    {"RootIsNotTheFirst", Reason::kZipAmbiguous,
     [](ZipShape& s) { s.parts.insert(s.parts.begin(), Part("other/readme")); }},
    {"DataInOtherCase", Reason::kZipAmbiguous, Member(0, [](ZipPart& p) { p.name = "archive/Data.pkl"; })},
    {"RecordInOtherCase", Reason::kZipAmbiguous, Added(Part("archive/.Format_Version", "1"))},
    {"SecondData", Reason::kZipAmbiguous, Added(Part("archive/more/data.pkl"))},
    {"NameInAnExtraField", Reason::kZipAmbiguous,
     Member(2, [](ZipPart& p) { p.central_extra = std::string("\x75\x70\x06\0\x01name!", 10); })},
    {"NameInALocalExtraField", Reason::kZipAmbiguous,
     Member(2, [](ZipPart& p) { p.local_extra = std::string("\x75\x70\x06\0\x01name!", 10); })},
    {"BytesInALocalExtraField", Reason::kZipUnaccountedBytes,
     Member(2, [](ZipPart& p) { p.local_extra = std::string("ab\x08\x07", 4) + std::string(0x708, 'x'); })},
    {"FolderWithBytes", Reason::kZipAmbiguous, Added(Part("archive/code/", "bytes"))},
    {"TwoEnds", Reason::kZipAmbiguous,
     [](ZipShape& s) {
       s.zip64_end = false;
       s.comment = CommentWithEnd();
     }},
    {"Zip64EndDisagrees", Reason::kZipAmbiguous, [](ZipShape& s) { s.zip64_entries = 2; }},

    // Bytes that no member accounts for.
    {"SameBytesTwice", Reason::kZipOverlap, Added({.name = "archive/data/2", .header_offset = 0, .entry_only = true})},
    {"EntryInsideAnother", Reason::kZipOverlap, Added({.name = "archive/data/2", .header_offset = 70, .entry_only = true})},
    {"MemberReachesTooFar", Reason::kZipOverlap, Member(2, [](ZipPart& p) { p.size = p.stored_size = 5000; })},
    {"HeaderBeyondTheFile", Reason::kZipOverlap, Added({.name = "archive/data/2", .header_offset = 1 << 30, .entry_only = true})},
    {"BytesBeforeTheFirst", Reason::kZipUnaccountedBytes, [](ZipShape& s) { s.parts[0].gap = ""; s.parts.erase(s.parts.begin()); s.prefix = "PK\x03\x04 hidden"; }},
    {"BytesBetweenMembers", Reason::kZipUnaccountedBytes, Member(1, [](ZipPart& p) { p.gap = "hidden bytes"; })},
    {"BytesBeforeTheDirectory", Reason::kZipUnaccountedBytes, [](ZipShape& s) { s.before_directory = "hidden bytes"; }},
    {"BytesAfterTheDirectory", Reason::kZipUnaccountedBytes, [](ZipShape& s) { s.after_directory = "hidden bytes"; }},
    {"BytesInThePadding", Reason::kZipUnaccountedBytes, Member(1, [](ZipPart& p) { p.local_extra = std::string("FB\x04\0evil", 8); })},
    {"BytesInAMemberComment", Reason::kZipUnaccountedBytes, Member(1, [](ZipPart& p) { p.comment = "hidden"; })},
    {"BytesInACentralExtra", Reason::kZipUnaccountedBytes,
     Member(1, [](ZipPart& p) { p.central_extra = std::string("XX\0\x08", 4) + std::string(2048, 'x'); })},
    {"BytesAfterTheEnd", Reason::kTrailingBytes, [](ZipShape& s) { s.trailing = "more"; }},
    {"BytesAfterThePickle", Reason::kTrailingBytes, Member(0, [](ZipPart& p) { p.data += "cos\nsystem\n."; })},

    // Broken.
    {"NoEntries", Reason::kZipMalformed, [](ZipShape& s) { s.zip64_end = false; s.entries = 0; }},
    {"FewerEntriesThanThereAre", Reason::kZipUnaccountedBytes, [](ZipShape& s) { s.zip64_end = false; s.entries = 4; }},
    {"MoreEntriesThanThereAre", Reason::kTruncated, [](ZipShape& s) { s.zip64_end = false; s.entries = 6; }},
    {"FarMoreEntries", Reason::kZipMalformed, [](ZipShape& s) { s.zip64_end = false; s.entries = 60000; }},
    {"DirectoryElsewhere", Reason::kZipUnaccountedBytes, [](ZipShape& s) { s.zip64_end = false; s.directory_offset = 0; }},
    {"DirectoryTooLong", Reason::kZipMalformed, [](ZipShape& s) { s.zip64_end = false; s.directory_size = 1 << 20; }},
    {"NoVersion", Reason::kZipMalformed, [](ZipShape& s) { s.parts.pop_back(); }},
    {"VersionIsNoNumber", Reason::kZipMalformed, Member(4, [](ZipPart& p) { p.data = "three"; })},
    {"ByteOrderIsNone", Reason::kZipMalformed, Member(1, [](ZipPart& p) { p.data = "middle"; })},
    {"StorageWithoutMember", Reason::kZipMalformed, Member(2, [](ZipPart& p) { p.name = "archive/data/7"; })},
    {"StorageTooShort", Reason::kStorageSizeMismatch, Member(2, [](ZipPart& p) { p.data.pop_back(); })},
    {"StorageTooLong", Reason::kStorageSizeMismatch, Member(2, [](ZipPart& p) { p.data += "more"; })},
    {"InflatesToMore", Reason::kCompressionBroken, Member(0, [](ZipPart& p) { p.deflate = true; p.size = p.data.size() - 1; })},
    {"InflatesToLess", Reason::kCompressionBroken, Member(2, [](ZipPart& p) { p.deflate = true; p.data.pop_back(); p.size = 48; })},
    {"NotDeflated", Reason::kCompressionBroken, Member(2, [](ZipPart& p) { p.method = 8; p.size = 48; })},
    {"EmptyPickle", Reason::kTruncated, Member(0, [](ZipPart& p) { p.data = ""; })},

    // Read by nobody here.
    {"Encrypted", Reason::kEncryptedZip, Member(2, [](ZipPart& p) { p.flags = 0x0809; })},
    {"StronglyEncrypted", Reason::kEncryptedZip, Member(2, [](ZipPart& p) { p.flags = 0x0848; })},
    {"OtherMethod", Reason::kUnsupportedFeature, Member(2, [](ZipPart& p) { p.method = 12; })},
    {"VersionOfTheFuture", Reason::kUnsupportedFeature, Member(4, [](ZipPart& p) { p.data = "11\n"; })},
    {"TorchScriptOfNonsense", Reason::kPickleMalformed, Added(Part("archive/constants.pkl"))},
    {"TorchScriptInOtherCase", Reason::kZipAmbiguous, Added(Part("archive/Constants.pkl"))},
    {"NoPickle", Reason::kNotACheckpoint, [](ZipShape& s) { s.parts.erase(s.parts.begin()); }},
    {"NumpyArchiveOfNone", Reason::kNpyMalformed, [](ZipShape& s) { s.parts = {Part("weights.npy", "not an array")}; }},
};

INSTANTIATE_TEST_SUITE_P(All, ZipRule, testing::ValuesIn(kRules), [](const auto& row) { return row.param.name; });

TEST(ZipLimits, Members) {
  Limits limits;
  limits.members = 4;
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(GoodShape()), limits);
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "members");
  EXPECT_EQ(decoded.result.error().limit->seen, 5U);
  limits.members = 5;
  EXPECT_TRUE(DecodeBytes(fixtures::WriteZip(GoodShape()), limits).ok());
}

TEST(ZipLimits, Ratio) {
  ZipShape shape = GoodShape();
  shape.parts[2].data = std::string(100000, '\0');
  shape.parts[2].deflate = true;
  Limits limits;
  limits.ratio = 100;
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(shape), limits);
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "ratio");
  const uint64_t needed = decoded.result.error().limit->seen;
  for (const uint64_t ratio : {needed - 1, needed}) {
    limits.ratio = ratio;
    EXPECT_EQ(DecodeBytes(fixtures::WriteZip(shape), limits).reason() == Reason::kLimitExceeded, ratio < needed);
  }
}

TEST(ZipLimits, InputBytes) {
  Limits limits;
  limits.input_bytes = 100;
  const Decoded decoded = DecodeBytes(fixtures::WriteZip(GoodShape()), limits);
  ASSERT_EQ(decoded.reason(), Reason::kLimitExceeded);
  EXPECT_STREQ(decoded.result.error().limit->name, "input_bytes");
}

TEST(ZipNotes, WrongCrcIsSaid) {
  ZipShape shape = GoodShape();
  shape.parts[0].crc = 1;
  EXPECT_TRUE(DecodeBytes(fixtures::WriteZip(shape)).HasFinding("zip.wrong-crc"));
  EXPECT_FALSE(DecodeBytes(fixtures::WriteZip(GoodShape())).HasFinding("zip.wrong-crc"));
}

TEST(ZipNotes, UnusedMemberIsSaid) {
  ZipShape shape = GoodShape();
  shape.parts.push_back(Part("archive/payload.bin"));
  EXPECT_TRUE(DecodeBytes(fixtures::WriteZip(shape)).HasFinding("zip.unused-member"));
  EXPECT_FALSE(DecodeBytes(fixtures::WriteZip(GoodShape())).HasFinding("zip.unused-member"));
}

// Nobody judged it, and a loader may be pointed at it.
TEST(ZipNotes, UnusedMemberThatALoaderWouldOpenIsAWarning) {
  for (const std::string data : {"cos\nsystem\n(S'x'\ntR.", "PK\x03\x04", "7z\xbc\xaf\x27\x1c"}) {
    ZipShape shape = GoodShape();
    shape.parts.push_back({.name = "archive/notes.txt", .data = data});
    EXPECT_EQ(DecodeBytes(fixtures::WriteZip(shape)).Warnings(), 1U) << data;
  }
  ZipShape shape = GoodShape();
  shape.parts.push_back({.name = "archive/notes.txt", .data = "seen at night"});
  EXPECT_EQ(DecodeBytes(fixtures::WriteZip(shape)).Warnings(), 0U);
}

}  // namespace
}  // namespace airlock::formats
