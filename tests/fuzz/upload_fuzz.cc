// An upload as a hostile caller sends it: any announcement, any pieces. What is accepted is what was announced, to the
// byte; everything else is refused.
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "server/source/upload_source.h"

namespace {

constexpr uint64_t kMaxBytes = 1 << 16;

// The announcement of what will be sent, or of something else.
airlock::v1::Upload Announce(FuzzedDataProvider& data) {
  airlock::v1::Upload upload;
  upload.set_size(data.ConsumeBool() ? data.ConsumeIntegralInRange<uint64_t>(0, 64) : data.ConsumeIntegral<uint64_t>());
  if (data.ConsumeBool()) upload.set_sha256(data.ConsumeRandomLengthString(70));
  return upload;
}

void CheckAccepted(const airlock::server::InputFile& input, const std::string& sent, uint64_t announced) {
  std::string bytes(sent.size(), '\0');
  if (input.size() != announced || sent.size() != announced) std::abort();
  if (pread(input.fd(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  if (bytes != sent) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using airlock::server::UploadSource;
  FuzzedDataProvider data(bytes, size);
  const airlock::v1::Upload announced = Announce(data);
  auto source = UploadSource::Open("/dev/shm", announced, kMaxBytes);
  if (!source.ok()) return 0;
  std::string sent;
  bool finished = false;
  while (data.remaining_bytes() > 0) {
    airlock::v1::UploadChunk chunk;
    chunk.set_finish(data.ConsumeBool());
    chunk.set_data(data.ConsumeRandomLengthString(64));
    if (!source->Add(chunk).ok()) return 0;
    if (finished) std::abort();
    finished = chunk.finish();
    sent += chunk.data();
    if (sent.size() > announced.size()) std::abort();
  }
  if (!source->finished()) return 0;
  std::string digest;
  auto input = source->Finish(&digest);
  if (input.ok()) CheckAccepted(*input, sent, announced.size());
  return 0;
}
