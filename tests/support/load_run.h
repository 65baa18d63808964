// What the programs share that load from one daemon over and over: a load with its time, threads of them, and what is
// said of those that went wrong.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "airlock/client.h"

namespace airlock::testing {

// Throws where there is no daemon.
inline Client Connected(const std::string& address) {
  auto client = Client::Connect(address);
  if (!client.ok()) throw std::runtime_error(client.error().message);
  return std::move(client).value();
}

struct TimedLoad {
  ClientResult<Checkpoint> result;
  double milliseconds;

  std::string ending() const { return result.ok() ? "CLEAN" : result.error().reason_name(); }
  // A line for people.
  std::string Told() const {
    return ending() + " after " + std::to_string(milliseconds) + " ms" +
           (result.ok() ? "" : ": " + result.error().message);
  }
};

inline TimedLoad LoadTimed(const Client& client, const Source& source, const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto result = client.Load(source, options);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return {std::move(result), took.count()};
}

// Calls work(0) to work(count - 1), each on a thread of its own, and `meanwhile` here. The seconds until all are done.
inline double OnThreads(
    size_t count, const std::function<void(size_t)>& work, const std::function<void()>& meanwhile = [] {}) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) threads.emplace_back(work, i);
  meanwhile();
  for (std::thread& thread : threads) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline std::vector<std::string> First(const std::vector<std::string>& lines, size_t most) {
  return {lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(std::min(lines.size(), most))};
}

}  // namespace airlock::testing
