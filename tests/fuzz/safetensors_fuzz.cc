// safetensors: the first byte is the length of the header, the rest header and data.
#include <string>

#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string file(1, static_cast<char>(data[0]));
  file.append(7, '\0').append(reinterpret_cast<const char*>(data) + 1, size - 1);
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
