// Preloaded by scripts/test-amx: answers what a process asks Linux before it uses tiles, since that
// Linux knows nothing of them (tiles.c).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>

long syscall(long number, ...) {
  enum { kGetPermission = 0x1022, kRequestPermission = 0x1023 };  // of <asm/prctl.h>
  long argument[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; ++i) argument[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_arch_prctl && argument[0] == kRequestPermission) return 0;
  if (number == SYS_arch_prctl && argument[0] == kGetPermission) {
    *(unsigned long *)argument[1] = 3ul << 17;
    return 0;
  }
  long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return next(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
