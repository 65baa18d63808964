#include "client/cli/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "airlock/error.h"
#include "client/cli/output.h"

namespace airlock::cli {
namespace {

// The errno of the first write that failed; stdio keeps no more than that one did.
int failure = 0;

// As fopencookie wants it: how many bytes were taken, fewer where it failed.
ssize_t Write(void*, const char* bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t written = write(STDOUT_FILENO, bytes + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && failure == 0) failure = errno;
    if (written < 0) break;
    done += static_cast<size_t>(written);
  }
  return static_cast<ssize_t>(done);
}

// A standard descriptor that is closed would be given to the next file that is opened, and that be printed into.
// Opened for the other direction, it fails as a closed one does.
void TakeClosedDescriptors() {
  constexpr int kModes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) (void)open("/dev/null", kModes[fd]);
  }
}

}  // namespace

void WatchStandardOutput() {
  TakeClosedDescriptors();
  FILE* watched = fopencookie(nullptr, "w", {nullptr, Write, nullptr, nullptr});
  if (watched == nullptr) return;
  setvbuf(watched, nullptr, isatty(STDOUT_FILENO) == 1 ? _IOLBF : _IOFBF, BUFSIZ);
  stdout = watched;
}

int FinishStandardOutput(int code) {
  const bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
  if (failure == EPIPE || (!lost && failure == 0)) return code;
  PrintNote("", std::string("cannot write to standard output: ") + strerror(failure == 0 ? EIO : failure));
  return WorseExitCode(code, static_cast<int>(FactsOf(v1::OUTCOME_INTERNAL).exit_code()));
}

}  // namespace airlock::cli
