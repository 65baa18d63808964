// Forbidden system calls, acts of the machine, and resources.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iterator>

#include "airlock/worker/v1/frame.pb.h"
#include "sandbox/walls/worker_fds.h"
#include "sandbox/worker/frame_writer.h"
#include "tests/hostile/hostile_acts.h"
#include "tests/hostile/syscall_attacks.h"

namespace airlock::hostile {
namespace {

void Int80() {
  long result = 20;  // getpid of i386, writev of x86-64
  asm volatile("int $0x80" : "+a"(result) : : "memory");
}

void Vsyscall() {
  using GetTime = long (*)(long*, void*);
  volatile uintptr_t page = 0xffffffffff600000;
  reinterpret_cast<GetTime>(page)(nullptr, nullptr);
}

// Tries to get past the end, and then says so, as an honest decoder would.
void WritePastOutput() {
  constexpr off_t kFar = off_t{1} << 50;
  char byte = 0;
  if (pwrite(walls::kOutputFd, &byte, 1, kFar) >= 0) return;
  airlock::worker::v1::Frame frame;
  auto& done = *frame.mutable_done();
  done.set_reason(30);
  done.set_limit_name("output_bytes");
  done.set_limit(1);
  done.set_limit_seen(2);
  worker::WriteFrame(frame);
  _exit(0);
}

void TakeAllMemory() {
  for (size_t size = size_t{1} << 20;; size += size / 2) {
    volatile char* block = new char[size];
    block[0] = 1;
  }
}

__attribute__((noinline)) int Recurse(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  if (depth < 0) return frame[0];
  return Recurse(depth + 1) + frame[0];
}
void OverflowStack() { Recurse(1); }

void Spin() {
  while (true) asm volatile("" : : : "memory");
}

void ReadNull() {
  volatile const int* volatile nowhere = nullptr;
  static_cast<void>(*nowhere);
}

void ExecuteData() {
  static unsigned char code[] = {0xc3};
  void* volatile address = code;
  reinterpret_cast<void (*)()>(address)();
}

void OverwriteCode() {
  auto* volatile code = reinterpret_cast<volatile unsigned char*>(&ExecuteData);
  *code = 0xc3;
}

void IllegalInstruction() { asm volatile("ud2"); }

void TryEveryDescriptor() {
  for (long fd = 0; fd < 1024; ++fd) {
    if (fd != walls::kOutputFd && fd != walls::kGraphFd) syscall(SYS_pwrite64, fd, scratch, 1, 0);
  }
}

void SweepSystemCalls() {
  for (long number = 1023; number >= 0; --number) syscall(number, 0, 0, 0, 0, 0, 0);
}

bool MakesProcess(long number) { return number == SYS_fork || number == SYS_clone || number == SYS_clone3; }

struct Act {
  uint32_t id;
  void (*perform)();
};

constexpr Act kActs[] = {
    {200, Int80},
    {201, Vsyscall},
    {202, [] { std::abort(); }},
    {203, [] { std::terminate(); }},
    {204, WritePastOutput},
    {205, TakeAllMemory},
    {206, OverflowStack},
    {207, Spin},
    {208, ReadNull},
    {209, ExecuteData},
    {210, OverwriteCode},
    {211, IllegalInstruction},
    {212, TryEveryDescriptor},
    {213, SweepSystemCalls},
};

}  // namespace

bool PerformSyscall(uint32_t id, long& result) {
  for (const SyscallAttack& row : kSyscallAttacks) {
    if (row.id != id) continue;
    const Arg* args = row.args;
    victim_word = {reinterpret_cast<void*>(targets.victim_word), 8};
    result = syscall(row.number, args[0].Word(), args[1].Word(), args[2].Word(), args[3].Word(), args[4].Word(),
                     args[5].Word());
    if (result == -1) result = -errno;
    // The child of one that makes processes.
    if (row.unwalled == kWorks && result == 0 && MakesProcess(row.number)) _exit(0);
    return true;
  }
  return false;
}

bool PerformAct(uint32_t id) {
  for (const Act& act : kActs) {
    if (act.id != id) continue;
    act.perform();
    return true;
  }
  return false;
}

}  // namespace airlock::hostile
