/* SPDX-License-Identifier: MIT */
/*
 * softgpu_device_world.c: see softgpu_device_world.h. Machine memory is a file that begins in the
 * middle of a page and ends before the file does, so that a byte too many shows on either side.
 */
#include "tests/fuzz/softgpu_device_world.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "softgpu/ctl.h"
#include "softgpu/device.h"
#include "softgpu/engine_priv.h"
#include "softgpu/model.h"
#include "softgpu/trace.h"
#include "softgpu/vfu.h"

#define PAGE       4096u
#define BEFORE     0x800u /* bytes of the file before machine memory */
#define FILE_BYTES (BEFORE + WORLD_RO * PAGE + 4 * PAGE)
#define GUARD      0xa5 /* what is there, and in the read-only pages */
#define PATIENCE_S 8
#define GDRST      0x941cu
#define MAGIC      0x5afe5afeu

static void region_write(struct world *w, unsigned region, uint64_t at, const void *buf,
                         uint32_t len)
{
    w->ops->region_write(w->device, region, at, buf, len);
}

void world_write32(struct world *w, uint32_t reg, uint32_t value)
{
    region_write(w, 0, reg, &value, 4);
}

uint32_t world_read32(struct world *w, uint32_t reg)
{
    uint32_t v = 0;

    w->ops->region_read(w->device, 0, reg, &v, 4);
    return v;
}

struct engine *world_engine(struct world *w, unsigned id)
{
    return &w->engines->engine[id % w->engines->count];
}

uint32_t *world_word(struct world *w, uint32_t page, uint32_t i)
{
    assert(page < WORLD_RO && i < PAGE / 4);
    return (uint32_t *)(w->memory + page * PAGE) + i;
}

static void make(struct world *w, bool gen8)
{
    int error;

    w->gen8 = gen8;
    w->model = model_find(gen8 ? "1626" : "hsw");
    w->fd = memfd_create("world", MFD_CLOEXEC);
    w->device = device_new(w->model);
    if (w->fd < 0 || ftruncate(w->fd, FILE_BYTES) || !w->device)
        abort();
    w->file = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
    w->ctl = ctl_new(w->device);
    if (w->file == MAP_FAILED || !w->ctl)
        abort();
    w->memory = w->file + BEFORE;
    w->ops = device_vfu_ops(w->device);
    w->engines = device_engines(w->device);
    /* One of the two writes a log of everything, which must bear it as well. */
    if (!gen8)
        device_set_trace(w->device, trace_open("/dev/null", TRACE_EVERY, &error));
    device_attach(w->device);
}

struct world *world_get(bool gen8)
{
    static struct world worlds[2];
    struct world *w = &worlds[gen8];

    if (!w->device)
        make(w, gen8);
    return w;
}

static void announce(struct world *w, uint32_t from, uint32_t to, bool memory, unsigned prot)
{
    int fd = memory ? dup(w->fd) : -1;
    int ret = w->ops->dma_map(w->device, (uint64_t)from * PAGE, (uint64_t)(to - from) * PAGE, fd,
                              BEFORE + (uint64_t)from * PAGE, prot);

    assert(!ret);
}

void world_map(struct world *w)
{
    w->ops->dma_unmap_all(w->device);
    announce(w, 0, WORLD_RW, true, 3);
    announce(w, WORLD_RW, WORLD_RO, true, 1);
    announce(w, WORLD_RO, WORLD_NONE, false, 3);
}

/* Everywhere the page of the same number, round and round. */
static uint32_t named(uint32_t i)
{
    return i % WORLD_NAMED * PAGE;
}

static void lay_global_table(struct world *w)
{
    uint64_t entry[1024];
    uint32_t narrow[1024], pde[512];

    for (uint32_t i = 0; i < 1024; i++)
        entry[i] = narrow[i] = named(i) | 1;
    for (uint32_t i = 0; i < 512; i++)
        pde[i] = PAGE_PT7 * PAGE | 1;
    if (w->gen8) {
        region_write(w, 0, w->model->gtt_start, entry, sizeof(entry));
    } else {
        region_write(w, 0, w->model->gtt_start, narrow, sizeof(narrow));
        region_write(w, 0, w->model->gtt_start + WORLD_DIRECTORY * 4, pde, sizeof(pde));
    }
    world_write32(w, 0x101008, 1);
}

static void entry64(struct world *w, uint32_t page, uint32_t i, uint64_t entry)
{
    memcpy(world_word(w, page, i * 2), &entry, sizeof(entry));
}

/* Every page directory's every entry names the one table. */
static void lay_tables(struct world *w)
{
    for (uint32_t i = 0; i < 512; i++) {
        entry64(w, PAGE_PML4, i, i % 8 ? 0 : PAGE_PDP * PAGE | 3);
        entry64(w, PAGE_PDP, i, i % 4 == 3 ? 0 : PAGE_PD * PAGE | 3);
        entry64(w, PAGE_PD, i, i % 16 == 15 ? 0 : PAGE_PT * PAGE | 3);
        entry64(w, PAGE_PT, i, named(i) | (i % 16 == 15 ? 1 : 3));
    }
    for (uint32_t i = 0; i < 1024; i++)
        *world_word(w, PAGE_PT7, i) = named(i) | (i % 16 != 15);
}

static void image_list(struct world *w, const struct engine *e, uint32_t page, uint32_t at,
                       const uint16_t *regs)
{
    uint32_t n = 0;

    for (; regs[n]; n++)
        *world_word(w, page, at + 1 + 2 * n) = e->base + regs[n];
    *world_word(w, page, at) = 0x11000000 | (2 * n - 1);
}

static void lay_image(struct world *w, const struct engine *e, uint32_t page, uint32_t ring)
{
    static const uint16_t regs[] = {R_CTX_CONTROL,
                                    R_HEAD,
                                    R_TAIL,
                                    R_START,
                                    R_CTL,
                                    R_BBADDR_UDW,
                                    R_BBADDR,
                                    R_BBSTATE,
                                    R_SBBADDR_UDW,
                                    R_SBBADDR,
                                    R_SBBSTATE,
                                    R_BB_PER_CTX,
                                    R_INDIRECT_CTX,
                                    R_INDIRECT_CTX_OFFSET,
                                    0};
    static const uint16_t roots[] = {R_CTX_TIMESTAMP, 0x28c, 0x288, 0x284, 0x280,
                                     0x27c,           0x278, 0x274, 0x270, 0};

    image_list(w, e, page, 1, regs);
    image_list(w, e, page, 0x21, roots);
    *world_word(w, page, 3) = 0x00090009;
    *world_word(w, page, 9) = ring * PAGE;
    *world_word(w, page, 11) = CTL_VALID;
    *world_word(w, page, 0x33) = PAGE_PML4 * PAGE;
}

static void lay_engine8(struct world *w, const struct engine *e)
{
    uint32_t first = WORLD_OF(e->id);

    lay_image(w, e, first + AT_IMAGE, first + AT_RING);
    lay_image(w, e, first + AT_IMAGE_2, first + AT_RING_2);
    world_write32(w, e->base + R_HWS_PGA, (first + AT_STATUS) * PAGE);
    world_write32(w, e->base + R_MODE, 0x80008000);
    world_write32(w, e->base + R_IMR, 0);
}

static void lay_engine7(struct world *w, const struct engine *e)
{
    static const uint32_t status[ENGINE_COUNT] = {[ENGINE_RCS] = 0x4080,
                                                  [ENGINE_BCS] = 0x4280,
                                                  [ENGINE_VCS] = 0x4180,
                                                  [ENGINE_VECS] = 0x4380};

    world_write32(w, status[e->id], (WORLD_OF(e->id) + AT_STATUS) * PAGE);
    world_write32(w, e->base + R_IMR, 0);
    world_write32(w, e->base + R_PP_DIR_DCLV, 0xffffffff);
    world_write32(w, e->base + R_PP_DIR_BASE, WORLD_DIRECTORY / 16 << 16);
    world_write32(w, e->base + R_MODE, 0x02000200);
}

void world_lay_again(struct world *w)
{
    world_map(w);
    memset(w->file, GUARD, FILE_BYTES);
    memset(w->memory, 0, WORLD_RW * PAGE);
    lay_global_table(w);
    lay_tables(w);
    world_write32(w, 0xa188, 0x00010001); /* forcewake */
    for (unsigned i = 0; i < w->engines->count; i++) {
        if (w->gen8)
            lay_engine8(w, world_engine(w, i));
        else
            lay_engine7(w, world_engine(w, i));
    }
}

void world_lay(struct world *w)
{
    w->ops->reset(w->device);
    world_lay_again(w);
}

static void submit8(struct world *w, const struct engine *e, unsigned ring, uint32_t bytes)
{
    uint32_t context = WORLD_OF(e->id) + (ring ? AT_CONTEXT_2 : AT_CONTEXT);
    uint32_t elsp = e->base + R_ELSP;

    *world_word(w, context + 1, 7) = bytes;
    world_write32(w, elsp, 0);
    world_write32(w, elsp, 0);
    world_write32(w, elsp, 0x100 + e->id * 2 + ring);
    world_write32(w, elsp, context * PAGE | 0x119); /* four levels */
}

static void submit7(struct world *w, const struct engine *e, unsigned ring, uint32_t bytes)
{
    world_write32(w, e->base + R_CTL, 0);
    world_write32(w, e->base + R_START, (WORLD_OF(e->id) + (ring ? AT_RING_2 : AT_RING)) * PAGE);
    world_write32(w, e->base + R_HEAD, 0);
    world_write32(w, e->base + R_TAIL, 0);
    world_write32(w, e->base + R_CTL, CTL_VALID);
    world_write32(w, e->base + R_TAIL, bytes);
}

void world_submit(struct world *w, unsigned id, unsigned ring, uint32_t bytes)
{
    if (w->gen8)
        submit8(w, world_engine(w, id), ring & 1, bytes & 0xff8);
    else
        submit7(w, world_engine(w, id), ring & 1, bytes & 0xff8);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Until the masked register is v. */
static void await(struct world *w, uint32_t reg, uint32_t mask, uint32_t v)
{
    double end = now() + PATIENCE_S;

    while ((world_read32(w, reg) & mask) != v) {
        assert(now() < end);
        sched_yield();
    }
}

static void reset_engines(struct world *w)
{
    world_write32(w, GDRST, 1);
    await(w, GDRST, ~0u, 0);
    for (unsigned i = 0; i < w->engines->count; i++)
        await(w, world_engine(w, i)->base + R_MI_MODE, MI_MODE_IDLE, MI_MODE_IDLE);
}

static void check_guard(struct world *w)
{
    const uint8_t *end = w->file + FILE_BYTES;

    for (const uint8_t *p = w->file; p < end; p++) {
        if (p == w->memory)
            p += WORLD_RW * PAGE;
        assert(*p == GUARD);
    }
}

/* From the ring a batch in the per-process space, and there a store. */
static void start_batch(struct world *w, unsigned id)
{
    uint32_t first = WORLD_OF(id), batch = (first + AT_BATCH) * PAGE;
    uint32_t to = PAGE_TARGET * PAGE + id * 16;
    const uint32_t start8[] = {0x18800101, batch, 0, 0}, start7[] = {0x18802100, batch, 0, 0};
    const uint32_t store8[] = {0x10000002, to, 0, MAGIC + id, 0x05000000};
    const uint32_t store7[] = {0x10000002, 0, to, MAGIC + id, 0x05000000};

    memcpy(world_word(w, first + AT_RING, 0), w->gen8 ? start8 : start7, sizeof(start8));
    memcpy(world_word(w, first + AT_BATCH, 0), w->gen8 ? store8 : store7, sizeof(store8));
    world_submit(w, id, 0, sizeof(start8));
}

static void await_store(struct world *w, unsigned id)
{
    double end = now() + PATIENCE_S;

    while (*(volatile uint32_t *)world_word(w, PAGE_TARGET, id * 4) != MAGIC + id) {
        assert(now() < end);
        sched_yield();
    }
    await(w, world_engine(w, id)->base + R_MI_MODE, MI_MODE_IDLE, MI_MODE_IDLE);
}

void world_check(struct world *w)
{
    faults_clear(device_faults(w->device));
    reset_engines(w);
    check_guard(w);
    engines_set_strict(w->engines, false);
    world_lay(w);
    for (unsigned i = 0; i < w->engines->count; i++)
        start_batch(w, i);
    for (unsigned i = 0; i < w->engines->count; i++)
        await_store(w, i);
}
