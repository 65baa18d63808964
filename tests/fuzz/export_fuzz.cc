// torch.export's archives: the bytes are the config of the weights, which stand beside it.
#include <string>

#include "tests/fixtures/torch_writer.h"
#include "tests/fuzz/decode_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto part = [](const char* name, std::string bytes) {
    return airlock::fixtures::ZipPart{.name = name, .data = std::move(bytes)};
  };
  const std::string file = airlock::fixtures::WriteZip(
      {.parts = {part("m/data/weights/weight_0", std::string(64, 'w')), part("m/data/weights/weight_1", ""),
                 part("m/data/weights/weight_2", airlock::fixtures::SampleCheckpoint()),
                 part("m/data/weights/m_weights_config.json", std::string(reinterpret_cast<const char*>(data), size)),
                 part("m/data/constants/m_constants_config.json", R"({"config": {}})"), part("m/models/m.json", "{}"),
                 part("m/archive_format", "pt2"), part("m/.data/version", "6\n")}});
  airlock::fuzz::DecodeBytes({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  return 0;
}
