#include "client/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "client/cli/escape.h"
#include "client/cli/output.h"

namespace airlock::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPatience{500};
constexpr milliseconds kPause{100};
constexpr size_t kBar = 24;

}  // namespace

Progress::Progress(std::string_view file)
    : file_(EscapeShort(file, 32)), enabled_(isatty(STDERR_FILENO) == 1), next_(steady_clock::now() + kPatience) {}

Progress::~Progress() {
  if (shown_) fprintf(stderr, "\r\x1b[K");
}

void Progress::Update(uint64_t sent, uint64_t to_send, uint64_t received, uint64_t to_receive) {
  const auto now = steady_clock::now();
  if (!enabled_ || now < next_) return;
  next_ = now + kPause;
  const bool sending = to_receive == 0 && to_send > 0;
  const uint64_t done = sending ? sent : received;
  const uint64_t all = std::max<uint64_t>(sending ? to_send : to_receive, 1);
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
  const auto filled = static_cast<size_t>(share * kBar);
  fprintf(stderr, "\r\x1b[K%s [%s%s] %3.0f%% of %s %s", file_.c_str(), std::string(filled, '#').c_str(),
          std::string(kBar - filled, '.').c_str(), share * 100, HumanBytes(all).c_str(), sending ? "sent" : "received");
  fflush(stderr);
  shown_ = true;
}

}  // namespace airlock::cli
