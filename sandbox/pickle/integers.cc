#include "sandbox/pickle/integers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace airlock::pickle {
namespace {

// Decimal digits that a 64-bit limb takes in one step.
constexpr size_t kStep = 18;

void MultiplyAdd(std::vector<uint64_t>& limbs, uint64_t factor, uint64_t carry) {
  __extension__ using Wide = unsigned __int128;
  for (uint64_t& limb : limbs) {
    const Wide wide = static_cast<Wide>(limb) * factor + carry;
    limb = static_cast<uint64_t>(wide);
    carry = static_cast<uint64_t>(wide >> 64);
  }
  if (carry != 0) limbs.push_back(carry);
}

void Negate(std::vector<uint64_t>& limbs) {
  bool carry = true;
  for (uint64_t& limb : limbs) {
    limb = ~limb + (carry ? 1 : 0);
    carry = carry && limb == 0;
  }
}

}  // namespace

std::string_view ShortestTwosComplement(std::string_view bytes) {
  const auto byte = [&](size_t from_end) { return static_cast<uint8_t>(bytes[bytes.size() - from_end]); };
  while (bytes.size() >= 2) {
    const bool negative = (byte(2) & 0x80) != 0;
    if (byte(1) != (negative ? 0xFF : 0x00)) break;
    bytes.remove_suffix(1);
  }
  if (bytes.size() == 1 && bytes[0] == 0) bytes.remove_suffix(1);
  return bytes;
}

std::string TwosComplementOf(std::string_view digits, bool negative) {
  std::vector<uint64_t> limbs;
  while (!digits.empty()) {
    // The first step takes what is over, so that all others are full.
    const size_t count = digits.size() % kStep == 0 ? kStep : digits.size() % kStep;
    uint64_t value = 0;
    uint64_t factor = 1;
    for (const char digit : digits.substr(0, count)) {
      value = value * 10 + static_cast<uint64_t>(digit - '0');
      factor *= 10;
    }
    MultiplyAdd(limbs, factor, value);
    digits.remove_prefix(count);
  }
  limbs.push_back(0);  // the sign
  if (negative) Negate(limbs);
  std::string bytes(limbs.size() * sizeof(uint64_t), '\0');
  std::memcpy(bytes.data(), limbs.data(), bytes.size());
  bytes.resize(ShortestTwosComplement(bytes).size());
  return bytes;
}

}  // namespace airlock::pickle
