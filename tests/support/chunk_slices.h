// Upload chunks in the slices of a message, as gRPC may hand them over.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/source/chunk_view.h"

namespace airlock::test {

// The message in slices of `size` bytes.
inline grpc::ByteBuffer InSlices(const std::string& message, size_t size) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < message.size(); at += size) slices.emplace_back(message.substr(at, size));
  return {slices.data(), slices.size()};
}

// The data of a chunk in one piece.
inline std::string Join(const server::ChunkView& chunk) {
  std::string bytes;
  for (const std::string_view piece : chunk.pieces) bytes += piece;
  return bytes;
}

}  // namespace airlock::test
