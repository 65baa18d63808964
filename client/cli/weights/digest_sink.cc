#include "client/cli/weights/digest_sink.h"

#include "client/cli/listing.h"

namespace airlock::cli {

ClientResult<std::vector<uint32_t>> DigestSink::Begin(const Contents& contents) {
  digests_.assign(contents.tensor_count(), {});
  std::vector<bool> named(contents.tensor_count());
  std::vector<uint32_t> wanted;
  for (const NamedTensor& entry : contents.entries()) {
    if (named[entry.tensor] || !Chosen(select_, entry.name)) continue;
    named[entry.tensor] = true;
    wanted.push_back(entry.tensor);
  }
  return wanted;
}

ClientResult<void> DigestSink::Elements(uint32_t tensor, uint64_t, std::string_view bytes) {
  running_[tensor].Update(bytes);
  return {};
}

ClientResult<void> DigestSink::Complete(uint32_t tensor) {
  digests_[tensor] = running_[tensor].Hex();
  running_.erase(tensor);
  return {};
}

}  // namespace airlock::cli
