// Attacks that are one forbidden system call each. All must end by SIGSYS, whatever the other walls think of them.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <csignal>
#include <cstdint>
#include <string_view>

namespace airlock::hostile {

// An argument: a number or an address.
struct Arg {
  constexpr Arg() = default;
  constexpr Arg(long word) : number(word) {}                              // NOLINT(google-explicit-constructor)
  constexpr Arg(int word) : number(word) {}                               // NOLINT(google-explicit-constructor)
  constexpr Arg(unsigned int word) : number(word) {}                      // NOLINT(google-explicit-constructor)
  constexpr Arg(unsigned long word) : number(static_cast<long>(word)) {}  // NOLINT(google-explicit-constructor)
  constexpr Arg(const void* where) : address(where) {}                    // NOLINT(google-explicit-constructor)

  long Word() const { return address != nullptr ? reinterpret_cast<long>(address) : number; }

  long number = 0;
  const void* address = nullptr;
};

// What the same call does in a process without walls (the control run that shows that it is the wall that stops it).
enum class Unwalled : uint8_t {
  kNotTried,  // would do harm, or depends on the machine
  kSucceeds,
};

struct SyscallAttack {
  uint32_t id;
  std::string_view name;
  long number;
  Arg args[6];
  Unwalled unwalled = Unwalled::kNotTried;
};

inline constexpr char kFile[] = "/etc/passwd";
inline constexpr char kReopened[] = "/proc/self/fd/4";
inline constexpr char kOwnMemory[] = "/proc/self/mem";
inline constexpr char kExecutable[] = "/proc/self/exe";
inline constexpr char kShell[] = "/bin/sh";
inline constexpr char kRoot[] = "/";
inline constexpr char kNowhere[] = "/nonexistent/airlock";
inline constexpr char kName[] = "airlock";
inline constexpr char kEmpty[] = "";
inline constexpr const void* kNull = nullptr;
inline char scratch[4096];
inline char zeros[4096];

inline constexpr long kRw = PROT_READ | PROT_WRITE;
inline constexpr long kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
inline constexpr long kCwd = AT_FDCWD;

inline constexpr SyscallAttack kSyscallAttacks[] = {
    // Files.
    {1, "open", SYS_open, {kFile, O_RDONLY}, Unwalled::kSucceeds},
    {2, "openat", SYS_openat, {kCwd, kFile, O_RDONLY}, Unwalled::kSucceeds},
    {3, "openat2", SYS_openat2, {kCwd, kFile, zeros, 24}, Unwalled::kSucceeds},
    {4, "creat", SYS_creat, {kNowhere, 0600}},
    {5, "name_to_handle_at", SYS_name_to_handle_at, {kCwd, kFile, zeros, scratch, 0}},
    {6, "open_by_handle_at", SYS_open_by_handle_at, {kCwd, zeros, O_RDONLY}},
    {7, "reopen the input for writing", SYS_open, {kReopened, O_RDWR}},
    {8, "open own memory", SYS_open, {kOwnMemory, O_RDWR}, Unwalled::kSucceeds},
    {9, "readlink", SYS_readlink, {kExecutable, scratch, 4096}, Unwalled::kSucceeds},
    {10, "stat", SYS_stat, {kFile, scratch}, Unwalled::kSucceeds},
    {11, "statx", SYS_statx, {kCwd, kFile, 0, 0xfff, scratch}, Unwalled::kSucceeds},
    {12, "access", SYS_access, {kFile, 0}, Unwalled::kSucceeds},
    {13, "fstat of the input", SYS_fstat, {4, scratch}},
    {14, "getdents64", SYS_getdents64, {4, scratch, 4096}},
    {15, "unlink", SYS_unlink, {kNowhere}},
    {16, "rename", SYS_rename, {kNowhere, kNowhere}},
    {17, "symlink", SYS_symlink, {kFile, kNowhere}},
    {18, "link", SYS_link, {kNowhere, kNowhere}},
    {19, "mkdir", SYS_mkdir, {kNowhere, 0700}},
    {20, "mknod", SYS_mknod, {kNowhere, 0600, 0}},
    {21, "fchmod of the input", SYS_fchmod, {4, 0777}},
    {22, "fsetxattr", SYS_fsetxattr, {4, kName, scratch, 1, 0}},
    {23, "ftruncate the input", SYS_ftruncate, {4, 0}},
    {24, "ftruncate the output", SYS_ftruncate, {5, 0}},
    {25, "punch a hole into the output", SYS_fallocate, {5, 3, 0, 4096}},
    {26, "execve", SYS_execve, {kShell, zeros, zeros}},
    {27, "execveat on the input", SYS_execveat, {4, kEmpty, zeros, zeros, AT_EMPTY_PATH}},
    {28, "memfd_create", SYS_memfd_create, {kName, 0}, Unwalled::kSucceeds},
    {29, "chroot", SYS_chroot, {kRoot}},
    {30, "chdir", SYS_chdir, {kRoot}, Unwalled::kSucceeds},
    {31, "mount", SYS_mount, {kName, kNowhere, kName, 0, kNull}},
    {32, "fsopen", SYS_fsopen, {kName, 0}},
    {33, "open_tree", SYS_open_tree, {kCwd, kRoot, 0}},
    {34, "pivot_root", SYS_pivot_root, {kNowhere, kNowhere}},
    {35, "inotify_init1", SYS_inotify_init1, {0}, Unwalled::kSucceeds},
    {36, "flock the input", SYS_flock, {4, 2}},
    // Memory.
    {40, "mmap writable and executable", SYS_mmap, {0, 4096, kRw | PROT_EXEC, kPrivate, -1}, Unwalled::kSucceeds},
    {41, "mmap executable", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, kPrivate, -1}, Unwalled::kSucceeds},
    {42, "mprotect to executable", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}, Unwalled::kNotTried},
    {43, "pkey_mprotect", SYS_pkey_mprotect, {0, 4096, kRw, -1}},
    {44, "mmap the input shared", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED, 4}},
    {45, "mmap the output shared", SYS_mmap, {0, 4096, kRw, MAP_SHARED, 5}},
    {46, "mmap at a fixed address", SYS_mmap, {0x10000, 4096, kRw, kPrivate | MAP_FIXED, -1}},
    {47, "mmap huge pages", SYS_mmap, {0, 4096, kRw, kPrivate | MAP_HUGETLB, -1}},
    {48, "mmap with a bit above the 32nd", SYS_mmap, {0, 4096, kRw, kPrivate | (1L << 32), -1}},
    {49, "mmap prot with a bit above the 32nd", SYS_mmap, {0, 4096, kRw | (1L << 32), kPrivate, -1}},
    {50, "mremap fixed", SYS_mremap, {0, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000}},
    {51, "remap_file_pages", SYS_remap_file_pages, {0, 4096, 0, 0, 0}},
    {52, "shmat", SYS_shmat, {0, 0, 0}},
    {53, "process_vm_readv", SYS_process_vm_readv, {1, zeros, 0, zeros, 0, 0}, Unwalled::kNotTried},
    {54, "process_vm_writev", SYS_process_vm_writev, {1, zeros, 0, zeros, 0, 0}},
    {55, "userfaultfd", SYS_userfaultfd, {0}},
    {56, "madvise", SYS_madvise, {0, 0, MADV_DONTNEED}, Unwalled::kSucceeds},
    {57, "mlockall", SYS_mlockall, {1}},
    {58, "memfd_secret", SYS_memfd_secret, {0}},
    {59, "personality", SYS_personality, {0xffffffffU}, Unwalled::kSucceeds},
    // Processes.
    {70, "fork", SYS_fork, {}, Unwalled::kSucceeds},
    {71, "vfork", SYS_vfork, {}},
    {72, "clone a thread", SYS_clone, {CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0}},
    {73, "clone into a user namespace", SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0}},
    {74, "clone3", SYS_clone3, {zeros, 64}, Unwalled::kSucceeds},
    {75, "unshare", SYS_unshare, {0}, Unwalled::kSucceeds},
    {76, "setns", SYS_setns, {4, 0}},
    {77, "kill everybody", SYS_kill, {-1, 0}},
    {78, "kill the group", SYS_kill, {0, 0}, Unwalled::kSucceeds},
    {79, "tgkill", SYS_tgkill, {1, 1, 0}},
    {80, "rt_sigqueueinfo", SYS_rt_sigqueueinfo, {1, 0, zeros}},
    {81, "pidfd_open", SYS_pidfd_open, {1, 0}, Unwalled::kSucceeds},
    {82, "pidfd_getfd", SYS_pidfd_getfd, {4, 0, 0}},
    {83, "ptrace", SYS_ptrace, {PTRACE_TRACEME, 0, 0, 0}, Unwalled::kSucceeds},
    {84, "prlimit64", SYS_prlimit64, {0, RLIMIT_CPU, kNull, scratch}, Unwalled::kSucceeds},
    {85, "setpriority", SYS_setpriority, {PRIO_PROCESS, 0, 0}},
    {86, "sched_setaffinity", SYS_sched_setaffinity, {0, 8, scratch}},
    {87, "become dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}, Unwalled::kSucceeds},
    {88, "admit a tracer", SYS_prctl, {PR_SET_PTRACER, -1L}},
    {89, "outlive the parent", SYS_prctl, {PR_SET_PDEATHSIG, 0}, Unwalled::kSucceeds},
    {90, "setsid", SYS_setsid, {}, Unwalled::kSucceeds},
    {91, "wait4", SYS_wait4, {-1, kNull, 1, kNull}},
    {92, "rt_sigaction", SYS_rt_sigaction, {SIGUSR1, kNull, scratch, 8}, Unwalled::kSucceeds},
    {93, "rt_sigreturn", SYS_rt_sigreturn, {}},
    {94, "getpid", SYS_getpid, {}, Unwalled::kSucceeds},
    {95, "setuid 0", SYS_setuid, {0}},
    {96, "capset", SYS_capset, {zeros, zeros}},
    // Network and messages.
    {110, "socket inet", SYS_socket, {AF_INET, SOCK_STREAM, 0}, Unwalled::kSucceeds},
    {111, "socket inet6", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}},
    {112, "socket netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, Unwalled::kSucceeds},
    {113, "socket unix", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, Unwalled::kSucceeds},
    {114, "socketpair", SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, scratch}, Unwalled::kSucceeds},
    {115, "connect", SYS_connect, {3, scratch, 16}},
    {116, "sendto", SYS_sendto, {3, scratch, 1, 0, kNull, 0}},
    {117, "sendmsg", SYS_sendmsg, {3, zeros, 0}},
    {118, "sendmmsg", SYS_sendmmsg, {3, zeros, 1, 0}},
    {119, "recvmsg a second time", SYS_recvmsg, {3, zeros, 0}},
    {120, "recvfrom", SYS_recvfrom, {3, scratch, 1, MSG_DONTWAIT, kNull, kNull}},
    {121, "shutdown", SYS_shutdown, {3, 2}},
    {122, "close the socket", SYS_close, {3}},
    {123, "setsockopt", SYS_setsockopt, {3, SOL_SOCKET, SO_PASSCRED, scratch, 4}},
    {124, "fcntl F_SETOWN", SYS_fcntl, {3, F_SETOWN, 1}},
    {125, "fcntl O_NONBLOCK", SYS_fcntl, {3, F_SETFL, O_NONBLOCK}},
    {126, "shmget", SYS_shmget, {0, 4096, 0600}},
    {127, "msgget", SYS_msgget, {0, 0600}},
    {128, "mq_open", SYS_mq_open, {kName, 0, 0, kNull}},
    {129, "keyctl", SYS_keyctl, {0, -3L, 0}},
    {130, "bpf", SYS_bpf, {0, zeros, 0}},
    {131, "perf_event_open", SYS_perf_event_open, {zeros, 0, -1, -1, 0}},
    {132, "io_uring_setup", SYS_io_uring_setup, {1, zeros}},
    {133, "io_uring_enter", SYS_io_uring_enter, {4, 1, 0, 0, kNull, 0}},
    {134, "io_setup", SYS_io_setup, {1, zeros}},
    {135, "eventfd2", SYS_eventfd2, {0, 0}, Unwalled::kSucceeds},
    {136, "timerfd_create", SYS_timerfd_create, {1, 0}, Unwalled::kSucceeds},
    {137, "signalfd4", SYS_signalfd4, {-1, zeros, 8, 0}, Unwalled::kSucceeds},
    {138, "epoll_create1", SYS_epoll_create1, {0}, Unwalled::kSucceeds},
    // The filter and the machine.
    {150, "seccomp another filter", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, zeros}},
    {151, "seccomp with a listener", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, zeros}},
    {152, "prctl a filter", SYS_prctl, {PR_SET_SECCOMP, 2, zeros}},
    {153, "prctl the question that idle may ask", SYS_prctl, {PR_GET_SECCOMP}, Unwalled::kSucceeds},
    {154, "modify_ldt", SYS_modify_ldt, {0, scratch, 16}},
    {155, "arch_prctl", SYS_arch_prctl, {0x1003, scratch}},
    {156, "number -1", -1, {}},
    {157, "number 0xffff", 0xffff, {}},
    {158, "a number newer than any kernel", 1000, {}},
    {159, "write of the x32 table", (1 << 30) | SYS_write, {3, scratch, 0}},
    {160, "execve of the x32 table", (1 << 30) | 520, {kShell, zeros, zeros}},
    {161, "clock_settime", SYS_clock_settime, {0, zeros}},
    {162, "reboot", SYS_reboot, {0, 0, 0, kNull}},
    {163, "init_module", SYS_init_module, {zeros, 0, kEmpty}},
    {164, "nanosleep", SYS_nanosleep, {zeros, kNull}, Unwalled::kSucceeds},
    {165, "sched_yield", SYS_sched_yield, {}, Unwalled::kSucceeds},
    {166, "uname", SYS_uname, {scratch}, Unwalled::kSucceeds},
    // Descriptors used for what they are not for.
    {180, "pread the socket", SYS_pread64, {3, scratch, 1, 0}},
    {181, "pread the output", SYS_pread64, {5, scratch, 1, 0}},
    {182, "pwrite the input", SYS_pwrite64, {4, scratch, 1, 0}},
    {183, "write the output", SYS_write, {5, scratch, 1}},
    {184, "write standard error", SYS_write, {2, scratch, 1}, Unwalled::kNotTried},
    {185, "read the socket", SYS_read, {3, scratch, 1}},
    {186, "pwrite with a bit above the 32nd", SYS_pwrite64, {5L | (1L << 32), scratch, 1, 0}},
    {187, "dup", SYS_dup, {4}},
    {188, "dup2 over the socket", SYS_dup2, {4, 3}},
    {189, "fcntl F_DUPFD", SYS_fcntl, {4, F_DUPFD, 0}},
    {190, "lseek", SYS_lseek, {4, 0, 0}},
    {191, "seal the output", SYS_fcntl, {5, F_ADD_SEALS, F_SEAL_SEAL}},
    {192, "sendfile", SYS_sendfile, {5, 4, kNull, 1}},
    {193, "splice", SYS_splice, {4, kNull, 3, kNull, 1, 0}},
    {194, "copy_file_range", SYS_copy_file_range, {4, kNull, 5, kNull, 1, 0}},
    {195, "ioctl TIOCSTI", SYS_ioctl, {0, TIOCSTI, scratch}},
    {196, "ioctl FICLONE", SYS_ioctl, {5, FICLONE, 4}},
    {197, "writev to the socket", SYS_writev, {3, zeros, 1}},
    {198, "futex wait", SYS_futex, {scratch, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1, kNull}},
    {199, "futex requeue", SYS_futex, {scratch, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, 1, scratch, 0}},
};

}  // namespace airlock::hostile
