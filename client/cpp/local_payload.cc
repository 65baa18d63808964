#include "client/cpp/local_payload.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "client/cpp/processors.h"
#include "sandbox/base/checked.h"

namespace airlock {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
// What one thread reads at a time: whole huge pages.
constexpr uint64_t kCopiedBytes = 8 << 20;

Unexpected<ClientError> NotThere() {
  return Unexpected{MakeError(v1::REASON_INTERNAL, "the daemon's answer names bytes that are not there")};
}

uint64_t SizeOf(int fd) {
  struct stat status = {};
  return fd >= 0 && fstat(fd, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

}  // namespace

LocalPayload::LocalPayload(std::shared_ptr<const Contents> contents, std::vector<LocalFile> inputs, Fd output)
    : contents_(std::move(contents)), inputs_(std::move(inputs)), output_(std::move(output)) {
  uint64_t start = 0;
  for (const LocalFile& input : inputs_) {
    files_.push_back({input.fd.get(), start, input.identity.size, nullptr});
    start += input.identity.size;
  }
  files_.push_back({output_.get(), 0, SizeOf(output_.get()), nullptr});
}

ClientResult<LocalPayload::Span> LocalPayload::SpanOf(size_t storage) {
  const StorageInfo& info = contents_->storage(storage);
  File* file = &files_.back();
  if (info.place == v1::PLACE_INPUT) {
    // The last one that starts there or before; of several with nothing in them, the last.
    const auto behind = std::upper_bound(files_.begin(), files_.end() - 1, info.offset,
                                         [](uint64_t offset, const File& at) { return offset < at.start; });
    if (behind == files_.begin()) return NotThere();
    file = &*(behind - 1);
  }
  if (info.offset < file->start || !SpanFits(info.offset - file->start, info.bytes, file->size)) return NotThere();
  return Span{file, info.offset - file->start, info.bytes};
}

ClientResult<std::span<const std::byte>> LocalPayload::View(const Span& span) {
  if (span.bytes == 0) return std::span<const std::byte>();
  if (span.file->mapping == nullptr) {
    AIRLOCK_ASSIGN(span.file->mapping, Mapping::Map(span.file->fd, span.file->size));
  }
  return span.file->mapping->bytes().subspan(span.offset, span.bytes);
}

ClientResult<void> LocalPayload::Read(const Span& span, std::span<std::byte> into) {
  uint64_t offset = span.offset;
  while (!into.empty()) {
    const ssize_t length = pread(span.file->fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return Unexpected{MakeError(v1::REASON_INPUT_CHANGED)};
    into = into.subspan(static_cast<size_t>(length));
    offset += static_cast<uint64_t>(length);
  }
  return {};
}

ClientResult<std::span<const std::byte>> LocalPayload::ReadInto(std::span<std::byte> room, const Span& span) {
  const std::span<std::byte> bytes = room.first(span.bytes);
  AIRLOCK_TRY(Read(span, bytes));
  return std::span<const std::byte>(bytes);
}

ClientResult<std::vector<std::shared_ptr<const Storage>>> LocalPayload::Map() {
  std::vector<std::optional<std::span<const std::byte>>> spans(contents_->storage_count());
  for (size_t i = 0; i < spans.size(); ++i) {
    if (contents_->storage(i).left_out()) continue;
    AIRLOCK_ASSIGN(const Span span, SpanOf(i));
    AIRLOCK_ASSIGN(spans[i], View(span));
  }
  AIRLOCK_TRY(CheckUnchanged());
  std::vector<std::shared_ptr<const void>> keepers;
  for (File& file : files_) {
    if (file.mapping != nullptr) keepers.push_back(std::move(file.mapping));
  }
  return Storage::Views(spans, std::move(keepers));
}

ClientResult<std::vector<std::shared_ptr<const Storage>>> LocalPayload::Copy() {
  std::vector<std::shared_ptr<const Storage>> storages(contents_->storage_count());
  std::vector<Piece> pieces;
  uint64_t bytes = 0;
  for (size_t i = 0; i < storages.size(); ++i) {
    if (contents_->storage(i).left_out()) continue;
    AIRLOCK_ASSIGN(const Span span, SpanOf(i));
    const std::shared_ptr<Storage> storage = Storage::Allocate(span.bytes);
    if (storage == nullptr) {
      return Unexpected{MakeError(v1::OUTCOME_INTERNAL, "this machine has no memory for the tensors")};
    }
    AddPieces(span, storage->bytes(), pieces);
    storages[i] = storage;
    bytes += span.bytes;
  }
  // Most of the time goes into fresh pages, and those each processor makes for itself.
  AIRLOCK_TRY(OnAllProcessors(pieces.size(), bytes, [&](size_t i) { return Read(pieces[i].span, pieces[i].into); }));
  AIRLOCK_TRY(CheckUnchanged());
  return storages;
}

void LocalPayload::AddPieces(const Span& span, std::span<std::byte> into, std::vector<Piece>& pieces) {
  for (uint64_t at = 0; at < span.bytes; at += kCopiedBytes) {
    const uint64_t bytes = std::min(kCopiedBytes, span.bytes - at);
    pieces.push_back({Span{span.file, span.offset + at, bytes}, into.subspan(at, bytes)});
  }
}

ClientResult<void> LocalPayload::FeedOne(StorageSink& sink, uint32_t index, bool copy, const Advance& advance) {
  AIRLOCK_ASSIGN(const Span span, SpanOf(index));
  AIRLOCK_ASSIGN(const bool taken, sink.File(index, span.file->fd, span.offset));
  if (taken) {
    done_ += span.bytes;
    return advance(done_);
  }
  std::vector<std::byte> buffer;
  for (uint64_t at = 0; at < span.bytes;) {
    Span piece{span.file, span.offset + at, std::min<uint64_t>(kPieceBytes, span.bytes - at)};
    std::span<std::byte> room = sink.Room(index, at);
    if (room.empty() && copy) {
      buffer.resize(piece.bytes);
      room = buffer;
    }
    if (!room.empty()) piece.bytes = std::min<uint64_t>(piece.bytes, room.size());
    AIRLOCK_ASSIGN(const std::span<const std::byte> bytes, room.empty() ? View(piece) : ReadInto(room, piece));
    AIRLOCK_TRY(sink.Data(index, at, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    at += piece.bytes;
    done_ += piece.bytes;
    AIRLOCK_TRY(advance(done_));
  }
  return {};
}

ClientResult<void> LocalPayload::Feed(StorageSink& sink, bool copy, const Advance& advance) {
  AIRLOCK_TRY(sink.Plan(contents_));
  for (uint32_t i = 0; i < contents_->storage_count(); ++i) {
    if (contents_->storage(i).left_out()) continue;
    AIRLOCK_TRY(FeedOne(sink, i, copy, advance));
    AIRLOCK_TRY(sink.End(i));
  }
  return CheckUnchanged();
}

ClientResult<void> LocalPayload::CheckUnchanged() const {
  for (const LocalFile& input : inputs_) {
    const auto now = IdentityOf(input.fd.get());
    if (!now || *now != input.identity) return Unexpected{MakeError(v1::REASON_INPUT_CHANGED)};
  }
  return {};
}

}  // namespace airlock
