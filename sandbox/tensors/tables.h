// The tables of storages and tensors that a load yields, column by column, as airlock.v1.StorageColumns and
// TensorColumns have them (see tensor.proto for the meaning of each column).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sandbox/base/growing_array.h"
#include "sandbox/base/keyed_hash.h"

namespace airlock::tensors {

// Numbers of airlock.v1.DType (a test compares).
enum class DType : uint8_t {
  kNone = 0,
  kBool = 1,
  kUInt8 = 2,
  kInt8 = 3,
  kInt16 = 4,
  kInt32 = 5,
  kInt64 = 6,
  kFloat16 = 7,
  kBFloat16 = 8,
  kFloat32 = 9,
  kFloat64 = 10,
  kComplex32 = 11,
  kComplex64 = 12,
  kComplex128 = 13,
  kUInt16 = 14,
  kUInt32 = 15,
  kUInt64 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kFloat8E8M0FNU = 21,
  kQInt8 = 22,
  kQUInt8 = 23,
  kQInt32 = 24,
  kFloat4E2M1FNX2 = 25,
  kBits8 = 26,
  kBits16 = 27,
  kBits1x8 = 28,
  kBits2x4 = 29,
  kBits4x2 = 30,
  kBComplex32 = 31,
  kInt1 = 32,
  kInt2 = 33,
  kInt3 = 34,
  kInt4 = 35,
  kInt5 = 36,
  kInt6 = 37,
  kInt7 = 38,
  kUInt1 = 39,
  kUInt2 = 40,
  kUInt3 = 41,
  kUInt4 = 42,
  kUInt5 = 43,
  kUInt6 = 44,
  kUInt7 = 45,
  kQUInt4x2 = 46,
  kQUInt2x4 = 47,
};

inline constexpr DType kLastDType = DType::kQUInt2x4;

enum class Place : uint8_t { kInput = 1, kOutput = 2 };

enum TensorFlag : uint32_t { kRequiresGrad = 1, kParameter = 2, kConj = 4, kNeg = 8 };

// The bit beside a CRC-32 that says that there is one.
inline constexpr uint64_t kHasCrc32 = uint64_t{1} << 32;

struct Storage {
  Place place = Place::kInput;
  uint32_t device = 0;
  uint64_t offset = 0;
  uint64_t nbytes = 0;
  uint64_t crc32 = 0;  // kHasCrc32 and the CRC, where the file has one of these very bytes
};

// One tensor while it is being made; shape and stride have equal length.
struct TensorView {
  uint32_t storage = 0;
  DType dtype = DType::kNone;
  uint32_t flags = 0;
  uint64_t offset = 0;
  std::span<const uint64_t> shape;
  std::span<const uint64_t> stride;
};

struct Quantization {
  uint32_t tensor = 0;
  bool per_channel = false;
  double scale = 0;
  int64_t zero_point = 0;
  uint32_t axis = 0;
  uint32_t scales = 0;
  uint32_t zero_points = 0;
};

// Numbers of airlock.v1.SparseBit (a test compares).
enum class SparseLayout : uint8_t { kNone = 0, kCoo = 1, kCsr = 2, kCsc = 3, kBsr = 4, kBsc = 5 };
inline constexpr uint32_t kSparseLayoutMask = 7;
inline constexpr uint32_t kSparseRequiresGrad = 8;
inline constexpr uint32_t kSparseCoalesced = 16;

// What must hold for the numbers in tensors (number_check.h). Whoever adds one has checked that the shapes fit
// together.
struct NumberCheck {
  // kNone: a nested tensor.
  SparseLayout layout = SparseLayout::kNone;
  bool coalesced = false;
  // Tensors. COO: indices. Compressed: both indices. Nested: sizes, strides, offsets.
  uint32_t first = 0;
  uint32_t second = 0;
  uint32_t third = 0;
  // COO: the sizes of the sparse dimensions. Nested: the length of the buffer.
  std::vector<uint64_t> size = {};
  // Compressed: what the second indices stay below.
  uint64_t columns = 0;
  uint64_t at = 0;
};

// Not thread-safe.
class Tables {
 public:
  uint32_t AddStorage(const Storage& storage);
  uint32_t AddTensor(const TensorView& tensor);
  void AddQuantization(const Quantization& quantization) { quantizations_.push_back(quantization); }
  void AddCheck(NumberCheck check) { checks_.push_back(std::move(check)); }
  size_t check_count() const { return checks_.size(); }
  // Storages that the checks will read.
  std::unordered_set<uint32_t> CheckedStorages() const;
  // Those from number `first` on, which are here no more.
  std::vector<NumberCheck> TakeChecks(size_t first);
  // Index of the device name.
  uint32_t Device(std::string_view name);

  Storage& storage(uint32_t index) { return storages_[index]; }
  void SetFlags(uint32_t tensor, uint32_t flags) { rows_[tensor].flags = flags; }
  // Valid until the next AddTensor.
  TensorView tensor(uint32_t index) const;
  size_t tensor_count() const { return rows_.size(); }
  // Valid until the next AddStorage.
  std::span<const Storage> storages() const { return {storages_.data(), storages_.size()}; }
  const std::vector<Quantization>& quantizations() const { return quantizations_; }
  const std::vector<std::string>& devices() const { return devices_; }

 private:
  struct Row {
    uint32_t storage;
    uint32_t flags;
    uint64_t offset;
    uint64_t dims;  // index in dims_: shape, then stride
    uint32_t rank;
    DType dtype;
  };
  uint32_t FindDevice(std::string_view name);

  GrowingArray<Row> rows_;
  GrowingArray<uint64_t> dims_;
  GrowingArray<Storage> storages_;
  std::vector<Quantization> quantizations_;
  std::vector<NumberCheck> checks_;
  std::vector<std::string> devices_;
  uint32_t last_device_ = 0;
  std::unordered_map<std::string, uint32_t, KeyedHash, std::equal_to<>> device_index_;
};

}  // namespace airlock::tensors
