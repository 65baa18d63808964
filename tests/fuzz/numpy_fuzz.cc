// Plain pickles with numpy's and joblib's constructions, .npy headers, and compressed files, told apart by the first
// bytes as everywhere. Bytes that are none of these are made the header of a .npy file.
#include <string>

#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  airlock::fuzz::DecodeBytes({data, size});
  if (size == 0 || size > UINT16_MAX || data[0] != '{') return 0;
  std::string file("\x93NUMPY\x01", 7);
  file += '\0';
  file += static_cast<char>(size & 0xFF);
  file += static_cast<char>(size >> 8);
  file.append(reinterpret_cast<const char*>(data), size).append(256, '\1');
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
