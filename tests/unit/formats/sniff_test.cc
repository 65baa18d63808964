// What a file is instead of a checkpoint: one reason, and a sentence that names it.
#include <gtest/gtest.h>

#include "tests/fixtures/pickle_assembler.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {
namespace {

struct Row {
  const char* name;
  std::string bytes;
  Reason reason;
  const char* says;
};

std::string Tar() {
  std::string tar(512, '\0');
  tar.replace(0, 7, "pickle\0", 7);
  tar.replace(257, 5, "ustar");
  return tar;
}

class SniffRow : public testing::TestWithParam<Row> {};

TEST_P(SniffRow, IsNamed) {
  const Decoded decoded = DecodeBytes(GetParam().bytes);
  EXPECT_EQ(decoded.reason(), GetParam().reason) << decoded.message();
  EXPECT_NE(decoded.message().find(GetParam().says), std::string::npos) << decoded.message();
}

const Row kRows[] = {
    {"Empty", "", Reason::kEmptyFile, "empty"},
    {"LfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", Reason::kGitLfsPointer,
     "Git LFS"},
    {"Html", "\n <!DOCTYPE html><html></html>", Reason::kHtmlPage, "HTML"},
    {"HtmlUpperCase", "<HTML>", Reason::kHtmlPage, "HTML"},
    {"SevenZip", "7z\xBC\xAF\x27\x1C rest", Reason::kSevenZip, "7z"},
    {"Gzip", "\x1F\x8B\x08", Reason::kUnsupportedFormat, "gzip"},
    {"Xz",
     std::string("\xFD"
                 "7zXZ\0",
                 6),
     Reason::kUnsupportedFormat, "xz"},
    {"Bzip2", "BZh91AY", Reason::kUnsupportedFormat, "bzip2"},
    {"Zstd", "\x28\xB5\x2F\xFD rest", Reason::kUnsupportedFormat, "zstd"},
    {"Tar", Tar(), Reason::kTarMalformed, "tar archive has a wrong checksum"},
    {"Hdf5", "\x89HDF\r\n\x1A\n", Reason::kUnsupportedFormat, "HDF5"},
    {"Ggml", "lmgg\x03", Reason::kUnsupportedFormat, "GGML"},
    {"Npy", "\x93NUMPY\x01", Reason::kUnsupportedFormat, "numpy"},
    {"Mobile", std::string("\x20\0\0\0PTMF", 8), Reason::kUnsupportedFormat, "Mobile"},
    {"Preview", "PYTORCH1....", Reason::kUnsupportedFormat, "preview"},
    {"EmptyZip", std::string("PK\x05\x06", 4) + std::string(18, '\0'), Reason::kNotACheckpoint, "empty zip"},
    {"Onnx", std::string("\x08\x07\x12\x07pytorch"), Reason::kUnsupportedFormat, "ONNX"},
    {"Pickle", fixtures::PickleAssembler().Proto(4).None().Stop(), Reason::kUnsupportedFormat, "plain pickle"},
    {"OldPickle", "(lp0\n.", Reason::kUnsupportedFormat, "plain pickle"},
    {"Text", "hello", Reason::kNotACheckpoint, "not a checkpoint"},
    {"OneByte", "\x80", Reason::kNotACheckpoint, "not a checkpoint"},
    {"Noise", std::string(1000, '\xEE'), Reason::kNotACheckpoint, "not a checkpoint"},
    {"CutZip", "PK\x03\x04", Reason::kTruncated, "without its directory"},
};

INSTANTIATE_TEST_SUITE_P(All, SniffRow, testing::ValuesIn(kRows), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace airlock::formats
