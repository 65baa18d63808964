// A disk that takes its time: preloaded into a daemon, it makes each large read take kPause. Small ones, as of /proc,
// do not wait.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <ctime>

extern "C" ssize_t pread64(int fd, void* buffer, size_t size, off64_t offset) {
  constexpr timespec kPause{0, 30'000'000};
  if (size >= 4096) (void)::nanosleep(&kPause, nullptr);
  return ::syscall(SYS_pread64, fd, buffer, size, offset);
}
extern "C" ssize_t pread(int fd, void* buffer, size_t size, off_t offset) { return pread64(fd, buffer, size, offset); }
