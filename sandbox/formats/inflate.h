// Inflate: deflated members of an archive, streamed. Nothing is believed: the output never passes the announced size,
// and a stream that ends early, late or with bytes left over is an error.
#pragma once

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sandbox/formats/input.h"
#include "sandbox/pickle/source.h"

namespace airlock::formats {

// Reads raw deflate data from a range of the input. Not thread-safe; borrows the input.
class Inflater {
 public:
  // `inflated` is the announced size.
  Inflater(const Input& input, uint64_t offset, uint64_t deflated, uint64_t inflated);
  // Goes on where the other one is. 40 KiB, until it reads.
  Inflater(const Inflater& other);
  Inflater& operator=(const Inflater&) = delete;

  // Fills `out` to its end or to that of the data; the count is what was filled. When the last announced byte is out,
  // the stream must end there, and with it the deflated bytes: kCompressionBroken otherwise.
  Result<size_t> Read(std::span<uint8_t> out);

  uint64_t left() const { return left_; }
  // CRC-32 of all that came out.
  uint32_t crc() const { return crc_; }

 private:
  struct End {
    void operator()(z_stream* stream) const;
  };

  Result<void> Feed();
  Result<void> CheckEnd();

  const Input& input_;
  uint64_t next_;    // offset in the input of what was not read yet
  uint64_t unread_;  // deflated bytes from there
  uint64_t left_;    // announced bytes that are to come
  uint32_t crc_ = 0;
  bool ended_ = false;
  std::vector<uint8_t> window_;
  std::unique_ptr<z_stream, End> stream_;
};

// Inflates a range as a whole, in two thirds of the time: for data that is not too large to be in memory at once,
// deflated and inflated. What Inflater calls broken is broken here. The memory is kept for the next range.
class WholeInflater {
 public:
  // Deflated and inflated bytes together, as much as xz may have. Of a worker that may have little, a small part.
  static constexpr uint64_t kMostBytes = uint64_t{192} << 20;
  static bool Fits(uint64_t deflated, uint64_t inflated, uint64_t memory_bytes) {
    const uint64_t most = std::min(kMostBytes, memory_bytes / 8);
    return deflated <= most && inflated <= most - deflated;
  }

  WholeInflater();
  // Makes room for a range; false where there is no memory for it. REQUIRES: Fits(deflated, inflated, ...).
  bool MakeRoom(uint64_t deflated, uint64_t inflated);
  // All of the announced `inflated` bytes, valid until the next call. REQUIRES: there is room.
  Result<std::span<uint8_t>> Inflate(const Input& input, uint64_t offset, uint64_t deflated, uint64_t inflated);

 private:
  struct End {
    void operator()(libdeflate_decompressor* decompressor) const;
    void operator()(uint8_t* room) const;
  };

  std::unique_ptr<libdeflate_decompressor, End> decompressor_;
  std::unique_ptr<uint8_t, End> room_;
  uint64_t room_bytes_ = 0;
};

// An inflated member as a pickle stream. Offsets are those of the inflated data.
class InflateSource final : public pickle::Source {
 public:
  InflateSource(const Input& input, uint64_t offset, uint64_t deflated, uint64_t inflated);

  bool AtEnd() const override { return remaining() == 0; }
  uint64_t remaining() const override { return available() + inflater_.left(); }
  uint32_t crc() const { return inflater_.crc(); }

 private:
  Result<void> Refill(size_t count) override;

  Inflater inflater_;
  std::vector<uint8_t> window_;
};

}  // namespace airlock::formats
