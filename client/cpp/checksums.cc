#include "client/cpp/checksums.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <string>

#include "client/cpp/processors.h"

namespace airlock {
namespace {

// IEEE 802.3's, as zip and gzip have it. ISA-L takes it at the speed of memory where the processor multiplies
// polynomials 512 bits at a time.
uint32_t Crc32(uint32_t crc, const void* bytes, size_t size) {
  return crc32_gzip_refl(crc, static_cast<const unsigned char*>(bytes), size);
}

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
  if (Crc32(0, bytes->bytes().data(), bytes->bytes().size()) == *wanted) return {};
  return Mismatch(checkpoint.contents(), static_cast<uint32_t>(storage));
}

}  // namespace

ClientResult<void> VerifyChecksums(const Checkpoint& checkpoint) {
  const Contents& contents = checkpoint.contents();
  return OnAllProcessors(contents.storage_count(), contents.payload_bytes(),
                         [&](size_t storage) { return VerifyOne(checkpoint, storage); });
}

class Verification::Work {
 public:
  explicit Work(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint), turns_(checkpoint.contents().storage_count(), [this](size_t storage) {
          return VerifyOne(checkpoint_, storage);
        }) {
    const Contents& contents = checkpoint.contents();
    const size_t threads = ThreadsFor(contents.storage_count(), contents.payload_bytes());
    // The caller's thread has work of its own.
    turns_.Start(std::max<size_t>(1, threads - 1));
  }
  ClientResult<void> Finish() { return turns_.Finish(); }

 private:
  const Checkpoint checkpoint_;
  SharedWork turns_;
};

Verification::Verification(const Checkpoint& checkpoint) : work_(std::make_unique<Work>(checkpoint)) {}
Verification::~Verification() = default;
ClientResult<void> Verification::Finish() { return work_->Finish(); }

ClientResult<void> ChecksumSink::Plan(const std::shared_ptr<const Contents>& contents) {
  contents_ = contents;
  return next_.Plan(contents);
}

ClientResult<void> ChecksumSink::Data(uint32_t index, uint64_t offset, std::string_view bytes) {
  crc_ = Crc32(crc_, bytes.data(), bytes.size());
  return next_.Data(index, offset, bytes);
}

ClientResult<void> ChecksumSink::End(uint32_t index) {
  const std::optional<uint32_t> wanted = contents_->storage(index).crc32;
  if (wanted && crc_ != *wanted) return Mismatch(*contents_, index);
  crc_ = 0;
  return next_.End(index);
}

}  // namespace airlock
