/* SPDX-License-Identifier: MIT */
/*
 * blit_gen8.c: the work on Broadwell (blit.h): a context image and a ring for each context, both
 * submitted as a pair, and the status entries that tell of it. Commands: Broadwell PRM vol. 2a.
 */
#include "tests/rig/blit.h"

#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"

#include <string.h>

#define RING_PAGES  4u
#define RING_BYTES  (RING_PAGES * SHM_PAGE)
#define CONTEXT_ID  0x41u
#define FLUSH_DW    (0x26u << 23 | 2u)
#define FLUSH_STORE (1u << 14)
#define FLUSH_TLB   (1u << 18)
#define FLUSH_GGTT  (1u << 2) /* of the address */
#define USER_IRQ    (0x02u << 23)

static void make(struct blit *b, struct blit_context *c, unsigned number)
{
    static uint32_t image[CTX_GEN8_XCS_PAGES * 1024];
    struct ctx_gen8_desc desc = {
        .valid = true, .privileged = true, .coherent = true, .mode = CTX_LEGACY_64};

    c->g8.lrca = driver_gma(b->d, CTX_GEN8_XCS_PAGES);
    c->g8.ring = driver_gma(b->d, RING_PAGES);
    ctx_gen8_init(GEN8_BCS, image);
    ctx_gen8_set_ring(image, c->g8.ring, RING_BYTES, 0, 0);
    ctx_gen8_set_pdp(image, 0, b->d->g8.pml4 << 12);
    for (unsigned i = 0; i < CTX_GEN8_XCS_PAGES && !b->d->failed; i++) {
        c->g8.state = driver_frame(b->d); /* the last one has the registers */
        memcpy(blit_frame(b, c->g8.state), image + i * 1024, SHM_PAGE);
        driver_ggtt(b->d, c->g8.lrca + i * SHM_PAGE, c->g8.state);
    }
    for (unsigned i = 0; i < RING_PAGES; i++) {
        c->g8.ring_gfn[i] = driver_frame(b->d);
        driver_ggtt(b->d, c->g8.ring + i * SHM_PAGE, c->g8.ring_gfn[i]);
    }
    desc.lrca = c->g8.lrca;
    desc.id = CONTEXT_ID + number;
    c->g8.desc = ctx_gen8_desc_encode(&desc);
}

/* 16 dwords, so that the ring's end falls between two submissions. */
static void build(struct blit *b, struct blit_context *c, unsigned number)
{
    uint32_t at = b->seqno_gma + 64 * number;
    const uint32_t dw[16] = {
        FLUSH_DW | FLUSH_STORE | FLUSH_TLB,
        (at + 8) | FLUSH_GGTT,
        0,
        0, /* before */
        MI_BB_START | MI_BB_PPGTT,
        b->d->gen->address(c->batch_slot),
        0,
        MI_NOOP, /* the work */
        FLUSH_DW | FLUSH_STORE,
        at | FLUSH_GGTT,
        0,
        c->seqno, /* and after it */
        USER_IRQ,
        MI_NOOP,
        MI_NOOP,
        MI_NOOP,
    };
    uint64_t page = c->g8.ring_gfn[c->g8.tail / SHM_PAGE];

    memcpy(blit_frame(b, page) + c->g8.tail % SHM_PAGE, dw, sizeof(dw));
    c->g8.tail = (c->g8.tail + (uint32_t)sizeof(dw)) % RING_BYTES;
    driver_poke(b->d, c->g8.state * SHM_PAGE + 4 * CTX_RING_TAIL, 4, c->g8.tail);
}

static void submit(struct blit *b)
{
    b->status = (struct blit_status){0};
    driver8_submit(b->d, b->c[0].g8.desc, b->c[1].g8.desc);
}

static void look(struct blit *b)
{
    struct blit_status *st = &b->status;
    uint32_t status, id;

    while (driver8_csb(b->d, &status, &id)) {
        bool complete = status & CSB_COMPLETE;

        if (status == CSB_IDLE_TO_ACTIVE)
            st->started++;
        else if (complete && status & CSB_ELEMENT_SWITCH && id == CONTEXT_ID)
            st->switched++;
        else if (complete && status & CSB_ACTIVE_TO_IDLE && id == CONTEXT_ID + 1)
            st->idle++;
        else
            b->count.csb_odd++;
    }
}

static bool over(struct blit *b)
{
    return b->status.started && b->status.switched && b->status.idle;
}

static void judge(struct blit *b)
{
    const struct blit_status *st = &b->status;

    b->count.csb_lost += !st->started + !st->switched + !st->idle;
    b->count.csb_odd += (st->started > 1) + (st->switched > 1) + (st->idle > 1);
}

const struct blit_gen blit_gen8 = {
    .address_dwords = 2,
    .make = make,
    .build = build,
    .submit = submit,
    .look = look,
    .over = over,
    .judge = judge,
};
