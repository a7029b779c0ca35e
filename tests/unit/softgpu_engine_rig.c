/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_rig.c: see softgpu_engine_rig.h. Engine threads call the ops; all else is the
 * test's thread.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "softgpu/model.h"
#include "tests/unit/softgpu_ring_rig.h"

#define DEADLINE_S 20

static const uint32_t bases[ENGINE_COUNT] = {[ENGINE_RCS] = 0x2000,
                                             [ENGINE_BCS] = 0x22000,
                                             [ENGINE_VCS] = 0x12000,
                                             [ENGINE_VECS] = 0x1a000,
                                             [ENGINE_VCS2] = 0x1c000};

uint32_t rig_base(enum engine_id id)
{
    return bases[id];
}

static void op_raise(void *opaque, enum engine_id id, uint32_t bits)
{
    struct rig *r = opaque;

    atomic_fetch_or(&r->raised[id], bits);
    atomic_fetch_add(&r->raises[id], 1);
}

static uint32_t op_read(void *opaque, uint32_t offset)
{
    return atomic_load(&((struct rig *)opaque)->reg[offset / 4]);
}

static void op_write(void *opaque, uint32_t offset, uint32_t value)
{
    atomic_store(&((struct rig *)opaque)->reg[offset / 4], value);
}

static void setup_engine(struct rig *r, enum engine_id id)
{
    uint32_t base = bases[id];

    r->hwsp[id] = rig_page(r);
    engines_mmio_write(r->engines, base + 0x80, rig_ggtt_map(r, 0, r->hwsp[id]));
    engines_mmio_write(r->engines, base + 0x29c, 0x80008000);
    engines_mmio_write(r->engines, base + 0xa8, 0);
    r->csb_read[id] = 5;
    rig_w32(r, r->hwsp[id] + 0x7c, 5);
}

static void make(struct rig *r, const char *model)
{
    struct engines_ops ops = {op_raise, op_read, op_write, r};
    int fd = memfd_create("rig", 0);

    memset(r, 0, sizeof(*r));
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, RIG_MEMORY), 0);
    r->dma = dma_new();
    r->judge = judge_new();
    assert_int_equal(dma_add(r->dma, 0, RIG_MEMORY, fd, 0, 3), 0);
    r->engines = engines_new(model_find(model), r->dma, r->judge, &ops);
    assert_non_null(r->engines);
    r->next_page = 0x1000;
    r->next_ggtt = 0x100000;
}

void rig_setup_as(struct rig *r, const char *broadwell)
{
    make(r, broadwell);
    for (unsigned i = 0; i < engines_count(r->engines); i++)
        setup_engine(r, i);
}

void rig_setup(struct rig *r)
{
    rig_setup_as(r, "1626");
}

void rig_setup_haswell(struct rig *r)
{
    make(r, "hsw");
    r->gen7 = true;
    r->next_directory = 0x40000;
    for (unsigned i = 0; i < engines_count(r->engines); i++)
        ring_rig_engine(r, i);
}

void rig_teardown(struct rig *r)
{
    r->engines = engines_free(r->engines);
    r->judge = judge_free(r->judge);
    r->dma = dma_free(r->dma);
}

/* ---- for cmocka */

int rig_new(void **state)
{
    *state = malloc(sizeof(struct rig));
    rig_setup(*state);
    return 0;
}

int rig_new_haswell(void **state)
{
    *state = malloc(sizeof(struct rig));
    rig_setup_haswell(*state);
    return 0;
}

int rig_free(void **state)
{
    rig_teardown(*state);
    free(*state);
    return 0;
}

static void map_data(struct rig_data *d, unsigned levels)
{
    rig_context(&d->r, &d->c, ENGINE_RCS, levels);
    d->data = rig_map_new(&d->r, &d->c, RIG_DATA);
}

int rig_data_new(void **state)
{
    struct rig_data *d = *state = malloc(sizeof(*d));

    rig_setup(&d->r);
    map_data(d, 4);
    return 0;
}

int rig_data_new_haswell(void **state)
{
    struct rig_data *d = *state = malloc(sizeof(*d));

    rig_setup_haswell(&d->r);
    map_data(d, 0);
    return 0;
}

int rig_data_free(void **state)
{
    struct rig_data *d = *state;

    rig_teardown(&d->r);
    free(d);
    return 0;
}

/* ---- */

uint64_t rig_page(struct rig *r)
{
    uint64_t p = r->next_page;

    r->next_page += 4096;
    assert_true(r->next_page <= RIG_MEMORY);
    return p;
}

uint32_t rig_ggtt_map(struct rig *r, uint32_t addr, uint64_t page)
{
    if (!addr) {
        addr = r->next_ggtt;
        r->next_ggtt += 4096;
    }
    if (r->gen7)
        engines_gtt_write(r->engines, addr / 4096 * 4, 4, page | 1);
    else
        engines_gtt_write(r->engines, addr / 4096 * 8, 8, page | 1);
    return addr;
}

uint32_t rig_r32(struct rig *r, uint64_t machine)
{
    uint32_t v;

    assert_int_equal(dma_read(r->dma, machine, &v, 4), 0);
    return v;
}

uint64_t rig_r64(struct rig *r, uint64_t machine)
{
    uint64_t v;

    assert_int_equal(dma_read(r->dma, machine, &v, 8), 0);
    return v;
}

void rig_w32(struct rig *r, uint64_t machine, uint32_t v)
{
    assert_int_equal(dma_write(r->dma, machine, &v, 4), 0);
}

void rig_write(struct rig *r, uint64_t machine, const uint32_t *dw, unsigned n)
{
    assert_int_equal(dma_write(r->dma, machine, dw, n * 4), 0);
}

static uint64_t next_table(struct rig *r, uint64_t slot)
{
    uint64_t e = rig_r64(r, slot);

    if (!(e & 1)) {
        e = rig_page(r) | 3;
        assert_int_equal(dma_write(r->dma, slot, &e, 8), 0);
    }
    return e & ~0xfffull;
}

void rig_map(struct rig *r, struct rig_ctx *c, uint64_t addr, uint64_t page, uint64_t flags)
{
    uint64_t table = c->root, entry = page | flags;
    int shift = 39;

    if (r->gen7) {
        ring_rig_map(r, c, addr, (uint32_t)(page | (flags & 1)));
        return;
    }
    if (c->levels == 3) {
        uint32_t slot = 0x33 - 8 * (uint32_t)(addr >> 30 & 3) / 2; /* PDP LDW dwords 33,2f,2b,27 */

        table = rig_r32(r, c->image + slot * 4);
        if (!table) {
            table = rig_page(r);
            rig_w32(r, c->image + slot * 4, (uint32_t)table);
        }
        shift = 21;
    }
    for (; shift > 12; shift -= 9)
        table = next_table(r, table + (addr >> shift & 511) * 8);
    assert_int_equal(dma_write(r->dma, table + (addr >> 12 & 511) * 8, &entry, 8), 0);
}

uint64_t rig_map_new(struct rig *r, struct rig_ctx *c, uint64_t addr)
{
    uint64_t page = rig_page(r);

    rig_map(r, c, addr, page, 3);
    return page;
}

static void image_list(struct rig *r, struct rig_ctx *c, uint32_t at, const uint16_t *regs)
{
    uint32_t n = 0;

    for (; regs[n]; n++)
        rig_w32(r, c->image + (at + 1 + 2 * n) * 4, bases[c->engine] + regs[n]);
    rig_w32(r, c->image + at * 4, MI(0x22, 2 * n - 1));
}

static void image_make(struct rig *r, struct rig_ctx *c)
{
    static const uint16_t rcs[] = {0x244, 0x34,  0x30,  0x38,  0x3c,  0x168, 0x140, 0x110,
                                   0x11c, 0x114, 0x118, 0x1c0, 0x1c4, 0x1c8, 0};
    static const uint16_t xcs[] = {0x244, 0x34,  0x30,  0x38,  0x3c,  0x168,
                                   0x140, 0x110, 0x11c, 0x114, 0x118, 0};
    static const uint16_t pdps[] = {0x3a8, 0x28c, 0x288, 0x284, 0x280,
                                    0x27c, 0x278, 0x274, 0x270, 0};

    image_list(r, c, 1, c->engine == ENGINE_RCS ? rcs : xcs);
    image_list(r, c, 0x21, pdps);
    rig_w32(r, c->image + 3 * 4, 0x00090009); /* restore inhibit, no switch on wait */
    rig_w32(r, c->image + 9 * 4, c->ring_ggtt);
    rig_w32(r, c->image + 11 * 4, 1);
    rig_w32(r, c->image + 0x33 * 4, (uint32_t)c->root);
}

void rig_context(struct rig *r, struct rig_ctx *c, enum engine_id id, unsigned levels)
{
    static uint32_t next_id = 0x100;

    if (r->gen7) {
        ring_rig_context(r, c, id);
        return;
    }
    *c = (struct rig_ctx){.engine = id, .id = next_id++, .levels = levels};
    c->lrca = rig_ggtt_map(r, 0, rig_page(r));
    c->image = rig_page(r);
    rig_ggtt_map(r, 0, c->image);
    c->ring = rig_page(r);
    c->ring_ggtt = rig_ggtt_map(r, 0, c->ring);
    c->root = levels == 4 ? rig_page(r) : 0;
    c->desc = (uint64_t)c->id << 32 | c->lrca | 0x101 | (levels == 4 ? 3u << 3 : 1u << 3);
    image_make(r, c);
}

void rig_emit(struct rig *r, struct rig_ctx *c, const uint32_t *dw, unsigned n)
{
    unsigned room = (n + 15) & ~15u;

    for (unsigned i = 0; i < room; i++) {
        rig_w32(r, c->ring + c->tail, i < n ? dw[i] : 0);
        c->tail = (c->tail + 4) % RIG_RING;
    }
    if (!r->gen7)
        rig_w32(r, c->image + 7 * 4, c->tail);
}

void rig_submit(struct rig *r, enum engine_id id, uint64_t desc0, uint64_t desc1)
{
    uint32_t elsp = bases[id] + 0x230;

    engines_mmio_write(r->engines, elsp, (uint32_t)(desc1 >> 32));
    engines_mmio_write(r->engines, elsp, (uint32_t)desc1);
    engines_mmio_write(r->engines, elsp, (uint32_t)(desc0 >> 32));
    engines_mmio_write(r->engines, elsp, (uint32_t)desc0);
}

static bool too_late(struct timespec *begin)
{
    struct timespec now, pause = {0, 20000};

    clock_gettime(CLOCK_MONOTONIC, &now);
    nanosleep(&pause, NULL);
    return now.tv_sec - begin->tv_sec > DEADLINE_S;
}

bool rig_quiet(struct rig *r, enum engine_id id)
{
    return rig_r32(r, r->hwsp[id] + 0x7c) == r->csb_read[id];
}

bool rig_event(struct rig *r, enum engine_id id, uint32_t *status, uint32_t *ctx)
{
    struct timespec begin;
    uint64_t v;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (rig_quiet(r, id)) {
        if (too_late(&begin))
            return false;
    }
    r->csb_read[id] = (r->csb_read[id] + 1) % 6;
    v = rig_r64(r, r->hwsp[id] + 0x40 + 8 * r->csb_read[id]);
    *status = (uint32_t)v;
    *ctx = (uint32_t)(v >> 32);
    return true;
}

bool rig_wait32(struct rig *r, uint64_t machine, uint32_t v)
{
    struct timespec begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (rig_r32(r, machine) != v) {
        if (too_late(&begin))
            return false;
    }
    return true;
}

bool rig_wait_raised(struct rig *r, enum engine_id id, uint32_t bits)
{
    struct timespec begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (!(atomic_load(&r->raised[id]) & bits)) {
        if (too_late(&begin))
            return false;
    }
    return true;
}

bool rig_wait_reg(struct rig *r, uint32_t offset, uint32_t mask, uint32_t v)
{
    struct timespec begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while ((engines_mmio_read(r->engines, offset) & mask) != v) {
        if (too_late(&begin))
            return false;
    }
    return true;
}

void rig_run(struct rig *r, struct rig_ctx *c)
{
    if (r->gen7) {
        ring_rig_go(r, c);
        ring_rig_done(r, c);
        return;
    }
    rig_submit(r, c->engine, c->desc, 0);
    rig_expect(r, c->engine, CSB_IDLE_ACTIVE, 0);
    rig_expect(r, c->engine, CSB_DONE, c->id);
}

void rig_run_batch(struct rig *r, struct rig_ctx *c, uint64_t addr, const uint32_t *dw, unsigned n)
{
    uint64_t page = rig_map_new(r, c, addr);

    rig_write(r, page, dw, n);
    if (r->gen7)
        RIG_RUN(r, c, MI7_BBS(addr));
    else
        RIG_RUN(r, c, MI_BBS(addr));
}

struct engines_stats rig_stats(struct rig *r)
{
    struct engines_stats s;

    engines_get_stats(r->engines, &s);
    return s;
}
