// ZipStorages: the storages of a torch zip. Stored little-endian members are spans of the input and never read;
// deflated and big-endian ones are rewritten into the output once the pickle has said how.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sandbox/base/growing_array.h"
#include "sandbox/base/keyed_hash.h"
#include "sandbox/formats/inflate.h"
#include "sandbox/formats/input.h"
#include "sandbox/formats/zip_directory.h"
#include "sandbox/pickle/machine.h"
#include "sandbox/tensors/storage_resolver.h"
#include "sandbox/tensors/tables.h"

namespace airlock::formats {

// Borrows all that it is given.
class ZipStorages final : public tensors::StorageResolver {
 public:
  // The member of key K is `folder` + K + `suffix`.
  ZipStorages(const Input& input, Output& output, const ZipDirectory& directory, std::string folder, bool big_endian,
              pickle::Context& context, tensors::Tables& tables, std::string suffix = {})
      : input_(input),
        output_(output),
        directory_(directory),
        folder_(std::move(folder)),
        suffix_(std::move(suffix)),
        big_endian_(big_endian),
        context_(context),
        tables_(tables),
        entry_of_(directory.members().size(), 0) {}

  Result<uint32_t> Resolve(const tensors::StorageRequest& request) override;
  bool HasData(const tensors::StorageRequest& request) override;
  // From now on an empty member for a storage that is not empty says that its data was left out.
  void MayLackData() { may_lack_data_ = true; }

  Result<std::optional<uint32_t>> Add(std::span<const uint8_t> bytes, uint32_t device) override;

  // After the pickle: writes what must be rewritten, and points the storages there.
  Result<void> Rewrite();
  // Whether some storage is made of this member, or would be, had it data.
  bool Uses(const ZipMember& member) const {
    return entry_of_[IndexOf(member)] != 0 || lacking_.contains(IndexOf(member));
  }

 private:
  struct Entry {
    uint64_t nbytes;
    const ZipMember* member;  // nullptr: an empty storage without one
    uint32_t storage;
    tensors::DType dtype;  // of the first id
    uint8_t swap_size;     // 0: not known yet
  };

  size_t IndexOf(const ZipMember& member) const { return static_cast<size_t>(&member - directory_.members().data()); }
  // `member` has the bytes, if any has.
  Result<Entry> Open(const tensors::StorageRequest& request, const ZipMember* member);
  // Two views of a big-endian storage must agree on what an element is.
  Result<void> AgreeOnSwap(Entry& entry, tensors::DType dtype);
  Result<void> AgreeOnViews();
  // Whether its bytes do not stand in the file as they are needed.
  bool IsMoved(const Entry& entry) const;
  // What others could move while the largest storage is moved here; 0 where that is not worth decoding the file again.
  uint64_t Shareable() const;
  Result<void> RewriteOne(const Entry& entry, bool keep);
  // Whether it is deflated, and inflated as a whole; then there is room for it.
  bool MovesWhole(const ZipMember& member);
  // Write the member's bytes to the output from `start` on, and say their CRC-32.
  Result<uint32_t> MoveWhole(const Entry& entry, uint64_t start);
  Result<uint32_t> MoveInSteps(const Entry& entry, uint64_t start);

  const Input& input_;
  Output& output_;
  const ZipDirectory& directory_;
  const std::string folder_;
  const std::string suffix_;
  bool big_endian_;
  pickle::Context& context_;
  tensors::Tables& tables_;
  GrowingArray<Entry> entries_;
  std::string path_;  // scratch
  std::optional<WholeInflater> whole_;
  // Index in entries_ plus 1, 0 where there is none yet: by member, and by path for empty storages without one.
  std::vector<uint32_t> entry_of_;
  std::unordered_map<std::string, uint32_t, KeyedHash> without_member_;
  bool may_lack_data_ = false;
  std::unordered_set<size_t> lacking_;
  size_t next_ = 0;  // where the next storage's member is, most likely
};

// The first `length` bytes of a member. REQUIRES: length <= member.size; the caller has a limit for it.
Result<std::string> ReadText(const Input& input, const ZipMember& member, uint64_t length);

// The finding of a checksum that is not the member's: torch itself never checks, and has a switch that leaves them out.
void NoteWrongCrc(pickle::Context& context, const ZipMember& member);

}  // namespace airlock::formats
