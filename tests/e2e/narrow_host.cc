// airlock-narrow-host: runs a program as on a host that has or allows less than this one: system calls are answered as
// such a host would. What it takes away it takes for good, for the program and all of its children.
//
//   airlock-narrow-host HOST PROGRAM [ARGUMENT...]
#include <sched.h>
#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

// One answer: `name` fails with `error_number` if argument `arg` has all bits of `mask` as in `value`; no mask: always.
struct Row {
  std::string_view host;
  const char* name;
  int error_number;
  unsigned int arg = 0;
  uint64_t mask = 0;
  uint64_t value = 0;
};

constexpr uint64_t kUser = CLONE_NEWUSER;
constexpr unsigned int kMdwe = 65;

constexpr Row kRows[] = {
    // A distribution that allows user namespaces to root alone.
    {"no-user-namespaces", "unshare", EPERM, 0, kUser, kUser},
    {"no-user-namespaces", "clone", EPERM, 0, kUser, kUser},
    {"no-user-namespaces", "clone3", ENOSYS},
    // Ubuntu 24.04: a user namespace can be had, and is good for nothing.
    {"powerless-namespaces", "unshare", EPERM, 0, CLONE_NEWNS, CLONE_NEWNS},
    {"powerless-namespaces", "unshare", EPERM, 0, CLONE_NEWNET, CLONE_NEWNET},
    {"powerless-namespaces", "mount", EPERM},
    {"powerless-namespaces", "pivot_root", EPERM},
    // A kernel without it, or one that does not name it in lsm=.
    {"no-landlock", "landlock_create_ruleset", ENOSYS},
    {"no-landlock", "landlock_restrict_self", ENOSYS},
    {"landlock-not-started", "landlock_create_ruleset", EOPNOTSUPP},
    {"landlock-not-started", "landlock_restrict_self", EOPNOTSUPP},
    // What containers get by default: moby's profile for those without CAP_SYS_ADMIN.
    {"container", "unshare", EPERM},
    {"container", "setns", EPERM},
    {"container", "mount", EPERM},
    {"container", "umount2", EPERM},
    {"container", "pivot_root", EPERM},
    {"container", "clone3", ENOSYS},
    {"container", "clone", EPERM, 0, CLONE_NEWNS, CLONE_NEWNS},
    {"container", "clone", EPERM, 0, CLONE_NEWUSER, CLONE_NEWUSER},
    {"container", "clone", EPERM, 0, CLONE_NEWPID, CLONE_NEWPID},
    {"container", "clone", EPERM, 0, CLONE_NEWNET, CLONE_NEWNET},
    {"container", "clone", EPERM, 0, CLONE_NEWIPC, CLONE_NEWIPC},
    {"container", "clone", EPERM, 0, CLONE_NEWUTS, CLONE_NEWUTS},
    // The same over a kernel that has no Landlock either: gVisor, or an old one.
    {"old-container", "unshare", ENOSYS},
    {"old-container", "mount", ENOSYS},
    {"old-container", "clone3", ENOSYS},
    {"old-container", "clone", EPERM, 0, CLONE_NEWUSER, CLONE_NEWUSER},
    {"old-container", "landlock_create_ruleset", ENOSYS},
    {"old-container", "landlock_restrict_self", ENOSYS},
    {"old-container", "prctl", EINVAL, 0, ~uint64_t{0}, kMdwe},
    {"old-container", "openat2", ENOSYS},
    // Linux 6.1: memory-deny-write-execute came with 6.3.
    {"debian-12", "prctl", EINVAL, 0, ~uint64_t{0}, kMdwe},
    // No filters: nothing starts there.
    {"no-filters", "seccomp", ENOSYS},
};

bool Add(scmp_filter_ctx context, const Row& row) {
  const int number = seccomp_syscall_resolve_name(row.name);
  const scmp_arg_cmp check = {row.arg, SCMP_CMP_MASKED_EQ, row.mask, row.value};
  const uint32_t answer = SCMP_ACT_ERRNO(static_cast<uint32_t>(row.error_number));
  return seccomp_rule_add_array(context, answer, number, row.mask != 0 ? 1 : 0, &check) == 0;
}

// False where there is no such host.
bool Become(std::string_view host) {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
  bool known = false;
  for (const Row& row : kRows) {
    if (row.host != host) continue;
    known = true;
    if (!Add(context, row)) return false;
  }
  return known && seccomp_load(context) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || !Become(argv[1])) {
    std::fprintf(stderr, "airlock-narrow-host HOST PROGRAM [ARGUMENT...]: no such host, or no filters here\n");
    return 64;
  }
  execvp(argv[2], argv + 2);
  std::perror(argv[2]);
  return 66;
}
