#include "sandbox/formats/inflate.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace airlock::formats {
namespace {

constexpr size_t kWindowBytes = size_t{1} << 16;

}  // namespace

void Inflater::End::operator()(z_stream* stream) const {
  inflateEnd(stream);
  delete stream;
}

Inflater::Inflater(const Input& input, uint64_t offset, uint64_t deflated, uint64_t inflated)
    : input_(input), next_(offset), unread_(deflated), left_(inflated), stream_(new z_stream()) {
  // Fails for lack of memory only. Negative window bits: raw deflate, as zip has it.
  if (inflateInit2(stream_.get(), -MAX_WBITS) != Z_OK) throw std::bad_alloc();
}

// What the other one has read and not used yet is read again.
Inflater::Inflater(const Inflater& other)
    : input_(other.input_),
      next_(other.next_ - other.stream_->avail_in),
      unread_(other.unread_ + other.stream_->avail_in),
      left_(other.left_),
      crc_(other.crc_),
      ended_(other.ended_),
      stream_(new z_stream()) {
  if (inflateCopy(stream_.get(), other.stream_.get()) != Z_OK) throw std::bad_alloc();
  stream_->avail_in = 0;
}

Result<void> Inflater::Feed() {
  if (stream_->avail_in > 0 || unread_ == 0) return {};
  if (window_.empty()) window_.resize(std::min<uint64_t>(unread_, kWindowBytes));
  const std::span<uint8_t> room(window_.data(), static_cast<size_t>(std::min<uint64_t>(unread_, window_.size())));
  AIRLOCK_TRY(input_.ReadAt(next_, room));
  next_ += room.size();
  unread_ -= room.size();
  stream_->next_in = room.data();
  stream_->avail_in = static_cast<uInt>(room.size());
  return {};
}

// All announced bytes are out: one more step must find the end of the stream and no further byte.
Result<void> Inflater::CheckEnd() {
  uint8_t surplus = 0;
  while (!ended_) {
    AIRLOCK_TRY(Feed());
    stream_->next_out = &surplus;
    stream_->avail_out = 1;
    const int status = inflate(stream_.get(), Z_NO_FLUSH);
    if (stream_->avail_out == 0) {
      return Fail(Reason::kCompressionBroken, "compressed data inflates to more than announced", next_);
    }
    if (status == Z_STREAM_END) ended_ = true;
    if (!ended_ && (status != Z_OK || (stream_->avail_in == 0 && unread_ == 0))) {
      return Fail(Reason::kCompressionBroken, "compressed data has no end", next_);
    }
  }
  if (stream_->avail_in > 0 || unread_ > 0) {
    return Fail(Reason::kCompressionBroken, "bytes follow the end of compressed data", next_ - stream_->avail_in);
  }
  return {};
}

Result<size_t> Inflater::Read(std::span<uint8_t> out) {
  const std::span<uint8_t> room = out.first(static_cast<size_t>(std::min<uint64_t>({left_, out.size(), UINT32_MAX})));
  stream_->next_out = room.data();
  stream_->avail_out = static_cast<uInt>(room.size());
  while (stream_->avail_out > 0 && !ended_) {
    AIRLOCK_TRY(Feed());
    const int status = inflate(stream_.get(), Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      ended_ = true;
    } else if (status != Z_OK) {
      return Fail(Reason::kCompressionBroken, "compressed data is broken or ends early", next_ - stream_->avail_in);
    }
  }
  if (stream_->avail_out > 0) {
    return Fail(Reason::kCompressionBroken, "compressed data inflates to less than announced", next_);
  }
  crc_ = libdeflate_crc32(crc_, room.data(), room.size());
  left_ -= room.size();
  if (left_ == 0) AIRLOCK_TRY(CheckEnd());
  return room.size();
}

WholeInflater::WholeInflater() : decompressor_(libdeflate_alloc_decompressor()) {
  if (decompressor_ == nullptr) throw std::bad_alloc();
}

void WholeInflater::End::operator()(libdeflate_decompressor* decompressor) const {
  libdeflate_free_decompressor(decompressor);
}

void WholeInflater::End::operator()(uint8_t* room) const { std::free(room); }

// By malloc: a handler of new would end the worker, and there is another way.
bool WholeInflater::MakeRoom(uint64_t deflated, uint64_t inflated) {
  if (deflated + inflated <= room_bytes_) return true;
  room_.reset();
  room_.reset(static_cast<uint8_t*>(std::malloc(deflated + inflated)));
  room_bytes_ = room_ != nullptr ? deflated + inflated : 0;
  return room_ != nullptr;
}

Result<std::span<uint8_t>> WholeInflater::Inflate(const Input& input, uint64_t offset, uint64_t deflated,
                                                  uint64_t inflated) {
  const std::span<uint8_t> out(room_.get(), inflated);
  const std::span<uint8_t> in(room_.get() + inflated, deflated);
  AIRLOCK_TRY(input.ReadAt(offset, in));
  size_t used = 0;
  // Without a place for the size that comes out, that must be the announced one.
  const libdeflate_result result = libdeflate_deflate_decompress_ex(decompressor_.get(), in.data(), in.size(),
                                                                    out.data(), out.size(), &used, nullptr);
  switch (result) {
    case LIBDEFLATE_SUCCESS:
      break;
    case LIBDEFLATE_SHORT_OUTPUT:
      return Fail(Reason::kCompressionBroken, "compressed data inflates to less than announced", offset);
    case LIBDEFLATE_INSUFFICIENT_SPACE:
      return Fail(Reason::kCompressionBroken, "compressed data inflates to more than announced", offset);
    default:
      return Fail(Reason::kCompressionBroken, "compressed data is broken or ends early", offset);
  }
  if (used != deflated) {
    return Fail(Reason::kCompressionBroken, "bytes follow the end of compressed data", offset + used);
  }
  return out;
}

InflateSource::InflateSource(const Input& input, uint64_t offset, uint64_t deflated, uint64_t inflated)
    : inflater_(input, offset, deflated, inflated), window_(std::min<uint64_t>(inflated, kMaxPeek)) {
  begin_ = next_ = end_ = window_.data();
}

Result<void> InflateSource::Refill(size_t count) {
  const size_t kept = available();
  if (remaining() < count)
    return Fail(Reason::kTruncated, std::to_string(count - remaining()) + " more bytes of inflated data should follow");
  if (kept > 0) std::memmove(window_.data(), next_, kept);
  window_offset_ = offset();
  next_ = begin_ = window_.data();
  end_ = begin_ + kept;
  AIRLOCK_ASSIGN(const size_t fresh, inflater_.Read(std::span(window_).subspan(kept)));
  end_ += fresh;
  return {};
}

}  // namespace airlock::formats
