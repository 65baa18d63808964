// SafetensorsFile: one safetensors file that is being written, tensor by tensor, in any order.
//
// Layout: 8 bytes, the header's length; the header, JSON, padded with spaces so that the data starts at a multiple of
// 8; the data without gaps, widest element types first, so that every tensor is aligned to its elements.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/checkpoint.h"
#include "client/cli/weights/new_file.h"

namespace airlock::cli {

// Below it writing the bytes is less work than having the kernel copy them.
inline constexpr uint64_t kWorthCopying = 64 << 10;

// The name of a dtype in safetensors; null where it has none.
const char* SafetensorsDType(v1::DType dtype);

class SafetensorsFile {
 public:
  enum class Complex : uint8_t { kRefuse, kAsPairs };

  // Lays it out; what the format cannot hold is an error here, before anything is written. Complex numbers may become
  // pairs of reals: a last dimension of 2.
  static ClientResult<SafetensorsFile> LayOut(const Contents& contents, std::span<const NamedTensor> tensors,
                                              Complex complex = Complex::kRefuse);

  // Makes the temporary file, with its header. What follows needs it.
  ClientResult<void> Create(const std::string& destination);
  // Bytes of a tensor's elements, from byte `offset` on; nothing happens for a tensor that is not in the file.
  ClientResult<void> Write(uint32_t tensor, uint64_t offset, std::string_view bytes);
  // All elements of a tensor, out of another file.
  ClientResult<void> Copy(uint32_t tensor, int from, uint64_t start, uint64_t bytes);
  ClientResult<void> Sync() { return file_->Sync(); }
  // Makes the file appear.
  ClientResult<void> Commit(NewFile::Existing existing) { return file_->Commit(existing); }

  // Distinct indices, ascending.
  std::vector<uint32_t> Tensors() const;
  // How many tensors there are by name.
  size_t names() const { return places_.size(); }
  uint64_t bytes() const { return 8 + header_.size() + data_bytes_; }

 private:
  // Where one name's elements stand.
  struct Place {
    uint32_t tensor;
    uint32_t name;  // of those that were laid out
    uint64_t offset;
  };

  SafetensorsFile() = default;
  ClientResult<void> PlaceAll(const Contents& contents, std::span<const NamedTensor> tensors);
  std::string Header(const Contents& contents, std::span<const NamedTensor> tensors) const;
  std::span<const Place> PlacesOf(uint32_t tensor) const;

  // In the order of the data; once the header is made, ascending by tensor.
  std::vector<Place> places_;
  std::string header_;
  uint64_t data_bytes_ = 0;
  std::optional<NewFile> file_;
};

}  // namespace airlock::cli
