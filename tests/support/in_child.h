// What a process of its own comes to: for what cannot be taken back, as walls cannot.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace airlock::test {

// Runs `body` in a forked process; its exit status, or minus the signal.
template <typename Body>
int InChild(Body body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace airlock::test
