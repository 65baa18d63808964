#include "server/validate/tensor_rules.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sandbox/base/checked.h"
#include "server/validate/rules.h"

namespace airlock::server {
namespace {

constexpr uint64_t kMaxInt64 = INT64_MAX;

// By DType number.
constexpr std::array<uint8_t, 48> kItemSizes = {0, 1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 4, 8, 16, 2, 4, 8,  // to UINT64
                                                1, 1, 1, 1, 1, 1, 1, 4, 1, 1, 2, 1, 1, 1,  4,        // to BCOMPLEX32
                                                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1, 1};    // to QUINT2X4
static_assert(v1::DType_MAX == static_cast<int>(kItemSizes.size()) - 1);

// Elements in one byte.
uint32_t PerByte(v1::DType dtype) { return dtype == v1::DTYPE_QUINT4X2 ? 2 : dtype == v1::DTYPE_QUINT2X4 ? 4 : 1; }

bool IsQuantised(v1::DType dtype) {
  return dtype == v1::DTYPE_QINT8 || dtype == v1::DTYPE_QUINT8 || dtype == v1::DTYPE_QINT32 || PerByte(dtype) > 1;
}

struct Dims {
  std::span<const uint64_t> shape;
  std::span<const uint64_t> stride;
};

// Elements from the start of the storage to the end of the tensor's last element; 0 for a tensor without elements.
// Nothing where a number that a client must hold in a signed 64-bit integer does not fit one.
std::optional<uint64_t> Extent(const Dims& dims, uint64_t offset) {
  uint64_t numel = 1;
  uint64_t last = offset;
  bool empty = false;
  for (size_t d = 0; d < dims.shape.size(); ++d) {
    const uint64_t size = dims.shape[d];
    if (size > kMaxInt64 || dims.stride[d] > kMaxInt64) return std::nullopt;
    empty = empty || size == 0;
    // A product that overflows beside a 0 is still an empty tensor.
    const auto product = CheckedMul(numel, std::max<uint64_t>(size, 1));
    const auto reach = CheckedMul(std::max<uint64_t>(size, 1) - 1, dims.stride[d]);
    const auto sum = reach ? CheckedAdd(last, *reach) : std::nullopt;
    if (!product || *product > kMaxInt64 || !sum || *sum >= kMaxInt64) return std::nullopt;
    numel = *product;
    last = *sum;
  }
  if (last >= kMaxInt64) return std::nullopt;
  return empty ? 0 : last + 1;
}

// Bytes of packed elements. Nothing for a view that could begin or end inside one. REQUIRES: Extent has a value.
std::optional<uint64_t> PackedBytes(const Dims& dims, uint64_t offset, uint32_t per_byte) {
  if (offset != 0) return std::nullopt;
  uint64_t numel = 1;
  const bool empty = std::find(dims.shape.begin(), dims.shape.end(), 0) != dims.shape.end();
  for (size_t d = dims.shape.size(); !empty && d-- > 0;) {
    if (dims.shape[d] != 1 && dims.stride[d] != numel) return std::nullopt;
    numel *= dims.shape[d];
  }
  return empty ? 0 : (numel + per_byte - 1) / per_byte;
}

OrVerdict<void> CheckRow(const v1::PlanChunk& plan, int row, const Dims& dims) {
  const auto& tensors = plan.tensors();
  const uint32_t item = ItemSize(tensors.dtype(row));
  if (item == 0) return Broken(Rule::kTensorDType);
  if ((tensors.flags(row) & ~kKnownTensorFlags) != 0) return Broken(Rule::kTensorFlags);
  if (tensors.storage(row) >= static_cast<uint32_t>(plan.storages().place_size())) return Broken(Rule::kTensorStorage);
  const auto extent = Extent(dims, tensors.offset(row));
  const uint32_t per_byte = PerByte(tensors.dtype(row));
  auto bytes = extent ? CheckedMul(*extent, item) : std::nullopt;
  if (bytes && per_byte > 1) {
    bytes = PackedBytes(dims, tensors.offset(row), per_byte);
    if (!bytes) return Broken(Rule::kTensorPacked);
  }
  if (!bytes || !CheckedMul(tensors.offset(row), item)) return Broken(Rule::kTensorNumel);
  if (*bytes > plan.storages().nbytes(static_cast<int>(tensors.storage(row)))) return Broken(Rule::kTensorSpan);
  return {};
}

// Quantization rows against the tensors that they are for. `shape_at`: where each tensor's dimensions start.
class QuantizationChecker {
 public:
  QuantizationChecker(const v1::TensorColumns& tensors, const std::vector<uint64_t>& shape_at)
      : tensors_(tensors), shape_at_(shape_at) {}

  OrVerdict<void> Check() const {
    int next = 0;
    for (int row = 0; row < tensors_.dtype_size(); ++row) {
      if (!IsQuantised(tensors_.dtype(row))) continue;
      if (next == tensors_.quantization_size()) return Broken(Rule::kQuantizationTensor);
      const auto& quantization = tensors_.quantization(next++);
      if (quantization.tensor() != static_cast<uint32_t>(row)) return Broken(Rule::kQuantizationTensor);
      AIRLOCK_TRY(CheckScheme(quantization));
    }
    if (next != tensors_.quantization_size()) return Broken(Rule::kQuantizationTensor);
    return {};
  }

 private:
  OrVerdict<void> CheckScheme(const v1::Quantization& quantization) const {
    if (quantization.has_per_tensor()) return {};
    if (!quantization.has_per_channel()) return Broken(Rule::kQuantizationScheme);
    const auto& channel = quantization.per_channel();
    if (channel.axis() >= tensors_.rank(static_cast<int>(quantization.tensor()))) {
      return Broken(Rule::kQuantizationChannel);
    }
    const uint64_t slices = Dimension(quantization.tensor(), channel.axis());
    if (!IsVector(channel.scales(), slices) || !IsVector(channel.zero_points(), slices)) {
      return Broken(Rule::kQuantizationChannel);
    }
    return {};
  }

  uint64_t Dimension(uint32_t tensor, uint32_t axis) const {
    return tensors_.shape(static_cast<int>(shape_at_[tensor] + axis));
  }

  bool IsVector(uint32_t tensor, uint64_t length) const {
    return tensor < shape_at_.size() && tensors_.rank(static_cast<int>(tensor)) == 1 && Dimension(tensor, 0) == length;
  }

  const v1::TensorColumns& tensors_;
  const std::vector<uint64_t>& shape_at_;
};

}  // namespace

uint32_t ItemSize(v1::DType dtype) {
  const auto index = static_cast<size_t>(dtype);
  return index < kItemSizes.size() ? kItemSizes[index] : 0;
}

OrVerdict<void> CheckTensors(const v1::PlanChunk& plan, const Limits& limits) {
  const auto& tensors = plan.tensors();
  const int rows = tensors.dtype_size();
  if (tensors.storage_size() != rows || tensors.flags_size() != rows || tensors.offset_size() != rows ||
      tensors.rank_size() != rows || tensors.shape_size() != tensors.stride_size()) {
    return Broken(Rule::kTensorColumns);
  }
  const std::span<const uint64_t> shape(tensors.shape().data(), static_cast<size_t>(tensors.shape_size()));
  const std::span<const uint64_t> stride(tensors.stride().data(), shape.size());
  std::vector<uint64_t> shape_at(static_cast<size_t>(rows));
  uint64_t at = 0;
  for (int row = 0; row < rows; ++row) {
    const uint32_t rank = tensors.rank(row);
    if (rank > limits.dims) return Broken(Rule::kTensorRank);
    if (rank > shape.size() - at) return Broken(Rule::kTensorColumns);
    AIRLOCK_TRY(CheckRow(plan, row, Dims{shape.subspan(at, rank), stride.subspan(at, rank)}));
    shape_at[static_cast<size_t>(row)] = at;
    at += rank;
  }
  if (at != shape.size()) return Broken(Rule::kTensorColumns);
  return QuantizationChecker(tensors, shape_at).Check();
}

}  // namespace airlock::server
