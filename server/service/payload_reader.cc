#include "server/service/payload_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpc/slice.h>
#include <grpcpp/support/slice.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "airlock/v1/loader.pb.h"

namespace airlock::server {
namespace {

// Between 256 KiB and 1 MiB nothing is faster.
constexpr uint64_t kMostBytes = 512 << 10;
// What a caller costs that stops reading at once: two of these, one under way and one read ahead.
constexpr uint64_t kLeastBytes = 8 << 10;
// A piece may be this part of what went before it.
constexpr uint64_t kGrowth = 16;
// Field number and wire type LEN of LoadResponse.data.
constexpr uint32_t kDataTag = uint32_t{v1::LoadResponse::kDataFieldNumber} << 3 | 2;

}  // namespace

PayloadReader::PayloadReader(const v1::StorageColumns& storages, const Input& input, int output_fd, Budget& memory)
    : storages_(storages), input_(input), output_fd_(output_fd), memory_(memory) {
  for (int row = 0; row < storages.nbytes_size(); ++row) remaining_ += Delivered(row);
}

uint64_t PayloadReader::Delivered(int row) const {
  return storages_.place(row) == v1::PLACE_LEFT_OUT ? 0 : storages_.nbytes(row);
}

OrVerdict<OutgoingMessage> PayloadReader::Next() {
  using google::protobuf::io::CodedOutputStream;
  OutgoingMessage message;
  message.share.emplace(memory_.TakeSome(kLeastBytes, std::clamp(done_ / kGrowth, kLeastBytes, kMostBytes)));
  const size_t size = static_cast<size_t>(std::min<uint64_t>(remaining_, message.share->amount()));
  const auto length = static_cast<uint32_t>(size);
  const size_t header = CodedOutputStream::VarintSize32(kDataTag) + CodedOutputStream::VarintSize32(length);
  const grpc::Slice slice(grpc_slice_malloc(header + size), grpc::Slice::STEAL_REF);
  // The slice is ours alone until it is in the buffer.
  auto* at = const_cast<uint8_t*>(slice.begin());
  at = CodedOutputStream::WriteVarint32ToArray(kDataTag, at);
  at = CodedOutputStream::WriteVarint32ToArray(length, at);
  AIRLOCK_TRY(Fill(at, size));
  remaining_ -= size;
  done_ += size;
  message.bytes = grpc::ByteBuffer(&slice, 1);
  return message;
}

OrVerdict<void> PayloadReader::Fill(uint8_t* buffer, size_t size) {
  while (size > 0) {
    const uint64_t left = Delivered(row_) - at_;
    if (left == 0) {
      ++row_;
      at_ = 0;
      continue;
    }
    const uint64_t offset = storages_.offset(row_) + at_;
    const Input::Place place =
        storages_.place(row_) == v1::PLACE_INPUT ? input_.At(offset) : Input::Place{output_fd_, offset};
    const size_t want = static_cast<size_t>(std::min<uint64_t>(left, size));
    const ssize_t got = ::pread(place.fd, buffer, want, static_cast<off_t>(place.offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Because(v1::REASON_INTERNAL, std::string("reading the payload: ") + std::strerror(errno));
    if (got == 0) return Because(v1::REASON_INPUT_CHANGED, "it became shorter");
    buffer += got;
    size -= static_cast<size_t>(got);
    at_ += static_cast<uint64_t>(got);
  }
  return {};
}

}  // namespace airlock::server
