// Input: the untrusted file, a part of it, or bytes that came out of it, read at explicit bounds; every read states
// what it wants and fails as kTruncated if it is not there. The file is read by pread only.
//
// It can be a set of files (file_set.h): then it is their bytes one after the other, and a part that lies in one file
// is like a part of any file.
//
// Offsets count from the start of the part. What leaves the decoders (tensors::Storage, spans of the graph) is in
// offsets of the file, or of the whole set: FileOffset turns one into the other, where the place is written down.
//
// The descriptors are the worker's (walls/worker_fds.h); tests use any regular file or memfd. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/formats/file_set.h"
#include "sandbox/tensors/tables.h"

namespace airlock::formats {

// Bytes that stand nowhere as they are, and can be made again in any order.
class Bytes {
 public:
  virtual ~Bytes() = default;
  // REQUIRES: they are there.
  virtual Result<void> ReadAt(uint64_t offset, std::span<uint8_t> out) = 0;
};

class Input {
 public:
  // `size` is what the broker saw when it opened the file; reads past it fail even where the file has grown.
  Input(int fd, uint64_t size) : fd_(fd), size_(size) {}
  // A set, which must outlive the input.
  explicit Input(const FileSet& set) : set_(&set), size_(set.size()) {}
  // Bytes that do not stand in the file as they are. They must outlive the input.
  explicit Input(std::span<const uint8_t> bytes) : memory_(bytes.data()), size_(bytes.size()) {}
  // Bytes that were written to the output, from `start` on. They are read from `bytes`, for the worker cannot read the
  // output; it must outlive the input.
  Input(Bytes& bytes, uint64_t size, uint64_t start)
      : bytes_(&bytes), bytes_start_(start), start_(start), size_(size) {}

  // A part of it as an input of its own. REQUIRES: SpanFits(offset, length, size()).
  Input Part(uint64_t offset, uint64_t length) const;

  uint64_t size() const { return size_; }
  // Fills all of `out` from `offset`.
  Result<void> ReadAt(uint64_t offset, std::span<uint8_t> out) const;

  // The same bytes, of which no storage may be a span: for what was read before and has its storages there already.
  Input Again() const;

  // Whether they stand in the file.
  bool in_file() const { return (fd_ >= 0 || set_ != nullptr) && !again_; }
  // The set that it is; nullptr for anything else, parts of one file of a set included.
  const FileSet* set() const { return set_; }
  // REQUIRES: in_file().
  uint64_t FileOffset(uint64_t offset) const { return start_ + offset; }

  // Whether a storage can be made of them where they stand, in the file or in the output, and needs no copy.
  bool in_place() const { return in_file() || bytes_ != nullptr; }
  // A storage of these bytes. Where they are not in place, nobody may be given it.
  tensors::Storage StorageAt(uint64_t offset, uint64_t nbytes, uint32_t device = 0) const;
  // Where a storage begins, counted as here. Absent: it stands elsewhere.
  std::optional<uint64_t> OffsetOf(const tensors::Storage& storage) const;

 private:
  int fd_ = -1;
  const FileSet* set_ = nullptr;
  const uint8_t* memory_ = nullptr;
  Bytes* bytes_ = nullptr;
  uint64_t bytes_start_ = 0;  // in the output, of its first byte
  bool again_ = false;
  uint64_t start_ = 0;    // in the file, in the whole set, or in the output
  uint64_t fd_from_ = 0;  // byte of the set that the descriptor starts with
  uint64_t size_;
};

// Output: the broker's memfd, of fixed size, written by pwrite only. Space is handed out in 64-byte steps; with `dry`
// set, space is counted and nothing is written (Inspect).
class Output {
 public:
  Output(int fd, uint64_t capacity, bool dry) : fd_(fd), capacity_(capacity), dry_(dry) {}

  // Offset of `length` fresh bytes. Fails as output_bytes limit.
  Result<uint64_t> Reserve(uint64_t length);
  Result<void> WriteAt(uint64_t offset, std::span<const uint8_t> bytes);
  // What is written here from now on can be read back, written dry or not: the worker cannot read the output itself. Up
  // to kMaxKept bytes in all; beyond, ReadAt fails. REQUIRES: Reserve gave the range.
  static constexpr uint64_t kMaxKept = uint64_t{32} << 20;
  void Keep(uint64_t offset, uint64_t length);
  // Fails as kUnsupportedFeature where the range was not kept.
  Result<void> ReadAt(uint64_t offset, std::span<uint8_t> out) const;
  bool dry() const { return dry_; }

  // From now on only what touches one of these spans (start, end) is wanted; what is not may be left as it is.
  void WantOnly(std::vector<std::pair<uint64_t, uint64_t>> spans) { wanted_ = std::move(spans); }
  bool Wants(uint64_t offset, uint64_t length) const;
  // While set, all is wanted, and Offer turns nothing away. Returns what was set before.
  bool WantAll(bool all) { return std::exchange(want_all_, all); }

  // Lets Offer turn away more than `bytes`, which others then write side by side.
  void HoldBackBeyond(uint64_t bytes) { most_offered_ = bytes; }
  // Before pieces are written of which others could do so many bytes meanwhile: all but the largest piece's. Where that
  // is too much, nothing is wanted from now on.
  void Offer(uint64_t bytes);
  bool held_back() const { return held_back_; }

 private:
  void CopyKept(uint64_t offset, std::span<const uint8_t> bytes);

  int fd_;
  uint64_t capacity_;
  bool dry_;
  // None: all.
  std::optional<std::vector<std::pair<uint64_t, uint64_t>>> wanted_;
  uint64_t most_offered_ = UINT64_MAX;
  bool held_back_ = false;
  bool want_all_ = false;
  uint64_t used_ = 0;
  std::map<uint64_t, std::vector<uint8_t>> kept_;  // by offset; they do not overlap
  uint64_t kept_bytes_ = 0;
};

}  // namespace airlock::formats
