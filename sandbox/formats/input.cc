#include "sandbox/formats/input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "sandbox/base/checked.h"

namespace airlock::formats {
namespace {

// Storages in the output start at multiples of this, as clients map them and read them as any element type.
constexpr uint64_t kOutputAlignment = 64;

}  // namespace

Result<void> Input::ReadAt(uint64_t offset, std::span<uint8_t> out) const {
  if (!SpanFits(offset, out.size(), size_)) {
    return Fail(Reason::kTruncated, "more of it is needed", size_);
  }
  if (bytes_ != nullptr) return out.empty() ? Result<void>() : bytes_->ReadAt(start_ - bytes_start_ + offset, out);
  if (set_ != nullptr) return set_->ReadAt(start_ + offset, out);
  if (fd_ >= 0) return ReadFully(fd_, start_ - fd_from_ + offset, out, offset);
  std::copy_n(memory_ + offset, out.size(), out.begin());
  return {};
}

Input Input::Part(uint64_t offset, uint64_t length) const {
  Input part = *this;
  part.size_ = length;
  if (memory_ != nullptr) {
    part.memory_ += offset;
    return part;
  }
  part.start_ += offset;
  if (set_ == nullptr) return part;
  if (const SetFile* file = set_->Holding(part.start_, length)) {
    part.set_ = nullptr;
    part.fd_ = file->fd;
    part.fd_from_ = file->start - file->fd_start;
  }
  return part;
}

tensors::Storage Input::StorageAt(uint64_t offset, uint64_t nbytes, uint32_t device) const {
  return {.place = bytes_ == nullptr ? tensors::Place::kInput : tensors::Place::kOutput,
          .device = device,
          .offset = nbytes > 0 ? start_ + offset : 0,
          .nbytes = nbytes};
}

std::optional<uint64_t> Input::OffsetOf(const tensors::Storage& storage) const {
  const bool here = in_place() && (storage.place == tensors::Place::kInput) == in_file();
  if (!here || storage.offset < start_ || !SpanFits(storage.offset - start_, storage.nbytes, size_))
    return std::nullopt;
  return storage.offset - start_;
}

Input Input::Again() const {
  Input again = *this;
  again.again_ = true;
  return again;
}

Result<uint64_t> Output::Reserve(uint64_t length) {
  const uint64_t start = used_;
  const std::optional<uint64_t> padded = CheckedAdd(length, kOutputAlignment - 1);
  const std::optional<uint64_t> end =
      padded ? CheckedAdd(start, *padded / kOutputAlignment * kOutputAlignment) : std::nullopt;
  if (!end || !SpanFits(start, length, capacity_)) {
    return FailLimit("output_bytes", capacity_, CheckedAdd(start, length).value_or(UINT64_MAX));
  }
  used_ = *end;
  return start;
}

bool Output::Wants(uint64_t offset, uint64_t length) const {
  if (!wanted_ || want_all_) return true;
  return std::any_of(wanted_->begin(), wanted_->end(),
                     [&](const auto& span) { return offset < span.second && span.first < offset + length; });
}

void Output::Offer(uint64_t bytes) {
  if (bytes <= most_offered_ || want_all_) return;
  wanted_.emplace();
  held_back_ = true;
}

void Output::Keep(uint64_t offset, uint64_t length) {
  if (length > kMaxKept - kept_bytes_) return;
  kept_bytes_ += length;
  kept_.emplace(offset, std::vector<uint8_t>(length));
}

Result<void> Output::ReadAt(uint64_t offset, std::span<uint8_t> out) const {
  const auto after = kept_.upper_bound(offset);
  if (after != kept_.begin()) {
    const auto& [start, bytes] = *std::prev(after);
    if (SpanFits(offset - start, out.size(), bytes.size())) {
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset - start), out.size(), out.begin());
      return {};
    }
  }
  return Fail(Reason::kUnsupportedFeature, "indices that are rewritten, and too many to be looked at");
}

void Output::CopyKept(uint64_t offset, std::span<const uint8_t> bytes) {
  const auto after = kept_.upper_bound(offset);
  if (after == kept_.begin()) return;
  auto& [start, kept] = *std::prev(after);
  if (SpanFits(offset - start, bytes.size(), kept.size())) {
    std::ranges::copy(bytes, kept.begin() + static_cast<std::ptrdiff_t>(offset - start));
  }
}

Result<void> Output::WriteAt(uint64_t offset, std::span<const uint8_t> bytes) {
  CopyKept(offset, bytes);
  if (dry_) return {};
  if (!SpanFits(offset, bytes.size(), capacity_)) return FailLimit("output_bytes", capacity_, offset + bytes.size());
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return FailLimit("output_bytes", capacity_, offset + bytes.size());
    done += static_cast<size_t>(count);
  }
  return {};
}

}  // namespace airlock::formats
