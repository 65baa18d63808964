#include "server/source/upload_source.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>

#include "sandbox/base/checked.h"
#include "server/limits.h"

namespace airlock::server {
namespace {

constexpr size_t kMaxChunkBytes = 1 << 20;
constexpr size_t kHexDigestLength = 64;

// A disk that is full has room again some day; all else is ours to mend.
Unexpected<Verdict> CannotSpool(int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Because(full ? v1::REASON_SPOOL_FULL : v1::REASON_INTERNAL,
                 std::string("cannot spool the upload: ") + std::strerror(error_number));
}

OrVerdict<Fd> OpenSpool(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (fd) return fd;
  // Not every file system has O_TMPFILE.
  std::string name = directory + "/airlock-XXXXXX";
  fd = Fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return CannotSpool(errno);
  (void)::unlink(name.c_str());
  return fd;
}

bool IsHexDigest(std::string_view text) {
  return text.size() == kHexDigestLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// At most this many pieces in one system call.
constexpr size_t kBatch = 64;

OrVerdict<void> WriteAll(int fd, std::span<const std::string_view> pieces, uint64_t offset) {
  size_t skip = 0;  // of the first piece
  while (!pieces.empty()) {
    std::array<iovec, kBatch> batch{};
    const size_t count = std::min(pieces.size(), kBatch);
    for (size_t i = 0; i < count; ++i) batch[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
    batch[0].iov_base = static_cast<char*>(batch[0].iov_base) + skip;
    batch[0].iov_len -= skip;
    const ssize_t wrote = ::pwritev(fd, batch.data(), static_cast<int>(count), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return CannotSpool(wrote < 0 ? errno : ENOSPC);
    offset += static_cast<uint64_t>(wrote);
    skip += static_cast<size_t>(wrote);
    while (!pieces.empty() && skip >= pieces[0].size()) {
      skip -= pieces[0].size();
      pieces = pieces.subspan(1);
    }
  }
  return {};
}

std::string Amount(uint64_t received, uint64_t announced) {
  return std::to_string(received) + " of " + std::to_string(announced) + " bytes";
}

}  // namespace

OrVerdict<UploadSource> UploadSource::Open(const std::string& spool_directory, const v1::Upload& announced,
                                           const Limits& limits) {
  if (announced.size() > limits.input_bytes) {
    return Unexpected<Verdict>{Verdict::Limit("input_bytes", limits.input_bytes, announced.size())};
  }
  const auto files = static_cast<uint64_t>(announced.files_size());
  if (files > MaxFiles(limits)) return Unexpected<Verdict>{Verdict::Limit("files", MaxFiles(limits), files)};
  if (files > 0) AIRLOCK_TRY(CheckManifest(announced.files(), announced.size()));
  if (!announced.sha256().empty() && !IsHexDigest(announced.sha256())) {
    return Because(v1::REASON_BAD_REQUEST, "sha256 is not 64 lower-case hex digits");
  }
  AIRLOCK_ASSIGN(Fd fd, OpenSpool(spool_directory));
  UploadSource source(std::move(fd), announced);
  if (!announced.sha256().empty()) {
    source.digest_.reset(EVP_MD_CTX_new());
    if (!source.digest_ || EVP_DigestInit_ex(source.digest_.get(), EVP_sha256(), nullptr) != 1) {
      return Because(v1::REASON_INTERNAL, "sha256 is not available");
    }
  }
  return source;
}

OrVerdict<void> UploadSource::Add(const ChunkView& chunk) {
  if (finished_) return Because(v1::REASON_BAD_REQUEST, "a piece after the last one");
  // Such a piece costs its sender nothing and would keep an upload alive for ever.
  if (chunk.size == 0 && !chunk.finish) return Because(v1::REASON_BAD_REQUEST, "a piece with nothing in it");
  if (chunk.size > kMaxChunkBytes) return Because(v1::REASON_BAD_REQUEST, "a piece over 1 MiB");
  if (chunk.size > announced_.size() - received_) {
    return Because(v1::REASON_UPLOAD_TRUNCATED,
                   "more than the announced " + std::to_string(announced_.size()) + " bytes");
  }
  if (chunk.size > 0) AIRLOCK_TRY(WriteAll(fd_.get(), chunk.pieces, received_));
  for (const std::string_view piece : chunk.pieces) {
    if (digest_ && EVP_DigestUpdate(digest_.get(), piece.data(), piece.size()) != 1) {
      return Because(v1::REASON_INTERNAL, "sha256 failed");
    }
  }
  received_ += chunk.size;
  finished_ = chunk.finish;
  if (finished_ && received_ != announced_.size()) {
    return Because(v1::REASON_UPLOAD_TRUNCATED, Amount(received_, announced_.size()));
  }
  return {};
}

OrVerdict<std::string> UploadSource::Digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int length = 0;
  if (EVP_DigestFinal_ex(digest_.get(), bytes.data(), &length) != 1)
    return Because(v1::REASON_INTERNAL, "sha256 failed");
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kHex[bytes[i] >> 4];
    hex += kHex[bytes[i] & 15];
  }
  return hex;
}

OrVerdict<Input> UploadSource::Finish(std::string* sha256) {
  if (digest_) {
    AIRLOCK_ASSIGN(const std::string hex, Digest());
    if (hex != announced_.sha256()) return Because(v1::REASON_UPLOAD_DIGEST_MISMATCH);
    if (sha256 != nullptr) *sha256 = hex;
  }
  // The worker gets a description of its own, read-only, whose offset and flags nobody shares.
  Fd reopened(::open(("/proc/self/fd/" + std::to_string(fd_.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!reopened) return Because(v1::REASON_INTERNAL, std::string("cannot reopen the spool: ") + std::strerror(errno));
  fd_.Close();
  AIRLOCK_ASSIGN(InputFile file, InputFile::Take(std::move(reopened)));
  if (announced_.files().empty()) return Input(std::move(file));
  return Input::Concatenated(std::move(file), announced_.files());
}

}  // namespace airlock::server
