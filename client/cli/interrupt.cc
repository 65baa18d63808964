#include "client/cli/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

namespace airlock::cli {
namespace {

std::mutex mutex;
const Client* client = nullptr;
std::atomic<int> caught{0};

sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

void Watch() {
  const sigset_t set = Signals();
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (caught.exchange(signal) != 0) _exit(128 + signal);
    const std::lock_guard lock(mutex);
    if (client != nullptr) client->Cancel();
  }
}

}  // namespace

void CatchSignals() {
  const sigset_t set = Signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A reader that has seen enough is no reason to leave things behind: writes fail instead.
  signal(SIGPIPE, SIG_IGN);
  std::thread(Watch).detach();
}

bool Interrupted() { return caught != 0; }

CancelOnSignal::CancelOnSignal(const Client& subject) {
  const std::lock_guard lock(mutex);
  client = &subject;
  if (caught != 0) subject.Cancel();
}

CancelOnSignal::~CancelOnSignal() {
  const std::lock_guard lock(mutex);
  client = nullptr;
}

void DieBySignal() {
  const int number = caught;
  if (number == 0) return;
  const sigset_t set = Signals();
  signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(number);
}

}  // namespace airlock::cli
