#include "server/source/chunk_view.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/proto_buffer_reader.h>

namespace airlock::server {
namespace {

using google::protobuf::io::CodedInputStream;

constexpr uint32_t Tag(int field, uint32_t wire_type) { return static_cast<uint32_t>(field) << 3 | wire_type; }
constexpr uint32_t kChunkTag = Tag(v1::LoadRequest::kChunkFieldNumber, 2);
constexpr uint32_t kDataTag = Tag(v1::UploadChunk::kDataFieldNumber, 2);
constexpr uint32_t kFinishTag = Tag(v1::UploadChunk::kFinishFieldNumber, 0);

// Whether the field that starts here, with `tag` read, is all that is left of `total` bytes.
bool FillsTheRest(CodedInputStream& in, size_t total) {
  uint32_t length = 0;
  return in.ReadVarint32(&length) && static_cast<size_t>(in.CurrentPosition()) + length == total;
}

}  // namespace

std::optional<ChunkView> ChunkView::Of(grpc::ByteBuffer& message) {
  grpc::ProtoBufferReader slices(&message);
  CodedInputStream in(&slices);
  const size_t total = message.Length();
  if (in.ReadTag() != kChunkTag || !FillsTheRest(in, total)) return std::nullopt;
  ChunkView view;
  uint32_t tag = in.ReadTag();
  if (tag == kFinishTag) {
    uint32_t finish = 0;
    if (!in.ReadVarint32(&finish) || finish > 1) return std::nullopt;
    view.finish = finish == 1;
    tag = in.ReadTag();
  }
  if (tag != kDataTag || !FillsTheRest(in, total)) return std::nullopt;
  view.size = total - static_cast<size_t>(in.CurrentPosition());
  const void* data = nullptr;
  int size = 0;
  while (in.GetDirectBufferPointer(&data, &size)) {
    if (size > 0) view.pieces.emplace_back(static_cast<const char*>(data), static_cast<size_t>(size));
    in.Skip(size);
  }
  return view;
}

ChunkView ChunkView::Of(const v1::UploadChunk& chunk) {
  ChunkView view;
  if (!chunk.data().empty()) view.pieces.emplace_back(chunk.data());
  view.size = chunk.data().size();
  view.finish = chunk.finish();
  return view;
}

}  // namespace airlock::server
