// The output of one load, and its graph file: memory files that are the broker's. The worker only ever holds a
// descriptor to pwrite to.
//
//   auto output = OutputMemfd::Create(limits.output_bytes);   // sized, and sealed against any other size
//   SendJob(worker, job, inputs, output->fd(), graph->fd());
//   KillAndReap(worker);
//   output->SealForReading();                                 // from here on nobody can change a byte
//
// The graph file may be sealed while its worker lives: the seal fails where anybody maps the file for writing, and
// after it the kernel refuses every pwrite.
//
// Not thread-safe.
#pragma once

#include <cstdint>

#include "sandbox/base/expected.h"
#include "sandbox/base/fd.h"
#include "sandbox/spawner/spawner_client.h"

namespace airlock::spawner {

class OutputMemfd {
 public:
  // Sparse: costs what is written to it. Never executable where the kernel can say so (Linux 6.3).
  static SpawnResult<OutputMemfd> Create(uint64_t capacity);

  int fd() const { return fd_.get(); }
  uint64_t capacity() const { return capacity_; }
  // Gives the descriptor away, sealed or not.
  Fd Release() { return std::move(fd_); }

  // Verified: an error means that the bytes must not be read. REQUIRES: of an output that several workers write to,
  // that all have been reaped.
  SpawnResult<void> SealForReading();

 private:
  OutputMemfd(Fd fd, uint64_t capacity) : fd_(std::move(fd)), capacity_(capacity) {}

  Fd fd_;
  uint64_t capacity_;
};

}  // namespace airlock::spawner
