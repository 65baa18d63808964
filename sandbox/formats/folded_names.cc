#include "sandbox/formats/folded_names.h"

#include <algorithm>
#include <bit>

#include "sandbox/base/keyed_hash.h"
#include "sandbox/base/words.h"

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

// Other bits than those that choose the slot.
uint32_t TagOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

}  // namespace

uint64_t FoldedNames::HashOf(std::string_view name) const {
  name = WithoutSlash(name);
  folded_.resize((name.size() + 7) / 8);
  uint64_t* next = folded_.data();
  ForEachEight(name, '/', [&next](uint64_t word) { *next++ = LowerOfEight(word); });
  // Names that differ by what fills up the last word have one hash; they are compared.
  return KeyedHash()(std::string_view(reinterpret_cast<const char*>(folded_.data()), folded_.size() * 8));
}

size_t FoldedNames::SlotOf(const std::vector<ZipMember>& members, std::string_view name, uint64_t hash) const {
  name = WithoutSlash(name);
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.index == kFree) return at;
    if (slot.tag == TagOf(hash) && Alike(WithoutSlash(members[slot.index].name), name)) return at;
  }
}

// The hashes come first, so that the slots, which are all over the memory, can be fetched ahead.
std::optional<uint32_t> FoldedNames::Fill(const std::vector<ZipMember>& members) {
  constexpr size_t kAhead = 16;
  slots_.assign(std::bit_ceil(std::max<size_t>(2 * members.size(), 2)), Slot{});
  std::vector<uint64_t> hashes;
  hashes.reserve(members.size());
  for (const ZipMember& member : members) hashes.push_back(HashOf(member.name));
  for (size_t i = 0; i < members.size(); ++i) {
    if (i + kAhead < hashes.size()) __builtin_prefetch(&slots_[hashes[i + kAhead] & (slots_.size() - 1)], 1);
    Slot& slot = slots_[SlotOf(members, members[i].name, hashes[i])];
    if (slot.index != kFree) return static_cast<uint32_t>(i);
    slot = {static_cast<uint32_t>(i), TagOf(hashes[i])};
  }
  return std::nullopt;
}

std::optional<uint32_t> FoldedNames::Find(const std::vector<ZipMember>& members, std::string_view name) const {
  const Slot& slot = slots_[SlotOf(members, name, HashOf(name))];
  return slot.index == kFree ? std::nullopt : std::optional(slot.index);
}

}  // namespace airlock::formats
