// torch.package's archives: the bytes are one of its pickles, and what follows the first "\n--\n" in them a TorchScript
// module that it may refer to.
#include <string>

#include "tests/fixtures/torch_writer.h"
#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kBetween = "\n--\n";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find(kBetween);
  const auto part = [](const char* name, std::string bytes) {
    return airlock::fixtures::ZipPart{.name = name, .data = std::move(bytes)};
  };
  airlock::fixtures::ZipShape shape{
      .parts = {part("p/.data/0.storage", std::string(64, 's')), part("p/m/a.pkl", std::string(text.substr(0, end))),
                part("p/.data/extern_modules", "torch\n"), part("p/.data/version", "6\n")}};
  if (end != std::string_view::npos) {
    shape.parts.push_back(part("p/.data/ts_code/0/data.pkl", std::string(text.substr(end + kBetween.size()))));
  }
  const std::string file = airlock::fixtures::WriteZip(shape);
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
