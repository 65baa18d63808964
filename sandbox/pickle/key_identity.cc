#include "sandbox/pickle/key_identity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "sandbox/pickle/integers.h"

namespace airlock::pickle {
namespace {

// Up to so many text keys are compared with each other; most dicts of a checkpoint are that small.
constexpr size_t kFewKeys = 12;
// Longer ones are compared by their numbers: each text is then read once, however many dicts have it for a key.
constexpr size_t kShortText = 256;
// Instead of the number of a node whose items do not all have theirs.
constexpr uint32_t kAtWork = UINT32_MAX;

// First bytes of keys: kinds of which members can be equal share one.
enum class Tag : char { kNumber = 'n', kText = 't', kItems = 'i', kMembers = 'm', kIdentity = '=', kComplex = 'c' };

template <typename T>
std::string KeyOf(Tag tag, T value, char detail = 0) {
  std::string key = {static_cast<char>(tag), detail};
  key.append(reinterpret_cast<const char*>(&value), sizeof(value));
  return key;
}

// An integer that a double has exactly, beyond 64 bits, as two's complement bytes.
std::string BigIntegerBytes(double value) {
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);  // value = fraction * 2^exponent
  const auto mantissa = static_cast<uint64_t>(std::ldexp(fraction, 53));
  const int shift = exponent - 53;  // at least 10: the value has more than 63 bits
  std::string bytes(static_cast<size_t>(shift) / 8 + 10, '\0');
  __extension__ using Wide = unsigned __int128;
  const Wide shifted = static_cast<Wide>(mantissa) << (shift % 8);
  std::memcpy(bytes.data() + shift / 8, &shifted, 9);
  if (value < 0) {
    bool carry = true;
    for (char& byte : bytes) {
      byte = static_cast<char>(static_cast<uint8_t>(~byte) + (carry ? 1 : 0));
      carry = carry && byte == 0;
    }
  }
  bytes.resize(ShortestTwosComplement(bytes).size());
  return bytes;
}

bool IsInteger(double value) { return std::isfinite(value) && std::trunc(value) == value; }

// [-2^63, 2^63)
bool FitsInt64(double value) { return value >= -0x1p63 && value < 0x1p63; }

}  // namespace

std::span<const NodeId> KeyIdentity::DistinctPairs(NodeId dict) { return Distinct(graph_.children(dict), 2); }
std::span<const NodeId> KeyIdentity::DistinctMembers(NodeId set) { return Distinct(graph_.children(set), 1); }

bool KeyIdentity::SurelyDistinct(std::span<const NodeId> children, size_t step) {
  if (children.size() <= step) return true;
  return children.size() <= kFewKeys * step ? FewTextsDiffer(children, step) : ManyKeysDiffer(children, step);
}

// Whether these are the very keys that FewTextsDiffer has looked at last.
bool KeyIdentity::AreLastKeys(std::span<const NodeId> children, size_t step) const {
  if (children.size() != last_keys_.size() * step) return false;
  for (size_t i = 0; i < last_keys_.size(); ++i) {
    if (children[i * step] != last_keys_[i]) return false;
  }
  return true;
}

bool KeyIdentity::FewTextsDiffer(std::span<const NodeId> children, size_t step) {
  // Rows of a table share their keys, which need to be compared for the first of them only.
  if (AreLastKeys(children, step)) return true;
  last_keys_.clear();
  for (size_t i = 0; i < children.size(); i += step) {
    if (!graph_.is(children[i], Kind::kString) || graph_.text(children[i]).size() > kShortText) return false;
    for (size_t j = 0; j < i; j += step) {
      if (graph_.text(children[i]) == graph_.text(children[j])) return false;
    }
  }
  for (size_t i = 0; i < children.size(); i += step) last_keys_.push_back(children[i]);
  return true;
}

bool KeyIdentity::IsPlainKey(NodeId node) const {
  if (graph_.is(node, Kind::kInt)) return true;
  return graph_.is(node, Kind::kString) && graph_.text(node).size() <= kShortText;
}

bool KeyIdentity::SamePlainKey(NodeId left, NodeId right) const {
  if (graph_.kind(left) != graph_.kind(right)) return false;
  if (graph_.is(left, Kind::kInt)) return graph_.integer(left) == graph_.integer(right);
  return graph_.text(left) == graph_.text(right);
}

uint64_t KeyIdentity::PlainHash(NodeId key) const {
  return graph_.is(key, Kind::kInt) ? KeyedHash()(static_cast<uint64_t>(graph_.integer(key)))
                                    : KeyedHash()(graph_.text(key));
}

// Open addressing, at most half full. A slot keeps half of its key's hash, so that texts are compared when they are
// equal and hardly ever otherwise. The hashes come first, so that the slots, which are all over the memory, can be
// fetched ahead.
bool KeyIdentity::ManyKeysDiffer(std::span<const NodeId> children, size_t step) {
  constexpr uint64_t kHashHalf = ~uint64_t{UINT32_MAX};
  constexpr size_t kAhead = 16;
  hashes_.clear();
  for (size_t i = 0; i < children.size(); i += step) {
    if (!IsPlainKey(children[i])) return false;
    hashes_.push_back(PlainHash(children[i]));
  }
  const size_t mask = std::bit_ceil(hashes_.size() * 2) - 1;
  slots_.assign(mask + 1, 0);
  for (size_t i = 0; i < hashes_.size(); ++i) {
    if (i + kAhead < hashes_.size()) __builtin_prefetch(&slots_[hashes_[i + kAhead] & mask], 1);
    const uint64_t half = hashes_[i] & kHashHalf;
    size_t at = hashes_[i] & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      const size_t other = (slots_[at] & ~kHashHalf) - 1;
      if ((slots_[at] & kHashHalf) == half && SamePlainKey(children[i * step], children[other * step])) return false;
    }
    slots_[at] = half | (i + 1);
  }
  return true;
}

std::span<const NodeId> KeyIdentity::Distinct(std::span<const NodeId> children, size_t step) {
  if (SurelyDistinct(children, step)) return children;
  distinct_.clear();
  distinct_.reserve(children.size());
  for (size_t i = 0; i < children.size(); i += step) {
    const uint32_t number = Canonical(children[i]);
    if (number >= place_.size()) place_.resize(std::max<size_t>(number + 1, place_.size() * 2), 0);
    if (place_[number] != 0) {
      if (step == 2) distinct_[place_[number]] = children[i + 1];
      continue;
    }
    // Index of the value, or anything but 0 where there is none.
    place_[number] = static_cast<uint32_t>(distinct_.size()) + 1;
    distinct_.insert(distinct_.end(), children.begin() + static_cast<std::ptrdiff_t>(i),
                     children.begin() + static_cast<std::ptrdiff_t>(i + step));
  }
  for (size_t i = 0; i < children.size(); i += step) place_[Canonical(children[i])] = 0;
  return distinct_.size() == children.size() ? children : std::span<const NodeId>(distinct_);
}

bool KeyIdentity::HasItems(NodeId node) const {
  const Kind kind = graph_.kind(node);
  return kind == Kind::kTuple || kind == Kind::kSize || kind == Kind::kFrozenSet || kind == Kind::kScalar;
}

// What a tuple or frozen set holds was there before it, so there are no cycles, unless what it holds became another
// (Graph::Become): then the number of a node that is still at work stands for it. An explicit stack, for depth.
uint32_t KeyIdentity::Canonical(NodeId node) {
  if (canonical_.size() < graph_.size()) canonical_.resize(graph_.size(), 0);
  if (canonical_[node] != 0) return canonical_[node];
  pending_.assign(1, node);
  while (!pending_.empty()) {
    const NodeId at = pending_.back();
    if (canonical_[at] == 0 && HasItems(at)) {
      canonical_[at] = kAtWork;
      for (const NodeId child : graph_.children(at)) {
        if (canonical_[child] == 0) pending_.push_back(child);
      }
      continue;
    }
    if (canonical_[at] == 0 || canonical_[at] == kAtWork) canonical_[at] = Number(at);
    pending_.pop_back();
  }
  return canonical_[node];
}

uint32_t KeyIdentity::NumberOf(std::string key) {
  const auto next = static_cast<uint32_t>(numbers_.size() + strings_.size() + 1);
  return numbers_.try_emplace(std::move(key), next).first->second;
}

// int, bool, float and complex of equal value are equal; NaN equals nothing but itself, by identity.
std::string KeyIdentity::FloatKey(NodeId node, double value) const {
  if (std::isnan(value)) return KeyOf(Tag::kIdentity, node);
  if (!IsInteger(value)) return KeyOf(Tag::kNumber, value, 'f');
  if (FitsInt64(value)) return KeyOf(Tag::kNumber, static_cast<int64_t>(value), 'i');
  return std::string({static_cast<char>(Tag::kNumber), 'b'}) + BigIntegerBytes(value);
}

uint32_t KeyIdentity::NumberOfItems(NodeId node, Kind kind) {
  std::vector<uint32_t> numbers;
  for (const NodeId child : graph_.children(node)) numbers.push_back(canonical_[child]);
  Tag tag = Tag::kItems;
  if (kind == Kind::kFrozenSet) {
    tag = Tag::kMembers;
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  }
  std::string key(1, static_cast<char>(tag));
  key.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(uint32_t));
  return NumberOf(std::move(key));
}

uint32_t KeyIdentity::Number(NodeId node) {
  switch (const Kind kind = graph_.kind(node)) {
    case Kind::kString: {
      const auto next = static_cast<uint32_t>(numbers_.size() + strings_.size() + 1);
      return strings_.try_emplace(graph_.text(node), next).first->second;
    }
    case Kind::kFalse:
    case Kind::kTrue:
      return NumberOf(KeyOf(Tag::kNumber, int64_t{kind == Kind::kTrue}, 'i'));
    case Kind::kInt:
      return NumberOf(KeyOf(Tag::kNumber, graph_.integer(node), 'i'));
    case Kind::kBigInt:
      return NumberOf(std::string({static_cast<char>(Tag::kNumber), 'b'}) + std::string(graph_.text(node)));
    case Kind::kFloat:
      return NumberOf(FloatKey(node, graph_.real(node)));
    case Kind::kComplex: {
      if (graph_.imaginary(node) == 0) return NumberOf(FloatKey(node, graph_.real(node)));
      const double real = graph_.real(node) + 0.0;  // -0.0 is 0.0
      if (std::isnan(real) || std::isnan(graph_.imaginary(node))) return NumberOf(KeyOf(Tag::kIdentity, node));
      return NumberOf(KeyOf(Tag::kComplex, real) + KeyOf(Tag::kComplex, graph_.imaginary(node)));
    }
    case Kind::kBytes:
    case Kind::kDType:
    case Kind::kLayout:
    case Kind::kDevice:
    case Kind::kNumpyDType:
      // Bytes that were left in the input are not read for this: nobody writes such keys, and two of them stay two.
      if (graph_.span(node)) return NumberOf(KeyOf(Tag::kIdentity, node));
      return NumberOf(std::string({static_cast<char>(Tag::kText), static_cast<char>(kind)}) +
                      std::string(graph_.text(node)));
    case Kind::kTuple:
    case Kind::kSize:
    case Kind::kFrozenSet:
      return NumberOfItems(node, kind);
    case Kind::kScalar: {
      const uint32_t value = canonical_[graph_.children(node)[1]];  // equal to the number that it is
      return value != kAtWork ? value : NumberOf(KeyOf(Tag::kIdentity, node));
    }
    case Kind::kSymbol:
      return NumberOf(KeyOf(Tag::kIdentity, graph_.symbol(node), 's'));
    default:
      return NumberOf(KeyOf(Tag::kIdentity, node));
  }
}

}  // namespace airlock::pickle
