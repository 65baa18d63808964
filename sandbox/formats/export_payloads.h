// ExportPayloads: what one folder of a torch.export archive (torch 2.8 and later) holds, weights or constants. JSON
// lists it by name; a tensor's bytes are a member, other values are members that torch saved.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/payload_config.h"
#include "sandbox/formats/torch_archive.h"
#include "sandbox/tensors/dtypes.h"

namespace airlock::formats {

// Borrows all that it is given. Not thread-safe.
class ExportPayloads {
 public:
  ExportPayloads(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory,
                 TorchArchive& archive, std::string_view folder)
      : input_(input),
        output_(output),
        checkpoint_(checkpoint),
        graph_(checkpoint.context.graph),
        archive_(archive),
        folder_(folder),
        storages_(input, output, directory, std::string(directory.root()) + "/" + folder_, false, checkpoint.context,
                  checkpoint.tables) {}

  // A dict by name of what the config lists. It is `model`_`suffix`.json, or, of a first version of the format,
  // `model`.pt, a checkpoint that has the dict.
  Result<pickle::NodeId> Decode(const std::string& model, std::string_view suffix);

  // After all configs.
  Result<void> Finish() {
    AIRLOCK_TRY(storages_.Rewrite());
    archive_.UseAllOf(storages_);
    return {};
  }

 private:
  const ZipMember* Find(const std::string& name) { return archive_.Record(folder_ + name); }
  Result<pickle::NodeId> DecodePayload(const Payload& payload);
  Result<pickle::NodeId> MakeTensor(const Payload& payload, const ZipMember& member);
  // Fails where it is not what its member can hold.
  Result<const tensors::DTypeRow*> CheckTensor(const Payload& payload, const ZipMember& member) const;
  pickle::NodeId MakeMeta(const PayloadTensor& tensor, const tensors::DTypeRow& dtype, const ZipMember& member);

  const Input& input_;
  Output& output_;
  Checkpoint& checkpoint_;
  pickle::Graph& graph_;
  TorchArchive& archive_;
  const std::string folder_;
  ZipStorages storages_;
  std::unordered_map<std::string, pickle::NodeId, KeyedHash> saved_;  // by path: checkpoints that were decoded
  bool told_of_meta_ = false;
};

}  // namespace airlock::formats
