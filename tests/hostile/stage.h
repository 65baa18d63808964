// The stage for attacks: files, sockets, a victim, shared memory, all made for the purpose, and fresh for each attack.
// Tells afterwards what really happened, whatever the attacker says. REQUIRES: root, and one thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "sandbox/base/fd.h"
#include "tests/hostile/targets.h"

namespace airlock::hostile {

class Stage {
 public:
  // `marker`: path of the small program that attackers run.
  explicit Stage(const std::string& marker);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // As it was in the beginning; makes the fake checkpoint that asks for `attack`.
  void Reset(uint32_t attack);

  // What happens once the worker is there, and before it is told what to do.
  static void GoOn();

  // Descriptors for the worker. `guarded`: as the broker hands them over, the input for reading, memory files sealed.
  Fd Input(bool guarded) const;
  static Fd Output(bool guarded);
  static Fd Graph(bool guarded);
  uint64_t input_size() const { return input_size_; }

  // Whether deed `id` has left its trace; true for those that leave none.
  bool HasTrace(uint32_t id) const;

 private:
  void StartVictim();
  void StopVictim();
  void OpenSockets();
  // Whether the victim has had its signal.
  bool Counted() const;
  std::string Path(const char* name) const { return folder_ + "/" + name; }

  std::string folder_;
  std::string program_;  // bytes of the small program
  Targets targets_;
  uint64_t input_size_ = 0;
  pid_t victim_ = -1;
  volatile int* signals_ = nullptr;  // what the victim has counted
  Fd tcp_, udp_, abstract_, path_;
};

}  // namespace airlock::hostile
