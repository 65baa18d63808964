// DcpTree: the nested dicts and lists that the flat names of a distributed checkpoint were made of, built again as
// torch does (set_element of torch/distributed/checkpoint/_nested_dict.py): a step that is a text leads into a dict,
// one that is a number into a list, whose gaps are None.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/formats/dcp_metadata.h"
#include "sandbox/pickle/machine.h"

namespace airlock::formats {

// Not thread-safe; borrows the context.
class DcpTree {
 public:
  explicit DcpTree(pickle::Context& context) : context_(context), places_(1) {}

  // Puts a value where the entry says. Fails as kSetMalformed where two paths contradict each other.
  Result<void> Set(const DcpEntry& entry, pickle::NodeId value);
  // The root: a dict. Once.
  Result<pickle::NodeId> Build();

 private:
  enum class Shape : uint8_t { kEmpty, kDict, kList, kValue };
  struct Place {
    Shape shape = Shape::kEmpty;
    pickle::NodeId value = pickle::kNoNode;
    // kDict: by key. kList: by position; 0 is the root and stands for nothing here.
    std::vector<std::string> keys;
    std::vector<uint32_t> children;
    std::unordered_map<std::string, uint32_t, KeyedHash> index;
  };

  Result<uint32_t> Step(uint32_t at, const DcpStep& step, const std::string& name);
  Result<uint32_t> NewPlace();

  pickle::Context& context_;
  std::vector<Place> places_;  // a child always comes after its parent
};

}  // namespace airlock::formats
