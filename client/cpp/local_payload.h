// LocalPayload: the storages of a checkpoint whose bytes lie on this machine: in the files that this client has opened
// itself, and in the sealed memory file that a worker wrote. Mapped, or read into memory of our own. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "airlock/checkpoint.h"
#include "client/cpp/local_file.h"
#include "client/cpp/mapping.h"

namespace airlock {

class LocalPayload {
 public:
  // How far it is, in bytes; an error of it ends what is under way.
  using Advance = std::function<ClientResult<void>(uint64_t done)>;

  // `inputs` make one input, one after the other. `output` may be none where no storage lies in it.
  LocalPayload(std::shared_ptr<const Contents> contents, std::vector<LocalFile> inputs, Fd output);

  const std::shared_ptr<const Contents>& contents() const { return contents_; }

  // Each storage as a view of a mapping that it keeps alive; null for those that were left out.
  ClientResult<std::vector<std::shared_ptr<const Storage>>> Map();
  // Each storage in memory of its own, read on as many threads as there are processors.
  ClientResult<std::vector<std::shared_ptr<const Storage>>> Copy();
  // All storages to a sink: as views of a mapping or, with `copy`, through a buffer.
  ClientResult<void> Feed(StorageSink& sink, bool copy, const Advance& advance);

 private:
  // An input or the output.
  struct File {
    int fd = -1;
    // Where it starts in the input that the files make.
    uint64_t start = 0;
    uint64_t size = 0;
    std::shared_ptr<const Mapping> mapping;
  };
  struct Span {
    File* file;
    uint64_t offset;
    uint64_t bytes;
  };

  // Of a file, and where it goes in memory.
  struct Piece {
    Span span;
    std::span<std::byte> into;
  };

  ClientResult<Span> SpanOf(size_t storage);
  static ClientResult<std::span<const std::byte>> View(const Span& span);
  static void AddPieces(const Span& span, std::span<std::byte> into, std::vector<Piece>& pieces);
  static ClientResult<void> Read(const Span& span, std::span<std::byte> into);
  // To the front of the room, which is large enough.
  static ClientResult<std::span<const std::byte>> ReadInto(std::span<std::byte> room, const Span& span);
  ClientResult<void> FeedOne(StorageSink& sink, uint32_t index, bool copy, const Advance& advance);
  // INPUT_CHANGED unless the inputs are what they were when they were opened.
  ClientResult<void> CheckUnchanged() const;

  std::shared_ptr<const Contents> contents_;
  std::vector<LocalFile> inputs_;
  Fd output_;
  // Of the inputs, by start; then the output.
  std::vector<File> files_;
  uint64_t done_ = 0;
};

}  // namespace airlock
