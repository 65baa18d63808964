// TorchScript archives: the bytes are data.pkl, and what follows the first "\n--\n" in them constants.pkl.
#include <string>

#include "tests/fixtures/torch_writer.h"
#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kBetween = "\n--\n";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find(kBetween);
  airlock::fixtures::ZipShape shape =
      airlock::fixtures::TorchZipShape(text.substr(0, end), {airlock::fixtures::FloatStorage("0", 16)});
  const std::string constants(end == std::string_view::npos ? ")." : text.substr(end + kBetween.size()));
  shape.parts.push_back({.name = "archive/constants.pkl", .data = constants});
  shape.parts.push_back({.name = "archive/constants/0", .data = std::string(64, 'c')});
  const std::string file = airlock::fixtures::WriteZip(shape);
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
