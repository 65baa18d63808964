// ChunkView: an upload chunk as it lies in the slices of a received message, so that its bytes go from gRPC's buffers
// into the spool without a copy. Not thread-safe.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <optional>
#include <string_view>
#include <vector>

#include "airlock/v1/loader.pb.h"

namespace airlock::server {

struct ChunkView {
  // Of the chunk's data, in order; valid as long as the message.
  std::vector<std::string_view> pieces;
  size_t size = 0;
  bool finish = false;

  // A LoadRequest with a chunk, in one of the encodings that writers make: data alone, or with `finish` before it.
  // Nothing for all other messages, which may well be valid ones.
  static std::optional<ChunkView> Of(grpc::ByteBuffer& message);
  // REQUIRES: `chunk` outlives it.
  static ChunkView Of(const v1::UploadChunk& chunk);
};

}  // namespace airlock::server
