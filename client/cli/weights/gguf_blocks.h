// Quantised tensors of GGUF files: bytes whose meaning is the type of their blocks, which stands beside them.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "airlock/checkpoint.h"

namespace airlock::cli {

// By tensor: "Q4_0". Of the tensors that stand right below `table`, the dict that was made of a GGUF file. Views of the
// graph.
std::unordered_map<uint32_t, std::string_view> BlockTypes(const Contents& contents, NodeId table);

}  // namespace airlock::cli
