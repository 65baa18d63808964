#include "sandbox/formats/sniff.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/formats/compression.h"
#include "sandbox/formats/pickle_sniff.h"
#include "sandbox/formats/set_index.h"

namespace airlock::formats {
namespace {

using std::string_view_literals::operator""sv;  // NOLINT(misc-unused-using-decls): clang-tidy 14 does not see literals

// As much as any row or rule below looks at: a tar header, or the start of an HTML page.
constexpr size_t kHeadBytes = 512;

struct MagicRow {
  size_t offset;
  std::string_view magic;
  Reason reason;
  const char* sentence;
};

// Looked at in order; more particular magics stand before those that are their prefix.
constexpr MagicRow kRefusals[] = {
    {0, "version https://git-lfs"sv, Reason::kGitLfsPointer, "a Git LFS pointer, not the file it points to"},
    {0, "7z\xBC\xAF\x27\x1C"sv, Reason::kSevenZip, "a 7z archive"},
    {0, "PYTORCH1"sv, Reason::kUnsupportedFormat, "a PyTorch preview archive (PYTORCH1), which torch itself rejects"},
    {4, "PTMF"sv, Reason::kUnsupportedFormat, "a PyTorch Mobile module (flatbuffer)"},
    {0, "\x28\xB5\x2F\xFD"sv, Reason::kUnsupportedFormat, "zstd-compressed data: decompress it first"},
    {0, "Rar!\x1A\x07"sv, Reason::kUnsupportedFormat, "a RAR archive"},
    {0, "\x89HDF\r\n\x1A\n"sv, Reason::kUnsupportedFormat, "an HDF5 file (Keras writes such checkpoints)"},
    {0, "ggml"sv, Reason::kUnsupportedFormat, "a GGML model"},
    {0, "lmgg"sv, Reason::kUnsupportedFormat, "a GGML model"},
    {4, "TFL3"sv, Reason::kUnsupportedFormat, "a TensorFlow Lite model"},
    {4, "ET12"sv, Reason::kUnsupportedFormat, "an ExecuTorch program"},
    {0, "PK\x05\x06"sv, Reason::kNotACheckpoint, "an empty zip archive"},
    {0, "PK\x07\x08"sv, Reason::kUnsupportedFormat, "a split zip archive"},
    {0, "PAR1"sv, Reason::kNotACheckpoint, "a Parquet file"},
    {0, "%PDF-"sv, Reason::kNotACheckpoint, "a PDF document"},
    {0, "\x89PNG\r\n"sv, Reason::kNotACheckpoint, "a PNG image"},
    {0, "\xFF\xD8\xFF"sv, Reason::kNotACheckpoint, "a JPEG image"},
    {0,
     "\x7F"
     "ELF"sv,
     Reason::kNotACheckpoint, "an ELF program or library"},
    {0, "MZ"sv, Reason::kNotACheckpoint, "a Windows program or library"},
    {0, "SQLite format 3\0"sv, Reason::kNotACheckpoint, "an SQLite database"},
    {0, "#!"sv, Reason::kNotACheckpoint, "a script"},
};

// The number 0x1950a86a20f9469cfc6c, which opens every legacy stream.
constexpr std::string_view kMagicBinary = "\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19"sv;
constexpr std::string_view kMagicText = "L119547037146038801333356L\n"sv;
constexpr uint8_t kProto = 0x80;
constexpr uint8_t kFrame = 0x95;

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Whether the page starts as HTML does, whatever the case and the white space before it.
bool IsHtml(std::string_view head) {
  const size_t start = head.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (start == std::string_view::npos) return false;
  std::string text(head.substr(start, 16));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<head");
}

bool IsBinaryPickle(std::string_view head) {
  return head.size() >= 2 && static_cast<uint8_t>(head[0]) == kProto && head[1] >= 0 && head[1] <= 5;
}

// Length of the header, then the header: a JSON object. A length that no header can have is still safetensors if the
// file starts like it in all else, so that the message says what is wrong.
bool IsSafetensors(std::string_view head) {
  constexpr size_t kLengthBytes = 8;
  if (head.size() <= kLengthBytes || head[kLengthBytes] != '{') return false;
  return head[6] == 0 && head[7] == 0;
}

// A number as tarfile reads it: octal digits after white space, or bytes behind one of 0x80 or 0xFF. More is taken for
// a number here than there: a sign or an underscore among the digits, for one.
std::optional<int64_t> TarNumber(std::string_view field) {
  const auto first = static_cast<uint8_t>(field[0]);
  uint64_t value = 0;
  if (first == 0x80 || first == 0xFF) {
    value = first == 0xFF ? UINT64_MAX : 0;
    for (const char byte : field.substr(1)) value = value << 8 | static_cast<uint8_t>(byte);
    return static_cast<int64_t>(value);
  }
  const size_t start = field.find_first_not_of(" \0\t\n\v\f\r+-0oO_"sv);
  if (start == std::string_view::npos)
    return field.find('0') == std::string_view::npos ? std::nullopt : std::optional(0);
  for (const char digit : field.substr(start)) {
    if (digit == '_') continue;
    if (digit < '0' || digit > '7') break;
    value = value * 8 + static_cast<uint64_t>(digit - '0');
  }
  const bool negative = field.substr(0, start).find('-') != std::string_view::npos;
  return negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

// Torch tries tar before any pickle, and so would others: a checksum that is right is enough, whatever else the block
// says. A legacy stream can be written so that it is a tar archive too.
bool IsTar(std::string_view head) {
  constexpr size_t kChecksum = 148;
  constexpr size_t kChecksumBytes = 8;
  if (head.size() < kHeadBytes) return false;
  const std::optional<int64_t> announced = TarNumber(head.substr(kChecksum, kChecksumBytes));
  if (!announced) return false;
  int64_t as_unsigned = 0;
  int64_t as_signed = 0;  // as old writers added
  for (size_t i = 0; i < kHeadBytes; ++i) {
    const bool blank = i >= kChecksum && i < kChecksum + kChecksumBytes;
    const auto byte = blank ? uint8_t{' '} : static_cast<uint8_t>(head[i]);
    as_unsigned += byte;
    as_signed += static_cast<int8_t>(byte);
  }
  return *announced == as_unsigned || *announced == as_signed;
}

// ONNX is a bare protobuf message: field 1 (ir_version), a small number, then field 2 (producer_name) and its text.
bool IsOnnx(std::string_view head) {
  return head.size() > 8 && head[0] == 0x08 && head[1] > 0 && head[1] < 32 && head[2] == 0x12 && head[3] > 0 &&
         head[3] < 64;
}

// An index says nothing without the files that it names.
Result<void> RefuseIndex(const Input& input) {
  pickle::Context scratch;
  AIRLOCK_ASSIGN(const std::optional<SetIndex> index, ReadSetIndex(input, scratch));
  if (!index) return {};
  return Fail(Reason::kNeedsFolder,
              "an index of " + std::to_string(index->weight_map.size()) + " tensors in other files; open its folder",
              0);
}

}  // namespace

bool IsLegacyMagic(std::span<const uint8_t> head) {
  std::string_view text = AsText(head);
  if (text.starts_with(kMagicText)) return true;
  if (!IsBinaryPickle(text)) return false;
  text.remove_prefix(2);
  constexpr size_t kFrameBytes = 9;
  if (text.size() > kFrameBytes && static_cast<uint8_t>(text[0]) == kFrame) text.remove_prefix(kFrameBytes);
  return text.starts_with(kMagicBinary) || text.starts_with(kMagicText);
}

Result<Format> Sniff(const Input& input) {
  if (input.size() == 0) return Fail(Reason::kEmptyFile, "the file is empty", 0);
  std::vector<uint8_t> bytes(std::min<uint64_t>(input.size(), kHeadBytes));
  AIRLOCK_TRY(input.ReadAt(0, bytes));
  const std::string_view head = AsText(bytes);
  if (head.starts_with("PK\x03\x04")) return Format::kTorchZip;
  if (IsTar(head)) return Format::kTorchTar;
  if (IsLegacyMagic(bytes)) return Format::kTorchLegacy;
  // With a wrong checksum: its reader says so.
  constexpr size_t kUstar = 257;
  if (head.size() > kUstar && head.substr(kUstar).starts_with("ustar")) return Format::kTorchTar;
  if (head.starts_with("GGUF")) return Format::kGguf;
  for (const MagicRow& row : kRefusals) {
    if (head.size() >= row.offset && head.substr(row.offset).starts_with(row.magic)) {
      // "MZ" is a number to a pickle.
      if (row.reason == Reason::kNotACheckpoint && LooksLikePickle(bytes, input.size())) return Format::kPickle;
      return Fail(row.reason, row.sentence, 0);
    }
  }
  // Before any magic of two bytes: its first are a length, and may be such a magic.
  if (IsSafetensors(head)) return Format::kSafetensors;
  if (head.starts_with("\x93NUMPY")) return Format::kNpy;
  if (IsHtml(head)) return Fail(Reason::kHtmlPage, "an HTML page, most likely a failed download", 0);
  AIRLOCK_ASSIGN(const CompressionRow* const compression, FindCompression(input));
  if (compression != nullptr) return Format::kJoblib;
  if (LooksLikePickle(bytes, input.size())) return Format::kPickle;
  if (IsOnnx(head)) return Fail(Reason::kUnsupportedFormat, "an ONNX model", 0);
  if (StartsAsJsonObject(head)) AIRLOCK_TRY(RefuseIndex(input));
  return Fail(Reason::kNotACheckpoint, "not a checkpoint of any known format", 0);
}

}  // namespace airlock::formats
