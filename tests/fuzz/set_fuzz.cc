// Sets of files: an index and its shards, or .metadata and files of data, one after the other with a line of dashes
// between.
#include <algorithm>
#include <string_view>
#include <vector>

#include "tests/fuzz/decode_bytes.h"

namespace {

constexpr std::string_view kBetween = "\n--\n";
constexpr const char* kIndexNames[] = {"m.safetensors.index.json", "1.safetensors", "2.bin"};
constexpr const char* kDcpNames[] = {".metadata", "__0_0.distcp", "__1_0.distcp"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto& names = text.starts_with('{') ? kIndexNames : kDcpNames;
  std::vector<airlock::formats::FileSet::Named> files;
  std::vector<airlock::Fd> parts;
  std::vector<int> fds;
  for (const char* name : names) {
    const std::string_view part = text.substr(0, text.find(kBetween));
    files.push_back({name, part.size()});
    parts.push_back(airlock::fixtures::MemoryFile(part));
    fds.push_back(parts.back().get());
    text.remove_prefix(std::min(text.size(), part.size() + kBetween.size()));
  }
  const airlock::formats::FileSet set(files, fds);
  airlock::fuzz::DecodeInput(airlock::formats::Input(set));
  return 0;
}
