// Meter: the progress of one call, as its caller wants to hear of it. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>

#include "airlock/client.h"

namespace airlock {

class Meter {
 public:
  explicit Meter(const CallOptions& options) : report_(options.progress) {}
  void Sent(uint64_t bytes, uint64_t total) { Update(sent_, bytes, to_send_, total); }
  void Received(uint64_t bytes, uint64_t total) { Update(received_, bytes, to_receive_, total); }

 private:
  void Update(uint64_t& done, uint64_t bytes, uint64_t& all, uint64_t total) {
    if (!report_) return;
    done = bytes;
    all = total;
    report_(sent_, to_send_, received_, to_receive_);
  }

  const std::function<void(uint64_t, uint64_t, uint64_t, uint64_t)>& report_;
  uint64_t sent_ = 0, to_send_ = 0, received_ = 0, to_receive_ = 0;
};

}  // namespace airlock
