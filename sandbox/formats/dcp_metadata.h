// What the .metadata of a distributed checkpoint says, taken from its decoded records. Every number and name in it is
// the file's: nothing is checked here but that it is a number or a name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/keyed_hash.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/tables.h"

namespace airlock::formats {

using DcpDims = std::vector<uint64_t>;

// A box of a tensor that stands in the checkpoint by itself.
struct DcpChunk {
  DcpDims offsets;
  DcpDims sizes;
};

struct DcpTensor {
  tensors::DType dtype = tensors::DType::kNone;
  DcpDims size;
  std::vector<DcpChunk> chunks;
};

// A step of the way to a value: a key of a dict, or a position in a list.
using DcpStep = std::variant<std::string, uint64_t>;

struct DcpEntry {
  std::string name;
  // Absent: any other object.
  std::optional<DcpTensor> tensor;
  // Where it stood before the names were made flat; empty: nobody says so.
  std::vector<DcpStep> path;
};

// Bytes of one of the files: an archive of torch.save.
struct DcpItem {
  std::string file;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct DcpMetadata {
  std::vector<DcpEntry> entries;
  // By KeyOf.
  std::unordered_map<std::string, DcpItem, KeyedHash> items;

  // Of the chunk of a tensor that starts at `offsets`; without them, of an object that is no tensor.
  static std::string KeyOf(std::string_view name, const std::optional<DcpDims>& offsets);
};

// Fails as kSetMalformed where the record is not one of torch.distributed.checkpoint's metadata.
Result<DcpMetadata> ReadDcpMetadata(const pickle::Context& context, pickle::NodeId root);

}  // namespace airlock::formats
