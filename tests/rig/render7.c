/* SPDX-License-Identifier: MIT */
/*
 * render7.c: the render engine's part of the work on Haswell (blit.h): in each round it enters both
 * render contexts. In each it reads a register that belongs to the context, which must have the
 * value of the last time, gives it another, and runs a batch without privilege that stores dwords
 * to a page of that context's address space. Commands: Haswell PRM vol. 2a.
 */
#include "tests/rig/piece7.h"

#include "tests/rig/blit.h"

#define CONTEXT_PAGES 17u
#define BATCH_SLOT    4u /* of the PPGTT; blit.c has others */
#define PAGE_SLOT     5u
#define STORES        8u
#define SEQNO_INDEX   0x40u /* dword of the status page */
#define LAST_INDEX    0x44u /* the same number, stored by another command */
#define GPR0          0x2600u

void render7_make(struct blit *b)
{
    struct render7 *r = &b->render;

    r->out = driver_frame(b->d);
    r->out_gma = driver_gma(b->d, 1);
    driver_ggtt_entry(b->d, r->out_gma, r->out);
    for (unsigned i = 0; i < BLIT_CONTEXTS; i++) {
        r->context_gma[i] = driver_gma(b->d, CONTEXT_PAGES);
        for (unsigned p = 0; p < CONTEXT_PAGES; p++)
            driver_ggtt_entry(b->d, r->context_gma[i] + p * SHM_PAGE, driver_frame(b->d));
        r->batch[i] = driver_frame(b->d);
        r->page[i] = driver_frame(b->d);
        driver_ppgtt(b->d, b->c[i].space, BATCH_SLOT, r->batch[i]);
        driver_ppgtt(b->d, b->c[i].space, PAGE_SLOT, r->page[i]);
    }
    driver_flush(b->d);
}

static void build_batch(struct blit *b, unsigned number)
{
    uint32_t at = b->d->gen->address(PAGE_SLOT);
    struct render7 *r = &b->render;
    struct piece p = {.n = 0};

    for (unsigned i = 0; i < STORES; i++) {
        uint32_t dword = blit_rnd(b, SHM_PAGE / 4), value = blit_rnd(b, UINT32_MAX);

        PIECE(&p, MI7_STORE_IMM, 0, at + 4 * dword, value);
        r->expect[number][dword] = value;
    }
    PIECE(&p, MI7_BATCH_END, MI7_NOOP);
    memcpy(blit_frame(b, r->batch[number]), p.dw, 4 * p.n);
}

/* The first time there is nothing to load: an image of zeroes is none. */
static void enter(struct blit *b, unsigned number, struct piece *p)
{
    struct render7 *r = &b->render;

    PIECE(p, PIPE_CONTROL7,
          PIPE7_FLUSH | PIPE7_INVALIDATE | PIPE7_TLB | PIPE7_STALL | PIPE7_QW | PIPE7_GGTT,
          b->d->g7.scratch_gma, 0);
    PIECE(p, MI7_ARB_OFF, MI7_NOOP, MI7_SET_CONTEXT,
          r->context_gma[number] | CONTEXT7_GGTT | (r->made ? 0 : CONTEXT7_INHIBIT), MI7_NOOP,
          MI7_ARB_ON);
    PIECE(p, MI7_SRM | MI7_GGTT, GPR0, r->out_gma + 4 * number);
    PIECE(p, MI7_LRI, GPR0, r->reg[number]);
}

static void build_one(struct blit *b, unsigned number)
{
    uint32_t hwsp = b->d->g7.ring[DRIVER7_RCS].hwsp_gma;
    struct render7 *r = &b->render;
    struct piece p = {.n = 0};

    r->before[number] = r->reg[number];
    r->reg[number] = blit_rnd(b, UINT32_MAX);
    r->seqno++;
    build_batch(b, number);
    enter(b, number, &p);
    piece_root(&p, b->d, DRIVER_RCS, b->c[number].space);
    PIECE(&p, MI7_BATCH_START | BATCH7_PPGTT | BATCH7_USER, b->d->gen->address(BATCH_SLOT));
    PIECE(&p, PIPE_CONTROL7, PIPE7_FLUSH | PIPE7_STALL | PIPE7_QW | PIPE7_GGTT,
          hwsp + 4 * SEQNO_INDEX, r->seqno);
    PIECE(&p, MI7_STORE_INDEX, 4 * LAST_INDEX, r->seqno);
    PIECE(&p, MI7_USER_IRQ);
    piece_emit(&p, b->d, DRIVER7_RCS);
}

void render7_build(struct blit *b)
{
    for (unsigned i = 0; i < BLIT_CONTEXTS; i++)
        build_one(b, i);
}

bool render7_done(const struct blit *b)
{
    return driver7_status(b->d, DRIVER7_RCS, SEQNO_INDEX) == b->render.seqno &&
           driver7_status(b->d, DRIVER7_RCS, LAST_INDEX) == b->render.seqno;
}

/* What is there is taken over, so that one error is counted once. */
void render7_judge(struct blit *b)
{
    struct render7 *r = &b->render;

    for (unsigned i = 0; i < BLIT_CONTEXTS; i++) {
        const uint32_t *page = (const uint32_t *)blit_frame(b, r->page[i]);
        uint32_t was = ((const uint32_t *)blit_frame(b, r->out))[i];

        for (unsigned at = 0; at < SHM_PAGE / 4; at++)
            b->count.wrong_bytes += page[at] != r->expect[i][at] ? 4 : 0;
        memcpy(r->expect[i], page, SHM_PAGE);
        b->count.wrong_registers += r->made && was != r->before[i];
    }
    r->made = true;
}
