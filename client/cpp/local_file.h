// LocalFile: a checkpoint of this machine, opened for reading; never its contents interpreted. What is no regular file
// is an error that says what it is, and opening it neither blocks nor disturbs it.
#pragma once

#include <cstdint>
#include <string>

#include "airlock/error.h"
#include "sandbox/base/fd.h"

namespace airlock {

struct LocalFile {
  Fd fd;
  uint64_t size = 0;
  // Absolute, without symbolic links. Empty where the name is not UTF-8 and thus cannot travel in a request.
  std::string real_path;
};

ClientResult<LocalFile> OpenLocalFile(const std::string& path);

bool IsUtf8(std::string_view text);

}  // namespace airlock
