#include "airlock/tensor.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <new>

#include "sandbox/base/checked.h"

namespace airlock {
namespace {

constexpr std::align_val_t kAlignment{64};
// Large storages lie where the kernel can give them huge pages: measured, memory that nobody has touched before is then
// filled more than three times as fast, for there is one page fault instead of 512.
constexpr std::align_val_t kHugePage{2 << 20};
constexpr uint64_t kLarge = 8 << 20;
constexpr uint64_t kSaturated = std::numeric_limits<uint64_t>::max();

struct DTypeRow {
  v1::DType dtype;
  uint32_t bytes;
};

constexpr DTypeRow kDTypes[] = {
    {v1::DTYPE_BOOL, 1},
    {v1::DTYPE_UINT8, 1},
    {v1::DTYPE_INT8, 1},
    {v1::DTYPE_INT16, 2},
    {v1::DTYPE_INT32, 4},
    {v1::DTYPE_INT64, 8},
    {v1::DTYPE_FLOAT16, 2},
    {v1::DTYPE_BFLOAT16, 2},
    {v1::DTYPE_FLOAT32, 4},
    {v1::DTYPE_FLOAT64, 8},
    {v1::DTYPE_COMPLEX32, 4},
    {v1::DTYPE_COMPLEX64, 8},
    {v1::DTYPE_COMPLEX128, 16},
    {v1::DTYPE_UINT16, 2},
    {v1::DTYPE_UINT32, 4},
    {v1::DTYPE_UINT64, 8},
    {v1::DTYPE_FLOAT8_E4M3FN, 1},
    {v1::DTYPE_FLOAT8_E4M3FNUZ, 1},
    {v1::DTYPE_FLOAT8_E5M2, 1},
    {v1::DTYPE_FLOAT8_E5M2FNUZ, 1},
    {v1::DTYPE_FLOAT8_E8M0FNU, 1},
    {v1::DTYPE_QINT8, 1},
    {v1::DTYPE_QUINT8, 1},
    {v1::DTYPE_QINT32, 4},
    {v1::DTYPE_FLOAT4_E2M1FN_X2, 1},
    {v1::DTYPE_BITS8, 1},
    {v1::DTYPE_BITS16, 2},
    {v1::DTYPE_BITS1X8, 1},
    {v1::DTYPE_BITS2X4, 1},
    {v1::DTYPE_BITS4X2, 1},
    {v1::DTYPE_BCOMPLEX32, 4},
    {v1::DTYPE_INT1, 1},
    {v1::DTYPE_INT2, 1},
    {v1::DTYPE_INT3, 1},
    {v1::DTYPE_INT4, 1},
    {v1::DTYPE_INT5, 1},
    {v1::DTYPE_INT6, 1},
    {v1::DTYPE_INT7, 1},
    {v1::DTYPE_UINT1, 1},
    {v1::DTYPE_UINT2, 1},
    {v1::DTYPE_UINT3, 1},
    {v1::DTYPE_UINT4, 1},
    {v1::DTYPE_UINT5, 1},
    {v1::DTYPE_UINT6, 1},
    {v1::DTYPE_UINT7, 1},
    {v1::DTYPE_QUINT4X2, 1},
    {v1::DTYPE_QUINT2X4, 1},
};

// By number: asked for each tensor of a file.
constexpr auto kElementSizes = [] {
  std::array<uint32_t, v1::DType_ARRAYSIZE> sizes{};
  for (const DTypeRow& row : kDTypes) sizes[row.dtype] = row.bytes;
  return sizes;
}();

bool IsFloat(v1::DType dtype) {
  return dtype == v1::DTYPE_FLOAT16 || dtype == v1::DTYPE_BFLOAT16 || dtype == v1::DTYPE_FLOAT32 ||
         dtype == v1::DTYPE_FLOAT64;
}

// Flips the sign of the little-endian number of `bytes` bytes at `number`: the top bit of a float, two's complement
// else.
void Negate(std::byte* number, uint32_t bytes, bool is_float) {
  if (is_float) {
    number[bytes - 1] ^= std::byte{0x80};
    return;
  }
  bool carry = true;
  for (uint32_t i = 0; i < bytes; ++i) {
    const unsigned flipped = (~std::to_integer<unsigned>(number[i]) & 0xff) + (carry ? 1 : 0);
    number[i] = static_cast<std::byte>(flipped);
    carry = flipped > 0xff;
  }
}

}  // namespace

uint32_t ElementSize(v1::DType dtype) {
  return v1::DType_IsValid(dtype) ? kElementSizes[static_cast<size_t>(dtype)] : 0;
}

bool IsComplex(v1::DType dtype) {
  return dtype == v1::DTYPE_COMPLEX32 || dtype == v1::DTYPE_COMPLEX64 || dtype == v1::DTYPE_COMPLEX128 ||
         dtype == v1::DTYPE_BCOMPLEX32;
}

bool IsQuantized(v1::DType dtype) {
  return dtype == v1::DTYPE_QINT8 || dtype == v1::DTYPE_QUINT8 || dtype == v1::DTYPE_QINT32 ||
         ElementsPerByte(dtype) > 1;
}

uint32_t ElementsPerByte(v1::DType dtype) {
  return dtype == v1::DTYPE_QUINT4X2 ? 2 : dtype == v1::DTYPE_QUINT2X4 ? 4 : 1;
}

uint64_t TensorInfo::Elements() const {
  if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return 0;
  uint64_t elements = 1;
  for (uint64_t dim : shape) elements = CheckedMul(elements, dim).value_or(kSaturated);
  return elements;
}

uint64_t TensorInfo::Bytes() const {
  const uint64_t elements = Elements();
  const uint32_t per_byte = ElementsPerByte(dtype);
  if (per_byte > 1) return elements / per_byte + (elements % per_byte == 0 ? 0 : 1);
  return CheckedMul(elements, ElementSize(dtype)).value_or(kSaturated);
}

bool TensorInfo::Contiguous() const {
  if (Elements() == 0) return true;
  uint64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

std::shared_ptr<Storage> Storage::Allocate(uint64_t bytes) {
  const std::align_val_t alignment = bytes >= kLarge ? kHugePage : kAlignment;
  auto* data = static_cast<std::byte*>(::operator new(std::max<uint64_t>(bytes, 1), alignment, std::nothrow));
  if (data == nullptr) return nullptr;
  // A wish: kernels that have none for us go on with small ones.
  if (bytes >= kLarge) (void)madvise(data, bytes, MADV_HUGEPAGE);
  return {new Storage(data, bytes), [alignment](Storage* storage) {
            ::operator delete(storage->bytes().data(), alignment);
            delete storage;
          }};
}

std::vector<std::shared_ptr<const Storage>> Storage::Views(
    std::span<const std::optional<std::span<const std::byte>>> spans,
    std::vector<std::shared_ptr<const void>> keepers) {
  // One block for all: there may be very many.
  struct Block {
    std::vector<std::shared_ptr<const void>> keepers;
    std::vector<Storage> storages;
  };
  const auto block = std::make_shared<Block>();
  block->keepers = std::move(keepers);
  block->storages.reserve(spans.size());
  std::vector<std::shared_ptr<const Storage>> views(spans.size());
  for (size_t i = 0; i < spans.size(); ++i) {
    if (!spans[i]) continue;
    block->storages.push_back(Storage(spans[i]->data(), spans[i]->size()));
    views[i] = std::shared_ptr<const Storage>(block, &block->storages.back());
  }
  return views;
}

RowMajorReader::RowMajorReader(const TensorInfo& info, std::span<const std::byte> storage)
    : dtype_(info.dtype),
      flags_(info.flags),
      element_(ElementSize(info.dtype)),
      storage_(storage),
      base_(info.offset * element_),
      end_(info.Elements() == 0) {
  if (end_) return;
  if (ElementsPerByte(info.dtype) > 1) {
    run_ = info.Bytes();
    return;
  }
  run_ = element_;
  size_t outer = info.shape.size();
  while (outer > 0 && (info.shape[outer - 1] == 1 || info.strides[outer - 1] * element_ == run_)) {
    run_ *= info.shape[--outer];
  }
  for (size_t i = 0; i < outer; ++i) {
    shape_.push_back(info.shape[i]);
    strides_.push_back(info.strides[i] * element_);
  }
  index_.assign(outer, 0);
}

bool RowMajorReader::Advance() {
  for (size_t i = index_.size(); i-- > 0;) {
    if (++index_[i] < shape_[i]) {
      base_ += strides_[i];
      return true;
    }
    base_ -= strides_[i] * (shape_[i] - 1);
    index_[i] = 0;
  }
  return false;
}

size_t RowMajorReader::Read(std::span<std::byte> out) {
  size_t filled = 0;
  const size_t whole = out.size() / element_ * element_;
  while (!end_ && filled < whole) {
    const size_t piece = std::min<uint64_t>(run_ - done_, whole - filled);
    std::copy_n(storage_.data() + base_ + done_, piece, out.data() + filled);
    filled += piece;
    done_ += piece;
    if (done_ == run_) {
      done_ = 0;
      end_ = !Advance();
    }
  }
  if (flags_ & (v1::TENSOR_FLAG_CONJ | v1::TENSOR_FLAG_NEG)) Resolve(out.first(filled));
  return filled;
}

void RowMajorReader::Resolve(std::span<std::byte> elements) const {
  const bool negative = (flags_ & v1::TENSOR_FLAG_NEG) != 0;
  const bool conjugate = (flags_ & v1::TENSOR_FLAG_CONJ) != 0;
  if (!IsComplex(dtype_)) {
    if (!negative) return;  // the conjugate of a real number is itself
    for (size_t i = 0; i < elements.size(); i += element_) Negate(&elements[i], element_, IsFloat(dtype_));
    return;
  }
  const uint32_t half = element_ / 2;
  for (size_t i = 0; i < elements.size(); i += element_) {
    if (negative) Negate(&elements[i], half, true);
    if (negative != conjugate) Negate(&elements[i + half], half, true);
  }
}

}  // namespace airlock
