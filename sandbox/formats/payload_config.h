// The weights config of a torch.export archive: a JSON object that says which member has which tensor. Read strictly:
// a name twice, a NUL, a field that is not known or a number that is no count is an error, for torch takes whatever
// comes last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/limits.h"

namespace airlock::formats {

// Numbers are torch's (torch/_export/serde/schema.py); nothing is known of them but that they are counts.
struct PayloadTensor {
  uint64_t dtype = 0;
  uint64_t layout = 0;
  bool requires_grad = false;
  std::vector<uint64_t> sizes;
  std::vector<uint64_t> strides;
  uint64_t offset = 0;
  std::string device;  // cpu, cuda:0
};

struct Payload {
  std::string name;  // a parameter, a buffer, a constant
  std::string path;  // of the member, in the folder of the config
  bool is_parameter = false;
  bool use_pickle = false;
  std::optional<PayloadTensor> tensor;
};

// In the order of the file. `name` is for messages. Fails as kZipMalformed, by a limit, or as kUnsupportedFeature where
// a size is an expression.
Result<std::vector<Payload>> ParsePayloadConfig(std::string_view json, const Limits& limits, std::string_view name);

}  // namespace airlock::formats
