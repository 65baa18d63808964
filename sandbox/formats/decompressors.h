// The Decompressors, one for each library.
#pragma once

#include <memory>

#include "sandbox/formats/compression.h"

namespace airlock::formats {

// The most that a stream may have the decompressor remember: xz -9 asks for 64 MiB.
inline constexpr uint64_t kMaxDictionary = uint64_t{192} << 20;

std::unique_ptr<Decompressor> OpenZlib();
std::unique_ptr<Decompressor> OpenGzip();
std::unique_ptr<Decompressor> OpenBzip2();
std::unique_ptr<Decompressor> OpenXz();
std::unique_ptr<Decompressor> OpenLzma();
std::unique_ptr<Decompressor> OpenLz4();

}  // namespace airlock::formats
