// TensorPath: the tensors of a checkpoint by name and content, as `oracle.py` of the shared tools lists them: names are
// paths from the root, containers are expanded once, elements are digested in row-major order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/formats/decoded.h"

namespace airlock::formats {

struct ListedTensor {
  std::string name;
  std::string dtype;
  std::vector<uint64_t> shape;
  std::vector<uint64_t> stride;
  bool requires_grad = false;
  std::string sha256;
};

std::vector<ListedTensor> ListTensors(const Decoded& decoded);

// The tensor's elements in row-major order.
std::string TensorBytes(const Decoded& decoded, uint32_t tensor);

}  // namespace airlock::formats
