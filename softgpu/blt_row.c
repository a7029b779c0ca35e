/* SPDX-License-Identifier: MIT */
/*
 * blt_row.c: operands of one row of a blit: pattern, expanded monochrome source, and the mask of
 * what may change (Broadwell PRM vol. 11, "Blitter": color expansion, transparency). Called by
 * blt.c; engine's thread.
 */
#include <string.h>

#include "softgpu/blt.h"
#include "softgpu/mem.h"

#define MONO_CHUNK 512u /* bytes of monochrome source read at a time */

bool blt_row_masked(const struct blt_op *op)
{
    return op->write_mask != UINT32_MAX || op->pattern.transparent ||
           (op->source == BLT_MONO_SRC && op->mono.transparent) || op->key.of != BLT_KEY_NONE;
}

static unsigned pattern_row(const struct blt_op *op, int32_t row)
{
    return (unsigned)(op->dst_y + row + op->pattern.seed_y) & 7;
}

/* Pattern column under the left edge. */
static unsigned pattern_column(const struct blt_op *op)
{
    return (unsigned)(op->dst_x / (int32_t)blt_pixel_bytes(op->depth) + op->pattern.seed_x) & 7;
}

void blt_row_unit(const struct blt_op *op, int32_t row, uint8_t unit[ROP_UNIT])
{
    const uint8_t *color = op->pattern.color[pattern_row(op, row)];
    unsigned n = 8 * blt_pixel_bytes(op->depth);
    unsigned at = pattern_column(op) * blt_pixel_bytes(op->depth);

    for (unsigned i = 0; i < ROP_UNIT; i++)
        unit[i] = color[(at + i) % n];
}

static void draw_where(const struct blt_op *op, int32_t row, uint8_t *mask)
{
    uint8_t draw = op->pattern.draw[pattern_row(op, row)];
    unsigned cpp = blt_pixel_bytes(op->depth), column = pattern_column(op);

    for (uint32_t x = 0; x < (uint32_t)op->width / cpp; x++) {
        if (!(draw >> (7 - ((column + x) & 7)) & 1))
            memset(mask + x * cpp, 0, cpp);
    }
}

void blt_row_mask(const struct blt_op *op, int32_t row, uint8_t *mask)
{
    for (uint32_t i = 0; i < (uint32_t)op->width; i++)
        mask[i] = (uint8_t)(op->write_mask >> (8 * (i & 3)));
    if (op->pattern.transparent)
        draw_where(op, row, mask);
}

static void mono_bytes(struct engine *e, const struct blt_mono *m, uint64_t at, uint8_t *buf,
                       uint32_t n)
{
    uint32_t have = at < m->bytes ? m->bytes - (uint32_t)at : 0;

    if (!m->data) {
        mem_read(e, true, m->addr + at, buf, n);
        return;
    }
    have = have < n ? have : n;
    memcpy(buf, m->data + (have ? at : 0), have);
    memset(buf + have, 0, n - have);
}

void blt_row_mono(struct engine *e, const struct blt_op *op, int32_t row, uint8_t *src,
                  uint8_t *mask)
{
    const struct blt_mono *m = &op->mono;
    unsigned cpp = blt_pixel_bytes(op->depth);
    uint32_t pixels = (uint32_t)op->width / cpp;
    uint64_t bit = (uint64_t)(m->skip_y + (uint32_t)row) * m->line_bits + m->first + m->skip_x;
    uint64_t end = bit + pixels, have = 0, from = 0;
    uint8_t buf[MONO_CHUNK];

    for (; bit < end; bit++, src += cpp) {
        if (bit / 8 >= have) {
            from = bit / 8;
            have = (end + 7) / 8 < from + MONO_CHUNK ? (end + 7) / 8 : from + MONO_CHUNK;
            mono_bytes(e, m, from, buf, (uint32_t)(have - from));
        }
        unsigned one = buf[bit / 8 - from] >> (7 - bit % 8) & 1;

        memcpy(src, &m->color[one], cpp);
        if (mask && m->transparent && !one)
            memset(mask, 0, cpp);
        mask = mask ? mask + cpp : NULL;
    }
}

static bool within(const struct blt_key *k, enum blt_depth depth, uint32_t pixel)
{
    static const uint32_t component[4][4] = {
        [BLT_8] = {0xff},
        [BLT_565] = {0x1f, 0x7e0, 0xf800},
        [BLT_1555] = {0x1f, 0x3e0, 0x7c00, 0x8000},
        [BLT_8888] = {0xff, 0xff00, 0xff0000, 0xff000000},
    };

    for (unsigned i = 0; i < (k->alpha ? 4 : 3); i++) {
        uint32_t c = component[depth][i];

        if ((pixel & c) < (k->low & c) || (pixel & c) > (k->high & c))
            return false;
    }
    return true;
}

void blt_row_key(const struct blt_op *op, const uint8_t *unit, const uint8_t *src,
                 const uint8_t *old, uint8_t *mask)
{
    unsigned cpp = blt_pixel_bytes(op->depth);
    bool drawn_within = op->key.of == BLT_KEY_DST;

    for (uint32_t i = 0; i + cpp <= (uint32_t)op->width; i += cpp) {
        const uint8_t *p = drawn_within ? old + i : src ? src + i : unit + i % ROP_UNIT;
        uint32_t pixel = 0;

        memcpy(&pixel, p, cpp);
        if (within(&op->key, op->depth, pixel) != drawn_within)
            memset(mask + i, 0, cpp);
    }
}
