// An upload as a hostile caller sends it: any announcement, any messages, in any slices. What is accepted is what was
// announced, to the byte; everything else is refused. What is read from the slices is what protobuf reads.
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "server/source/chunk_view.h"
#include "server/source/upload_source.h"
#include "tests/support/chunk_slices.h"

namespace {

using airlock::server::ChunkView;
using airlock::server::Input;
using airlock::server::UploadSource;
using airlock::test::InSlices;
using airlock::test::Join;

constexpr uint64_t kMaxBytes = 1 << 16;

airlock::Limits SmallLimits() {
  airlock::Limits limits;
  limits.input_bytes = kMaxBytes;
  return limits;
}

// The announcement of what will be sent, or of something else.
airlock::v1::Upload Announce(FuzzedDataProvider& data) {
  airlock::v1::Upload upload;
  upload.set_size(data.ConsumeBool() ? data.ConsumeIntegralInRange<uint64_t>(0, 64) : data.ConsumeIntegral<uint64_t>());
  if (data.ConsumeBool()) upload.set_sha256(data.ConsumeRandomLengthString(70));
  for (int files = data.ConsumeIntegralInRange(0, 3); files > 0; --files) {
    airlock::v1::File& file = *upload.add_files();
    file.set_name(data.ConsumeRandomLengthString(8));
    file.set_size(data.ConsumeIntegralInRange<uint64_t>(0, 64));
  }
  return upload;
}

// As a client writes it, or as nobody does.
std::string Message(FuzzedDataProvider& data) {
  if (data.ConsumeBool()) return data.ConsumeRandomLengthString(64);
  airlock::v1::LoadRequest request;
  request.mutable_chunk()->set_finish(data.ConsumeBool());
  request.mutable_chunk()->set_data(data.ConsumeRandomLengthString(64));
  return request.SerializeAsString();
}

// A piece, valid as long as this is; nothing where the message is none.
class Piece {
 public:
  Piece(const std::string& message, size_t slice) : buffer_(InSlices(message, slice)) {
    const bool is_chunk = request_.ParseFromString(message) && request_.has_chunk();
    view_ = ChunkView::Of(buffer_);
    if (view_) CheckAgreement(is_chunk);
    if (!view_ && is_chunk) view_ = ChunkView::Of(request_.chunk());
  }
  const std::optional<ChunkView>& view() const { return view_; }

 private:
  void CheckAgreement(bool is_chunk) const {
    if (!is_chunk || view_->finish != request_.chunk().finish()) std::abort();
    if (Join(*view_) != request_.chunk().data() || view_->size != request_.chunk().data().size()) std::abort();
  }

  grpc::ByteBuffer buffer_;
  airlock::v1::LoadRequest request_;
  std::optional<ChunkView> view_;
};

// All that was sent; nothing where it was refused.
std::optional<std::string> Send(FuzzedDataProvider& data, UploadSource& source, uint64_t announced) {
  std::string sent;
  while (data.remaining_bytes() > 0) {
    const Piece piece(Message(data), data.ConsumeIntegralInRange<size_t>(1, 16));
    if (!piece.view()) return std::nullopt;
    const bool was_finished = source.finished();
    if (!source.Add(*piece.view()).ok()) return std::nullopt;
    sent += Join(*piece.view());
    if (was_finished || sent.size() > announced) std::abort();
  }
  return sent;
}

void CheckAccepted(const Input& input, const std::string& sent, const airlock::v1::Upload& announced) {
  std::string bytes(sent.size(), '\0');
  if (input.size() != announced.size() || sent.size() != announced.size()) std::abort();
  if (input.files().size() != announced.files_size()) std::abort();
  const Input::Place start = input.At(0);
  if (pread(start.fd, bytes.data(), bytes.size(), static_cast<off_t>(start.offset)) !=
      static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  if (bytes != sent) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const airlock::v1::Upload announced = Announce(data);
  auto source = UploadSource::Open("/dev/shm", announced, SmallLimits());
  if (!source.ok()) return 0;
  const auto sent = Send(data, *source, announced.size());
  if (!sent || !source->finished()) return 0;
  std::string digest;
  const auto input = source->Finish(&digest);
  if (input.ok()) CheckAccepted(*input, *sent, announced);
  return 0;
}
