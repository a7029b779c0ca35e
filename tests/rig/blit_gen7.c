/* SPDX-License-Identifier: MIT */
/*
 * blit_gen7.c: the work on Haswell (blit.h): both contexts' batches go through the blitter's one
 * ring, each in the address space of its own page directory, now and then with privilege out of the
 * GGTT; and the render engine has its part (render7.c). Commands: Haswell PRM vol. 2a.
 */
#include "tests/rig/piece7.h"

#include "tests/rig/blit.h"

#define SEQNO_INDEX   0x40u /* dword of the status page, and one more for each context */
#define REPEATS       4u    /* of the number's store, which may be seen late */
#define PRIVILEGED(b) (!((b)->round % 3))

static void make(struct blit *b, struct blit_context *c, unsigned number)
{
    (void)number;
    c->g7.priv = driver_frame(b->d);
    c->g7.priv_gma = driver_gma(b->d, 1);
    driver_ggtt(b->d, c->g7.priv_gma, c->g7.priv);
}

/* A copy in the GGTT: what it draws still goes through the PPGTT. */
static void start_batch(struct blit *b, struct blit_context *c, struct piece *p)
{
    if (!PRIVILEGED(b)) {
        PIECE(p, MI7_BATCH_START | BATCH7_PPGTT, b->d->gen->address(c->batch_slot));
        return;
    }
    memcpy(blit_frame(b, c->g7.priv), c->dw, 4 * c->n);
    PIECE(p, MI7_BATCH_START, c->g7.priv_gma);
}

static void build(struct blit *b, struct blit_context *c, unsigned number)
{
    uint32_t at = b->seqno_gma + 64 * number, index = 4 * (SEQNO_INDEX + number);
    struct piece p = {.n = 0};

    PIECE(&p, MI7_FLUSH_DW | FLUSH7_STORE | FLUSH7_TLB, (at + 8) | FLUSH7_GGTT, c->seqno);
    piece_root(&p, b->d, DRIVER_BCS, c->space);
    start_batch(b, c, &p);
    PIECE(&p, MI7_FLUSH_DW | FLUSH7_STORE, at | FLUSH7_GGTT, c->seqno);
    PIECE(&p, MI7_FLUSH_DW | FLUSH7_STORE | FLUSH7_INDEX, index | FLUSH7_GGTT, c->seqno);
    for (unsigned i = 0; i < REPEATS; i++)
        PIECE(&p, MI7_STORE_INDEX, index, c->seqno);
    PIECE(&p, MI7_USER_IRQ);
    piece_emit(&p, b->d, DRIVER7_BCS);
}

static void submit(struct blit *b)
{
    render7_build(b);
    driver7_go(b->d, DRIVER7_RCS);
    driver7_go(b->d, DRIVER7_BCS);
}

static bool done(struct blit *b)
{
    bool done = render7_done(b);

    for (unsigned i = 0; i < BLIT_CONTEXTS; i++)
        done = done && driver7_status(b->d, DRIVER7_BCS, SEQNO_INDEX + i) == b->c[i].seqno;
    return done;
}

/* The last store is not the last command. */
static bool over(struct blit *b)
{
    return driver7_idle(b->d, DRIVER7_BCS) && driver7_idle(b->d, DRIVER7_RCS);
}

static void judge(struct blit *b)
{
    b->count.never_idle += !over(b);
    render7_judge(b);
}

const struct blit_gen blit_gen7 = {
    .address_dwords = 1,
    .make = make,
    .begin = render7_make,
    .build = build,
    .submit = submit,
    .done = done,
    .over = over,
    .judge = judge,
};
