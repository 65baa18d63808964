// A hash with a secret: a file cannot be written so that its names or keys all collide, because the secret differs from
// process to process. It comes from the bytes that the kernel leaves in every process (AT_RANDOM), so no system call is
// made.
#pragma once

#include <sys/auxv.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace airlock {

class KeyedHash {
 public:
  // With std::equal_to<>, tables of strings are asked by views.
  using is_transparent = void;

  size_t operator()(std::string_view text) const {
    const auto [first, second] = Secret();
    uint64_t hash = Mix(first ^ text.size(), second);
    for (; text.size() >= 8; text.remove_prefix(8)) hash = Mix(hash ^ Load(text, 8), second);
    return Mix(hash ^ Load(text, text.size()), first);
  }
  size_t operator()(uint64_t number) const {
    const auto [first, second] = Secret();
    return Mix(Mix(number ^ first, second), first);
  }

 private:
  static uint64_t Load(std::string_view text, size_t count) {
    uint64_t word = 0;
    if (count != 0) std::memcpy(&word, text.data(), count);
    return word;
  }

  static uint64_t Mix(uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  static std::array<uint64_t, 2> Secret() {
    static const std::array<uint64_t, 2> secret = [] {
      std::array<uint64_t, 2> bytes{};
      // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the kernel hands it over
      if (const auto* random = reinterpret_cast<const void*>(getauxval(AT_RANDOM))) {
        std::memcpy(bytes.data(), random, sizeof(bytes));
      }
      return std::array<uint64_t, 2>{bytes[0] | 1, bytes[1] | 1};
    }();
    return secret;
  }
};

}  // namespace airlock
