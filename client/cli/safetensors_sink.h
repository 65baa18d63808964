// SafetensorsSink: writes the weights of a checkpoint as a safetensors file, as they arrive.
//
// Layout: 8 bytes, the header's length; the header, JSON, padded with spaces so that the data starts at a multiple of
// 8; the data without gaps, widest element types first, so that every tensor is aligned to its elements.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "client/cli/element_sink.h"
#include "client/cli/new_file.h"
#include "client/cli/weights.h"

namespace airlock::cli {

// The name of a dtype in safetensors; null where it has none.
const char* SafetensorsDType(v1::DType dtype);

class SafetensorsSink : public ElementSink {
 public:
  // `select`: patterns of the names that are written, as they stand in the list of the whole file; none: all.
  SafetensorsSink(std::string destination, std::string key, std::vector<std::string> select = {})
      : destination_(std::move(destination)), key_(std::move(key)), select_(std::move(select)) {}

  // Makes the file appear. REQUIRES: the load succeeded.
  ClientResult<void> Commit() { return file_->Commit(); }

  const Weights& weights() const { return weights_; }
  uint64_t file_bytes() const { return file_bytes_; }
  // Names whose elements are written although another name has them already: the format knows no sharing.
  size_t repeated() const { return repeated_; }

 protected:
  ClientResult<std::vector<uint32_t>> Begin(const Contents& contents) override;
  ClientResult<void> Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) override;
  ClientResult<bool> ElementsOfFile(uint32_t tensor, int fd, uint64_t offset, uint64_t bytes) override;
  ClientResult<void> Complete(uint32_t tensor) override;

 private:
  // Where one name's elements stand.
  struct Place {
    uint32_t tensor;
    uint32_t name;  // index in weights_.tensors
    uint64_t offset;
  };
  std::span<const Place> PlacesOf(uint32_t tensor) const;
  ClientResult<void> KeepChosen(const Contents& contents);
  ClientResult<void> CheckTensors(const Contents& contents) const;
  ClientResult<void> LayOut(const Contents& contents);
  std::string Header(const Contents& contents) const;

  const std::string destination_;
  const std::string key_;
  const std::vector<std::string> select_;
  Weights weights_;
  std::optional<NewFile> file_;
  // In the order of the data; then ascending by tensor.
  std::vector<Place> places_;
  uint64_t data_start_ = 0;
  uint64_t file_bytes_ = 0;
  size_t repeated_ = 0;
};

}  // namespace airlock::cli
