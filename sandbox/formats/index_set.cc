#include "sandbox/formats/index_set.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/formats/part.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;
using pickle::Severity;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr Format kShardFormats[] = {Format::kSafetensors, Format::kTorchZip, Format::kTorchLegacy, Format::kTorchTar};

// A name that is not plainly one of a file in the same folder, on whatever system.
bool LeavesFolder(std::string_view name) {
  return name == "." || name == ".." || name.find_first_of("/\\:") != std::string_view::npos;
}

class Assembly {
 public:
  Assembly(const Input& input, const SetFile& index_file, const SetIndex& index, Output& output, Checkpoint& checkpoint)
      : input_(input),
        index_file_(index_file),
        index_(index),
        output_(output),
        checkpoint_(checkpoint),
        graph_(checkpoint.context.graph) {}

  Result<void> Run() {
    for (const auto& [tensor, file] : index_.weight_map) {
      if (tensor == kMetadataKey) return Malformed("the index gives the name '__metadata__' to a tensor");
      AIRLOCK_TRY(ReadShard(file));
    }
    AIRLOCK_TRY(PickAll());
    NoteUnlisted();
    checkpoint_.format = Format::kSharded;
    return {};
  }

 private:
  struct Found {
    NodeId node = pickle::kNoNode;
    size_t shard = 0;
    bool listed = false;
  };

  Unexpected<Error> Malformed(const std::string& what) const {
    return Fail(Reason::kSetMalformed, index_file_.name + ": " + what, index_file_.start);
  }

  // Each once, in the order in which the index comes to it.
  Result<void> ReadShard(const std::string& name) {
    if (shards_.contains(name)) return {};
    if (name.empty()) return Malformed("a tensor in a file without a name");
    if (LeavesFolder(name)) {
      return Fail(Reason::kNameLeavesFolder, index_file_.name + ": '" + name + "'", index_file_.start);
    }
    const SetFile* file = input_.set()->Find(name);
    if (file == nullptr) return Malformed("the file '" + name + "' is not in the folder");
    AIRLOCK_ASSIGN(const Part part, DecodePart(input_, file->start, file->size, {.name = name, .in_archive = false},
                                               output_, checkpoint_));
    if (std::ranges::find(kShardFormats, part.format) == std::end(kShardFormats)) {
      return Fail(Reason::kUnsupportedFeature, name + ": a file of a format that is no shard", file->start);
    }
    const size_t shard = shards_.size();
    shards_.emplace(name, shard);
    names_.push_back(name);
    checkpoint_.read_roots.push_back(part.root);
    return TakeNames(*file, part, shard);
  }

  Result<void> TakeNames(const SetFile& file, const Part& part, size_t shard) {
    if (!graph_.is(part.root, Kind::kDict) && !graph_.is(part.root, Kind::kOrderedDict)) {
      return Fail(Reason::kSetMalformed, file.name + ": a shard whose root is no dict", file.start);
    }
    const std::span<const NodeId> children = graph_.children(part.root);
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      if (!graph_.is(children[i], Kind::kString)) {
        return Fail(Reason::kSetMalformed, file.name + ": a shard with a name that is no text", file.start);
      }
      const std::string_view name = graph_.text(children[i]);
      if (name == kMetadataKey && part.format == Format::kSafetensors) continue;
      const auto [found, fresh] = tensors_.emplace(std::string(name), Found{.node = children[i + 1], .shard = shard});
      if (fresh) continue;
      return Fail(Reason::kSetAmbiguous,
                  "'" + std::string(name) + "' is in " + names_[found->second.shard] + " and in " + file.name,
                  file.start);
    }
    return {};
  }

  Unexpected<Error> Missing(const std::string& tensor, const std::string& file) const {
    return Malformed("'" + tensor + "' is not in " + file);
  }

  Result<void> PickAll() {
    std::vector<NodeId> pairs;
    if (index_.metadata != pickle::kNoNode) {
      pairs.push_back(graph_.Text(Kind::kString, kMetadataKey));
      pairs.push_back(index_.metadata);
    }
    for (const auto& [tensor, file] : index_.weight_map) {
      const auto found = tensors_.find(tensor);
      if (found == tensors_.end() || found->second.shard != shards_.at(file)) {
        return Missing(tensor, file);
      }
      found->second.listed = true;
      pairs.push_back(graph_.Text(Kind::kString, tensor));
      pairs.push_back(found->second.node);
    }
    checkpoint_.root = graph_.Container(Kind::kDict, pairs);
    return {};
  }

  // Some readers take all that a shard holds, others what the index lists.
  void NoteUnlisted() {
    std::vector<std::pair<size_t, std::string_view>> unlisted;
    for (const auto& [name, found] : tensors_) {
      if (!found.listed) unlisted.emplace_back(found.shard, name);
    }
    std::ranges::sort(unlisted);
    for (const auto& [shard, name] : unlisted) {
      pickle::AddFinding(checkpoint_.context,
                         {.id = "set.unlisted-tensor",
                          .severity = Severity::kWarning,
                          .message = "'" + std::string(name) + "' is in the shard and not in the index",
                          .where = names_[shard],
                          .offset = input_.set()->Find(names_[shard])->start});
    }
  }

  const Input& input_;
  const SetFile& index_file_;
  const SetIndex& index_;
  Output& output_;
  Checkpoint& checkpoint_;
  pickle::Graph& graph_;
  std::unordered_map<std::string, size_t, KeyedHash> shards_;
  std::vector<std::string> names_;  // of the shards
  std::unordered_map<std::string, Found, KeyedHash> tensors_;
};

}  // namespace

Result<void> DecodeIndexSet(const Input& input, const SetFile& index_file, const SetIndex& index, Output& output,
                            Checkpoint& checkpoint) {
  return Assembly(input, index_file, index, output, checkpoint).Run();
}

}  // namespace airlock::formats
