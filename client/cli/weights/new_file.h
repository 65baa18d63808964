// NewFile: a file that appears whole or not at all. Written beside its destination, then renamed over it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "airlock/error.h"
#include "sandbox/base/fd.h"

namespace airlock::cli {

class NewFile {
 public:
  // Creates the temporary file, with the permissions that the umask leaves.
  static ClientResult<NewFile> Create(const std::string& destination);
  // Removes it unless it was committed.
  ~NewFile();
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  NewFile(const NewFile&) = delete;

  ClientResult<void> WriteAt(uint64_t offset, std::string_view bytes);
  // `bytes` of another file, from its `start` on, moved by the kernel where it can. INPUT_CHANGED where they are not
  // there.
  ClientResult<void> CopyAt(uint64_t offset, int from, uint64_t start, uint64_t bytes);
  // To the disk.
  ClientResult<void> Sync();
  // What becomes of a file that has its name by then: a link there is replaced, never followed.
  enum class Existing : uint8_t { kReplace, kKeep };
  // To the disk, then to its name. An error where there is a file that is to be kept.
  ClientResult<void> Commit(Existing existing = Existing::kReplace);

 private:
  NewFile(std::string destination, std::string temporary, Fd fd)
      : destination_(std::move(destination)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}
  Unexpected<ClientError> Failed(int error) const;
  ClientResult<void> Rename(Existing existing);
  ClientResult<uint64_t> CopySome(uint64_t offset, int from, uint64_t start, uint64_t bytes);

  std::string destination_;
  // Empty once there is nothing to remove.
  std::string temporary_;
  Fd fd_;
};

}  // namespace airlock::cli
