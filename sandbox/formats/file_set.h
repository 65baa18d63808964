// FileSet: the files of a set, which make up one input: each starts where the one before it ends.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.h"

namespace airlock::formats {

struct SetFile {
  std::string name;
  uint64_t size = 0;
  uint64_t start = 0;     // in the whole
  int fd = -1;            // that it is read from
  uint64_t fd_start = 0;  // where it starts there
};

class FileSet {
 public:
  // `fds`: one for each file, or one in which all of them follow each other. Absent sizes or a sum that no number holds
  // are the broker's to refuse; here they end the process.
  struct Named {
    std::string name;
    uint64_t size = 0;
  };
  FileSet(std::span<const Named> files, std::span<const int> fds);

  const std::vector<SetFile>& files() const { return files_; }
  uint64_t size() const { return size_; }
  // nullptr where there is none of this name.
  const SetFile* Find(std::string_view name) const;
  // The file that has all of these bytes; nullptr where there is none. Of no bytes: one that they touch.
  const SetFile* Holding(uint64_t offset, uint64_t length) const;
  // Fills all of `out`. REQUIRES: SpanFits(offset, out.size(), size()).
  Result<void> ReadAt(uint64_t offset, std::span<uint8_t> out) const;

 private:
  // The last one that starts at or before `offset`. REQUIRES: there are files.
  const SetFile& At(uint64_t offset) const;

  std::vector<SetFile> files_;
  uint64_t size_ = 0;
};

// Reads from a descriptor, all of it. `reported`: the offset that an error names.
Result<void> ReadFully(int fd, uint64_t offset, std::span<uint8_t> out, uint64_t reported);

}  // namespace airlock::formats
