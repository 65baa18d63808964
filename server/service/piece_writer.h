// PieceWriter: one message of a plan, as protobuf would encode it, in slices. What is long stays where it is and is
// sent from there; only what is short is copied. A table may stand in a message more than once: whoever parses it puts
// the columns together. Not thread-safe.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::server {

// A field of PlanChunk, or of one of its tables.
struct PlanField {
  int table;  // 0: none
  int number;
};

class PieceWriter {
 public:
  // `owner` keeps what is not copied, for as long as gRPC needs it.
  explicit PieceWriter(std::shared_ptr<const void> owner) : owner_(std::move(owner)) {}

  // A field of wire type LEN. REQUIRES: the bytes belong to the owner and do not change.
  void Add(PlanField field, std::string_view bytes);
  // Likewise, of bytes that may go away at once.
  void AddCopy(PlanField field, std::string_view bytes);

  bool empty() const { return slices_.empty() && copied_.empty(); }
  // The message: field `number` of the response is all that has been added. REQUIRES: called once, last.
  grpc::ByteBuffer Take(int number);

 private:
  void AddHead(PlanField field, size_t bytes);
  void CutCopied();

  std::shared_ptr<const void> owner_;
  std::vector<grpc::Slice> slices_;  // the first has room for the head of the message
  std::string copied_;               // what follows them
  size_t bytes_ = 0;
};

}  // namespace airlock::server
