// What all peers have in common: one round for each line on stdin, one JSON object of its seconds on stdout.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace airlock::bench {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The sum of all bytes taken as 64-bit words: every byte is read, and two that loaded the same agree.
inline uint64_t SumOfWords(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    sum += word;
  }
  uint64_t rest = 0;
  std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  return sum + rest;
}

template <typename Round>
void RunRounds(const Round& round) {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << nlohmann::json(round()).dump() << std::endl;
}

}  // namespace airlock::bench
