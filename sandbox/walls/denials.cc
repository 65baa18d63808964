#include "sandbox/walls/denials.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>

namespace airlock::walls {
namespace {

constexpr int kKill = 0;
// A socket's family is an int: the kernel looks at the lower half of the register alone, and so must we.
constexpr uint64_t kFamily = 0xffffffff;

constexpr DenialRow kRows[] = {
    // Processes. Threads are made by clone with CLONE_THREAD; the C library falls back to it from clone3.
    {"execve", kKill, "executes nothing: its spawner does"},
    {"execveat", kKill, "executes nothing: its spawner does"},
    {"fork", EPERM, "makes no process: its spawner does"},
    {"vfork", EPERM, "makes no process: its spawner does"},
    {"clone", EPERM, "threads only", 0, CLONE_THREAD, 0},
    {"clone3", ENOSYS, "its flags are out of sight"},
    {"unshare", EPERM, "needs no namespaces"},
    {"setns", EPERM, "needs no namespaces"},
    {"ptrace", kKill, "reads nobody's memory"},
    {"process_vm_readv", kKill, "reads nobody's memory"},
    {"process_vm_writev", kKill, "writes nobody's memory"},
    {"process_madvise", kKill, "touches nobody's memory"},
    {"pidfd_getfd", kKill, "takes nobody's descriptors"},
    {"kcmp", kKill, "compares nobody's objects"},
    {"personality", EPERM, "memory stays as it is"},
    {"setuid", EPERM, "stays who it is"},
    {"setgid", EPERM, "stays who it is"},
    {"setreuid", EPERM, "stays who it is"},
    {"setregid", EPERM, "stays who it is"},
    {"setresuid", EPERM, "stays who it is"},
    {"setresgid", EPERM, "stays who it is"},
    {"setgroups", EPERM, "stays who it is"},
    {"setfsuid", EPERM, "stays who it is"},
    {"setfsgid", EPERM, "stays who it is"},
    {"capset", EPERM, "stays what it is"},
    // Its workers it kills by the descriptors that its spawner has given it. An abort still ends it.
    {"kill", EPERM, "signals its workers alone"},
    {"tkill", EPERM, "signals its workers alone"},
    {"tgkill", EPERM, "signals its workers alone"},
    {"rt_sigqueueinfo", EPERM, "signals its workers alone"},
    {"rt_tgsigqueueinfo", EPERM, "signals its workers alone"},
    {"pidfd_open", EPERM, "signals its workers alone"},
    {"shmget", EPERM, "shares memory by descriptors"},
    {"shmat", EPERM, "shares memory by descriptors"},
    {"semget", EPERM, "meets nobody at a number"},
    {"msgget", EPERM, "meets nobody at a number"},
    {"mq_open", EPERM, "meets nobody at a name"},
    {"move_pages", EPERM, "touches nobody's memory"},
    {"migrate_pages", EPERM, "touches nobody's memory"},
    // Files, beyond what Landlock can deny.
    {"mount", kKill, "changes no mount"},
    {"umount2", kKill, "changes no mount"},
    {"pivot_root", kKill, "changes no mount"},
    {"chroot", kKill, "changes no root"},
    {"fsopen", kKill, "changes no mount"},
    {"fsmount", kKill, "changes no mount"},
    {"fspick", kKill, "changes no mount"},
    {"open_tree", kKill, "changes no mount"},
    {"move_mount", kKill, "changes no mount"},
    {"mount_setattr", kKill, "changes no mount"},
    {"open_by_handle_at", kKill, "opens files by path, or not at all"},
    {"mknod", EPERM, "makes no devices"},
    {"mknodat", EPERM, "makes no devices"},
    {"chown", EPERM, "gives no file away"},
    {"fchown", EPERM, "gives no file away"},
    {"lchown", EPERM, "gives no file away"},
    {"fchownat", EPERM, "gives no file away"},
    {"setxattr", EPERM, "attributes of files could be capabilities"},
    {"lsetxattr", EPERM, "attributes of files could be capabilities"},
    {"fsetxattr", EPERM, "attributes of files could be capabilities"},
    {"removexattr", EPERM, "attributes of files could be capabilities"},
    {"lremovexattr", EPERM, "attributes of files could be capabilities"},
    {"fremovexattr", EPERM, "attributes of files could be capabilities"},
    {"fanotify_init", EPERM, "watches nothing"},
    {"acct", kKill, "is not the machine's keeper"},
    {"quotactl", kKill, "is not the machine's keeper"},
    {"swapon", kKill, "is not the machine's keeper"},
    {"swapoff", kKill, "is not the machine's keeper"},
    // The kernel's wide and young doors.
    {"io_uring_setup", ENOSYS, "hides calls from this list"},
    {"io_uring_enter", ENOSYS, "hides calls from this list"},
    {"io_uring_register", ENOSYS, "hides calls from this list"},
    {"bpf", kKill, "programs no kernel"},
    {"perf_event_open", kKill, "measures nobody"},
    {"userfaultfd", kKill, "a tool of exploits"},
    {"memfd_secret", EPERM, "has no use for it"},
    {"add_key", kKill, "keeps keys in its own memory"},
    {"request_key", kKill, "keeps keys in its own memory"},
    {"keyctl", kKill, "keeps keys in its own memory"},
    {"init_module", kKill, "is not the machine's keeper"},
    {"finit_module", kKill, "is not the machine's keeper"},
    {"delete_module", kKill, "is not the machine's keeper"},
    {"kexec_load", kKill, "is not the machine's keeper"},
    {"kexec_file_load", kKill, "is not the machine's keeper"},
    {"reboot", kKill, "is not the machine's keeper"},
    {"sethostname", kKill, "is not the machine's keeper"},
    {"setdomainname", kKill, "is not the machine's keeper"},
    {"settimeofday", kKill, "is not the machine's keeper"},
    {"clock_settime", kKill, "is not the machine's keeper"},
    {"adjtimex", kKill, "is not the machine's keeper"},
    {"clock_adjtime", kKill, "is not the machine's keeper"},
    {"syslog", kKill, "is not the machine's keeper"},
    {"iopl", kKill, "touches no hardware"},
    {"ioperm", kKill, "touches no hardware"},
    {"modify_ldt", kKill, "one kind of code"},
    // Sockets that no listener of ours is: every family but 1 (unix), 2 and 10 (inet), by the bits of their numbers.
    {"socket", EPERM, "families 32 to 63: ciphers of the kernel, virtual machines, SMC, XDP", 0, 0x20, 0x20},
    {"socket", EPERM, "families 16 to 31: the kernel's configuration, packets, RDS, TIPC, radio", 0, 0x10, 0x10},
    {"socket", EPERM, "families 4 to 7 and 12 to 15: networks of old, keys", 0, 0x4, 0x4},
    {"socket", EPERM, "no radio network", 0, kFamily, AF_AX25},
    {"socket", EPERM, "no ATM", 0, kFamily, AF_ATMPVC},
    {"socket", EPERM, "no X.25", 0, kFamily, AF_X25},
    {"socket", EPERM, "no radio network", 0, kFamily, AF_ROSE},
    {"socket", EPERM, "serves unix sockets only", 0, kFamily, AF_INET},
    {"socket", EPERM, "serves unix sockets only", 0, kFamily, AF_INET6},
};

// What it needs until it serves and not afterwards. No Landlock of today knows unix sockets with a name: behind them
// are the service manager, the container engine and the user's own bus, all of which start programs for whoever asks.
// Nor does it know modes of files.
constexpr DenialRow kServingRows[] = {
    {"connect", EPERM, "is called, and calls nobody"},
    {"bind", EPERM, "listens where it listens"},
    {"socket", EPERM, "sends no datagram to a network", 0, kFamily, AF_INET},
    {"socket", EPERM, "sends no datagram to a network", 0, kFamily, AF_INET6},
    {"chmod", EPERM, "opens no file to others"},
    {"fchmod", EPERM, "opens no file to others"},
    {"fchmodat", EPERM, "opens no file to others"},
};

bool IsInet(const DenialRow& row) { return row.value == AF_INET || row.value == AF_INET6; }

Unexpected<FilterError> Failure(std::string step, int result) {
  return Unexpected<FilterError>{FilterError{std::move(step), -result}};
}

Expected<void, FilterError> Add(void* context, const DenialRow& row) {
  const std::string name(row.syscall);
  const int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return Failure("seccomp_syscall_resolve_name " + name, -ENOSYS);
  const scmp_arg_cmp check = {row.arg, SCMP_CMP_MASKED_EQ, row.mask, row.value};
  const uint32_t action =
      row.error_number == kKill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(static_cast<uint32_t>(row.error_number));
  const int result = seccomp_rule_add_array(context, action, number, row.mask != 0 ? 1 : 0, &check);
  if (result != 0) return Failure("seccomp_rule_add " + name, result);
  return {};
}

// Loads a filter that denies what `is_denied` says of `rows`.
template <typename IsDenied>
Expected<void, FilterError> Deny(std::span<const DenialRow> rows, bool all_threads, IsDenied is_denied) {
  const std::unique_ptr<void, decltype(&seccomp_release)> context(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!context) return Failure("seccomp_init", -ENOMEM);
  const int result = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (result != 0) return Failure("seccomp_attr_set ACT_BADARCH", result);
  const int together = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_TSYNC, all_threads ? 1 : 0);
  if (together != 0) return Failure("seccomp_attr_set CTL_TSYNC", together);
  for (const DenialRow& row : rows) {
    if (is_denied(row)) AIRLOCK_TRY(Add(context.get(), row));
  }
  if (const int loaded = seccomp_load(context.get()); loaded != 0) return Failure("seccomp_load", loaded);
  return {};
}

}  // namespace

std::span<const DenialRow> BrokerDenials() { return kRows; }
std::span<const DenialRow> ServingDenials() { return kServingRows; }

Expected<void, FilterError> DenyBrokerActs(bool inet) {
  return Deny(kRows, false, [inet](const DenialRow& row) { return !inet || !IsInet(row); });
}

Expected<void, FilterError> DenyServingBrokerActs() {
  return Deny(kServingRows, true, [](const DenialRow&) { return true; });
}

}  // namespace airlock::walls
