// A set of files in memory, decoded in this process: in one descriptor, or in one for each file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/formats/file_set.h"
#include "tests/unit/formats/decoded.h"

namespace airlock::formats {

using Files = std::vector<std::pair<std::string, std::string>>;

inline std::string Joined(const Files& files) {
  std::string bytes;
  for (const auto& [name, content] : files) bytes += content;
  return bytes;
}

inline std::vector<FileSet::Named> NamesOf(const Files& files) {
  std::vector<FileSet::Named> named;
  for (const auto& [name, content] : files) named.push_back({name, content.size()});
  return named;
}

// The decoded's own input is the files one after the other, as spans count.
inline Decoded DecodeFiles(const Files& files, std::string_view member = {}, const Limits& limits = {},
                           bool apart = true, bool dry = false) {
  Decoded decoded = Undecoded(Joined(files), limits);
  std::vector<Fd> parts;
  std::vector<int> fds;
  if (apart) {
    for (const auto& [name, content] : files) parts.push_back(fixtures::MemoryFile(content));
    for (const Fd& part : parts) fds.push_back(part.get());
  } else {
    fds.push_back(decoded.input.get());
  }
  const FileSet set(NamesOf(files), fds);
  Output output(decoded.output.get(), uint64_t{1} << 24, dry);
  decoded.result = Decode(Input(set), output, decoded.checkpoint, member);
  return decoded;
}

}  // namespace airlock::formats
