#include "server/service/payload_cursor.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace airlock::server {

PayloadCursor::PayloadCursor(const v1::StorageColumns& storages, const Input& input, int output_fd)
    : storages_(storages), input_(input), output_fd_(output_fd) {
  for (int row = 0; row < storages.nbytes_size(); ++row) remaining_ += Delivered(row);
}

uint64_t PayloadCursor::Delivered(int row) const {
  return storages_.place(row) == v1::PLACE_LEFT_OUT ? 0 : storages_.nbytes(row);
}

PayloadCursor::Span PayloadCursor::Next() {
  while (at_ == Delivered(row_)) {
    ++row_;
    at_ = 0;
  }
  const uint64_t offset = storages_.offset(row_) + at_;
  const Input::Place place =
      storages_.place(row_) == v1::PLACE_INPUT ? input_.At(offset) : Input::Place{output_fd_, offset};
  return {place.fd, place.offset, Delivered(row_) - at_};
}

void PayloadCursor::Advance(uint64_t length) {
  at_ += length;
  remaining_ -= length;
}

OrVerdict<size_t> PayloadCursor::Read(std::span<uint8_t> into) {
  const Span span = Next();
  const size_t want = static_cast<size_t>(std::min<uint64_t>(span.length, into.size()));
  ssize_t got = 0;
  do {
    got = ::pread(span.fd, into.data(), want, static_cast<off_t>(span.offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return Because(v1::REASON_INTERNAL, std::string("reading the payload: ") + std::strerror(errno));
  if (got == 0) return Because(v1::REASON_INPUT_CHANGED, "it became shorter");
  Advance(static_cast<uint64_t>(got));
  return static_cast<size_t>(got);
}

}  // namespace airlock::server
