#include "sandbox/formats/decompressors.h"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <new>

namespace airlock::formats {
namespace {

constexpr size_t kMostAtOnce = size_t{1} << 20;

Unexpected<Error> Broken(const char* what) { return Fail(Reason::kCompressionBroken, what); }

class Zlib final : public Decompressor {
 public:
  // Fails for lack of memory only.
  explicit Zlib(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~Zlib() override { inflateEnd(&stream_); }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;

  Result<Step> Run(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    in = in.first(std::min(in.size(), kMostAtOnce));
    out = out.first(std::min(out.size(), kMostAtOnce));
    stream_.next_in = const_cast<uint8_t*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return Broken("zlib data is broken");
    return Step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, status == Z_STREAM_END};
  }

 private:
  z_stream stream_{};
};

class Bzip2 final : public Decompressor {
 public:
  Bzip2() {
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }
  Bzip2(const Bzip2&) = delete;
  Bzip2& operator=(const Bzip2&) = delete;

  Result<Step> Run(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    in = in.first(std::min(in.size(), kMostAtOnce));
    out = out.first(std::min(out.size(), kMostAtOnce));
    stream_.next_in = reinterpret_cast<char*>(const_cast<uint8_t*>(in.data()));
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = reinterpret_cast<char*>(out.data());
    stream_.avail_out = static_cast<unsigned>(out.size());
    const int status = BZ2_bzDecompress(&stream_);
    if (status == BZ_MEM_ERROR) throw std::bad_alloc();
    if (status != BZ_OK && status != BZ_STREAM_END) return Broken("bzip2 data is broken");
    return Step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, status == BZ_STREAM_END};
  }

 private:
  bz_stream stream_{};
};

class Lzma final : public Decompressor {
 public:
  explicit Lzma(bool xz) {
    const lzma_ret status =
        xz ? lzma_stream_decoder(&stream_, kMaxDictionary, 0) : lzma_alone_decoder(&stream_, kMaxDictionary);
    if (status != LZMA_OK) throw std::bad_alloc();
  }
  ~Lzma() override { lzma_end(&stream_); }
  Lzma(const Lzma&) = delete;
  Lzma& operator=(const Lzma&) = delete;

  Result<Step> Run(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    stream_.next_in = in.data();
    stream_.avail_in = in.size();
    stream_.next_out = out.data();
    stream_.avail_out = out.size();
    const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
    if (status == LZMA_MEM_ERROR) throw std::bad_alloc();
    if (status == LZMA_MEMLIMIT_ERROR) {
      return FailLimit("memory_bytes", kMaxDictionary, lzma_memusage(&stream_));
    }
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR) {
      return Broken("xz or lzma data is broken");
    }
    return Step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, status == LZMA_STREAM_END};
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Lz4 final : public Decompressor {
 public:
  Lz4() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) != 0) throw std::bad_alloc();
  }
  ~Lz4() override { LZ4F_freeDecompressionContext(context_); }
  Lz4(const Lz4&) = delete;
  Lz4& operator=(const Lz4&) = delete;

  Result<Step> Run(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    size_t given = out.size();
    size_t taken = in.size();
    const size_t left = LZ4F_decompress(context_, out.data(), &given, in.data(), &taken, nullptr);
    if (LZ4F_isError(left) != 0) return Broken("lz4 data is broken");
    return Step{taken, given, left == 0};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

// What zlib calls window bits: 15 is the largest window, 16 more say that a gzip header is there.
constexpr int kGzipHeader = 16;

}  // namespace

std::unique_ptr<Decompressor> OpenZlib() { return std::make_unique<Zlib>(MAX_WBITS); }
std::unique_ptr<Decompressor> OpenGzip() { return std::make_unique<Zlib>(MAX_WBITS + kGzipHeader); }
std::unique_ptr<Decompressor> OpenBzip2() { return std::make_unique<Bzip2>(); }
std::unique_ptr<Decompressor> OpenXz() { return std::make_unique<Lzma>(true); }
std::unique_ptr<Decompressor> OpenLzma() { return std::make_unique<Lzma>(false); }
std::unique_ptr<Decompressor> OpenLz4() { return std::make_unique<Lz4>(); }

}  // namespace airlock::formats
