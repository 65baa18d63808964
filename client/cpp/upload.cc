#include "client/cpp/upload.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpc/slice.h>
#include <grpcpp/support/slice.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "airlock/v1/loader.pb.h"

namespace airlock {
namespace {

using google::protobuf::io::CodedOutputStream;

// Between 256 KiB and 1 MiB nothing is faster.
constexpr uint64_t kChunkBytes = 512 << 10;
// Two tags and lengths, and the marker.
constexpr size_t kMostHeader = 16;

constexpr uint32_t Tag(int field, uint32_t wire_type) { return static_cast<uint32_t>(field) << 3 | wire_type; }
// The same in both methods' requests.
constexpr uint32_t kChunkTag = Tag(v1::LoadRequest::kChunkFieldNumber, 2);
static_assert(int{v1::LoadRequest::kChunkFieldNumber} == int{v1::InspectRequest::kChunkFieldNumber});
constexpr uint32_t kDataTag = Tag(v1::UploadChunk::kDataFieldNumber, 2);
constexpr uint32_t kFinishTag = Tag(v1::UploadChunk::kFinishFieldNumber, 0);

// Everything of a message that comes before its data.
uint8_t* WriteHeader(uint8_t* to, uint32_t size, bool finish) {
  const size_t inner = (finish ? 2 : 0) + 1 + CodedOutputStream::VarintSize32(size) + size;
  to = CodedOutputStream::WriteVarint32ToArray(kChunkTag, to);
  to = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(inner), to);
  if (finish) {
    to = CodedOutputStream::WriteVarint32ToArray(kFinishTag, to);
    to = CodedOutputStream::WriteVarint32ToArray(1, to);
  }
  to = CodedOutputStream::WriteVarint32ToArray(kDataTag, to);
  return CodedOutputStream::WriteVarint32ToArray(size, to);
}

bool ReadAt(int fd, uint64_t offset, uint8_t* to, size_t size) {
  while (size > 0) {
    const ssize_t length = pread(fd, to, size, static_cast<off_t>(offset));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return false;
    to += length;
    size -= static_cast<size_t>(length);
    offset += static_cast<uint64_t>(length);
  }
  return true;
}

}  // namespace

Upload::Upload(std::span<const LocalFile> files) : files_(files) {
  for (const LocalFile& file : files_) size_ += file.identity.size;
}

bool Upload::Read(uint8_t* to, size_t size) {
  while (size > 0) {
    const LocalFile& file = files_[file_];
    const auto part = static_cast<size_t>(std::min<uint64_t>(size, file.identity.size - offset_));
    if (!ReadAt(file.fd.get(), offset_, to, part)) return false;
    to += part;
    size -= part;
    offset_ += part;
    if (offset_ < file.identity.size) continue;
    offset_ = 0;
    ++file_;
  }
  return true;
}

bool Upload::Unchanged() const {
  return std::all_of(files_.begin(), files_.end(),
                     [](const LocalFile& file) { return IdentityOf(file.fd.get()) == file.identity; });
}

std::optional<OutgoingMessage> Upload::Next() {
  const auto size = static_cast<size_t>(std::min(kChunkBytes, size_ - done_));
  OutgoingMessage message;
  message.last = done_ + size == size_;
  grpc::Slice slice(grpc_slice_malloc(kMostHeader + size), grpc::Slice::STEAL_REF);
  // The slice is ours alone until it is in the message.
  auto* begin = const_cast<uint8_t*>(slice.begin());
  uint8_t* data = WriteHeader(begin, static_cast<uint32_t>(size), message.last);
  if (!Read(data, size) || (message.last && !Unchanged())) return std::nullopt;
  done_ += size;
  const grpc::Slice whole = slice.sub(0, static_cast<size_t>(data - begin) + size);
  message.bytes = grpc::ByteBuffer(&whole, 1);
  return message;
}

}  // namespace airlock
