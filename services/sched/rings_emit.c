/* SPDX-License-Identifier: MIT */
/*
 * rings_emit.c: Haswell: what stands in an engine's ring: a guest's piece between a prelude and an
 * end of ours. See docs/haswell.md. Commands: Haswell PRM vol. 2a; how the stock driver flushes,
 * and that other engines than the render engine may raise an interrupt before a store just ahead of
 * it is seen (so it repeats the store), is i915's.
 */
#include "services/sched/engine_priv.h"

#include <assert.h>
#include <string.h>

#include "gen/cmds_gen7.h"
#include "services/sched/ring_context.h"

#define MI_USER_INTERRUPT 0x01000000u
#define MI_ARB_ON         (8u << 23 | 1u)
#define MI_STORE_DATA     (0x20u << 23 | 2u) /* four */
#define MI_GGTT           (1u << 22)
#define MI_FLUSH_DW       (0x26u << 23 | 2u) /* four */
#define FLUSH_TLB         (1u << 18)
#define FLUSH_STORE       (1u << 14)
#define FLUSH_GGTT        (1u << 2)   /* of the address */
#define PIPE_CONTROL      0x7a000003u /* five */
#define PIPE_CS_STALL     (1u << 20)
#define PIPE_TLB          (1u << 18)
#define PIPE_GGTT         (1u << 24)
#define PIPE_STORE        (1u << 14)
#define PIPE_FLUSH        (1u << 12 | 1u << 0) /* render target and depth caches */
#define PIPE_INVALIDATE   (0x1fu << 2 | 1u << 10 | 1u << 11)
#define PP_DCLV           0x220u
#define PP_DIR_BASE       0x228u
#define STORES            32u /* of the number, on other engines than render */

/* Where we write. */
struct out {
    uint32_t *dw;
    uint32_t n;
};

static void put(struct out *o, uint32_t dw)
{
    o->dw[o->n++] = dw;
}

static void put_all(struct out *o, const uint32_t *dw, uint32_t n)
{
    memcpy(o->dw + o->n, dw, n * sizeof *dw);
    o->n += n;
}

static void load(struct out *o, uint32_t reg, uint32_t value)
{
    const uint32_t dw[] = {MI_LRI | 1, reg, value};

    put_all(o, dw, 3);
}

/* The store makes the flush complete before what follows; its value is one that is there already.
 */
static void flush_tlb(struct out *o, const struct engine *e)
{
    const struct engine_ring *r = &e->ring;
    const uint32_t render[] = {PIPE_CONTROL,
                               PIPE_TLB | PIPE_CS_STALL | PIPE_INVALIDATE | PIPE_GGTT | PIPE_STORE,
                               r->number_gma + 64, 0, 0};
    const uint32_t other[] = {MI_FLUSH_DW | FLUSH_TLB | FLUSH_STORE,
                              (r->number_gma + 64) | FLUSH_GGTT, 0, 0};

    if (e->c.id == GEN8_RCS)
        put_all(o, render, 5);
    else
        put_all(o, other, 4);
}

static void load_directory(struct out *o, const struct engine *e, uint32_t directory)
{
    uint32_t base = gen8_engine_base(e->c.id);

    load(o, base + PP_DCLV, UINT32_MAX);
    load(o, base + PP_DIR_BASE, directory);
}

static void enter_image(struct out *o, const struct context *image)
{
    put(o, MI_SET_CONTEXT_GEN7);
    put(o, ring_image_ref(image));
    put(o, MI_NOOP); /* has to follow it */
}

/* Whoever had the engine before has its image whole. */
static void store_saved(struct out *o, const struct engine *e, uint32_t number)
{
    const uint32_t dw[] = {PIPE_CONTROL, PIPE_CS_STALL | PIPE_GGTT | PIPE_STORE,
                           e->ring.number_gma + RINGS_SAVED * 4, number, 0};

    put_all(o, dw, 5);
}

static void prelude(struct out *o, const struct engine *e, struct guest *g, uint32_t directory,
                    uint32_t number)
{
    const struct engine_ring *r = &e->ring;
    const struct context *image = engine_part(e, g)->ctx[0];
    bool handover = r->w.owner != g->c.domid, load = handover || directory != r->directory;

    if (handover)
        put(o, MI_ARB_ON); /* the one before may have left it off */
    if (load || r->flush)
        flush_tlb(o, e);
    if (load) {
        load_directory(o, e, directory);
        flush_tlb(o, e);
    }
    if (handover && image) {
        enter_image(o, image);
        store_saved(o, e, number);
    }
    assert(o->n <= RINGS_PRELUDE);
}

static void store_number(struct out *o, const struct engine *e, uint32_t number)
{
    uint32_t at = e->ring.number_gma;
    const uint32_t render[] = {PIPE_CONTROL, PIPE_CS_STALL | PIPE_FLUSH | PIPE_GGTT | PIPE_STORE,
                               at, number, 0};
    const uint32_t flush[] = {MI_FLUSH_DW | FLUSH_STORE, at | FLUSH_GGTT, number, 0};
    const uint32_t store[] = {MI_STORE_DATA | MI_GGTT, 0, at, number};

    if (e->c.id == GEN8_RCS) {
        put_all(o, render, 5);
        return;
    }
    put_all(o, flush, 4);
    for (unsigned i = 0; i < STORES; i++)
        put_all(o, store, 4);
}

/* ---- room */

static uint32_t used(const struct engine_ring *r)
{
    return (r->w.tail - r->w.head + HW_RING_BYTES) % HW_RING_BYTES;
}

/* HEAD and TAIL never meet while there is work, nor share a cache line. */
static uint32_t free_bytes(const struct engine_ring *r)
{
    return HW_RING_BYTES - used(r) - 64;
}

static uint32_t room_at(uint32_t at, uint32_t free)
{
    uint32_t bytes = HW_RING_BYTES - at < free ? HW_RING_BYTES - at : free;
    uint32_t around = (RINGS_PRELUDE + RINGS_END) * 4;

    return bytes > around ? (bytes - around) / 4 : 0;
}

uint32_t rings_room(struct engine *e)
{
    struct engine_ring *r = &e->ring;
    uint32_t free = free_bytes(r), rest = HW_RING_BYTES - r->w.tail;
    uint32_t here = room_at(r->w.tail, free), there = free > rest ? room_at(0, free - rest) : 0;

    if (here >= there || here > HW_RING_BYTES / 16)
        return here;
    memset(r->cpu + r->w.tail, 0, rest); /* MI_NOOP */
    r->w.tail = 0;
    return there;
}

uint32_t rings_emit(struct engine *e, struct guest *g, const struct ring_piece *p,
                    uint32_t directory, uint32_t number)
{
    struct engine_ring *r = &e->ring;
    struct out o = {.dw = (uint32_t *)(r->cpu + r->w.tail)};

    prelude(&o, e, g, directory, number);
    put_all(&o, p->dw, p->n);
    put(&o, MI_NOOP); /* has to follow a MI_SET_CONTEXT */
    store_number(&o, e, number);
    put(&o, MI_USER_INTERRUPT);
    if (o.n % 2)
        put(&o, MI_NOOP);
    assert(r->w.tail + o.n * 4 <= HW_RING_BYTES);
    return (r->w.tail + o.n * 4) % HW_RING_BYTES;
}
