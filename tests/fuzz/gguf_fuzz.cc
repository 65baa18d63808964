// GGUF files: what follows the magic number and the version.
#include <string>

#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string file("GGUF\x03\0\0\0", 8);
  file.append(reinterpret_cast<const char*>(data), size);
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
