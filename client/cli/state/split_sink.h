// SplitSink: writes a checkpoint apart, into a folder: weights, averaged weights, all other tensors, and all else as
// JSON, as the Python package's convert(split=True) does. Data is written as it arrives.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cli/state/new_folder.h"
#include "client/cli/state/split_parts.h"
#include "client/cli/state/state_json.h"
#include "client/cli/state/state_writer.h"
#include "client/cli/weights/element_sink.h"
#include "client/cli/weights/safetensors_file.h"

namespace airlock::cli {

class SplitSink : public ElementSink {
 public:
  // `key` as of SplitParts; `strip`: take the prefixes off the names in the files of weights (weight_names.h).
  SplitSink(std::string folder, std::string key, bool strip)
      : destination_(std::move(folder)), key_(std::move(key)), strip_(strip) {}

  // Makes the files appear, the JSON last: without it the folder is no training state. REQUIRES: the load succeeded.
  ClientResult<void> Commit(NewFile::Existing existing);

  // What was written, the JSON last.
  std::vector<std::string> files() const;
  // Of the plain weights, or of those that there are.
  const std::string& key() const { return told_key_; }
  size_t names() const { return told_names_; }
  uint64_t bytes() const { return told_bytes_; }

 protected:
  ClientResult<std::vector<uint32_t>> Begin(const Contents& contents) override;
  ClientResult<void> Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) override;
  ClientResult<bool> ElementsOfFile(uint32_t tensor, int fd, uint64_t offset, uint64_t bytes) override;
  ClientResult<void> Complete(uint32_t) override { return {}; }

 private:
  struct File {
    std::string name;
    SafetensorsFile file;
  };

  std::string PathOf(std::string_view file) const;
  ClientResult<void> AddPart(const Contents& contents, const SplitPart& part);
  ClientResult<void> WriteDocument(const StateObjects& objects, const std::vector<SplitPart>& parts);
  ClientResult<void> WriteParts(const Contents& contents, const std::vector<SplitPart>& parts,
                                const std::vector<ObjectId>& attributes, StateJson& json, StateWriter& writer);

  const std::string destination_;
  const std::string key_;
  const bool strip_;
  // Goes last: only an empty folder can go.
  std::optional<NewFolder> folder_;
  std::vector<File> files_;
  std::optional<NewFile> state_;
  std::string told_key_;
  size_t told_names_ = 0;
  uint64_t told_bytes_ = 0;
};

}  // namespace airlock::cli
