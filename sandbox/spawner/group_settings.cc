#include "sandbox/spawner/group_settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "sandbox/base/checked.h"
#include "sandbox/base/fd.h"
#include "sandbox/walls/layers.h"

namespace airlock::spawner {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<int64_t>::max();

}  // namespace

uint64_t GroupMemoryBytes(const Limits& limits) {
  const auto memory = CheckedAdd(limits.memory_bytes, limits.memory_bytes);
  const auto loads = memory ? CheckedAdd(*memory, limits.output_bytes) : std::nullopt;
  const auto all = loads ? CheckedAdd(*loads, kGroupSlackBytes) : std::nullopt;
  return all && *all < kNoLimit ? *all : kNoLimit;
}

std::vector<GroupSetting> GroupSettings(uint64_t layers, uint64_t memory_bytes) {
  std::vector<GroupSetting> settings;
  if ((layers & walls::kMemoryGroup) != 0) {
    settings.push_back({"memory.max", std::to_string(memory_bytes), true});
    // What may not be taken may not be moved to the disk either.
    settings.push_back({"memory.swap.max", "0", false});
    // One process or all of it: there is never a half of a worker.
    settings.push_back({"memory.oom.group", "1", false});
  }
  if ((layers & walls::kPidsGroup) != 0) settings.push_back({"pids.max", "1", true});
  return settings;
}

SpawnResult<void> ApplyGroupSettings(int directory, std::span<const GroupSetting> settings) {
  for (const GroupSetting& setting : settings) {
    const int error_number = WriteGroupFile(directory, setting.file.c_str(), setting.value);
    if (error_number != 0 && setting.required) {
      return Unexpected<SpawnError>{SpawnError{setting.file + " of a worker's cgroup", error_number, ""}};
    }
  }
  return {};
}

int WriteGroupFile(int directory, const char* file, std::string_view value) {
  const Fd fd(openat(directory, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno;
  const ssize_t written = write(fd.get(), value.data(), value.size());
  if (written < 0) return errno;
  return static_cast<size_t>(written) == value.size() ? 0 : EIO;
}

std::string ReadGroupFile(int directory, const char* file) {
  const Fd fd(openat(directory, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::string text;
  char block[1024];
  while (fd) {
    const ssize_t size = read(fd.get(), block, sizeof(block));
    if (size <= 0) break;
    text.append(block, static_cast<size_t>(size));
  }
  return text;
}

}  // namespace airlock::spawner
