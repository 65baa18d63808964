// airlock-worker-hostile: a worker that hostile bytes have taken over completely. Spawner, walls and protocol are those
// of airlock-worker; instead of decoding it does what the fake checkpoint says (README.md).
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "sandbox/walls/worker_fds.h"
#include "sandbox/worker/frame_writer.h"
#include "sandbox/worker/program.h"
#include "tests/hostile/deeds.h"
#include "tests/hostile/hostile_acts.h"
#include "tests/hostile/targets.h"

namespace {

constexpr char kMark[] = "AIRLOCK-HOSTILE ";
constexpr size_t kMarkLength = sizeof(kMark) - 1;

// 0: not a checkpoint of ours.
uint32_t ReadInstruction() {
  char text[airlock::hostile::kTargetsOffset] = {};
  if (pread(airlock::walls::kInputFd, text, sizeof(text) - 1, 0) <= 0) return 0;
  if (std::strncmp(text, kMark, kMarkLength) != 0) return 0;
  uint32_t id = 0;
  for (const char* at = text + kMarkLength; *at >= '0' && *at <= '9'; ++at)
    id = id * 10 + static_cast<uint32_t>(*at - '0');
  return id;
}

void ReadTargets() {
  airlock::hostile::Targets read;
  const ssize_t size = pread(airlock::walls::kInputFd, &read, sizeof(read), airlock::hostile::kTargetsOffset);
  if (size == sizeof(read)) airlock::hostile::targets = read;
}

void Say(uint32_t reason, const char* message) {
  airlock::worker::v1::Frame frame;
  frame.mutable_done()->set_reason(reason);
  frame.mutable_done()->set_message(message);
  airlock::worker::WriteFrame(frame);
}

// Whoever comes here with an act of its own has survived it: no broker takes this for an answer.
void SaySurvived(long result) {
  char message[40];
  std::snprintf(message, sizeof(message), "survived %ld;", result);
  Say(0, message);
}

void Obey(const airlock::worker::v1::Job& job) {
  using namespace airlock::hostile;  // NOLINT(google-build-using-namespace)
  constexpr uint32_t kNotACheckpoint = 40;
  const uint32_t id = ReadInstruction();
  if (id == 0) return Say(kNotACheckpoint, "no instruction");
  ReadTargets();
  if (TellShareLie(id, job) || TellPlanLie(id, job) || TellGraphLie(id, job) || TellFrameLie(id, job)) return;
  long result = 0;
  if (PerformSyscall(id, result) || PerformDeed(id, result) || PerformAct(id)) return SaySurvived(result);
  Say(kNotACheckpoint, "unknown instruction");
}

}  // namespace

int main(int argc, char** argv) { return airlock::worker::RunProgram(argc, argv, Obey); }
