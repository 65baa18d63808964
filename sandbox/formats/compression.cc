#include "sandbox/formats/compression.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "sandbox/formats/decompressors.h"

namespace airlock::formats {
namespace {

using std::string_view_literals::operator""sv;  // NOLINT(misc-unused-using-decls): clang-tidy 14 does not see literals

// joblib before 0.10: this, the length in hexadecimal padded to 19 characters, then zlib data.
constexpr std::string_view kOldJoblib = "ZF0x"sv;
constexpr size_t kOldHeaderBytes = 21;

constexpr char kZlibRefusal[] = "zlib-compressed data that holds no pickle";

constexpr CompressionRow kRows[] = {
    {kOldJoblib, OpenZlib, kZlibRefusal, true},
    {"\x1F\x8B"sv, OpenGzip, "gzip-compressed data: decompress it first"},
    {"BZh"sv, OpenBzip2, "bzip2-compressed data: decompress it first"},
    {"\xFD"
     "7zXZ\0"sv,
     OpenXz, "xz-compressed data: decompress it first"},
    {"\x5D\0\0"sv, OpenLzma, "lzma-compressed data: decompress it first"},
    {"\x04\x22\x4D\x18"sv, OpenLz4, "lz4-compressed data: decompress it first"},
    // zlib's four levels.
    {"x\x01"sv, OpenZlib, kZlibRefusal},
    {"x\x5E"sv, OpenZlib, kZlibRefusal},
    {"x\x9C"sv, OpenZlib, kZlibRefusal},
    {"x\xDA"sv, OpenZlib, kZlibRefusal},
};

// A bomb is told by its ratio once it has given so much; small files of zeroes are none.
constexpr uint64_t kRatioGrace = uint64_t{1} << 20;
constexpr size_t kStepBytes = size_t{1} << 16;

// The length that the old header announces; absent where it is no number.
std::optional<uint64_t> OldLength(std::string_view digits) {
  const size_t end = digits.find_last_not_of(' ') + 1;
  if (end == 0 || end > 16) return std::nullopt;
  uint64_t length = 0;
  for (const char c : digits.substr(0, end)) {
    const size_t digit = "0123456789abcdef"sv.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    length = length * 16 + digit;
  }
  return length;
}

}  // namespace

Result<const CompressionRow*> FindCompression(const Input& input) {
  char head[8] = {};
  const size_t length = std::min<uint64_t>(sizeof(head), input.size());
  AIRLOCK_TRY(input.ReadAt(0, {reinterpret_cast<uint8_t*>(head), length}));
  const std::string_view text(head, length);
  const auto* const row = std::find_if(std::begin(kRows), std::end(kRows),
                                       [&](const CompressionRow& r) { return text.starts_with(r.magic); });
  return row == std::end(kRows) ? nullptr : row;
}

DecompressedSource::DecompressedSource(const CompressionRow& row, const Input& input, uint64_t start,
                                       const Limits& limits)
    : input_(input),
      decompressor_(row.open()),
      max_output_(limits.output_bytes),
      max_ratio_(limits.ratio),
      start_(start),
      next_in_(start),
      window_(kMaxPeek) {
  begin_ = next_ = end_ = window_.data();
}

Result<DecompressedSource> DecompressedSource::Open(const CompressionRow& row, const Input& input,
                                                    const Limits& limits) {
  if (!row.only_joblib) return DecompressedSource(row, input, 0, limits);
  char header[kOldHeaderBytes + 1];
  AIRLOCK_TRY(input.ReadAt(0, {reinterpret_cast<uint8_t*>(header), sizeof(header)}));
  const std::string_view text(header, sizeof(header));
  const auto announced = OldLength(text.substr(kOldJoblib.size(), kOldHeaderBytes - kOldJoblib.size()));
  if (!announced) return Fail(Reason::kCompressionBroken, "the header of a joblib file announces no length", 0);
  // Python 2 wrote one blank more.
  DecompressedSource source(row, input, kOldHeaderBytes + (text.back() == ' ' ? 1 : 0), limits);
  source.announced_ = *announced;
  return source;
}

Result<void> DecompressedSource::Feed() {
  if (compressed_begin_ < compressed_.size() || next_in_ >= input_.size()) return {};
  compressed_.resize(std::min<uint64_t>(kStepBytes, input_.size() - next_in_));
  compressed_begin_ = 0;
  AIRLOCK_TRY(input_.ReadAt(next_in_, compressed_));
  next_in_ += compressed_.size();
  return {};
}

Result<void> DecompressedSource::CheckGiven() const {
  if (given_ > max_output_) return FailLimit("output_bytes", max_output_, given_, next_in_);
  const uint64_t taken = std::max<uint64_t>(next_in_ - (compressed_.size() - compressed_begin_) - start_, 1);
  if (given_ > kRatioGrace && given_ / max_ratio_ > taken)
    return FailLimit("ratio", max_ratio_, given_ / taken, next_in_);
  if (given_ > announced_ || (ended_ && announced_ != UINT64_MAX && given_ != announced_)) {
    return Fail(Reason::kCompressionBroken, "compressed data is not as long as announced", next_in_);
  }
  return {};
}

Result<void> DecompressedSource::Fill() {
  const size_t kept = available();
  if (kept > 0) std::memmove(window_.data(), next_, kept);
  window_offset_ = offset();
  begin_ = next_ = window_.data();
  end_ = begin_ + kept;
  const std::span<uint8_t> room = std::span(window_).subspan(kept);
  size_t fresh = 0;
  while (fresh == 0 && !ended_) {
    AIRLOCK_TRY(Feed());
    AIRLOCK_ASSIGN(const Decompressor::Step step,
                   decompressor_->Run(std::span(compressed_).subspan(compressed_begin_), room));
    compressed_begin_ += step.taken;
    fresh = step.given;
    ended_ = step.ended;
    if (step.taken == 0 && step.given == 0 && !step.ended) {
      return Fail(Reason::kCompressionBroken, "compressed data has no end", next_in_);
    }
  }
  given_ += fresh;
  end_ += fresh;
  return CheckGiven();
}

Result<void> DecompressedSource::Refill(size_t count) {
  while (available() < count) {
    if (ended_) {
      return Fail(Reason::kTruncated,
                  std::to_string(count - available()) + " more bytes of decompressed data should follow");
    }
    AIRLOCK_TRY(Fill());
  }
  return {};
}

Result<std::span<const uint8_t>> DecompressedSource::Head(size_t count) {
  while (available() < count && !ended_) AIRLOCK_TRY(Fill());
  return std::span<const uint8_t>(peek(), std::min(count, available()));
}

Result<void> DecompressedSource::Finish() {
  while (available() == 0 && !ended_) AIRLOCK_TRY(Fill());
  if (available() > 0) return Fail(Reason::kTrailingBytes, "bytes follow the end of the pickle", offset());
  if (compressed_begin_ < compressed_.size() || next_in_ < input_.size()) {
    return Fail(Reason::kTrailingBytes, "bytes follow the end of the compressed data",
                next_in_ - (compressed_.size() - compressed_begin_));
  }
  return {};
}

}  // namespace airlock::formats
