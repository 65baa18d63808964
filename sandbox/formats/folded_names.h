// FoldedNames: finds a member of an archive by its name, whatever the case of its letters. Torch's reader looks names
// up so; "a" and "a/" are one name to whoever extracts.
//
// An open table of indices: the names stay where the caller has them, and a look-up allocates nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sandbox/formats/zip_member.h"

namespace airlock::formats {

class FoldedNames {
 public:
  // Takes the names of all `members`. The index of the first that has the name of one before it, where there is one:
  // then the table is not to be asked.
  std::optional<uint32_t> Fill(const std::vector<ZipMember>& members);
  std::optional<uint32_t> Find(const std::vector<ZipMember>& members, std::string_view name) const;

 private:
  struct Slot {
    uint32_t index = kFree;
    uint32_t tag = 0;  // other bits of the hash than those that chose the slot
  };
  static constexpr uint32_t kFree = UINT32_MAX;

  uint64_t HashOf(std::string_view name) const;
  // The slot that has the name, or the free one where it would be.
  size_t SlotOf(const std::vector<ZipMember>& members, std::string_view name, uint64_t hash) const;

  std::vector<Slot> slots_;               // a power of two, at most half of them taken
  mutable std::vector<uint64_t> folded_;  // scratch: a name in lower case
};

}  // namespace airlock::formats
