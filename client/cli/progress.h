// A progress bar on stderr, for what takes longer than half a second on a terminal; silent otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace airlock::cli {

class Progress {
 public:
  explicit Progress(std::string_view file);
  // Wipes the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Not thread-safe, but calls may come from any thread in turn.
  void Update(uint64_t sent, uint64_t to_send, uint64_t received, uint64_t to_receive);

 private:
  const std::string file_;
  const bool enabled_;
  std::chrono::steady_clock::time_point next_;
  bool shown_ = false;
};

}  // namespace airlock::cli
