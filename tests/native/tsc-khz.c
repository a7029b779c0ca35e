/* SPDX-License-Identifier: MIT */
/*
 * tsc-khz.c: measures this machine's time-stamp counter against the clock and prints kHz. QEMU's
 * TCG hands its guests the host's counter, and a guest that measures it itself on a busy host can
 * be wrong by a factor of ten, which makes every time-out of its drivers as wrong: the runners pass
 * it as tsc_early_khz=. A host tool of the tests. One thread.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Counter and clock as close together as one of many tries gets them. */
static void sample(uint64_t *tsc, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < 100; i++) {
        uint64_t before = __rdtsc(), t = now_ns(), after = __rdtsc();
        if (after - before < best) {
            best = after - before;
            *tsc = before + best / 2;
            *ns = t;
        }
    }
}

int main(void)
{
    struct timespec pause = {.tv_nsec = 100000000};
    uint64_t tsc0 = 0, ns0 = 0, tsc1 = 0, ns1 = 0;

    sample(&tsc0, &ns0);
    nanosleep(&pause, NULL);
    sample(&tsc1, &ns1);
    printf("%llu\n", (unsigned long long)((tsc1 - tsc0) * 1000000 / (ns1 - ns0)));
    return 0;
}
