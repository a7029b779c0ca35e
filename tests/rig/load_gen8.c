/* SPDX-License-Identifier: MIT */
/*
 * load_gen8.c: the load on Broadwell (load.h): one context, whose tail goes on while it runs, as
 * i915 does it: it is submitted again, and only when the port has taken the submission before.
 * Commands: Broadwell PRM vol. 2a.
 */
#include "tests/rig/load.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"

#include <string.h>

#define RING_PAGES  4u
#define RING_BYTES  (RING_PAGES * SHM_PAGE)
#define CONTEXT_ID  0x51u
#define FLUSH_DW    (0x26u << 23 | 2u)
#define FLUSH_STORE (1u << 14)
#define FLUSH_CLOCK (3u << 14)
#define FLUSH_TLB   (1u << 18)
#define FLUSH_GGTT  (1u << 2) /* of the address */
#define USER_IRQ    (0x02u << 23)
#define SCRATCH     64u /* in the status page */

static void make(struct load *l)
{
    static uint32_t image[CTX_GEN8_XCS_PAGES * 1024];
    struct ctx_gen8_desc desc = {
        .valid = true, .privileged = true, .coherent = true, .mode = CTX_LEGACY_64};
    struct load_gen8 *g = &l->g8;

    g->lrca = driver_gma(l->d, CTX_GEN8_XCS_PAGES);
    g->ring = driver_gma(l->d, RING_PAGES);
    ctx_gen8_init(GEN8_BCS, image);
    ctx_gen8_set_ring(image, g->ring, RING_BYTES, 0, 0);
    ctx_gen8_set_pdp(image, 0, l->d->g8.pml4 << 12);
    for (unsigned i = 0; i < CTX_GEN8_XCS_PAGES && !l->d->failed; i++) {
        g->state = driver_frame(l->d); /* the last one has the registers */
        memcpy(l->d->m->ram + g->state * SHM_PAGE, image + i * 1024, SHM_PAGE);
        driver_ggtt(l->d, g->lrca + i * SHM_PAGE, g->state);
    }
    for (unsigned i = 0; i < RING_PAGES; i++) {
        g->ring_gfn[i] = driver_frame(l->d);
        driver_ggtt(l->d, g->ring + i * SHM_PAGE, g->ring_gfn[i]);
    }
    desc.lrca = g->lrca;
    desc.id = CONTEXT_ID;
    g->desc = ctx_gen8_desc_encode(&desc);
}

/* 32 dwords, so that the ring's end falls between two. */
static void emit(struct load *l, uint32_t seq, bool interrupt)
{
    uint32_t at = l->status_gma | FLUSH_GGTT;
    const uint32_t dw[32] = {
        FLUSH_DW | FLUSH_STORE | FLUSH_TLB,
        at + SCRATCH,
        0,
        0,
        MI_BB_START | MI_BB_PPGTT,
        load_batch_address(l, seq),
        0,
        MI_NOOP,
        FLUSH_DW | FLUSH_CLOCK,
        at + LOAD_CLOCK(seq),
        0,
        0,
        FLUSH_DW | FLUSH_STORE,
        at,
        0,
        seq,
        interrupt ? USER_IRQ : MI_NOOP,
    };
    struct load_gen8 *g = &l->g8;

    memcpy(l->d->m->ram + g->ring_gfn[g->tail / SHM_PAGE] * SHM_PAGE + g->tail % SHM_PAGE, dw,
           sizeof(dw));
    g->tail = (g->tail + (uint32_t)sizeof(dw)) % RING_BYTES;
}

static bool go(struct load *l)
{
    if (l->g8.waiting)
        return false;
    driver_poke(l->d, l->g8.state * SHM_PAGE + 4 * CTX_RING_TAIL, 4, l->g8.tail);
    driver8_submit(l->d, l->g8.desc, 0);
    l->g8.waiting = true;
    return true;
}

static void look(struct load *l)
{
    uint32_t status, id;

    while (driver8_csb(l->d, &status, &id)) {
        if (status & (CSB_IDLE_TO_ACTIVE | CSB_PREEMPTED)) {
            l->result.odd += !l->g8.waiting;
            l->g8.waiting = false;
        } else if (!(status & CSB_COMPLETE) || id != CONTEXT_ID) {
            l->result.odd++;
        }
    }
}

static uint32_t seqno(const struct load *l)
{
    return __atomic_load_n((const uint32_t *)(l->d->m->ram + l->status * SHM_PAGE),
                           __ATOMIC_ACQUIRE);
}

const struct load_gen load_gen8 = {
    .address_dwords = 2,
    .make = make,
    .emit = emit,
    .go = go,
    .look = look,
    .seqno = seqno,
};
