#include "sandbox/formats/folded_names.h"

#include <algorithm>
#include <bit>

#include "sandbox/base/keyed_hash.h"

namespace airlock::formats {
namespace {

char Folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view WithoutSlash(std::string_view name) {
  return name.ends_with('/') ? name.substr(0, name.size() - 1) : name;
}

bool Alike(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Folded(x) == Folded(y); });
}

}  // namespace

void FoldedNames::Reserve(size_t names) { slots_.assign(std::bit_ceil(std::max<size_t>(2 * names, 2)), Slot{}); }

size_t FoldedNames::SlotOf(const std::vector<ZipMember>& members, std::string_view name, uint32_t& tag) const {
  name = WithoutSlash(name);
  folded_.resize(name.size());
  std::transform(name.begin(), name.end(), folded_.begin(), Folded);
  const uint64_t hash = KeyedHash()(std::string_view(folded_));
  tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.index == kFree) return at;
    if (slot.tag == tag && Alike(WithoutSlash(members[slot.index].name), name)) return at;
  }
}

bool FoldedNames::AddLast(const std::vector<ZipMember>& members) {
  uint32_t tag = 0;
  Slot& slot = slots_[SlotOf(members, members.back().name, tag)];
  if (slot.index != kFree) return false;
  slot = {static_cast<uint32_t>(members.size() - 1), tag};
  return true;
}

std::optional<uint32_t> FoldedNames::Find(const std::vector<ZipMember>& members, std::string_view name) const {
  uint32_t tag = 0;
  const Slot& slot = slots_[SlotOf(members, name, tag)];
  return slot.index == kFree ? std::nullopt : std::optional(slot.index);
}

}  // namespace airlock::formats
