/* clock.h: milliseconds of a clock that never goes back. */
#ifndef SADDLE_KERNEL_CLOCK_H
#define SADDLE_KERNEL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
