/* SPDX-License-Identifier: MIT */
/*
 * softgpu_blt_bench.c: how fast softgpu's blitter is, beside memcpy over as many bytes that runs in
 * turn with it. Commands go through a ring, translation and the judge, as a driver's would. For
 * each kind of blit the processor time of the thread that did the work, which leaves out what other
 * programs took away. A thread's clock is exact only while the thread sleeps (the process's lags
 * for threads on other processors), so it is read when it has come to rest, and a round in which it
 * exceeds the wall clock is an error. What a blit has made of its destination is compared.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench.h"
#include "tests/unit/softgpu_engine_rig.h"

#include "softgpu/engine_priv.h"

#define PITCH  8192u /* 2048 pixels of 32 bits */
#define LINES  1024u
#define BYTES  (PITCH * LINES)
#define DST    0x40000000u
#define SRC    0x80000000u
#define COLOUR 0x12345678u

struct world {
    struct rig r;
    struct rig_ctx c;
    uint8_t *to, *from;
    uint64_t dst[BYTES / 4096], src[BYTES / 4096]; /* machine addresses of pages */
    clockid_t engine;                              /* processor time of the blitter's thread */
};

/* A command, and what it makes of the first dword of each page. */
struct blit {
    struct world *w;
    const uint32_t *dw;
    unsigned n;
    enum { BECOMES_SOURCE, BECOMES_COLOUR, BECOMES_ANYTHING } effect;
};

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Whole pictures: at least one, and the time as if it had been n bytes. */
static unsigned pictures(uint64_t n)
{
    return n < 2 * BYTES ? 1 : (unsigned)(n / BYTES);
}

static double run_memcpy(void *ctx, uint64_t n)
{
    struct world *w = ((struct blit *)ctx)->w;
    double cpu = now(CLOCK_THREAD_CPUTIME_ID);

    for (unsigned k = 0; k < pictures(n); k++) {
        memcpy(w->to, w->from, BYTES);
        __asm__ volatile("" ::: "memory");
    }
    cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    bench_check(!memcmp(w->to, w->from, BYTES));
    return cpu * (double)n / (double)((uint64_t)pictures(n) * BYTES);
}

static double at_rest(struct world *w)
{
    double last, t = now(w->engine);

    do {
        last = t;
        nanosleep(&(struct timespec){0, 500000}, NULL);
        t = now(w->engine);
    } while (t > last);
    return t;
}

static void mark_pages(struct world *w)
{
    for (uint32_t i = 0; i < BYTES / 4096; i++) {
        rig_w32(&w->r, w->src[i], 0xc0de0000 + i);
        rig_w32(&w->r, w->dst[i], 0);
    }
}

static void check_pages(const struct blit *b)
{
    struct world *w = b->w;

    for (uint32_t i = 0; i < BYTES / 4096; i++) {
        uint32_t got = rig_r32(&w->r, w->dst[i]);

        if (b->effect != BECOMES_ANYTHING &&
            got != (b->effect == BECOMES_SOURCE ? 0xc0de0000 + i : COLOUR))
            bench_fail("softgpu-blt: page %u has 0x%x", i, got);
    }
}

static double run_blit(void *ctx, uint64_t n)
{
    const struct blit *b = ctx;
    struct world *w = b->w;
    double cpu, wall;

    mark_pages(w);
    cpu = at_rest(w);
    for (unsigned k = 0; k < pictures(n); k++)
        rig_emit(&w->r, &w->c, b->dw, b->n);
    wall = bench_now_ns();
    rig_run(&w->r, &w->c);
    wall = bench_now_ns() - wall;
    cpu = at_rest(w) - cpu;
    /* the engine goes to sleep a little after it has reported */
    if (cpu <= 0 || cpu > wall + 2e6)
        bench_fail("softgpu-blt: clocks disagree: wall %g ns, processor %g ns", wall, cpu);
    check_pages(b);
    return cpu * (double)n / (double)((uint64_t)pictures(n) * BYTES);
}

static void one_case(const struct bench *b, const char *name, struct blit *blit)
{
    const struct bench_way way[] = {{"blitter", run_blit, blit}, {"memcpy", run_memcpy, blit}};
    const struct bench_case c = {.name = name, .piece = "byte", .bytes = 1, .n = 2 * BYTES};

    bench_case(b, &c, way, 2);
}

static void copy(const struct bench *b, struct world *w, const char *name, uint32_t rop,
                 unsigned tiling)
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
    struct blit blit = {w, dw, sizeof(dw) / 4, rop == 0xcc ? BECOMES_SOURCE : BECOMES_ANYTHING};

    one_case(b, name, &blit);
}

static void fill(const struct bench *b, struct world *w)
{
    const uint32_t dw[] = {
        0x54300005, 3u << 24 | 0xf0u << 16 | PITCH, 0, LINES << 16 | PITCH / 4, DST, 0, COLOUR};
    struct blit blit = {w, dw, sizeof(dw) / 4, BECOMES_COLOUR};

    one_case(b, "fill", &blit);
}

static struct world *make_world(void)
{
    struct world *w = calloc(1, sizeof(*w));

    bench_check(w && (w->to = malloc(BYTES)) && (w->from = malloc(BYTES)));
    rig_setup(&w->r);
    bench_check(!pthread_getcpuclockid(w->r.engines->engine[ENGINE_BCS].thread, &w->engine));
    rig_context(&w->r, &w->c, ENGINE_BCS, 4);
    for (uint32_t i = 0; i < BYTES / 4096; i++) {
        w->dst[i] = rig_map_new(&w->r, &w->c, DST + i * 4096);
        w->src[i] = rig_map_new(&w->r, &w->c, SRC + i * 4096);
    }
    memset(w->to, 1, BYTES);
    memset(w->from, 2, BYTES);
    return w;
}

int main(int argc, char **argv)
{
    struct world *w;
    struct bench b;

    bench_init(&b, "softgpu-blt", argc, argv);
    w = make_world();
    copy(&b, w, "copy, linear", 0xcc, 0);
    copy(&b, w, "copy, X-tiled", 0xcc, 1);
    copy(&b, w, "copy, Y-tiled", 0xcc, 2);
    copy(&b, w, "exclusive or, linear", 0x66, 0);
    copy(&b, w, "masked pattern (E2)", 0xe2, 0);
    fill(&b, w);
    rig_teardown(&w->r);
    free(w->to);
    free(w->from);
    free(w);
    return 0;
}
