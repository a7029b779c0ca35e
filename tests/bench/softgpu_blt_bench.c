/* SPDX-License-Identifier: MIT */
/*
 * softgpu_blt_bench.c: how fast softgpu's blitter is, beside memcpy over the same bytes. One line
 * per kind of blit: bytes written per second, best of the rounds, and its part of memcpy's. With
 * --require PERCENT it fails when the aligned linear copy is slower than that part. Commands go
 * through a ring, translation and the judge, as a driver's would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/softgpu_engine_rig.h"

#define ROUNDS 60
#define PITCH  8192u /* 2048 pixels of 32 bits */
#define LINES  256u
#define BYTES  (PITCH * LINES)
#define DST    0x40000000u
#define SRC    0x80000000u

struct bench {
    struct rig r;
    struct rig_ctx c;
    double memcpy_rate;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double copy_rate(void)
{
    uint8_t *a = malloc(BYTES), *b = malloc(BYTES);
    double best = 0;

    if (!a || !b)
        exit(1);
    memset(a, 1, BYTES);
    memset(b, 2, BYTES);
    for (int i = 0; i < ROUNDS; i++) {
        double t = now();

        memcpy(a, b, BYTES);
        __asm__ volatile("" ::: "memory");
        t = BYTES / (now() - t);
        best = t > best ? t : best;
    }
    free(a);
    free(b);
    return best;
}

static double blit_rate(struct bench *b, const uint32_t *dw, unsigned n)
{
    double best = 0;

    for (int i = 0; i < ROUNDS; i++) {
        double t;

        rig_emit(&b->r, &b->c, dw, n);
        t = now();
        rig_run(&b->r, &b->c);
        t = BYTES / (now() - t);
        best = t > best ? t : best;
    }
    return best;
}

static double report(struct bench *b, const char *name, const uint32_t *dw, unsigned n)
{
    double rate = blit_rate(b, dw, n), part = 100 * rate / b->memcpy_rate;

    printf("%-24s %8.0f MB/s %6.1f %%\n", name, rate / 1e6, part);
    return part;
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
    rig_setup(&b->r);
    rig_context(&b->r, &b->c, ENGINE_BCS, 4);
    for (uint32_t i = 0; i < BYTES; i += 4096) {
        rig_map_new(&b->r, &b->c, DST + i);
        rig_map_new(&b->r, &b->c, SRC + i);
    }
    b->memcpy_rate = copy_rate();
    printf("%-24s %8.0f MB/s %6.1f %%\n", "memcpy", b->memcpy_rate / 1e6, 100.0);
    part = copy(b, "copy, linear", 0xcc, 0);
    copy(b, "copy, X-tiled", 0xcc, 1);
    copy(b, "copy, Y-tiled", 0xcc, 2);
    copy(b, "exclusive or, linear", 0x66, 0);
    copy(b, "masked pattern (E2)", 0xe2, 0);
    fill(b);
    rig_teardown(&b->r);
    free(b);
    return part < required;
}
