#include "client/cli/weights/weight_names.h"

#include <array>

namespace airlock::cli {
namespace {

constexpr std::array<std::string_view, 3> kPrefixes = {"_orig_mod.", "module.", "_orig_mod."};

}  // namespace

std::string_view StrippedName(std::string_view name) {
  for (const std::string_view prefix : kPrefixes) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  return name;
}

void StripPrefixes(std::vector<NamedTensor>& tensors) {
  for (NamedTensor& entry : tensors) entry.name = StrippedName(entry.name);
}

ClientResult<void> CheckBlocks(const Weights& weights) {
  if (weights.blocks.empty()) return {};
  for (const NamedTensor& entry : weights.tensors) {
    const auto block = weights.blocks.find(entry.tensor);
    if (block == weights.blocks.end()) continue;
    return Unexpected{MakeError(
        v1::REASON_UNSUPPORTED_FEATURE,
        "safetensors cannot hold " + std::string(entry.name) + ", which is quantised in blocks of the type " +
            std::string(block->second) +
            "; have llama-quantize --allow-requantize write the file as F16 first, or take others with --select")};
  }
  return {};
}

}  // namespace airlock::cli
