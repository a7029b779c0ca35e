/* SPDX-License-Identifier: MIT */
/*
 * load_gen7.c: the load on Haswell (load.h): the blitter's ring, whose tail goes on. The number at
 * the end is stored several times, for a store may be seen late there. Commands: Haswell PRM
 * vol. 2a.
 */
#include "tests/rig/piece7.h"

#include "tests/rig/load.h"

#define SCRATCH      64u   /* in the status page of load.h */
#define SEQNO_INDEX  0x50u /* dword of the ring's own */
#define REPEATS      2u
#define FLUSH7_CLOCK (3u << 14)

static void make(struct load *l)
{
    (void)l; /* driver_gen7.c has made the ring, and loaded the page directory of space 0 */
}

static void emit(struct load *l, uint32_t seq, bool interrupt)
{
    uint32_t at = l->status_gma | FLUSH7_GGTT;
    struct piece p = {.n = 0};

    PIECE(&p, MI7_FLUSH_DW | FLUSH7_STORE | FLUSH7_TLB, at + SCRATCH, seq);
    PIECE(&p, MI7_BATCH_START | BATCH7_PPGTT, load_batch_address(l, seq));
    PIECE(&p, MI7_FLUSH_DW | FLUSH7_CLOCK, at + LOAD_CLOCK(seq), 0);
    for (unsigned i = 0; i < REPEATS; i++)
        PIECE(&p, MI7_STORE_INDEX, 4 * SEQNO_INDEX, seq);
    PIECE(&p, interrupt ? MI7_USER_IRQ : MI7_NOOP);
    piece_emit(&p, l->d, DRIVER7_BCS);
}

static bool go(struct load *l)
{
    driver7_go(l->d, DRIVER7_BCS);
    return true;
}

static uint32_t seqno(const struct load *l)
{
    return driver7_status(l->d, DRIVER7_BCS, SEQNO_INDEX);
}

const struct load_gen load_gen7 = {
    .address_dwords = 1,
    .make = make,
    .emit = emit,
    .go = go,
    .seqno = seqno,
};
