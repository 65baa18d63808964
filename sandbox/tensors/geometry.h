// Geometry: whether a strided view lies inside its storage. Every number comes from the file, and every product and sum
// is checked. The broker asks the same questions again with its own code.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sandbox/base/error.h"

namespace airlock::tensors {

// Elements of a tensor of this shape; absent if the count, or that of its dimensions other than 0, passes 2^63 - 1.
// (A shape of 0 x 2^62 x 2^62 has no elements, but torch and numpy multiply it out in another order than ours.)
std::optional<uint64_t> ElementCount(std::span<const uint64_t> shape);

// Elements that a view reaches: one past its last. 0 for an empty view. Absent on overflow.
std::optional<uint64_t> ReachOf(uint64_t offset, std::span<const uint64_t> shape, std::span<const uint64_t> stride);

// Whether the elements lie in row-major order without gaps, as torch sees it: a dimension of size 1 may have any
// stride. REQUIRES of this and the following: shape and stride have equal length.
bool IsRowMajor(std::span<const uint64_t> shape, std::span<const uint64_t> stride);

// Bytes of a row-major tensor with several elements in a byte. Absent on overflow.
std::optional<uint64_t> PackedBytes(std::span<const uint64_t> shape, uint32_t per_byte);

// Fails as kTensorOutOfBounds, or by the limit `dims`. `elements` is what the storage holds; `at` is for the message.
Result<void> CheckGeometry(uint64_t offset, std::span<const uint64_t> shape, std::span<const uint64_t> stride,
                           uint64_t elements, uint64_t max_dims, uint64_t at);

}  // namespace airlock::tensors
