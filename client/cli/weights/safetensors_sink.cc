#include "client/cli/weights/safetensors_sink.h"

#include <utility>

#include "client/cli/listing.h"
#include "client/cli/weights/weight_names.h"

namespace airlock::cli {

ClientResult<std::vector<uint32_t>> SafetensorsSink::Begin(const Contents& contents) {
  AIRLOCK_ASSIGN(Weights weights, ChooseWeights(contents, choice_.key));
  AIRLOCK_TRY(KeepChosen(contents, weights));
  AIRLOCK_TRY(CheckBlocks(weights));
  if (choice_.strip) StripPrefixes(weights.tensors);
  AIRLOCK_ASSIGN(SafetensorsFile file, SafetensorsFile::LayOut(contents, weights.tensors));
  key_ = std::move(weights.key);
  file_.emplace(std::move(file));
  AIRLOCK_TRY(file_->Create(destination_));
  std::vector<uint32_t> wanted = file_->Tensors();
  repeated_ = file_->names() - wanted.size();
  return wanted;
}

ClientResult<void> SafetensorsSink::KeepChosen(const Contents& contents, Weights& weights) const {
  if (choice_.select.empty()) return {};
  const std::string path = weights.key.empty() ? "" : weights.key + ".";
  std::erase_if(weights.tensors, [&](const NamedTensor& entry) {
    const bool left_out = contents.storage(contents.tensor(entry.tensor).storage).left_out();
    return left_out || !Chosen(choice_.select, std::string(path).append(entry.name));
  });
  if (weights.tensors.empty()) return Unexpected{NothingChosen()};
  return {};
}

ClientResult<void> SafetensorsSink::Elements(uint32_t tensor, uint64_t offset, std::string_view bytes) {
  return file_->Write(tensor, offset, bytes);
}

ClientResult<bool> SafetensorsSink::ElementsOfFile(uint32_t tensor, int fd, uint64_t offset, uint64_t bytes) {
  if (bytes < kWorthCopying) return false;
  AIRLOCK_TRY(file_->Copy(tensor, fd, offset, bytes));
  return true;
}

}  // namespace airlock::cli
