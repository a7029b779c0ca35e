/* SPDX-License-Identifier: MIT */
/*
 * piece7.h: what a Haswell driver puts into a ring, built piece by piece (driver7_emit() takes it).
 * Pure. Commands: Haswell PRM vol. 2a.
 */
#pragma once
#include "tests/rig/driver.h"

#include <assert.h>
#include <string.h>

#define MI7_NOOP         0u
#define MI7_USER_IRQ     (0x02u << 23)
#define MI7_ARB_OFF      (0x08u << 23)
#define MI7_ARB_ON       (0x08u << 23 | 1u)
#define MI7_BATCH_END    (0x0au << 23)
#define MI7_SET_CONTEXT  (0x18u << 23)
#define MI7_STORE_IMM    (0x20u << 23 | 2u) /* four dwords: 0, address, value */
#define MI7_STORE_INDEX  (0x21u << 23 | 1u)
#define MI7_LRI          (0x22u << 23 | 1u) /* one register */
#define MI7_SRM          (0x24u << 23 | 1u)
#define MI7_FLUSH_DW     (0x26u << 23 | 1u)
#define MI7_BATCH_START  (0x31u << 23)
#define MI7_GGTT         (1u << 22) /* of stores */
#define FLUSH7_STORE     (1u << 14)
#define FLUSH7_TLB       (1u << 18)
#define FLUSH7_INDEX     (1u << 21)
#define FLUSH7_GGTT      (1u << 2)  /* of the address */
#define BATCH7_PPGTT     (1u << 8)  /* other engines than render: and without privilege */
#define BATCH7_USER      (1u << 13) /* render: without privilege */
#define PIPE_CONTROL7    0x7a000002u
#define PIPE7_FLUSH      (1u << 0 | 1u << 12 | 1u << 7) /* depth, render target, memory writes */
#define PIPE7_INVALIDATE (1u << 2 | 1u << 3 | 1u << 4 | 1u << 10 | 1u << 11)
#define PIPE7_QW         (1u << 14)
#define PIPE7_TLB        (1u << 18)
#define PIPE7_STALL      (1u << 20)
#define PIPE7_GGTT       (1u << 24)
#define CONTEXT7_GGTT    (1u << 8)
#define CONTEXT7_INHIBIT 1u

struct piece {
    uint32_t dw[128];
    unsigned n;
};

static inline void piece_add(struct piece *p, const uint32_t *dw, unsigned n)
{
    assert(p->n + n <= sizeof(p->dw) / 4);
    memcpy(p->dw + p->n, dw, n * 4);
    p->n += n;
}

#define PIECE(p, ...)                                                                              \
    piece_add(p, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* As i915 changes address spaces: the directory's lines, where it stands, a read of it that the
 * command streamer must wait for, and no translation of before. base: the engine's registers. */
static inline void piece_root(struct piece *p, const struct driver *d, uint32_t base,
                              unsigned space)
{
    PIECE(p, MI7_LRI, base + 0x220, UINT32_MAX);
    PIECE(p, MI7_LRI, base + 0x228, driver7_root(d, space));
    PIECE(p, MI7_SRM | MI7_GGTT, base + 0x228, d->g7.scratch_gma);
    PIECE(p, MI7_LRI, base + 0x0c0, 0x02000200);
}

/* To a multiple of eight bytes, where a tail may be, and off it goes. */
static inline void piece_emit(struct piece *p, struct driver *d, unsigned ring)
{
    if (p->n % 2)
        PIECE(p, MI7_NOOP);
    driver7_emit(d, ring, p->dw, p->n);
}
