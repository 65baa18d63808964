// UploadSource: spools one upload to an unnamed file and hands it out as an input.
//
// The caller announces a size, exactly, and marks the last piece; an upload that is longer or shorter, or ends without
// the mark, is UPLOAD_TRUNCATED: a broken connection must never look like a smaller file. Not thread-safe.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "airlock/v1/loader.pb.h"
#include "sandbox/base/fd.h"
#include "sandbox/base/limits.h"
#include "server/source/chunk_view.h"
#include "server/source/input.h"
#include "server/verdict.h"

namespace airlock::server {

class UploadSource {
 public:
  // `limits`: those in force.
  static OrVerdict<UploadSource> Open(const std::string& spool_directory, const v1::Upload& announced,
                                      const Limits& limits);

  OrVerdict<void> Add(const ChunkView& chunk);
  // The piece with the mark has come.
  bool finished() const { return finished_; }

  // The spooled file through a descriptor of its own. `sha256`, if not null, gets the digest where one was announced.
  // REQUIRES: finished().
  OrVerdict<Input> Finish(std::string* sha256);

 private:
  struct DigestDeleter {
    void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
  };

  UploadSource(Fd fd, const v1::Upload& announced) : fd_(std::move(fd)), announced_(announced) {}
  OrVerdict<std::string> Digest();

  Fd fd_;
  v1::Upload announced_;
  uint64_t received_ = 0;
  bool finished_ = false;
  // Only where a digest is announced: it halves the speed of an upload.
  std::unique_ptr<EVP_MD_CTX, DigestDeleter> digest_;
};

}  // namespace airlock::server
