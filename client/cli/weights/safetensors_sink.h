// SafetensorsSink: writes the weights of a checkpoint as a safetensors file, as they arrive.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cli/weights/element_sink.h"
#include "client/cli/weights/safetensors_file.h"
#include "client/cli/weights/weights.h"

namespace airlock::cli {

struct WeightsChoice {
  // As of ChooseWeights.
  std::string key = "auto";
  // Patterns of the names that are written, as they stand in the list of the whole file; none: all.
  std::vector<std::string> select = {};
  // Take the prefixes off the names (weight_names.h).
  bool strip = false;
};

class SafetensorsSink : public ElementSink {
 public:
  SafetensorsSink(std::string destination, WeightsChoice choice)
      : destination_(std::move(destination)), choice_(std::move(choice)) {}

  // Makes the file appear. REQUIRES: the load succeeded.
  ClientResult<void> Commit() { return file_->Commit(NewFile::Existing::kReplace); }

  const std::string& key() const { return key_; }
  size_t names() const { return file_->names(); }
  uint64_t file_bytes() const { return file_->bytes(); }
  // Names whose elements are written although another name has them already: the format knows no sharing.
  size_t repeated() const { return repeated_; }

 protected:
  ClientResult<std::vector<uint32_t>> Begin(const Contents& contents) override;
  ClientResult<void> Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) override;
  ClientResult<bool> ElementsOfFile(uint32_t tensor, int fd, uint64_t offset, uint64_t bytes) override;
  ClientResult<void> Complete(uint32_t) override { return {}; }

 private:
  ClientResult<void> KeepChosen(const Contents& contents, Weights& weights) const;

  const std::string destination_;
  const WeightsChoice choice_;
  std::string key_;
  std::optional<SafetensorsFile> file_;
  size_t repeated_ = 0;
};

}  // namespace airlock::cli
