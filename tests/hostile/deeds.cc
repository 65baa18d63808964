#include "tests/hostile/deeds.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "sandbox/base/fd.h"
#include "sandbox/walls/worker_fds.h"
#include "tests/hostile/targets.h"

namespace airlock::hostile {
namespace {

constexpr int kFalse = 2000;  // it was done, and to no effect

int Failed(bool failed) { return failed ? errno : 0; }

template <typename Address>
const sockaddr* Generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int ReadFile(const char* path, const char* expected) {
  const Fd file(open(path, O_RDONLY));
  if (!file) return errno;
  char text[64] = {};
  if (read(file.get(), text, sizeof(text) - 1) < 0) return errno;
  return std::strcmp(text, expected) == 0 ? 0 : kFalse;
}

int WriteMarker(int fd) { return Failed(pwrite(fd, kMarker, sizeof(kMarker) - 1, 0) < 0); }

int MakeFile() {
  const Fd file(open(targets.fresh, O_WRONLY | O_CREAT | O_EXCL, 0644));
  return file ? WriteMarker(file.get()) : errno;
}

int ListRoot() {
  const Fd root(open("/", O_RDONLY | O_DIRECTORY));
  if (!root) return errno;
  char entries[4096];
  const long length = syscall(SYS_getdents64, root.get(), entries, sizeof(entries));
  if (length < 0) return errno;
  return length > 48 ? 0 : kFalse;  // itself and its parent
}

int RunShell() {
  char shell[] = "/bin/sh";
  char option[] = "-c";
  char script[] = "exec \"$0\"";
  char* const arguments[] = {shell, option, script, targets.set_uid, nullptr};
  char* const environment[] = {nullptr};
  return Failed(execve(shell, arguments, environment) != 0);
}

int RunFromMemory() {
  const int file = memfd_create("airlock", 0);
  if (file < 0) return errno;
  char block[4096];
  off_t at = 0;
  while (true) {
    const ssize_t size = pread(walls::kInputFd, block, sizeof(block), kProgramOffset + at);
    if (size <= 0) break;
    if (pwrite(file, block, static_cast<size_t>(size), at) != size) return errno;
    at += size;
  }
  char name[] = "marker";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  return Failed(syscall(SYS_execveat, file, "", arguments, environment, AT_EMPTY_PATH) != 0);
}

int ChangeInput() {
  const Fd input(open("/proc/self/fd/4", O_RDWR));
  return input ? WriteMarker(input.get()) : errno;
}

__attribute__((noinline)) int Answer() {
  volatile int answer = 7;
  return answer;
}

int ChangeOwnCode() {
  const Fd memory(open("/proc/self/mem", O_RDWR));
  if (!memory) return errno;
  const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};  // mov eax, 42; ret
  auto* volatile function = &Answer;
  if (pwrite(memory.get(), code, sizeof(code), reinterpret_cast<off_t>(function)) < 0) return errno;
  return function() == 42 ? 0 : kFalse;
}

int Run(void* code) { return reinterpret_cast<int (*)()>(code)() == 42 ? 0 : kFalse; }
void WriteCode(void* where) { std::memcpy(where, "\xb8\x2a\x00\x00\x00\xc3", 6); }

int MapWriteRun() {
  void* both = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (both == MAP_FAILED) return errno;
  WriteCode(both);
  return Run(both);
}

int WriteThenExecute() {
  void* block = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return errno;
  WriteCode(block);
  if (mprotect(block, 4096, PROT_READ | PROT_EXEC) != 0) return errno;
  return Run(block);
}

int SharedMemoryAsCode() {
  const int id = shmget(IPC_PRIVATE, 4096, 0700);
  if (id < 0) return errno;
  void* code = shmat(id, nullptr, SHM_EXEC);
  const int result = Failed(code == reinterpret_cast<void*>(-1));
  shmctl(id, IPC_RMID, nullptr);
  if (result != 0) return result;
  WriteCode(code);
  return Run(code);
}

int Connect(int family, const sockaddr* address, socklen_t length) {
  const Fd fd(socket(family, SOCK_STREAM, 0));
  if (!fd) return errno;
  return Failed(connect(fd.get(), address, length) != 0);
}

int ServeTcp() {
  const Fd fd(socket(AF_INET, SOCK_STREAM, 0));
  if (!fd) return errno;
  sockaddr_in any{};
  any.sin_family = AF_INET;
  return Failed(bind(fd.get(), Generic(any), sizeof(any)) != 0 || listen(fd.get(), 1) != 0);
}

int SendUdp() {
  const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
  if (!fd) return errno;
  return Failed(sendto(fd.get(), kMarker, sizeof(kMarker), 0, Generic(targets.udp), sizeof(targets.udp)) < 0);
}

// A pair of datagram sockets is enough to reach every named one.
int SendDatagram() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return errno;
  const bool failed = sendto(pair[0], "x", 1, 0, Generic(targets.path), sizeof(targets.path)) < 0;
  // It is there, and of another type.
  return failed && errno != EPROTOTYPE ? errno : 0;
}

pid_t Victim() { return static_cast<pid_t>(targets.victim); }

int SignalByPidfd() {
  const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, Victim(), 0)));
  if (!pidfd) return errno;
  return Failed(syscall(SYS_pidfd_send_signal, pidfd.get(), SIGUSR1, nullptr, 0) != 0);
}

int ReadVictim() {
  long word = 0;
  const iovec own{&word, sizeof(word)};
  const iovec theirs{reinterpret_cast<void*>(targets.victim_word), sizeof(word)};
  if (process_vm_readv(Victim(), &own, 1, &theirs, 1, 0) != sizeof(word)) return errno;
  return word == kSecretWord ? 0 : kFalse;
}

int ReadVictimByProc() {
  const Fd memory(open(targets.victim_memory, O_RDONLY));
  long word = 0;
  if (!memory || pread(memory.get(), &word, sizeof(word), targets.victim_word) != sizeof(word)) return errno;
  return word == kSecretWord ? 0 : kFalse;
}

int StealDescriptor() {
  const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, Victim(), 0)));
  if (!pidfd) return errno;
  const Fd stolen(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), static_cast<int>(targets.victim_fd), 0)));
  if (!stolen) return errno;
  char text[sizeof(kSecretText)] = {};
  if (pread(stolen.get(), text, sizeof(text) - 1, 0) < 0) return errno;
  return std::strcmp(text, kSecretText) == 0 ? 0 : kFalse;
}

// The exit status of a child that does `deed`; an errno.
template <typename Deed>
int InFork(Deed deed) {
  const pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) _exit(deed());
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kFalse;
}

std::atomic<bool> thread_ran = false;
int ThreadBody(void*) {
  thread_ran = true;
  return 0;
}

int StartThread() {
  alignas(16) static char stack[16384];
  constexpr int kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  if (clone(ThreadBody, stack + sizeof(stack), kFlags, nullptr) < 0) return errno;
  while (!thread_ran) sched_yield();
  return 0;
}

int ReadSharedMemory() {
  const void* text = shmat(static_cast<int>(targets.shared_memory), nullptr, SHM_RDONLY);
  if (text == reinterpret_cast<void*>(-1)) return errno;
  return std::strcmp(static_cast<const char*>(text), kSecretText) == 0 ? 0 : kFalse;
}

int SendToQueue() {
  struct {
    long type = 1;
    char text[8] = "marker";
  } message;
  return Failed(msgsnd(static_cast<int>(targets.queue), &message, sizeof(message.text), IPC_NOWAIT) != 0);
}

int SendDescriptor() {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char byte = '!';
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = walls::kInputFd;
  std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  return Failed(sendmsg(walls::kSocketFd, &message, 0) < 0);
}

int TakeMemory() {
  constexpr size_t kTwice = 512 << 20;
  void* block = mmap(nullptr, kTwice, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return Failed(block == MAP_FAILED);
}

// Past that of the largest graph file too, which the limit on file sizes leaves room for.
int WritePastEnd() {
  constexpr off_t kFar = off_t{8} << 30;
  return Failed(pwrite(walls::kOutputFd, kMarker, sizeof(kMarker), kFar) < 0);
}

int TakeDescriptors() {
  for (int i = 0; i < 300; ++i) {
    if (dup(walls::kInputFd) < 0) return errno;
  }
  return 0;
}

int LockMemory() {
  void* block = mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return Failed(block == MAP_FAILED || mlock(block, 65536) != 0);
}

// More than the one second of the tests' loads on any machine: each division waits for the one before.
int UseTime() {
  volatile uint32_t seed = 3;
  uint32_t value = seed;
  for (uint32_t turns = 0; turns < 600'000'000; ++turns) value = ~turns / (value | 1);
  seed = value;
  return 0;
}

// Compatibility mode by a far jump, where the filter's numbers would mean other calls.
int LeaveFor32Bit() {
  void* low = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return errno;
  const auto start = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(low));
  const uint32_t back = start + 16;
  auto* code = static_cast<char*>(low);
  std::memcpy(code, "\xb8\x14\x00\x00\x00\xcd\x80\xea", 8);  // mov eax, 20 (getpid); int 0x80; ljmp ...
  std::memcpy(code + 8, &back, sizeof(back));
  std::memcpy(code + 12, "\x33\x00", 2);                  // ... 0x33:back
  std::memcpy(code + 16, "\x4c\x89\xf4\x41\xff\xe7", 6);  // mov rsp, r14; jmp r15
  struct __attribute__((packed)) {
    uint32_t offset;
    uint16_t segment;
  } far{start, 0x23};
  long result = 0;
  asm volatile("mov %%rsp, %%r14; lea 1f(%%rip), %%r15; ljmp *%1; 1:"
               : "=a"(result)
               : "m"(far)
               : "memory", "cc", "rcx", "rdx", "r8", "r9", "r10", "r11", "r14", "r15");
  return result > 0 ? 0 : kFalse;
}

int Int80() {
  long result = 20;  // getpid of i386, writev of x86-64
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  return result > 0 ? 0 : kFalse;
}

// One OPENAT through a ring: the call itself is never made by this process.
int OpenByRing() {
  io_uring_params params{};
  const Fd ring(static_cast<int>(syscall(SYS_io_uring_setup, 1, &params)));
  if (!ring) return errno;
  constexpr int kRw = PROT_READ | PROT_WRITE;
  auto* queue = static_cast<char*>(mmap(nullptr, 4096, kRw, MAP_SHARED, ring.get(), IORING_OFF_SQ_RING));
  auto* entries = static_cast<io_uring_sqe*>(mmap(nullptr, 4096, kRw, MAP_SHARED, ring.get(), IORING_OFF_SQES));
  auto* done = static_cast<char*>(mmap(nullptr, 4096, kRw, MAP_SHARED, ring.get(), IORING_OFF_CQ_RING));
  if (queue == MAP_FAILED || entries == MAP_FAILED || done == MAP_FAILED) return errno;
  entries[0] = {};
  entries[0].opcode = IORING_OP_OPENAT;
  entries[0].fd = AT_FDCWD;
  entries[0].addr = reinterpret_cast<uint64_t>(targets.secret);
  reinterpret_cast<uint32_t*>(queue + params.sq_off.array)[0] = 0;
  reinterpret_cast<std::atomic<uint32_t>*>(queue + params.sq_off.tail)->store(1);
  if (syscall(SYS_io_uring_enter, ring.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) != 1) return errno;
  const int result = reinterpret_cast<io_uring_cqe*>(done + params.cq_off.cqes)->res;
  return result >= 0 ? 0 : -result;
}

long own_word = kSecretWord;

int ReadParentFromFork() {
  const pid_t parent = getpid();
  return InFork([parent] {
    long word = 0;
    const iovec own{&word, sizeof(word)};
    const iovec theirs{&own_word, sizeof(own_word)};
    // The fork has what the parent has, its being readable too: that is taken back.
    prctl(PR_SET_DUMPABLE, 1);
    return Failed(process_vm_readv(parent, &own, 1, &theirs, 1, 0) != sizeof(word));
  });
}

int EnterNamespaces() {
  const Fd network(open(targets.victim_network, O_RDONLY));
  if (!network) return errno;
  return Failed(setns(network.get(), 0) != 0);
}

int OpenByHandle() {
  alignas(file_handle) unsigned char room[sizeof(file_handle) + MAX_HANDLE_SZ] = {};
  auto* handle = reinterpret_cast<file_handle*>(room);
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  if (name_to_handle_at(AT_FDCWD, targets.secret, handle, &mount, 0) != 0) return errno;
  const Fd root(open("/", O_RDONLY));
  if (!root) return errno;
  const Fd file(open_by_handle_at(root.get(), handle, O_RDONLY));
  return Failed(!file);
}

int ExecuteSetUid() {
  char name[] = "marker";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  return Failed(execve(targets.set_uid, arguments, environment) != 0);
}

int MountOverFolder() { return Failed(mount("airlock", targets.folder, "tmpfs", 0, nullptr) != 0); }

// Of the name that the host has had since the worker was born.
int LearnNewName() {
  utsname names{};
  if (uname(&names) != 0) return errno;
  return std::strcmp(names.nodename, kLaterName) == 0 ? 0 : kFalse;
}

int SeeSpeculation() {
  for (const unsigned long misfeature : {PR_SPEC_STORE_BYPASS, PR_SPEC_INDIRECT_BRANCH}) {
    const int state = prctl(PR_GET_SPECULATION_CTRL, misfeature, 0, 0, 0);
    if (state > 0 && (state & (PR_SPEC_DISABLE | PR_SPEC_FORCE_DISABLE)) == 0) return 0;
  }
  return kFalse;
}

// Pages that are touched, unlike those of TakeMemory.
int FillMemory() {
  void* block = mmap(nullptr, kFillBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return errno;
  std::memset(block, 1, kFillBytes);
  return 0;
}

// Memory that no address space has.
int FillOutput() {
  static char block[1 << 20];
  std::memset(block, 1, sizeof(block));
  for (uint64_t at = 0; at < kFillBytes; at += sizeof(block)) {
    if (pwrite(walls::kOutputFd, block, sizeof(block), static_cast<off_t>(at)) < 0) return errno;
  }
  return 0;
}

struct Deed {
  uint32_t id;
  int (*perform)();
};

constexpr Deed kDeeds[] = {
    {500, [] { return ReadFile(targets.secret, kSecretText); }},
    {501, MakeFile},
    {502, ListRoot},
    {503, RunShell},
    {504, RunFromMemory},
    {505, ChangeInput},
    {506, ChangeOwnCode},
    {507, MapWriteRun},
    {508, WriteThenExecute},
    {509, [] { return Connect(AF_UNIX, Generic(targets.abstract), static_cast<socklen_t>(targets.abstract_length)); }},
    {510, [] { return Connect(AF_UNIX, Generic(targets.path), sizeof(targets.path)); }},
    {511, [] { return Connect(AF_INET, Generic(targets.tcp), sizeof(targets.tcp)); }},
    {512, ServeTcp},
    {513, SendUdp},
    {514, [] { return Failed(kill(Victim(), SIGUSR1) != 0); }},
    {515, SignalByPidfd},
    {516, [] { return Failed(ptrace(PTRACE_SEIZE, Victim(), 0, 0) != 0); }},
    {517, ReadVictim},
    {518, ReadVictimByProc},
    {519, StealDescriptor},
    {520, [] { return InFork([] { return 0; }); }},
    {521, StartThread},
    {522, ReadSharedMemory},
    {523, SendToQueue},
    {524, [] { return Failed(sethostname(kMarker, sizeof(kMarker) - 1) != 0); }},
    {525, MountOverFolder},
    {526, [] { return ReadFile(targets.root_only, kSecretText); }},
    {527, ExecuteSetUid},
    {528, SendDescriptor},
    {529, TakeMemory},
    {530, WritePastEnd},
    {531, TakeDescriptors},
    {532, LockMemory},
    {533, UseTime},
    {534, LeaveFor32Bit},
    {535, OpenByRing},
    {536, ReadParentFromFork},
    {538, EnterNamespaces},
    {539, SharedMemoryAsCode},
    {540, OpenByHandle},
    {541, [] { return WriteMarker(walls::kInputFd); }},
    {542, [] { return Failed(ftruncate(walls::kOutputFd, 0) != 0); }},
    {543, Int80},
    {544, SendDatagram},
    {545, LearnNewName},
    {kSpeculationDeed, SeeSpeculation},
    {kFillMemoryDeed, FillMemory},
    {kFillOutputDeed, FillOutput},
};

}  // namespace

bool PerformDeed(uint32_t id, long& result) {
  for (const Deed& deed : kDeeds) {
    if (deed.id != id) continue;
    result = -deed.perform();
    return true;
  }
  return false;
}

}  // namespace airlock::hostile
