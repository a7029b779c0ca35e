/* SPDX-License-Identifier: MIT */
/*
 * seed_violation.c: makes the GPU do what the services must never let it do, so that a run shows
 * that the judge would have seen it. Runs in dom0 as root with the services stopped, on the
 * module's nodes alone: pins one frame of each of two guests, maps both in the GGTT, and lets the
 * blitter copy: a context of its on a Broadwell, its ring on a Haswell. One thread.
 *
 * usage: seed_violation DOMID DOMID [GFN]    GFN: hexadecimal, what is pinned of both (1000)
 * Says "ready" when its pages exist (the walker must see them before they are used), then takes
 * lines: "clean" copies within the first guest's frame, "seed" from the first guest's to the
 * second's. Answers "done" or the reason why not. The copy destroys data of the guests.
 */
#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gen/gen8_pte.h"
#include "gpu/stub/stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Facts: Haswell and Broadwell PRM vol. 2c (registers), vol. 10 (blitter). */
#define BCS             0x22000u
#define FORCEWAKE_MT    0xa188u
#define FORCEWAKE_ACK   0x130044u
#define RING_HWS_PGA    0x80u
#define RING_ELSP       0x230u
#define RING_MODE       0x29cu
#define GFX_RUN_LIST    (1u << 15)
#define GFX_PPGTT       (1u << 9)
#define HSW_BCS_HWS_PGA 0x4280u
#define RING_TAIL       0x30u
#define RING_HEAD       0x34u
#define RING_START      0x38u
#define RING_CTL        0x3cu
#define RING_MI_MODE    0x9cu
#define STOP_RING       (1u << 8)
#define XY_SRC_COPY_BLT 0x54c00006u /* 8 dwords, and one more for each address on Broadwell */
#define BLT_WRITE_ARGB  (3u << 20)
#define BR13_32BPP_COPY (3u << 24 | 0xccu << 16)
#define PITCH           256u
#define ROWS            4u

#define GGTT_AT     0x200000u /* where everything is mapped */
#define NODE_WAIT_S 30        /* the services' descriptors may take a moment to go */
#define GPU_WAIT_S  20

enum page { PPHWSP, IMAGE, RING, HWSP, DMA_PAGES, FRAME_1 = DMA_PAGES, FRAME_2, PAGES };

struct seed;

/* What a generation does in its own way. */
struct seed_gen {
    uint64_t (*entry)(uint64_t dma);
    unsigned address_dwords;
    int (*start)(struct seed *s); /* the blitter, with nothing to do yet */
    int (*submit)(struct seed *s);
};

struct seed {
    const struct seed_gen *gen;
    int broker, gtt_fd, sched_fd;
    struct gpu *gtt, *sched;
    struct gpu_dma dma;
    uint32_t *ring;
    uint32_t tail;   /* dwords used of the ring */
    uint32_t copies; /* asked for; the context writes the number when it is through */
};

static uint32_t ggtt_of(enum page p)
{
    return GGTT_AT + (uint32_t)p * GPU_PAGE_SIZE;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void doze(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static int open_node(const char *path)
{
    double end = now() + NODE_WAIT_S;
    int fd;

    while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0 && errno == EBUSY && now() < end)
        doze();
    if (fd < 0)
        fprintf(stderr, "seed_violation: %s: %s\n", path, strerror(errno));
    return fd;
}

static int open_nodes(struct seed *s)
{
    int rc;

    s->broker = open_node("/dev/vgt/broker");
    s->gtt_fd = open_node(gpu_stub_path(GPU_ROW_GTT));
    s->sched_fd = open_node(gpu_stub_path(GPU_ROW_SCHED));
    if (s->broker < 0 || s->gtt_fd < 0 || s->sched_fd < 0)
        return -EIO;
    rc = gpu_stub_open_fd(s->gtt_fd, &s->gtt);
    return rc ? rc : gpu_stub_open_fd(s->sched_fd, &s->sched);
}

static int map_frame(struct seed *s, uint16_t domid, uint64_t gfn, enum page at)
{
    uint64_t dma;
    int rc = gpu_stub_attach(s->broker, domid);

    if (!rc)
        rc = gpu_pin(s->gtt, domid, &gfn, 1, &dma);
    if (!rc)
        rc = gpu_gtt_write(s->gtt, ggtt_of(at) / GPU_PAGE_SIZE, s->gen->entry(dma));
    if (rc)
        fprintf(stderr, "seed_violation: domain %u, frame %llx: %s\n", domid,
                (unsigned long long)gfn, strerror(-rc));
    return rc;
}

static int map_own(struct seed *s)
{
    int rc = gpu_dma_alloc(s->sched, DMA_PAGES, 0, &s->dma);

    for (unsigned i = 0; !rc && i < DMA_PAGES; i++)
        rc = gpu_gtt_write(s->gtt, ggtt_of(i) / GPU_PAGE_SIZE, s->gen->entry(s->dma.dma[i]));
    return rc ? rc : gpu_gtt_flush(s->gtt);
}

static int wake_gpu(struct seed *s)
{
    double end = now() + GPU_WAIT_S;
    uint32_t ack = 0;
    int rc = gpu_write_masked(s->sched, FORCEWAKE_MT, 1, 1);

    while (!rc && !(ack & 1) && now() < end)
        rc = gpu_read32(s->sched, FORCEWAKE_ACK, &ack);
    return rc || ack & 1 ? rc : -ETIMEDOUT;
}

/* ---- Broadwell */

static uint64_t entry_gen8(uint64_t dma)
{
    return gen8_ggtt_encode(dma, true);
}

/* A blitter context without per-process tables: its addresses are the GGTT's. */
static int start_gen8(struct seed *s)
{
    uint32_t *image = s->dma.map; /* from its status page on */
    int rc;

    ctx_gen8_init(GEN8_BCS, image);
    ctx_gen8_set_ring(image, ggtt_of(RING), GPU_PAGE_SIZE, 0, 0);
    rc = gpu_write_masked(s->sched, BCS + RING_MODE, GFX_RUN_LIST, GFX_RUN_LIST);
    return rc ? rc : gpu_write32(s->sched, BCS + RING_HWS_PGA, ggtt_of(HWSP));
}

static int submit_gen8(struct seed *s)
{
    struct ctx_gen8_desc d = {
        .valid = true, .mode = CTX_LEGACY_32, .lrca = ggtt_of(PPHWSP), .id = 0x5eed};
    uint64_t raw = ctx_gen8_desc_encode(&d);
    const uint32_t port[] = {0, 0, (uint32_t)(raw >> 32), (uint32_t)raw};
    int rc = 0;

    ctx_gen8_set_tail(s->dma.map, s->tail * 4);
    for (unsigned i = 0; !rc && i < 4; i++)
        rc = gpu_write32(s->sched, BCS + RING_ELSP, port[i]);
    return rc;
}

static const struct seed_gen seed_gen8 = {entry_gen8, 2, start_gen8, submit_gen8};

/* ---- Haswell */

/* Bits 10:4 are address bits 38:32. */
static uint64_t entry_gen7(uint64_t dma)
{
    return (uint32_t)dma | (dma >> 28 & 0x7f0) | 1;
}

/* With PPGTT off, addresses are the GGTT's here, too. */
static int start_gen7(struct seed *s)
{
    const struct {
        uint32_t reg, value;
    } steps[] = {
        {BCS + RING_CTL, 0},
        {BCS + RING_MODE, GFX_PPGTT << 16},
        {HSW_BCS_HWS_PGA, ggtt_of(HWSP)},
        {BCS + RING_START, ggtt_of(RING)},
        {BCS + RING_HEAD, 0},
        {BCS + RING_TAIL, 0},
        {BCS + RING_CTL, 1}, /* one page, valid */
        {BCS + RING_MI_MODE, STOP_RING << 16},
    };
    int rc = 0;

    for (unsigned i = 0; !rc && i < sizeof(steps) / sizeof(steps[0]); i++)
        rc = gpu_write32(s->sched, steps[i].reg, steps[i].value);
    return rc;
}

static int submit_gen7(struct seed *s)
{
    return gpu_write32(s->sched, BCS + RING_TAIL, s->tail * 4);
}

static const struct seed_gen seed_gen7 = {entry_gen7, 1, start_gen7, submit_gen7};

/* ---- both */

static int prepare(struct seed *s, const uint16_t domid[2], uint64_t gfn)
{
    int rc = open_nodes(s);

    if (rc)
        return rc;
    s->gen = s->sched->info.gen == GPU_GEN7 ? &seed_gen7 : &seed_gen8;
    rc = map_frame(s, domid[0], gfn, FRAME_1);
    if (!rc)
        rc = map_frame(s, domid[1], gfn, FRAME_2);
    if (!rc)
        rc = map_own(s);
    if (rc)
        return rc;
    s->ring = (uint32_t *)s->dma.map + RING * (GPU_PAGE_SIZE / 4);
    rc = wake_gpu(s);
    return rc ? rc : s->gen->start(s);
}

static void put(struct seed *s, uint32_t dw)
{
    s->ring[s->tail++] = dw;
}

static void put_address(struct seed *s, uint32_t at)
{
    put(s, at);
    if (s->gen->address_dwords == 2)
        put(s, 0);
}

/* MI_STORE_DATA_IMM is four dwords on both: Haswell's reserved one is Broadwell's address, lower
 * half, and its address the upper one. */
static void put_marker(struct seed *s)
{
    uint32_t at = ggtt_of(HWSP) + 0x800;
    bool wide = s->gen->address_dwords == 2;

    put(s, MI_STORE_DATA_GGTT | 2);
    put(s, wide ? at : 0);
    put(s, wide ? 0 : at);
    put(s, s->copies);
}

static void put_copy(struct seed *s, uint32_t from, uint32_t to)
{
    put(s, (XY_SRC_COPY_BLT + 2 * (s->gen->address_dwords - 1)) | BLT_WRITE_ARGB);
    put(s, BR13_32BPP_COPY | PITCH);
    put(s, 0);
    put(s, ROWS << 16 | PITCH / 4);
    put_address(s, to);
    put(s, 0);
    put(s, PITCH);
    put_address(s, from);
    put_marker(s);
}

static int copy(struct seed *s, uint32_t from, uint32_t to)
{
    volatile uint32_t *marker =
        (volatile uint32_t *)s->dma.map + (HWSP * GPU_PAGE_SIZE + 0x800) / 4;
    double end = now() + GPU_WAIT_S;
    int rc;

    s->copies++;
    put_copy(s, from, to);
    rc = s->gen->submit(s);
    while (!rc && *marker != s->copies) {
        if (now() > end)
            rc = -ETIMEDOUT;
        doze();
    }
    return rc;
}

static int obey(struct seed *s, const char *line)
{
    if (s->tail * 4 + 256 > GPU_PAGE_SIZE)
        return -ENOSPC;
    if (!strcmp(line, "clean\n"))
        return copy(s, ggtt_of(FRAME_1), ggtt_of(FRAME_1) + GPU_PAGE_SIZE / 2);
    if (!strcmp(line, "seed\n"))
        return copy(s, ggtt_of(FRAME_1), ggtt_of(FRAME_2));
    return -EINVAL;
}

int main(int argc, char **argv)
{
    struct seed s = {0};
    uint16_t domid[2];
    char line[32];
    int rc;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: seed_violation DOMID DOMID [GFN]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    domid[0] = (uint16_t)atoi(argv[1]);
    domid[1] = (uint16_t)atoi(argv[2]);
    rc = prepare(&s, domid, argc > 3 ? strtoull(argv[3], NULL, 16) : 0x1000);
    printf("%s\n", rc ? strerror(-rc) : "ready");
    while (!rc && fgets(line, sizeof(line), stdin)) {
        rc = obey(&s, line);
        printf("%s\n", rc ? strerror(-rc) : "done");
    }
    return rc != 0;
}
