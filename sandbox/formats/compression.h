// Compression: streams that hold one compressed pickle, as joblib writes them, through the libraries of each format.
//
// Nothing is believed of a stream: its output is bounded by the limits `output_bytes` and `ratio` and by what a reader
// asks for, its memory by kMaxDictionary, and it must end where the file ends.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "sandbox/base/limits.h"
#include "sandbox/formats/input.h"
#include "sandbox/pickle/source.h"

namespace airlock::formats {

// One compressed stream at work.
class Decompressor {
 public:
  struct Step {
    size_t taken = 0;
    size_t given = 0;
    bool ended = false;
  };

  virtual ~Decompressor() = default;
  // Takes of `in` and gives to `out` what it can. Fails as kCompressionBroken, or by the limit `memory_bytes`.
  virtual Result<Step> Run(std::span<const uint8_t> in, std::span<uint8_t> out) = 0;
};

struct CompressionRow {
  std::string_view magic;
  std::unique_ptr<Decompressor> (*open)();
  // What to say of such a file that holds no pickle.
  const char* refusal;
  // No other writer has this format.
  bool only_joblib = false;
};

// nullptr where the file is not compressed by anything that is read.
Result<const CompressionRow*> FindCompression(const Input& input);

// What a compressed file holds, as a pickle stream. Offsets are those of the decompressed data. Borrows the input.
class DecompressedSource final : public pickle::Source {
 public:
  static Result<DecompressedSource> Open(const CompressionRow& row, const Input& input, const Limits& limits);
  DecompressedSource(DecompressedSource&&) = default;

  // The first bytes, as many of `count` as there are. REQUIRES: nothing was skipped yet; count <= kMaxPeek.
  Result<std::span<const uint8_t>> Head(size_t count);
  // Fails unless the stream ends here and the file with it.
  Result<void> Finish();

  // How long the stream is, nobody knows: whether what was decompressed is used up.
  bool AtEnd() const override { return available() == 0 && ended_; }
  uint64_t remaining() const override { return available() + (ended_ ? 0 : kUnknown); }

 private:
  // More than any stream has, and far from the end of 64 bits.
  static constexpr uint64_t kUnknown = UINT64_MAX / 4;

  DecompressedSource(const CompressionRow& row, const Input& input, uint64_t start, const Limits& limits);

  Result<void> Refill(size_t count) override;
  // Adds what fits to the window, at least one byte unless the stream ends.
  Result<void> Fill();
  Result<void> Feed();
  Result<void> CheckGiven() const;

  const Input& input_;
  std::unique_ptr<Decompressor> decompressor_;
  uint64_t max_output_;
  uint64_t max_ratio_;
  uint64_t start_;                   // of the compressed data, in the input
  uint64_t next_in_;                 // offset in the input of what was not read yet
  uint64_t announced_ = UINT64_MAX;  // by joblib's own header
  uint64_t given_ = 0;
  bool ended_ = false;
  std::vector<uint8_t> compressed_;
  size_t compressed_begin_ = 0;  // of what was not taken yet
  std::vector<uint8_t> window_;
};

}  // namespace airlock::formats
