// NestedStreams: the streams that stand in byte strings of a checkpoint, decoded under the same rules and the same
// budget, one level deeper. Two ways lead to them:
//
// - A loader is called on bytes (`torch.storage._load_from_bytes`, `pickle.loads`): Load, while the pickle runs. What
// the
//   stream holds takes the place of the call.
// - A value is a stream by its content (a torch zip, a torch legacy stream, a pickle): DecodeValues, afterwards. The
// value
//   becomes a kStream node, which has both the bytes and what they hold. Bytes that were left in the file are not in
//   it: nobody needs them twice.
//
// Storages of a stream are spans of the file where the stream stands there as it is, and copies in the output
// otherwise. What does not decode stays bytes; the names that it mentions are reported all the same.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/input.h"
#include "sandbox/pickle/streams.h"

namespace airlock::formats {

// Borrows all that it is given; `file` is the whole input. Not thread-safe.
class NestedStreams final : public pickle::Streams {
 public:
  NestedStreams(const Input& file, Output& output, Checkpoint& checkpoint)
      : file_(file), output_(output), checkpoint_(checkpoint), graph_(checkpoint.context.graph) {}

  Result<pickle::NodeId> Load(pickle::NodeId bytes, pickle::Loader loader, uint64_t offset) override;

  // Every value that the root reaches, or that another root of what was read does, and every value in what these hold.
  Result<void> DecodeValues();

  // At the end: says how many streams the list has no room for.
  void NoteLeftOut();

 private:
  // Once a load.
  void NoteLoader(uint64_t offset);
  enum class Guess : uint8_t { kNone, kZip, kLegacy, kPickle };
  // What is to be decoded. `node` is a kBytes, kByteArray or kString.
  struct Candidate {
    pickle::NodeId node = pickle::kNoNode;
    Guess guess = Guess::kNone;
    uint32_t level = 0;
    std::string where;
  };
  struct Stream {
    pickle::NodeId root = pickle::kNoNode;  // none: it does not decode
    Format format = Format::kUnknown;
  };

  Result<Stream> Decode(const Candidate& candidate);
  Result<Stream> DecodeInput(const Input& input, const Candidate& candidate);
  Result<void> Read(const Input& input, const Candidate& candidate, Stream& stream);
  Result<void> CheckPlaces(const Input& input, size_t first) const;
  Result<void> RunChecks(size_t first);
  void NameSince(size_t rows, size_t findings, const std::string& where);
  Result<void> Charge(uint64_t bytes);

  bool AnyStream() const;
  Guess GuessOf(pickle::NodeId node) const;
  std::string Head(pickle::NodeId node) const;
  // Absent: a text that has more than bytes.
  std::optional<std::vector<uint8_t>> CopyOf(pickle::NodeId node) const;
  uint32_t LevelOf(pickle::NodeId node) const { return node < levels_.size() ? levels_[node] : 0; }
  void ForgetStorages(size_t first);
  void MarkLevel(size_t first_node, uint32_t level);

  const Input& file_;
  Output& output_;
  Checkpoint& checkpoint_;
  pickle::Graph& graph_;
  std::unordered_set<uint64_t> in_place_;  // offsets of the streams that storages in the file belong to
  std::vector<uint8_t> levels_;            // by node, as far as one is in a stream
  bool told_of_loader_ = false;
};

}  // namespace airlock::formats
