// Torch zips. Bytes that are no zip are made the data.pkl of one, so that the fuzzer reaches both.
#include <string>

#include "tests/fixtures/torch_writer.h"
#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with("PK")) {
    airlock::fuzz::DecodeBytes({data, size});
    return 0;
  }
  const std::string file =
      airlock::fixtures::WriteZip(airlock::fixtures::TorchZipShape(text, {airlock::fixtures::FloatStorage("0", 16)}));
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
