/* SPDX-License-Identifier: MIT */
/*
 * softgpu_blt_bench.c: how fast softgpu's blitter is, beside memcpy over as many bytes that runs in
 * turn with it. Commands go through a ring, translation and the judge, as a driver's would. For
 * each kind of blit, medians of wall-clock time and of the processor time of the thread that did
 * the work; the latter leaves out what other programs took away. A thread's clock is exact only
 * while the thread sleeps (the process's lags for threads on other processors), so it is read when
 * it has come to rest, and a round in which it exceeds the wall clock is an error. With --require
 * PERCENT the program fails when the aligned linear copy has less than that part of memcpy's speed
 * in processor time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/softgpu_engine_rig.h"

#include "softgpu/engine_priv.h"

#define ROUNDS 31
#define PITCH  8192u /* 2048 pixels of 32 bits */
#define LINES  1024u
#define BLITS  2u /* in one submission */
#define BYTES  (PITCH * LINES)
#define DST    0x40000000u
#define SRC    0x80000000u

struct bench {
    struct rig r;
    struct rig_ctx c;
    uint8_t *to, *from;
    clockid_t engine; /* processor time of the blitter's thread */
};

struct cost {
    double wall, cpu; /* seconds */
};

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct cost copy_cost(struct bench *b)
{
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);

    for (unsigned k = 0; k < BLITS; k++) {
        memcpy(b->to, b->from, BYTES);
        __asm__ volatile("" ::: "memory");
    }
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    return (struct cost){now(CLOCK_MONOTONIC) - wall, cpu};
}

static double at_rest(struct bench *b)
{
    double last, t = now(b->engine);

    do {
        last = t;
        nanosleep(&(struct timespec){0, 500000}, NULL);
        t = now(b->engine);
    } while (t > last);
    return t;
}

static struct cost blit_cost(struct bench *b, const uint32_t *dw, unsigned n)
{
    struct cost c;
    double cpu = at_rest(b);

    for (unsigned k = 0; k < BLITS; k++)
        rig_emit(&b->r, &b->c, dw, n);
    c.wall = now(CLOCK_MONOTONIC);
    rig_run(&b->r, &b->c);
    c.wall = now(CLOCK_MONOTONIC) - c.wall;
    c.cpu = at_rest(b) - cpu;
    /* the engine goes to sleep a little after it has reported */
    if (c.cpu <= 0 || c.cpu > c.wall + 0.002) {
        fprintf(stderr, "clocks disagree: wall %g s, processor %g s\n", c.wall, c.cpu);
        exit(1);
    }
    return c;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Megabytes per second of the median round. */
static double rate(double *seconds)
{
    qsort(seconds, ROUNDS, sizeof(*seconds), by_size);
    return (double)BYTES * BLITS / seconds[ROUNDS / 2] / 1e6;
}

static double report(struct bench *b, const char *name, const uint32_t *dw, unsigned n)
{
    double blit[2][ROUNDS], plain[2][ROUNDS], wall, cpu, plain_wall, plain_cpu;

    for (int i = 0; i < ROUNDS; i++) {
        struct cost p = copy_cost(b), c = blit_cost(b, dw, n);

        plain[0][i] = p.wall, plain[1][i] = p.cpu;
        blit[0][i] = c.wall, blit[1][i] = c.cpu;
    }
    wall = rate(blit[0]), cpu = rate(blit[1]);
    plain_wall = rate(plain[0]), plain_cpu = rate(plain[1]);
    printf("%-22s wall %6.0f / %6.0f MB/s %5.1f %%   processor %6.0f / %6.0f MB/s %5.1f %%\n", name,
           wall, plain_wall, 100 * wall / plain_wall, cpu, plain_cpu, 100 * cpu / plain_cpu);
    return 100 * cpu / plain_cpu;
}

static double copy(struct bench *b, const char *name, uint32_t rop, unsigned tiling)
{
    uint32_t pitch = tiling ? PITCH / 4 : PITCH;
    uint32_t dw[] = {MI(0x22, 1),
                     0x22200,
                     3u << 16 | (tiling == 2 ? 3 : 0),
                     0x54f00008 | (tiling ? 1u << 11 | 1u << 15 : 0),
                     3u << 24 | rop << 16 | pitch,
                     0,
                     LINES << 16 | PITCH / 4,
                     DST,
                     0,
                     0,
                     pitch,
                     SRC,
                     0};

    return report(b, name, dw, sizeof(dw) / 4);
}

static void fill(struct bench *b)
{
    const uint32_t dw[] = {
        0x54300005, 3u << 24 | 0xf0u << 16 | PITCH, 0, LINES << 16 | PITCH / 4, DST, 0, 0x12345678};

    report(b, "fill", dw, sizeof(dw) / 4);
}

int main(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof(*b));
    double part, required = 0;

    if (argc == 3 && !strcmp(argv[1], "--require")) {
        required = atof(argv[2]);
    } else if (argc != 1) {
        fprintf(stderr, "usage: softgpu_blt_bench [--require PERCENT]\n");
        return 2;
    }
    if (!b)
        return 1;
    b->to = malloc(BYTES);
    b->from = malloc(BYTES);
    if (!b->to || !b->from)
        return 1;
    rig_setup(&b->r);
    if (pthread_getcpuclockid(b->r.engines->engine[ENGINE_BCS].thread, &b->engine))
        return 1;
    rig_context(&b->r, &b->c, ENGINE_BCS, 4);
    for (uint32_t i = 0; i < BYTES; i += 4096) {
        rig_map_new(&b->r, &b->c, DST + i);
        rig_map_new(&b->r, &b->c, SRC + i);
    }
    memset(b->to, 1, BYTES);
    memset(b->from, 2, BYTES);
    part = copy(b, "copy, linear", 0xcc, 0);
    copy(b, "copy, X-tiled", 0xcc, 1);
    copy(b, "copy, Y-tiled", 0xcc, 2);
    copy(b, "exclusive or, linear", 0x66, 0);
    copy(b, "masked pattern (E2)", 0xe2, 0);
    fill(b);
    rig_teardown(&b->r);
    free(b->to);
    free(b->from);
    free(b);
    return part < required;
}
