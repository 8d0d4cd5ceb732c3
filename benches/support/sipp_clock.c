/* SIPp reads a clock that moves every 4 ms. Preloaded, this gives it the fine one, so that its response times are exact. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *time) {
  static int (*next)(clockid_t, struct timespec *);
  if (!next)
    next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  return next(id == CLOCK_MONOTONIC_COARSE ? CLOCK_MONOTONIC : id, time);
}
