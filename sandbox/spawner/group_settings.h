// What a worker's cgroup is set to, as a table: which file gets which value, and which controller it takes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sandbox/base/limits.h"
#include "sandbox/spawner/spawn_error.h"

namespace airlock::spawner {

struct GroupSetting {
  std::string file;
  std::string value;
  bool required;  // others do not exist everywhere, and help
};

// What the kernel charges to a worker beside its address space and its output: page tables, the buffers of its socket,
// and the pages of the program and of its input that it was the first to touch, which it can always give back.
inline constexpr uint64_t kGroupSlackBytes = uint64_t{64} << 20;

// Bytes that a worker and its files may take together: the address space that RLIMIT_AS leaves it, a value graph, which
// may have as many bytes, every page of the output, both its own writing, and the slack. Never wraps.
uint64_t GroupMemoryBytes(const Limits& limits);

// Of the controllers `layers` (walls::kMemoryGroup, walls::kPidsGroup).
std::vector<GroupSetting> GroupSettings(uint64_t layers, uint64_t memory_bytes);

// Writes them beneath the directory. Fails where a required file is missing or refuses its value.
SpawnResult<void> ApplyGroupSettings(int directory, std::span<const GroupSetting> settings);

// One value into one existing file beneath the directory: 0, or an errno.
int WriteGroupFile(int directory, const char* file, std::string_view value);
// All of it; empty also where it cannot be read.
std::string ReadGroupFile(int directory, const char* file);

}  // namespace airlock::spawner
