#include "server/service/payload_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpc/slice.h>
#include <grpcpp/support/slice.h>

#include <algorithm>

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

OrVerdict<OutgoingMessage> PayloadReader::Next() {
  using google::protobuf::io::CodedOutputStream;
  OutgoingMessage message;
  message.share.emplace(memory_.TakeSome(kLeastBytes, std::clamp(done_ / kGrowth, kLeastBytes, kMostBytes)));
  const size_t size = static_cast<size_t>(std::min<uint64_t>(cursor_.remaining(), message.share->amount()));
  const auto length = static_cast<uint32_t>(size);
  const size_t header = CodedOutputStream::VarintSize32(kDataTag) + CodedOutputStream::VarintSize32(length);
  const grpc::Slice slice(grpc_slice_malloc(header + size), grpc::Slice::STEAL_REF);
  // The slice is ours alone until it is in the buffer.
  auto* at = const_cast<uint8_t*>(slice.begin());
  at = CodedOutputStream::WriteVarint32ToArray(kDataTag, at);
  at = CodedOutputStream::WriteVarint32ToArray(length, at);
  AIRLOCK_TRY(Fill(at, size));
  done_ += size;
  message.bytes = grpc::ByteBuffer(&slice, 1);
  return message;
}

OrVerdict<void> PayloadReader::Fill(uint8_t* buffer, size_t size) {
  while (size > 0) {
    AIRLOCK_ASSIGN(const size_t got, cursor_.Read({buffer, size}));
    buffer += got;
    size -= got;
  }
  return {};
}

}  // namespace airlock::server
