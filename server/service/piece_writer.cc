#include "server/service/piece_writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpc/slice.h>

#include <array>
#include <utility>

namespace airlock::server {
namespace {

using google::protobuf::io::CodedOutputStream;

// What is shorter costs more as a slice of its own than as a copy.
constexpr size_t kShort = 4096;

uint32_t TagOf(int number) { return static_cast<uint32_t>(number) << 3 | 2; }

// Tag and length of a field of wire type LEN.
struct Head {
  Head(int number, size_t bytes) {
    uint8_t* end = CodedOutputStream::WriteVarint32ToArray(TagOf(number), text.data());
    end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(bytes), end);
    size = static_cast<size_t>(end - text.data());
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(text.data()), size}; }

  std::array<uint8_t, 10> text;
  size_t size;
};

void Release(void* owner) { delete static_cast<std::shared_ptr<const void>*>(owner); }

}  // namespace

void PieceWriter::AddHead(PlanField field, size_t bytes) {
  const Head head(field.number, bytes);
  if (field.table != 0) copied_ += Head(field.table, head.size + bytes).view();
  copied_ += head.view();
}

void PieceWriter::AddCopy(PlanField field, std::string_view bytes) {
  AddHead(field, bytes.size());
  copied_ += bytes;
}

void PieceWriter::Add(PlanField field, std::string_view bytes) {
  if (bytes.size() < kShort) return AddCopy(field, bytes);
  AddHead(field, bytes.size());
  CutCopied();
  // gRPC's slices name their bytes without const, and leave them alone.
  slices_.emplace_back(const_cast<char*>(bytes.data()), bytes.size(), Release, new std::shared_ptr<const void>(owner_));
  bytes_ += bytes.size();
}

void PieceWriter::CutCopied() {
  if (copied_.empty()) return;
  slices_.emplace_back(copied_);
  bytes_ += copied_.size();
  copied_.clear();
}

grpc::ByteBuffer PieceWriter::Take(int number) {
  CutCopied();
  const Head head(number, bytes_);
  slices_.insert(slices_.begin(), grpc::Slice(head.view().data(), head.size));
  return {slices_.data(), slices_.size()};
}

}  // namespace airlock::server
