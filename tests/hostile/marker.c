/* What attacks execute: says that it runs, and whether as root, to descriptor 3. No library, no start-up code. */
#include <sys/syscall.h>

static long Call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

void _start(void) {
  static const char marker[] = "AIRLOCK-MARKER";
  static const char root[] = " root";
  Call(SYS_write, 3, (long)marker, sizeof(marker) - 1);
  if (Call(SYS_geteuid, 0, 0, 0) == 0) Call(SYS_write, 3, (long)root, sizeof(root) - 1);
  Call(SYS_exit_group, 0, 0, 0);
}
