// GraphFile: the memory file that one worker writes its value graph to (sandbox/base/graph_file.h). SealedGraph: what
// the file held at the moment from which on nobody can change it.
//
// The worker may still live at that moment: it has a descriptor to pwrite to, no mapping, and no other call that
// reaches the file. The kernel refuses to seal a file that anybody could still write to otherwise, and every write
// after it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "sandbox/base/fd.h"
#include "sandbox/base/graph_file.h"
#include "sandbox/spawner/output_memfd.h"
#include "server/graph_view.h"
#include "server/verdict.h"

namespace airlock::server {

// Immutable; thread-safe.
class SealedGraph {
 public:
  ~SealedGraph();
  SealedGraph(const SealedGraph&) = delete;
  SealedGraph& operator=(const SealedGraph&) = delete;

  // Good for as long as this lives.
  const GraphView& view() const { return view_; }
  // The same as bytes.
  std::string_view column(size_t index) const { return {places_[index], lengths_[index]}; }
  const GraphLengths& lengths() const { return lengths_; }
  // Bytes of memory that the file takes.
  uint64_t memory() const { return memory_; }
  // For a caller who is to have the file itself: where a column starts in it.
  int fd() const { return fd_.get(); }
  uint64_t offset(size_t index) const { return index * room_; }

 private:
  friend class GraphFile;
  SealedGraph(Fd fd, uint64_t room, const GraphLengths& lengths) : fd_(std::move(fd)), room_(room), lengths_(lengths) {}

  OrVerdict<void> CheckExtent();
  bool HasHoles() const;
  OrVerdict<void> Read();
  OrVerdict<const char*> ReadColumn(size_t index);
  bool mapped(size_t index) const;
  template <typename T>
  std::span<const T> Values(size_t index) const {
    return {reinterpret_cast<const T*>(places_[index]), lengths_[index] / sizeof(T)};
  }

  const Fd fd_;
  const uint64_t room_;
  const GraphLengths lengths_;
  uint64_t memory_ = 0;
  // Mapped where that is worth it, otherwise in `copies_`.
  std::array<const char*, kGraphColumns> places_{};
  std::array<std::unique_ptr<char[]>, kGraphColumns> copies_;
  GraphView view_;
};

// Not thread-safe.
class GraphFile {
 public:
  // Room for any graph that `memory_bytes` allows.
  static OrVerdict<GraphFile> Create(uint64_t memory_bytes);

  int fd() const { return file_.fd(); }
  uint64_t room() const { return room_; }
  // Once. REQUIRES: whole values, and no more of each than there is room for. A violation where the file holds less
  // than that, or much more.
  OrVerdict<std::shared_ptr<const SealedGraph>> Seal(const GraphLengths& lengths);

 private:
  GraphFile(spawner::OutputMemfd file, uint64_t room) : file_(std::move(file)), room_(room) {}

  spawner::OutputMemfd file_;
  uint64_t room_;
};

}  // namespace airlock::server
