// Input: what one load decodes. One file, or a set of files that follow each other without anything between them. A set
// stands in one descriptor (an upload) or in one for each of its files (a folder). Movable; not thread-safe.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "airlock/v1/file.pb.h"
#include "server/source/input_file.h"
#include "server/verdict.h"

namespace airlock::server {

using FileList = google::protobuf::RepeatedPtrField<v1::File>;

// Whether a file of a set may have this name: in its folder, and nowhere else.
bool IsFileName(std::string_view name);

class Input {
 public:
  // One file that is no set.
  explicit Input(InputFile file);

  // A set in one file. Fails as BAD_REQUEST where the names are not distinct names of files or the sizes do not add up.
  static OrVerdict<Input> Concatenated(InputFile file, FileList files);
  // A set of files that have the names in `files`; their sizes are what is found now. Fails as LIMIT (input_bytes)
  // where no number holds them. REQUIRES: as many parts as files.
  static OrVerdict<Input> Set(std::vector<InputFile> parts, FileList files);

  uint64_t size() const { return ends_.back(); }
  // The descriptors, in order.
  std::span<const int> fds() const { return fds_; }
  // Of a set; empty otherwise.
  const FileList& files() const { return files_; }
  // Where each file of a set ends; empty otherwise.
  std::vector<uint64_t> FileEnds() const;

  // A byte of the whole, in its descriptor. REQUIRES: offset <= size().
  struct Place {
    int fd = -1;
    uint64_t offset = 0;
  };
  Place At(uint64_t offset) const;

  // INPUT_CHANGED unless every file is what it was when it was opened.
  OrVerdict<void> CheckUnchanged() const;

 private:
  Input() = default;

  std::vector<InputFile> parts_;
  std::vector<int> fds_;
  std::vector<uint64_t> ends_;  // of the parts, in the whole
  FileList files_;
};

// The rules for a manifest: names that IsFileName takes, each once, and sizes that add up to `size`.
OrVerdict<void> CheckManifest(const FileList& files, uint64_t size);

}  // namespace airlock::server
