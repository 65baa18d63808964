// Attacks that are one forbidden system call each. All must end by SIGSYS, whatever the other walls think of them.
#pragma once

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string_view>

#include "tests/hostile/targets.h"

namespace airlock::hostile {

// An argument: a number, an address, or a number that is only known when the targets are.
struct Arg {
  constexpr Arg() = default;
  constexpr Arg(long word) : number(word) {}                              // NOLINT(google-explicit-constructor)
  constexpr Arg(int word) : number(word) {}                               // NOLINT(google-explicit-constructor)
  constexpr Arg(unsigned int word) : number(word) {}                      // NOLINT(google-explicit-constructor)
  constexpr Arg(unsigned long word) : number(static_cast<long>(word)) {}  // NOLINT(google-explicit-constructor)
  constexpr Arg(const void* where) : address(where) {}                    // NOLINT(google-explicit-constructor)
  static constexpr Arg Of(const long* target) {
    Arg arg;
    arg.target = target;
    return arg;
  }

  long Word() const {
    if (target != nullptr) return *target;
    return address != nullptr ? reinterpret_cast<long>(address) : number;
  }

  long number = 0;
  const void* address = nullptr;
  const long* target = nullptr;
};

// What the kernel itself answers where no wall stands: success, or an errno that shows that the call has reached the
// code behind all checks of who may. Beyond 1000: the worker ended in consequence, with this status.
inline constexpr int kWorks = 0;
inline constexpr int kEndsWith = 1000;
inline constexpr int kCutOff = kEndsWith + 74;  // it has lost its socket

struct SyscallAttack {
  uint32_t id;
  const char* battery;  // the numbers of the published list of attempts that it stands for
  std::string_view name;
  long number;
  Arg args[6];
  int unwalled = kWorks;
  int or_else = kWorks;  // some kernels' answer
};

// Kernels newer than the headers.
inline constexpr long kSysMseal = 462;
inline constexpr long kSysSetxattrat = 463;
inline constexpr long kSysStatmount = 457;
inline constexpr long kSysCachestat = 451;
inline constexpr long kSysMapShadowStack = 453;
inline constexpr long kSysFutexWait = 455;

inline constexpr char kOwnMemory[] = "/proc/self/mem";
inline constexpr char kReopened[] = "/proc/self/fd/4";
inline constexpr char kExecutable[] = "/proc/self/exe";
inline constexpr char kRoot[] = "/";
inline constexpr char kNowhere[] = "/nonexistent/airlock";
inline constexpr char kName[] = "airlock";
inline constexpr char kTmpfs[] = "tmpfs";
inline constexpr char kAttribute[] = "user.airlock";
inline constexpr char kEmpty[] = "";
inline constexpr const void* kNull = nullptr;
inline constexpr uint32_t kOnes[64] = {~0U, ~0U, ~0U, ~0U};
inline constexpr int kOne[2] = {1, 0};
alignas(4096) inline char page[8192];
inline char scratch[4096];
inline char zeros[4096];
inline int handle[64] = {128};
inline int signal_information[32] = {0, 0, -1};
inline const __user_cap_header_struct kCapabilityHeader = {_LINUX_CAPABILITY_VERSION_3, 0};
inline __user_cap_header_struct capability_header = kCapabilityHeader;
inline uint32_t software_event[32] = {PERF_TYPE_SOFTWARE, 64};  // the head of a perf_event_attr
inline sock_filter allow_all[1] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
inline sock_fprog allow_program = {1, allow_all};
inline iovec own_word = {scratch, 8};
inline iovec victim_word = {nullptr, 0};

inline constexpr long kRw = PROT_READ | PROT_WRITE;
inline constexpr long kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
inline constexpr long kCwd = AT_FDCWD;
inline constexpr Arg kVictim = Arg::Of(&targets.victim);

inline constexpr SyscallAttack kSyscallAttacks[] = {
    // Files.
    {1, "1", "open", SYS_open, {targets.secret, O_RDONLY}},
    {2, "2", "openat", SYS_openat, {kCwd, targets.secret, O_RDONLY}},
    {3, "3", "openat2", SYS_openat2, {kCwd, targets.secret, zeros, 24}},
    {4, "4", "creat", SYS_creat, {targets.fresh, 0600}},
    {5, "5", "name_to_handle_at", SYS_name_to_handle_at, {kCwd, targets.secret, handle, scratch, 0}},
    {6, "5", "open_by_handle_at", SYS_open_by_handle_at, {kCwd, handle, O_RDONLY}, ESTALE},
    {7, "6", "reopen the input for writing", SYS_open, {kReopened, O_RDWR}},
    {8, "7", "open own memory", SYS_open, {kOwnMemory, O_RDWR}},
    {9, "8", "readlink", SYS_readlink, {kExecutable, scratch, 4096}},
    {10, "9", "stat", SYS_stat, {targets.secret, scratch}},
    {11, "9", "statx", SYS_statx, {kCwd, targets.secret, 0, 0xfff, scratch}},
    {12, "9", "access", SYS_access, {targets.secret, 0}},
    {13, "9", "fstat of the input", SYS_fstat, {4, scratch}},
    {14, "10", "getdents64", SYS_getdents64, {4, scratch, 4096}, ENOTDIR},
    {15, "11", "unlink", SYS_unlink, {targets.secret}},
    {16, "11", "rename", SYS_rename, {targets.secret, targets.fresh}},
    {17, "12", "symlink", SYS_symlink, {targets.secret, targets.fresh}},
    {18, "12", "link", SYS_link, {targets.secret, targets.fresh}},
    {19, "13", "mkdir", SYS_mkdir, {targets.fresh, 0700}},
    {20, "13", "mknod", SYS_mknod, {targets.fresh, S_IFIFO | 0600, 0}},
    {21, "14", "fchmod of the input", SYS_fchmod, {4, 0777}},
    {22, "15", "fsetxattr", SYS_fsetxattr, {4, kAttribute, scratch, 1, 0}, kWorks, EOPNOTSUPP},
    {23, "16", "ftruncate the input", SYS_ftruncate, {4, 0}},
    {24, "16", "ftruncate the output", SYS_ftruncate, {5, 0}},
    {25, "17", "punch a hole into the output", SYS_fallocate, {5, 3, 0, 4096}},
    {26, "18", "execve", SYS_execve, {targets.secret, zeros, zeros}, ENOEXEC},
    {27, "19", "execveat on the input", SYS_execveat, {4, kEmpty, zeros, zeros, AT_EMPTY_PATH}, ENOEXEC, ETXTBSY},
    {28, "20", "memfd_create", SYS_memfd_create, {kName, 0}},
    {29, "21", "chroot", SYS_chroot, {kRoot}},
    {30, "21", "chdir", SYS_chdir, {kRoot}},
    {31, "22", "mount", SYS_mount, {kName, targets.folder, kTmpfs, 0, kNull}},
    {32, "22", "fsopen", SYS_fsopen, {kTmpfs, 0}},
    {33, "22", "open_tree", SYS_open_tree, {kCwd, kRoot, 1}},
    {34, "22", "pivot_root", SYS_pivot_root, {kNowhere, kNowhere}, ENOENT},
    {35, "23", "inotify_init1", SYS_inotify_init1, {0}},
    {36, "24", "flock the input", SYS_flock, {4, 2}},
    {37, "14", "chmod", SYS_chmod, {targets.secret, 0777}},
    {38, "14", "chown", SYS_chown, {targets.secret, 1, 1}},
    {39, "15", "setxattr", SYS_setxattr, {targets.secret, kAttribute, scratch, 1, 0}, kWorks, EOPNOTSUPP},
    // Memory.
    {40, "25", "mmap writable and executable", SYS_mmap, {0, 4096, kRw | PROT_EXEC, kPrivate, -1}},
    {41, "26", "mmap executable", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, kPrivate, -1}},
    {42, "27", "mprotect to executable", SYS_mprotect, {page, 4096, PROT_READ | PROT_EXEC}},
    {43, "28", "pkey_mprotect", SYS_pkey_mprotect, {page, 4096, PROT_READ | PROT_EXEC, -1}},
    {44, "29", "mmap the input shared", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED, 4}},
    {45, "29", "mmap the output shared", SYS_mmap, {0, 4096, kRw, MAP_SHARED, 5}},
    {46, "30", "mmap at a fixed address", SYS_mmap, {0x10000, 4096, kRw, kPrivate | MAP_FIXED, -1}, kWorks, EPERM},
    {47, "40", "mmap huge pages", SYS_mmap, {0, 4096, kRw, kPrivate | MAP_HUGETLB, -1}, ENOMEM},
    {48, "41", "mmap with a bit above the 32nd", SYS_mmap, {0, 4096, kRw, kPrivate | (1L << 32), -1}},
    {49, "41", "mmap prot with a bit above the 32nd", SYS_mmap, {0, 4096, kRw | (1L << 32), kPrivate, -1}},
    {50, "31", "mremap fixed", SYS_mremap, {page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000000}},
    {51, "33", "remap_file_pages", SYS_remap_file_pages, {page, 4096, 0, 0, 0}, EINVAL},
    {52, "32", "shmat", SYS_shmat, {Arg::Of(&targets.shared_memory), 0, 0}},
    {53, "34", "process_vm_readv", SYS_process_vm_readv, {kVictim, &own_word, 1, &victim_word, 1, 0}},
    {54, "34", "process_vm_writev", SYS_process_vm_writev, {kVictim, &own_word, 1, &victim_word, 1, 0}},
    {55, "35", "userfaultfd", SYS_userfaultfd, {0}},
    {56, "36", "madvise", SYS_madvise, {page, 4096, MADV_DONTNEED}},
    {57, "37", "mlockall", SYS_mlockall, {1}},
    {58, "38", "memfd_secret", SYS_memfd_secret, {0}, kWorks, ENOSYS},
    {59, "39", "personality", SYS_personality, {0x0400000}},
    {60, "31", "mremap that leaves the old in place", SYS_mremap, {page, 4096, 4096, 5, 0}, kWorks, EINVAL},
    {61, "36", "madvise populate", SYS_madvise, {page, 4096, 23}},
    {62, "36", "process_madvise", SYS_process_madvise, {4, &own_word, 1, MADV_COLD, 0}, EBADF},
    {63, "37", "mlock", SYS_mlock, {page, 4096}},
    {64, "37", "msync", SYS_msync, {page, 4096, MS_ASYNC}},
    {65, "36", "mincore", SYS_mincore, {page, 4096, scratch}},
    {66, "33", "mseal", kSysMseal, {page, 4096, 0}, kWorks, ENOSYS},
    {67, "33", "map_shadow_stack", kSysMapShadowStack, {0, 4096, 1}, EOPNOTSUPP, ENOSYS},
    {68, "36", "set_mempolicy", SYS_set_mempolicy, {0, kNull, 0}, kWorks, ENOSYS},
    // Processes.
    {70, "42", "fork", SYS_fork, {}},
    {73, "44", "clone into a user namespace", SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0}},
    {74, "45", "clone3", SYS_clone3, {zeros, 64}},
    {75, "46", "unshare", SYS_unshare, {CLONE_NEWUSER | CLONE_NEWNET}},
    {76, "46", "setns", SYS_setns, {4, 0}, EINVAL},
    {77, "47", "kill everybody", SYS_kill, {-1, 0}},
    {78, "47", "kill the group", SYS_kill, {0, 0}},
    {79, "48", "tgkill", SYS_tgkill, {kVictim, kVictim, 0}},
    {80, "49", "rt_sigqueueinfo", SYS_rt_sigqueueinfo, {kVictim, SIGURG, signal_information}},
    {81, "50", "pidfd_open", SYS_pidfd_open, {kVictim, 0}},
    {82, "50", "pidfd_getfd", SYS_pidfd_getfd, {4, 0, 0}, EBADF},
    {83, "51", "ptrace", SYS_ptrace, {PTRACE_SEIZE, kVictim, 0, 0}},
    {84, "52", "prlimit64", SYS_prlimit64, {0, RLIMIT_CPU, kNull, scratch}},
    // The lowest, which anybody may take, however low it is already.
    {85, "53", "setpriority", SYS_setpriority, {PRIO_PROCESS, 0, 19}},
    {86, "54", "sched_setaffinity", SYS_sched_setaffinity, {0, 8, kOnes}},
    {87, "55", "become dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {88, "56", "admit a tracer", SYS_prctl, {PR_SET_PTRACER, -1L}, kWorks, EINVAL},
    {89, "57", "outlive the parent", SYS_prctl, {PR_SET_PDEATHSIG, 0}},
    {90, "58", "setsid", SYS_setsid, {}, kWorks, EPERM},
    {91, "59", "wait4", SYS_wait4, {-1, kNull, 1, kNull}, ECHILD},
    {92, "85", "rt_sigaction", SYS_rt_sigaction, {SIGUSR1, kNull, scratch, 8}},
    {93, "85", "rt_sigreturn", SYS_rt_sigreturn, {}, -SIGSEGV},
    {94, "9", "getpid", SYS_getpid, {}},
    {95, "52", "setuid 0", SYS_setuid, {0}},
    {96, "52", "capset", SYS_capset, {&capability_header, zeros}},
    {97, "54", "sched_setscheduler", SYS_sched_setscheduler, {0, SCHED_FIFO, kOne}},
    {98, "58", "setpgid", SYS_setpgid, {0, 0}, kWorks, EPERM},
    {99, "50", "pidfd_send_signal", SYS_pidfd_send_signal, {4, 0, kNull, 0}, EBADF},
    {100, "51", "kcmp", SYS_kcmp, {kVictim, kVictim, 0, 0, 0}, kWorks, ENOSYS},
    {101, "59", "waitid", SYS_waitid, {0, 0, scratch, WNOHANG | 4, kNull}, ECHILD},
    {102, "49", "rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, {kVictim, kVictim, SIGURG, signal_information}},
    {103, "85", "sigaltstack", SYS_sigaltstack, {kNull, scratch}},
    {104, "85", "rt_sigprocmask", SYS_rt_sigprocmask, {0, zeros, kNull, 8}},
    {105, "43", "set_robust_list", SYS_set_robust_list, {scratch, 24}},
    {106, "43", "membarrier", SYS_membarrier, {0, 0, 0}},
    {107, "52", "setgroups", SYS_setgroups, {0, kNull}},
    // Network and messages.
    {110, "60", "socket inet", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {111, "60", "socket inet6", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}, kWorks, EAFNOSUPPORT},
    {112, "60", "socket netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
    {113, "61", "socket unix", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {114, "61", "socketpair", SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, scratch}},
    {115, "61", "connect", SYS_connect, {3, &targets.abstract, Arg::Of(&targets.abstract_length)}, EISCONN},
    {116, "62", "sendto", SYS_sendto, {3, scratch, 1, 0, kNull, 0}},
    {117, "63", "sendmsg", SYS_sendmsg, {3, zeros, 0}},
    {118, "64", "sendmmsg", SYS_sendmmsg, {3, zeros, 1, 0}},
    {119, "65", "recvmsg a second time", SYS_recvmsg, {3, zeros, MSG_DONTWAIT}, kWorks, EAGAIN},
    {120, "65", "recvfrom", SYS_recvfrom, {3, scratch, 1, MSG_DONTWAIT, kNull, kNull}, kWorks, EAGAIN},
    {121, "66", "shutdown", SYS_shutdown, {3, 0}},
    {122, "66", "close the socket", SYS_close, {3}, kCutOff},
    {123, "67", "setsockopt", SYS_setsockopt, {3, SOL_SOCKET, SO_PASSCRED, kOne, 4}},
    {124, "68", "fcntl F_SETOWN", SYS_fcntl, {3, F_SETOWN, kVictim}},
    {125, "69", "fcntl O_NONBLOCK", SYS_fcntl, {3, F_SETFL, O_NONBLOCK}},
    {126, "70", "shmget", SYS_shmget, {0, 4096, 0600}},
    {127, "70", "msgget", SYS_msgget, {0, 0600}},
    {128, "70", "mq_open", SYS_mq_open, {kName, O_CREAT | O_RDWR, 0600, kNull}},
    {129, "71", "keyctl", SYS_keyctl, {0, -3L, 1}},
    {130, "72", "bpf", SYS_bpf, {BPF_OBJ_GET, zeros, 0}, EINVAL, EFAULT},
    {131, "73", "perf_event_open", SYS_perf_event_open, {software_event, 0, -1, -1, 0}},
    {132, "74", "io_uring_setup", SYS_io_uring_setup, {1, zeros}},
    {133, "74", "io_uring_enter", SYS_io_uring_enter, {4, 1, 0, 0, kNull, 0}, EOPNOTSUPP},
    {134, "75", "io_setup", SYS_io_setup, {1, zeros}},
    {135, "76", "eventfd2", SYS_eventfd2, {0, 0}},
    {136, "76", "timerfd_create", SYS_timerfd_create, {1, 0}},
    {137, "76", "signalfd4", SYS_signalfd4, {-1, zeros, 8, 0}},
    {138, "76", "epoll_create1", SYS_epoll_create1, {0}},
    {139, "60", "socket packet", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {140, "60", "socket vsock", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}, kWorks, EAFNOSUPPORT},
    {141, "60", "socket alg", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}, kWorks, EAFNOSUPPORT},
    {142, "70", "semget", SYS_semget, {0, 1, 0600}},
    {143, "71", "add_key", SYS_add_key, {kTmpfs, kName, kNull, 0, -3L}, ENODEV},
    {144, "74", "io_uring_register", SYS_io_uring_register, {4, 0, kNull, 0}, EOPNOTSUPP},
    {145, "67", "getsockopt", SYS_getsockopt, {3, SOL_SOCKET, SO_PEERCRED, scratch, handle}},
    {146, "61", "bind", SYS_bind, {3, &targets.abstract, 2}, EINVAL},
    {147, "61", "listen", SYS_listen, {3, 1}, EINVAL},
    {148, "61", "accept4", SYS_accept4, {3, kNull, kNull, 0}, EINVAL},
    {149, "61", "getpeername", SYS_getpeername, {3, scratch, handle}},
    // The filter and the machine.
    {150, "82", "seccomp another filter", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, &allow_program}},
    {151, "82", "seccomp with a listener", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 8, &allow_program}},
    {152, "83", "prctl a filter", SYS_prctl, {PR_SET_SECCOMP, 2, &allow_program}},
    {153, "83", "prctl the question that idle may ask", SYS_prctl, {PR_GET_SECCOMP}},
    {154, "84", "modify_ldt", SYS_modify_ldt, {0, scratch, 16}},
    {155, "84", "arch_prctl", SYS_arch_prctl, {0x1003, scratch}},
    {156, "80", "number -1", -1, {}, ENOSYS},
    {157, "80", "number 0xffff", 0xffff, {}, ENOSYS},
    {158, "86", "a number newer than any kernel", 1000, {}, ENOSYS},
    {159, "78", "write of the x32 table", (1 << 30) | SYS_write, {3, scratch, 0}, ENOSYS},
    {160, "78", "execve of the x32 table", (1 << 30) | 520, {kNowhere, zeros, zeros}, ENOSYS},
    {161, "76", "clock_settime", SYS_clock_settime, {1, zeros}, EINVAL},
    {162, "72", "reboot", SYS_reboot, {0, 0, 0, kNull}, EINVAL},
    {163, "72", "init_module", SYS_init_module, {zeros, 0, kEmpty}, ENOEXEC, ENOSYS},
    {164, "95", "nanosleep", SYS_nanosleep, {zeros, kNull}},
    {165, "95", "sched_yield", SYS_sched_yield, {}},
    {166, "8", "uname", SYS_uname, {scratch}},
    {167, "82", "landlock_create_ruleset", SYS_landlock_create_ruleset, {kNull, 0, 1}, kWorks, ENOSYS},
    {168, "72", "syslog", SYS_syslog, {10, kNull, 0}},
    {169, "95", "clock_nanosleep", SYS_clock_nanosleep, {1, 0, zeros, kNull}},
    {170, "95", "poll", SYS_poll, {kNull, 0, 0}},
    {171, "84", "iopl", SYS_iopl, {3}, kWorks, ENOSYS},
    {172, "84", "ioperm", SYS_ioperm, {0x80, 1, 1}, kWorks, ENOSYS},
    {173, "72", "swapoff", SYS_swapoff, {targets.fresh}, ENOENT},
    {174, "72", "sethostname", SYS_sethostname, {kName, 7}},
    {175, "72", "acct", SYS_acct, {kNowhere}, ENOENT, ENOSYS},
    {176, "72", "delete_module", SYS_delete_module, {kName, O_NONBLOCK}, ENOENT, ENOSYS},
    {177, "86", "statmount", kSysStatmount, {zeros, scratch, 64, 0}, EINVAL, ENOSYS},
    {178, "86", "setxattrat", kSysSetxattrat, {kCwd, kNowhere, 0, kAttribute, zeros, 16}, ENOENT, EINVAL},
    {179, "86", "cachestat", kSysCachestat, {4, zeros, scratch, 0}},
    // Descriptors used for what they are not for.
    {180, "87", "pread the socket", SYS_pread64, {3, scratch, 1, 0}, ESPIPE},
    {181, "87", "pread the output", SYS_pread64, {5, scratch, 1, 0}},
    {182, "87", "pwrite the input", SYS_pwrite64, {4, scratch, 1, 0}},
    {183, "87", "write the output", SYS_write, {5, scratch, 1}},
    {184, "118", "write standard error", SYS_write, {2, scratch, 1}},
    {185, "87", "read the socket", SYS_read, {3, scratch, 1}, kWorks, EAGAIN},
    {186, "41", "pwrite with a bit above the 32nd", SYS_pwrite64, {5L | (1L << 32), scratch, 1, 0}},
    {187, "88", "dup", SYS_dup, {4}},
    {188, "88", "dup2 over the socket", SYS_dup2, {4, 3}, kCutOff, kEndsWith},
    {189, "88", "fcntl F_DUPFD", SYS_fcntl, {4, F_DUPFD, 0}},
    {190, "89", "lseek", SYS_lseek, {4, 0, 0}},
    {191, "90", "seal the output", SYS_fcntl, {5, F_ADD_SEALS, F_SEAL_SEAL}},
    {192, "91", "sendfile", SYS_sendfile, {5, 4, kNull, 1}},
    {193, "91", "splice", SYS_splice, {4, kNull, 3, kNull, 1, 0}, EINVAL},
    {194, "91", "copy_file_range", SYS_copy_file_range, {4, kNull, 5, kNull, 1, 0}, kWorks, EXDEV},
    {195, "92", "ioctl TIOCSTI", SYS_ioctl, {0, TIOCSTI, scratch}, ENOTTY},
    {196, "92", "ioctl FICLONE", SYS_ioctl, {5, FICLONE, 4}, EXDEV, EOPNOTSUPP},
    {197, "63", "writev to the socket", SYS_writev, {3, zeros, 1}},
    {198, "95", "futex wait", SYS_futex, {scratch, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1, kNull}, EAGAIN},
    {199,
     "95",
     "futex requeue",
     SYS_futex,
     {scratch, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, 1, scratch, 1},
     EAGAIN},
    {600, "21", "fchdir", SYS_fchdir, {4}, ENOTDIR},
    {601, "22", "move_mount", SYS_move_mount, {kCwd, kNowhere, kCwd, kNowhere, 0}, ENOENT},
    {602, "22", "mount_setattr", SYS_mount_setattr, {kCwd, kNowhere, 0, zeros, 32}, ENOENT, EINVAL},
    {603, "23", "fanotify_init", SYS_fanotify_init, {0, 0}, kWorks, ENOSYS},
    {604, "24", "fcntl a lock on the input", SYS_fcntl, {4, F_SETLK, zeros}},
    {605, "88", "dup3", SYS_dup3, {4, 7, 0}},
    {606, "91", "tee", SYS_tee, {4, 5, 1, 0}, EINVAL},
    {607, "91", "vmsplice", SYS_vmsplice, {4, zeros, 1, 0}, EBADF},
    {608, "92", "ioctl TIOCLINUX", SYS_ioctl, {0, 0x541C, scratch}, ENOTTY},
    {609, "92", "ioctl FIONREAD", SYS_ioctl, {3, 0x541B, scratch}},
    {610, "68", "fcntl O_ASYNC", SYS_fcntl, {3, F_SETFL, O_ASYNC}},
    {611, "16", "truncate", SYS_truncate, {targets.secret, 0}},
    {612, "13", "mkdirat", SYS_mkdirat, {kCwd, targets.fresh, 0700}},
    {613, "11", "rmdir", SYS_rmdir, {kNowhere}, ENOENT},
    {614, "95", "pause", SYS_rt_sigtimedwait, {zeros, kNull, zeros, 8}, EAGAIN},
    {615, "76", "pipe2", SYS_pipe2, {scratch, 0}},
    {616, "88", "close_range", SYS_close_range, {6, 100, 0}},
    {617, "8", "getcwd", SYS_getcwd, {scratch, 4096}},
    {618, "65", "recvmmsg", SYS_recvmmsg, {3, zeros, 1, MSG_DONTWAIT, kNull}, kWorks, EAGAIN},
    {619, "87", "preadv2 the socket", SYS_preadv2, {3, &own_word, 1, -1, 0, 0}, kWorks, EAGAIN},
    {620, "87", "pwritev the input", SYS_pwritev, {4, &own_word, 1, 0, 0}},
    {621, "17", "fallocate the output", SYS_fallocate, {5, 0, 0, 8192}},
    {622, "16", "fsync", SYS_fsync, {5}},
    {623, "86", "futex_wait of the new kind", kSysFutexWait, {scratch, 1, 1, 0x82, kNull, 0}, EAGAIN, ENOSYS},
    // Of a set of files: the second of them is at 7.
    {640, "87", "pread above all inputs", SYS_pread64, {256, scratch, 1, 0}, EBADF},
    {641, "41", "pread with a bit above the 32nd", SYS_pread64, {7L | (1L << 32), scratch, 1, 0}},
    {642, "87", "pwrite a further input", SYS_pwrite64, {7, scratch, 1, 0}},
    // The graph file, at 6: the broker reads it while the worker lives.
    {643, "87", "pread the graph file", SYS_pread64, {6, scratch, 1, 0}},
    {644, "87", "write the graph file", SYS_write, {6, scratch, 1}},
    {645, "41", "pwrite the graph file with a bit above the 32nd", SYS_pwrite64, {6L | (1L << 32), scratch, 1, 0}},
    {646, "29", "mmap the graph file shared", SYS_mmap, {0, 4096, kRw, MAP_SHARED, 6}},
    {647, "29", "mmap the graph file shared, for reading", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED, 6}},
    {648, "16", "ftruncate the graph file", SYS_ftruncate, {6, 0}},
    {649, "17", "punch a hole into the graph file", SYS_fallocate, {6, 3, 0, 4096}},
    {650, "90", "seal the graph file", SYS_fcntl, {6, F_ADD_SEALS, F_SEAL_SEAL}},
    {651, "91", "sendfile to the graph file", SYS_sendfile, {6, 4, kNull, 1}},
    {652, "88", "dup the graph file", SYS_dup, {6}},
};

}  // namespace airlock::hostile
