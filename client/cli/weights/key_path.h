// What a dotted path (--key) leads to, by the names that tensors have.
#pragma once

#include <optional>
#include <string_view>

#include "airlock/value.h"

namespace airlock::cli {

// The node at `path` from the root on, as it stands there: perhaps a stream, or a tensor with attributes. Names may
// hold dots: the longest one that fits goes first.
std::optional<NodeId> AtKey(const Graph& graph, std::string_view path);

}  // namespace airlock::cli
