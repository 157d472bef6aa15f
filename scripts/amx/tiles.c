// A kernel module for scripts/test-amx. Bochs has AMX, but not the register (XFD) through which
// Linux hands tiles out one process at a time, so Linux leaves them off. This turns them on for all:
// nobody saves them when processes take turns, so only one may use them.
#include <linux/module.h>
#include <linux/smp.h>

static void turn_on(void *unused) {
  const u32 tile_states = 3u << 17;  // their configuration and their data, in XCR0
  u32 low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  asm volatile("xsetbv" : : "a"(low | tile_states), "d"(high), "c"(0));
}

static int __init tiles_init(void) {
  on_each_cpu(turn_on, NULL, 1);
  return 0;
}

module_init(tiles_init);
MODULE_DESCRIPTION("Turns AMX on");
MODULE_LICENSE("Dual MIT/GPL");
