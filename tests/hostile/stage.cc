#include "tests/hostile/stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sandbox/spawner/output_memfd.h"
#include "tests/hostile/attack.h"
#include "tests/hostile/attack_run.h"

namespace airlock::hostile {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;
constexpr int kVictimFd = 50;
constexpr char kHost[] = "stage";

volatile long victims_word = kSecretWord;
volatile int* counter = nullptr;
void Count(int) { *counter = *counter + 1; }

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& text, mode_t mode, uid_t owner = 0) {
  std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(chown(path.c_str(), owner, owner), 0);
  EXPECT_EQ(chmod(path.c_str(), mode), 0);
}

template <size_t kSize>
void Put(char (&target)[kSize], const std::string& text) {
  ASSERT_LT(text.size(), kSize);
  std::memcpy(target, text.c_str(), text.size() + 1);
}

// A socket that is bound, and listens if it can.
template <typename Address>
Fd Bound(int family, int type, const Address& address, size_t length) {
  Fd fd(socket(family, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(listen(fd.get(), 1000), 0);
  }
  return fd;
}

// On the loopback, at a port that is free; `address` becomes where that is.
Fd BoundInet(int type, sockaddr_in& address) {
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Fd fd = Bound(AF_INET, type, address, sizeof(address));
  socklen_t length = sizeof(address);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  return fd;
}

// `guarded`: sealed against every other size.
Fd MemoryFile(uint64_t bytes, bool guarded) {
  if (guarded) {
    auto file = spawner::OutputMemfd::Create(bytes);
    EXPECT_TRUE(file.ok());
    return file->Release();
  }
  Fd file(memfd_create("unguarded", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ftruncate(file.get(), static_cast<off_t>(bytes)), 0);
  return file;
}

// A process like another worker: the same user, and, unlike it, with nothing to guard it.
[[noreturn]] void BeVictim(volatile int* signals) {
  counter = signals;
  std::signal(SIGUSR1, Count);
  const int secret = memfd_create("secret", 0);
  if (write(secret, kSecretText, sizeof(kSecretText) - 1) < 0 || dup2(secret, kVictimFd) < 0) _exit(1);
  if (setresgid(kNobody, kNobody, kNobody) != 0 || setresuid(kNobody, kNobody, kNobody) != 0) _exit(1);
  prctl(PR_SET_DUMPABLE, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signals[1] = 1;
  while (true) pause();
}

}  // namespace

Stage::Stage(const std::string& marker) : program_(Contents(marker)) {
  // What attackers do to mounts, host names and message queues stays in here.
  EXPECT_EQ(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC), 0);
  EXPECT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  char folder[] = "/tmp/airlock-stage-XXXXXX";
  EXPECT_NE(mkdtemp(folder), nullptr);
  folder_ = folder;
  void* shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(shared, MAP_FAILED);
  signals_ = static_cast<volatile int*>(shared);
  OpenSockets();
  targets_.shared_memory = shmget(IPC_PRIVATE, 4096, 0666);
  std::strcpy(static_cast<char*>(shmat(static_cast<int>(targets_.shared_memory), nullptr, 0)), kSecretText);
  StartVictim();
}

Stage::~Stage() {
  StopVictim();
  umount2(Path("folder").c_str(), MNT_DETACH);
  fs::remove_all(folder_);
}

void Stage::OpenSockets() {
  tcp_ = BoundInet(SOCK_STREAM, targets_.tcp);
  udp_ = BoundInet(SOCK_DGRAM, targets_.udp);
  targets_.abstract.sun_family = targets_.path.sun_family = AF_UNIX;
  const std::string name = "airlock-stage-" + std::to_string(getpid());
  std::memcpy(targets_.abstract.sun_path + 1, name.data(), name.size());
  targets_.abstract_length = static_cast<long>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  abstract_ = Bound(AF_UNIX, SOCK_STREAM, targets_.abstract, static_cast<size_t>(targets_.abstract_length));
  Put(targets_.path.sun_path, Path("socket"));
  path_ = Bound(AF_UNIX, SOCK_STREAM, targets_.path, sizeof(targets_.path));
  EXPECT_EQ(chmod(targets_.path.sun_path, 0777), 0);
}

void Stage::StartVictim() {
  signals_[1] = 0;
  victim_ = fork();
  if (victim_ == 0) BeVictim(signals_);
  while (signals_[1] == 0) sched_yield();
  targets_.victim = victim_;
  targets_.victim_word = reinterpret_cast<long>(&victims_word);
  targets_.victim_fd = kVictimFd;
}

void Stage::StopVictim() {
  kill(victim_, SIGKILL);
  waitpid(victim_, nullptr, 0);
}

void Stage::Reset(uint32_t attack) {
  // Whoever was traced or killed is of no further use.
  if (attack == 516 || attack == 83 || kill(victim_, 0) != 0) {
    StopVictim();
    StartVictim();
  }
  signals_[0] = 0;
  umount2(Path("folder").c_str(), MNT_DETACH);
  for (const char* name : {"fresh", "secret", "root", "program", "folder", "input"}) fs::remove_all(Path(name));
  EXPECT_EQ(chmod(folder_.c_str(), 0777), 0);
  fs::create_directory(Path("folder"));
  EXPECT_EQ(chmod(Path("folder").c_str(), 0777), 0);
  WriteFile(Path("secret"), kSecretText, 0777, kNobody);
  WriteFile(Path("root"), kSecretText, 0600);
  WriteFile(Path("program"), program_, 04755);
  mq_unlink("/airlock");
  EXPECT_EQ(sethostname(kHost, sizeof(kHost) - 1), 0);
  if (targets_.queue != 0) msgctl(static_cast<int>(targets_.queue), IPC_RMID, nullptr);
  targets_.queue = msgget(IPC_PRIVATE, 0666);
  Put(targets_.secret, Path("secret"));
  Put(targets_.fresh, Path("fresh"));
  Put(targets_.folder, Path("folder"));
  Put(targets_.root_only, Path("root"));
  Put(targets_.set_uid, Path("program"));
  Put(targets_.victim_memory, "/proc/" + std::to_string(victim_) + "/mem");
  Put(targets_.victim_network, "/proc/" + std::to_string(victim_) + "/ns/net");
  std::string input = CheckpointFor(attack);
  input.resize(kTargetsOffset);
  input.append(reinterpret_cast<const char*>(&targets_), sizeof(targets_));
  input.resize(kProgramOffset);
  input += program_;
  WriteFile(Path("input"), input, 0777, kNobody);
  input_size_ = input.size();
}

void Stage::GoOn() { EXPECT_EQ(sethostname(kLaterName, sizeof(kLaterName) - 1), 0); }

Fd Stage::Input(bool guarded) const {
  return Fd(open(Path("input").c_str(), (guarded ? O_RDONLY : O_RDWR) | O_CLOEXEC));
}

Fd Stage::Output(bool guarded) { return MemoryFile(kOutputBytes, guarded); }

Fd Stage::Graph(bool guarded) { return MemoryFile(kGraphBytes, guarded); }

bool Stage::Counted() const {
  for (int turn = 0; turn < 1000 && signals_[0] == 0; ++turn) usleep(1000);
  return signals_[0] == 1;
}

bool Stage::HasTrace(uint32_t id) const {
  char host[64] = {};
  struct stat folder {};
  struct stat parent {};
  switch (id) {
    case 501:
      return Contents(Path("fresh")) == kMarker;
    case 505:
    case 541:
      return Contents(Path("input")).starts_with(kMarker);
    case 514:
    case 515:
      return Counted();
    case 523: {
      msqid_ds queue{};
      return msgctl(static_cast<int>(targets_.queue), IPC_STAT, &queue) == 0 && queue.msg_qnum == 1;
    }
    case 524:
      return gethostname(host, sizeof(host)) == 0 && std::string(host) == kMarker;
    case 525:
      return stat(Path("folder").c_str(), &folder) == 0 && stat(folder_.c_str(), &parent) == 0 &&
             folder.st_dev != parent.st_dev;
    default:
      return true;
  }
}

}  // namespace airlock::hostile
