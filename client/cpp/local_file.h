// LocalFile: a checkpoint of this machine, opened for reading; never its contents interpreted. What is no regular file
// is an error that says what it is, and opening it neither blocks nor disturbs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "airlock/error.h"
#include "sandbox/base/fd.h"

namespace airlock {

// Which file it is, and which state of it, as far as a look at it tells.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_s = 0;
  int64_t modified_ns = 0;

  bool operator==(const FileIdentity&) const = default;
};

struct LocalFile {
  Fd fd;
  // When it was opened.
  FileIdentity identity;
  // The last part of the path; empty where it is not UTF-8 or long, and thus cannot travel in a request.
  std::string name;
};

ClientResult<LocalFile> OpenLocalFile(const std::string& path);

// Absent where it cannot be told.
std::optional<FileIdentity> IdentityOf(int fd);

// Of the regular file at the path; absent where none is seen from here.
std::optional<uint64_t> SizeOfFile(const std::string& path);

// Absolute, without symbolic links. Empty where there is none, or none that is UTF-8.
std::string RealPath(const std::string& path);

bool IsUtf8(std::string_view text);

}  // namespace airlock
