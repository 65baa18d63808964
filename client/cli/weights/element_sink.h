// ElementSink: takes a checkpoint as it arrives and hands on the elements of each wanted tensor, in row-major order,
// little-endian, with the conjugate and negative bits applied. Keeps at most one storage in memory, and none where its
// tensors can be handed on as they come.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "airlock/checkpoint.h"

namespace airlock::cli {

// How many bytes the tensors of a file may come to, written out. They may be more than its data (stride 0, several
// names), but not without end.
uint64_t ExpansionLimit(const Contents& contents);

class ElementSink : public StorageSink {
 public:
  ClientResult<void> Plan(const std::shared_ptr<const Contents>& contents) final;
  ClientResult<bool> File(uint32_t index, int fd, uint64_t offset) final;
  ClientResult<void> Data(uint32_t index, uint64_t offset, std::string_view bytes) final;
  ClientResult<void> End(uint32_t index) final;

 protected:
  // Which tensors are wanted; distinct indices.
  virtual ClientResult<std::vector<uint32_t>> Begin(const Contents& contents) = 0;
  // Bytes of a tensor's elements from byte `offset` on. Offsets of one tensor ascend without gaps; those of several
  // tensors of one storage may come in turns.
  virtual ClientResult<void> Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) = 0;
  // All elements of a tensor at once, where they are a span of a file. True: taken. False: they come as
  // bytes, and those of other tensors of their storage once more.
  virtual ClientResult<bool> ElementsOfFile(uint32_t /*tensor*/, int /*fd*/, uint64_t /*offset*/, uint64_t /*bytes*/) {
    return false;
  }
  // All elements of this tensor have been handed on. Also for an empty one.
  virtual ClientResult<void> Complete(uint32_t tensor) = 0;

 private:
  // The wanted tensors of a storage.
  std::pair<size_t, size_t> GroupOf(uint32_t storage) const;
  // Whether the tensors of the group can be handed on as their storage arrives.
  bool Direct() const;
  ClientResult<void> PassOn(uint64_t offset, std::string_view bytes);
  ClientResult<void> WalkBuffered(uint32_t tensor);
  ClientResult<void> CheckExpansion(const std::vector<uint32_t>& wanted) const;

  std::shared_ptr<const Contents> contents_;
  // Ascending by storage.
  std::vector<uint32_t> wanted_;
  // Of the storage that is arriving.
  std::pair<size_t, size_t> group_{0, 0};
  bool direct_ = false;
  std::shared_ptr<Storage> buffer_;
};

}  // namespace airlock::cli
