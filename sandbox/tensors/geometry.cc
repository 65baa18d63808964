#include "sandbox/tensors/geometry.h"

#include <algorithm>
#include <string>

#include "sandbox/base/checked.h"

namespace airlock::tensors {
namespace {

// Torch and numpy count in signed 64 bits.
constexpr uint64_t kMaxCount = INT64_MAX;
// Bytes of the widest element.
constexpr uint64_t kMaxItem = 16;

// Whether the place of the last element, if each size were at least 1, fits 63 bits, and the first one's as bytes fits
// 64: what the broker demands (server/validate/tensor_rules.cc).
bool IsCountable(uint64_t offset, std::span<const uint64_t> shape, std::span<const uint64_t> stride) {
  uint64_t last = offset;
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto step = CheckedMul(std::max<uint64_t>(shape[i], 1) - 1, stride[i]);
    const auto sum = step ? CheckedAdd(last, *step) : std::nullopt;
    if (!sum) return false;
    last = *sum;
  }
  return last < kMaxCount && CheckedMul(offset, kMaxItem).has_value();
}

}  // namespace

std::optional<uint64_t> ElementCount(std::span<const uint64_t> shape) {
  uint64_t product = 1;
  bool empty = false;
  for (const uint64_t size : shape) {
    if (size == 0) {
      empty = true;
      continue;
    }
    const std::optional<uint64_t> next = CheckedMul(product, size);
    if (!next || *next > kMaxCount) return std::nullopt;
    product = *next;
  }
  return empty ? 0 : product;
}

std::optional<uint64_t> ReachOf(uint64_t offset, std::span<const uint64_t> shape, std::span<const uint64_t> stride) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::optional<uint64_t> reach = CheckedAdd(offset, 1);
  for (size_t i = 0; i < shape.size() && reach; ++i) {
    const std::optional<uint64_t> step = CheckedMul(shape[i] - 1, stride[i]);
    reach = step ? CheckedAdd(*reach, *step) : std::nullopt;
  }
  return reach;
}

bool IsRowMajor(std::span<const uint64_t> shape, std::span<const uint64_t> stride) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return true;
  uint64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (stride[i] != expected) return false;
    const std::optional<uint64_t> next = CheckedMul(expected, shape[i]);
    if (!next) return false;
    expected = *next;
  }
  return true;
}

std::optional<uint64_t> PackedBytes(std::span<const uint64_t> shape, uint32_t per_byte) {
  const std::optional<uint64_t> elements = ElementCount(shape);
  if (!elements) return std::nullopt;
  return *elements / per_byte + (*elements % per_byte == 0 ? 0 : 1);
}

Result<void> CheckGeometry(uint64_t offset, std::span<const uint64_t> shape, std::span<const uint64_t> stride,
                           uint64_t elements, uint64_t max_dims, uint64_t at) {
  if (shape.size() > max_dims) return FailLimit("dims", max_dims, shape.size(), at);
  const bool sane = offset <= kMaxCount &&
                    std::all_of(shape.begin(), shape.end(), [](uint64_t n) { return n <= kMaxCount; }) &&
                    std::all_of(stride.begin(), stride.end(), [](uint64_t n) { return n <= kMaxCount; });
  // Of an empty tensor too, whose elements are nowhere: others who count them must not wrap.
  if (!sane || !ElementCount(shape) || !IsCountable(offset, shape, stride)) {
    return Fail(Reason::kTensorOutOfBounds, "a tensor has more elements than can be counted", at);
  }
  const std::optional<uint64_t> reach = ReachOf(offset, shape, stride);
  if (!reach || *reach > elements) {
    return Fail(Reason::kTensorOutOfBounds,
                "a tensor reaches to element " + (reach ? std::to_string(*reach) : "2^64 or further") +
                    " of a storage that has " + std::to_string(elements),
                at);
  }
  return {};
}

}  // namespace airlock::tensors
