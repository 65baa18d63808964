// Torch's tar archives. Bytes that are no tar are made its members, parted at each "\n--\n", so that the fuzzer reaches
// both.
#include <string>

#include "tests/fixtures/tar_writer.h"
#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kBetween = "\n--\n";
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > 512 && text.substr(257).starts_with("ustar")) {
    airlock::fuzz::DecodeBytes({data, size});
    return 0;
  }
  airlock::fixtures::TorchTarShape shape = airlock::fixtures::SampleTorchTar();
  for (std::string* member : {&shape.storages, &shape.tensors, &shape.pickle}) {
    if (text.empty()) break;
    const size_t end = std::min(text.find(kBetween), text.size());
    *member = text.substr(0, end);
    text.remove_prefix(std::min(end + kBetween.size(), text.size()));
  }
  const std::string file = airlock::fixtures::WriteTar(shape.parts());
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
