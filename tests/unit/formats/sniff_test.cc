// What a file is instead of a checkpoint: one reason, and a sentence that names it.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>

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

// Python's tarfile takes a checksum in any form that int() takes, and in binary.
std::string TarWithChecksum(const std::function<std::string(uint32_t)>& write) {
  std::string tar(1024, '\0');
  tar.replace(0, 8, "\x80\x03notes");
  tar.replace(148, 8, 8, ' ');
  uint32_t sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += static_cast<uint8_t>(tar[i]);
  return tar.replace(148, 8, write(sum));
}

std::string Digits(const char* format, uint32_t sum) {
  char text[16] = {};
  std::snprintf(text, sizeof(text), format, sum);
  return {text, 8};
}

TEST(Sniff, TarsWhoseChecksumIsWrittenOddly) {
  const std::function<std::string(uint32_t)> writers[] = {
      [](uint32_t sum) { return Digits("%06o", sum); },
      [](uint32_t sum) { return Digits("\t%05o", sum); },
      [](uint32_t sum) { return Digits("+%06o", sum); },
      [](uint32_t sum) { return Digits("0o%05o", sum); },
      [](uint32_t sum) { return Digits("0_%05o", sum); },
      [](uint32_t sum) {
        std::string bytes("\x80\0\0\0\0\0", 6);
        return bytes + static_cast<char>(sum >> 8) + static_cast<char>(sum);
      },
  };
  for (const auto& write : writers) {
    EXPECT_EQ(DecodeBytes(TarWithChecksum(write)).checkpoint.format, Format::kTorchTar) << write(0);
  }
  const Decoded other = DecodeBytes(TarWithChecksum([](uint32_t sum) { return Digits("%06o", sum + 1); }));
  EXPECT_NE(other.checkpoint.format, Format::kTorchTar);
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
    {"BrokenGzip", "\x1F\x8B\x08", Reason::kCompressionBroken, "no end"},
    {"BrokenXz",
     std::string("\xFD"
                 "7zXZ\0",
                 6),
     Reason::kCompressionBroken, "no end"},
    {"BrokenBzip2", "BZh91AY", Reason::kCompressionBroken, "no end"},
    {"Zstd", "\x28\xB5\x2F\xFD rest", Reason::kUnsupportedFormat, "zstd"},
    {"Tar", Tar(), Reason::kTarMalformed, "tar archive has a wrong checksum"},
    {"Hdf5", "\x89HDF\r\n\x1A\n", Reason::kUnsupportedFormat, "HDF5"},
    {"Ggml", "lmgg\x03", Reason::kUnsupportedFormat, "GGML"},
    {"CutNpy", "\x93NUMPY\x01", Reason::kTruncated, "1 more bytes"},
    {"Mobile", std::string("\x20\0\0\0PTMF", 8), Reason::kUnsupportedFormat, "Mobile"},
    {"Preview", "PYTORCH1....", Reason::kUnsupportedFormat, "preview"},
    {"EmptyZip", std::string("PK\x05\x06", 4) + std::string(18, '\0'), Reason::kNotACheckpoint, "empty zip"},
    {"Onnx", std::string("\x08\x07\x12\x07pytorch"), Reason::kUnsupportedFormat, "ONNX"},
    // Letters that are opcodes, and yet no pickle.
    {"WordList", "cat\ndog\nmouse\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"Licence", "MIT License\n\nCopyright (c) somebody\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"PythonClass", "class Net:\n  pass\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"PythonImport", "import os\nimport sys\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"Sentence", "I saw N. Smith.", Reason::kNotACheckpoint, "not a checkpoint"},
    {"Initial", "N. Smith", Reason::kNotACheckpoint, "not a checkpoint"},
    {"TupleText", "(1, 2)\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"JsonList", "[1, 2]\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"EmptyJson", "{}\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"NoName", "cmod\n\xF8\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"LongVerse", "V" + std::string(2000, 'e'), Reason::kNotACheckpoint, "not a checkpoint"},
    {"StringTooLong", "Xabcdefgh", Reason::kNotACheckpoint, "not a checkpoint"},
    // What a loader would run before it fails is a pickle, whatever follows.
    {"CallThenNoise", "cmodel\nmake\n)R\xFF\xFF", Reason::kPickleMalformed, "not a pickle opcode"},
    {"PickleThenText", "cmodel\nmake\n)R.and more", Reason::kTrailingBytes, "end of the pickle"},
    {"NumberInHex", "I0xab\n0cmodel\nmake\n)R\xFF", Reason::kPickleMalformed, "not a decimal integer"},
    {"NumberWithLine", "Np1_0\n0cmodel\nmake\n)R\xFF", Reason::kPickleMalformed, "PUT"},
    {"ProgramThatIsAPickle",
     std::string("MZ\0"
                 "0cmodel\nmake\n)R\xFF",
                 19),
     Reason::kPickleMalformed, "not a pickle opcode"},
    {"Program", std::string("MZ\x90\0\3\0", 6), Reason::kNotACheckpoint, "Windows program"},
    {"WordsOfHexDigits", "Ibex\nIce\nIdea\nN\nN\nN\n", Reason::kNotACheckpoint, "not a checkpoint"},
    {"Text", "hello", Reason::kNotACheckpoint, "not a checkpoint"},
    {"OneByte", "\x80", Reason::kNotACheckpoint, "not a checkpoint"},
    {"Noise", std::string(1000, '\xEE'), Reason::kNotACheckpoint, "not a checkpoint"},
    {"CutZip", "PK\x03\x04", Reason::kTruncated, "without its directory"},
};

INSTANTIATE_TEST_SUITE_P(All, SniffRow, testing::ValuesIn(kRows), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace airlock::formats
