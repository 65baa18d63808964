#include "sandbox/formats/torch_legacy.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sandbox/base/checked.h"
#include "sandbox/base/keyed_hash.h"
#include "sandbox/base/little_endian.h"
#include "sandbox/formats/array_storages.h"
#include "sandbox/formats/placed_storages.h"
#include "sandbox/formats/window_source.h"
#include "sandbox/tensors/constructors.h"
#include "sandbox/tensors/dtypes.h"

namespace airlock::formats {
namespace {

using pickle::Kind;
using pickle::NodeId;

// 0x1950a86a20f9469cfc6c, little-endian.
constexpr std::string_view kMagic = "\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
constexpr int64_t kProtocolVersion = 1001;
constexpr size_t kStepBytes = size_t{1} << 16;

// Storages whose bytes come after the pickles: their length is known by the persistent ids, their place later.
class LegacyStorages final : public tensors::StorageResolver {
 public:
  LegacyStorages(const Input& input, Output& output, tensors::Tables& tables, uint64_t max_storages)
      : input_(input), output_(output), tables_(tables), max_storages_(max_storages) {}

  Result<uint32_t> Resolve(const tensors::StorageRequest& request) override {
    const auto [found, fresh] = by_key_.emplace(std::string(request.key), Entry{});
    Entry& entry = found->second;
    if (fresh) {
      if (by_key_.size() > max_storages_) return FailLimit("members", max_storages_, by_key_.size(), request.at);
      entry.storage = tables_.AddStorage({.device = tables_.Device(request.location), .nbytes = request.nbytes});
      entry.dtype = request.element();
    }
    const uint64_t nbytes = tables_.storage(entry.storage).nbytes;
    if (nbytes != request.nbytes) {
      return Fail(Reason::kStorageSizeMismatch,
                  "storage '" + std::string(request.key) + "' has " + std::to_string(nbytes) +
                      " bytes in one place and " + std::to_string(request.nbytes) + " in another",
                  request.at);
    }
    if (nbytes > 0 && entry.dtype != request.element()) {
      return Malformed("has a storage of two element types, of which torch takes the first", request.at);
    }
    AIRLOCK_TRY(CheckKeys(request, fresh));
    return entry.storage;
  }

  Result<std::optional<uint32_t>> Add(std::span<const uint8_t> bytes, uint32_t device) override {
    return AddStorageOf(bytes, device, output_, tables_);
  }

  // Takes the next storage from the stream.
  Result<void> Place(std::string_view key, WindowSource& source) {
    const auto found = by_key_.find(std::string(key));
    if (found == by_key_.end()) return Malformed("has data for a storage that nothing refers to", source.offset());
    Entry& entry = found->second;
    if (entry.placed) return Malformed("has data for one storage twice", source.offset());
    AIRLOCK_TRY(source.Need(sizeof(uint64_t)));
    const auto numel = LoadLittle<uint64_t>(source.peek());
    source.Skip(sizeof(uint64_t));
    tensors::Storage& storage = tables_.storage(entry.storage);
    if (CheckedMul(numel, tensors::ItemSize(entry.dtype)) != storage.nbytes) {
      return Fail(Reason::kStorageSizeMismatch,
                  "storage '" + std::string(key) + "' must have " + std::to_string(storage.nbytes) +
                      " bytes, the stream has " + std::to_string(numel) + " elements",
                  source.offset());
    }
    if (storage.nbytes > source.remaining()) {
      return Fail(Reason::kTruncated, "inside storage '" + std::string(key) + "'", source.offset());
    }
    const uint64_t from = source.offset();
    if (input_.in_place()) {
      storage = input_.StorageAt(from, storage.nbytes, storage.device);
    } else {
      AIRLOCK_TRY(Copy(from, entry.storage));
    }
    source.SkipTo(from + storage.nbytes);
    entry.placed = true;
    ++placed_;
    return {};
  }

  bool all_placed() const { return placed_ == by_key_.size(); }

  static Unexpected<Error> Malformed(const char* what, uint64_t offset) {
    return Fail(Reason::kLegacyMalformed, std::string("the legacy torch stream ") + what, offset);
  }

 private:
  struct Entry {
    uint32_t storage = 0;
    tensors::DType dtype = tensors::DType::kNone;  // of the first id: it says how long an element is
    bool placed = false;
  };

  struct View {
    uint32_t storage = 0;
    uint64_t offset = 0;
    uint64_t numel = 0;
    bool operator==(const View&) const = default;
  };

  // Torch keeps storages and views of them under their keys in one dict and takes what is there first: a key that names
  // two things is another thing to it than to us.
  Result<void> CheckKeys(const tensors::StorageRequest& request, bool fresh) {
    bool one = !fresh || !views_.contains(std::string(request.key));
    if (const auto& slice = request.slice) {
      const View view{by_key_.at(std::string(request.key)).storage, slice->offset, slice->numel};
      one = one && !by_key_.contains(std::string(slice->key)) &&
            views_.emplace(std::string(slice->key), view).first->second == view;
    }
    if (!one) return Malformed("has one key for two storages or views", request.at);
    return {};
  }

  // Of a stream that does not stand in the file: its bytes go to the output.
  Result<void> Copy(uint64_t from, uint32_t index) {
    tensors::Storage& storage = tables_.storage(index);
    AIRLOCK_ASSIGN(const uint64_t start, output_.Reserve(storage.nbytes));
    if (!checked_) checked_ = tables_.CheckedStorages();
    if (checked_->contains(index)) output_.Keep(start, storage.nbytes);
    std::vector<uint8_t> step(std::min<uint64_t>(storage.nbytes, kStepBytes));
    for (uint64_t done = 0; done < storage.nbytes; done += step.size()) {
      step.resize(std::min<uint64_t>(step.size(), storage.nbytes - done));
      AIRLOCK_TRY(input_.ReadAt(from + done, step));
      AIRLOCK_TRY(output_.WriteAt(start + done, step));
    }
    storage.place = tensors::Place::kOutput;
    storage.offset = start;
    return {};
  }

  const Input& input_;
  Output& output_;
  tensors::Tables& tables_;
  const uint64_t max_storages_;
  std::unordered_map<std::string, Entry, KeyedHash> by_key_;
  std::unordered_map<std::string, View, KeyedHash> views_;
  std::optional<std::unordered_set<uint32_t>> checked_;  // of what is copied; absent until something is
  size_t placed_ = 0;
};

Result<void> CheckPreamble(const pickle::Graph& graph, NodeId magic, NodeId version, NodeId machine, uint64_t offset) {
  if (!graph.is(magic, Kind::kBigInt) || graph.text(magic) != kMagic) {
    return LegacyStorages::Malformed("does not start with its magic number", 0);
  }
  if (!graph.is(version, Kind::kInt) || graph.integer(version) != kProtocolVersion) {
    return LegacyStorages::Malformed("has another version than 1001", offset);
  }
  // It says what byte order the machine had; the data is little-endian whatever it says.
  if (!graph.is(machine, Kind::kDict)) return LegacyStorages::Malformed("does not describe its machine", offset);
  return {};
}

Result<void> PlaceStorages(const pickle::Graph& graph, NodeId keys, LegacyStorages& storages, WindowSource& source) {
  if (!graph.is(keys, Kind::kList)) return LegacyStorages::Malformed("has no list of storage keys", source.offset());
  for (const NodeId key : graph.children(keys)) {
    if (!graph.is(key, Kind::kString) && !graph.is(key, Kind::kBytes)) {
      return LegacyStorages::Malformed("has a storage key that is no text", source.offset());
    }
    AIRLOCK_TRY(storages.Place(graph.text(key), source));
  }
  if (!storages.all_placed()) return LegacyStorages::Malformed("has no data for a storage", source.offset());
  if (!source.AtEnd()) return Fail(Reason::kTrailingBytes, "bytes follow the last storage", source.offset());
  return {};
}

}  // namespace

Result<void> DecodeTorchLegacy(const Input& input, Output& output, Checkpoint& checkpoint) {
  pickle::Context& context = checkpoint.context;
  LegacyStorages storages(input, output, checkpoint.tables, context.limits.members);
  ArrayStorages arrays(input, output);
  tensors::Constructors constructor(context, checkpoint.tables, storages, tensors::PersistentForm::kLegacy, arrays);
  WindowSource source(input, 0, input.size());
  AIRLOCK_ASSIGN(const NodeId magic, pickle::Decode(context, constructor, source, checkpoint.level));
  AIRLOCK_ASSIGN(const NodeId version, pickle::Decode(context, constructor, source, checkpoint.level));
  AIRLOCK_ASSIGN(const NodeId machine, pickle::Decode(context, constructor, source, checkpoint.level));
  AIRLOCK_TRY(CheckPreamble(context.graph, magic, version, machine, source.offset()));
  AIRLOCK_ASSIGN(const NodeId root, pickle::Decode(context, constructor, source, checkpoint.level));
  AIRLOCK_ASSIGN(const NodeId keys, pickle::Decode(context, constructor, source, checkpoint.level));
  checkpoint.root = root;
  return PlaceStorages(context.graph, keys, storages, source);
}

}  // namespace airlock::formats
