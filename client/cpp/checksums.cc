#include "client/cpp/checksums.h"

#include <libdeflate.h>

#include <string>

#include "client/cpp/processors.h"

namespace airlock {
namespace {

// The first tensor that a person would know the storage by.
std::string NameOf(const Contents& contents, uint32_t storage) {
  for (const NamedTensor& entry : contents.entries()) {
    if (contents.tensor(entry.tensor).storage == storage) return ", of " + std::string(entry.name);
  }
  return {};
}

Unexpected<ClientError> Mismatch(const Contents& contents, uint32_t storage) {
  return Unexpected{MakeError(v1::REASON_CHECKSUM_MISMATCH, "the bytes of storage " + std::to_string(storage) +
                                                                NameOf(contents, storage) +
                                                                " are not those that the file has a checksum of")};
}

ClientResult<void> VerifyOne(const Checkpoint& checkpoint, size_t storage) {
  const std::optional<uint32_t> wanted = checkpoint.contents().storage(storage).crc32;
  const auto& bytes = checkpoint.storage(storage);
  if (!wanted || bytes == nullptr) return {};
  if (libdeflate_crc32(0, bytes->bytes().data(), bytes->bytes().size()) == *wanted) return {};
  return Mismatch(checkpoint.contents(), static_cast<uint32_t>(storage));
}

}  // namespace

ClientResult<void> VerifyChecksums(const Checkpoint& checkpoint) {
  const Contents& contents = checkpoint.contents();
  return OnAllProcessors(contents.storage_count(), contents.payload_bytes(),
                         [&](size_t storage) { return VerifyOne(checkpoint, storage); });
}

ClientResult<void> ChecksumSink::Plan(const std::shared_ptr<const Contents>& contents) {
  contents_ = contents;
  return next_.Plan(contents);
}

ClientResult<void> ChecksumSink::Data(uint32_t index, uint64_t offset, std::string_view bytes) {
  crc_ = libdeflate_crc32(crc_, bytes.data(), bytes.size());
  return next_.Data(index, offset, bytes);
}

ClientResult<void> ChecksumSink::End(uint32_t index) {
  const std::optional<uint32_t> wanted = contents_->storage(index).crc32;
  if (wanted && crc_ != *wanted) return Mismatch(*contents_, index);
  crc_ = 0;
  return next_.End(index);
}

}  // namespace airlock
