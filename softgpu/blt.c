/* SPDX-License-Identifier: MIT */
/*
 * blt.c: moves rows of pixels. A row is gathered whole before it is written, so an overlap inside
 * a row is harmless. Tiled surfaces go through blt_band.c where they can, else a row is split at
 * tile borders; mem.c splits it at pages. Called by the
 * decoders, blt_cmd.c and blt_setup.c; engine's thread.
 */
#include "softgpu/blt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/blt_band.h"
#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"

/* Address of byte x of row y and how many bytes follow it in one piece. */
static uint64_t locate(const struct blt_surface *s, int32_t x, int32_t y, uint32_t *run)
{
    struct tile_surface t = {s->base, (uint32_t)s->pitch, s->tiling == BLT_X ? TILE_X : TILE_Y,
                             s->swizzle};

    if (s->tiling != BLT_LINEAR)
        return tile_address(&t, x, y, run);
    *run = UINT32_MAX;
    return s->base + (uint64_t)((int64_t)y * s->pitch + x);
}

static void row_read(struct engine *e, const struct blt_surface *s, int32_t x, int32_t y,
                     uint8_t *buf, uint32_t len)
{
    while (len) {
        uint32_t run;
        uint64_t addr = locate(s, x, y, &run);
        uint32_t n = len < run ? len : run;

        mem_read(e, true, addr, buf, n);
        x += (int32_t)n;
        buf += n;
        len -= n;
    }
}

static void row_write(struct engine *e, const struct blt_surface *s, int32_t x, int32_t y,
                      const uint8_t *buf, uint32_t len)
{
    while (len) {
        uint32_t run;
        uint64_t addr = locate(s, x, y, &run);
        uint32_t n = len < run ? len : run;

        mem_write(e, true, addr, buf, n);
        x += (int32_t)n;
        buf += n;
        len -= n;
    }
}

/* Buffers for a row, and tiled surfaces whose rows need none. */
struct rows {
    uint8_t *dst, *src, *old, *mask;
    struct blt_band to, from;
};

static void keep_unmasked(const uint8_t *mask, const uint8_t *old, uint8_t *row, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        row[i] = (uint8_t)((row[i] & mask[i]) | (old[i] & ~mask[i]));
}

/* NULL: there is none. */
static const uint8_t *row_source(struct engine *e, const struct blt_op *op, int32_t row,
                                 struct rows *b, uint8_t *mask)
{
    if (op->source == BLT_NO_SRC)
        return NULL;
    if (op->source == BLT_MONO_SRC)
        blt_row_mono(e, op, row, b->src, mask);
    else if (b->from.data)
        return blt_band_row(&b->from, op->src_y + row);
    else
        row_read(e, &op->src, op->src_x, op->src_y + row, b->src, (uint32_t)op->width);
    return b->src;
}

/* What is there already, if anybody looks at it. */
static uint8_t *row_old(struct engine *e, const struct blt_op *op, int32_t row, struct rows *b,
                        bool wanted)
{
    if (b->to.data)
        return blt_band_row(&b->to, op->dst_y + row);
    if (wanted)
        row_read(e, &op->dst, op->dst_x, op->dst_y + row, b->dst, (uint32_t)op->width);
    return b->dst;
}

/* The plain copy of a linear row goes straight from page to page. False: it is not one, or
 * overlaps itself. */
static bool copied_straight(struct engine *e, const struct blt_op *op, int32_t row, bool masked)
{
    uint32_t run, len = (uint32_t)op->width;
    uint64_t to, from;

    if (op->rop != 0xcc || masked || op->source != BLT_COLOR_SRC || op->src.tiling != BLT_LINEAR ||
        op->dst.tiling != BLT_LINEAR)
        return false;
    to = locate(&op->dst, op->dst_x, op->dst_y + row, &run);
    from = locate(&op->src, op->src_x, op->src_y + row, &run);
    if (to - from + len < 2ull * len)
        return false;
    mem_copy(e, to, from, len);
    return true;
}

static bool needs_old(const struct blt_op *op)
{
    return rop_needs_dst(op->rop) || blt_row_masked(op);
}

static void one_row(struct engine *e, const struct blt_op *op, int32_t row, struct rows *b)
{
    uint32_t len = (uint32_t)op->width;
    bool masked = blt_row_masked(op);
    const uint8_t *src;
    uint8_t unit[ROP_UNIT], *dst;

    if (copied_straight(e, op, row, masked))
        return;
    blt_row_unit(op, row, unit);
    if (masked)
        blt_row_mask(op, row, b->mask);
    src = row_source(e, op, row, b, masked ? b->mask : NULL);
    dst = row_old(e, op, row, b, needs_old(op));
    if (masked)
        memcpy(b->old, dst, len);
    if (op->key.of != BLT_KEY_NONE)
        blt_row_key(op, unit, src, b->old, b->mask);
    rop_apply(op->rop, unit, src, dst, len);
    if (masked)
        keep_unmasked(b->mask, b->old, dst, len);
    if (b->to.data)
        blt_band_wrote(&b->to, op->dst_y + row);
    else
        row_write(e, &op->dst, op->dst_x, op->dst_y + row, dst, len);
}

/* Rows of the rectangle, first address to the one behind the last, generously. */
static void extent(const struct blt_surface *s, int32_t y, int32_t height, uint64_t out[2])
{
    int64_t pitch = s->pitch < 0 ? -(int64_t)s->pitch : s->pitch, rows = (int64_t)height + 64;
    int64_t first = s->pitch < 0 ? -((int64_t)y + rows) * pitch : ((int64_t)y - 64) * pitch;

    out[0] = s->base + (uint64_t)first - 65536;
    out[1] = s->base + (uint64_t)(first + (rows + 64) * pitch) + 65536;
}

/* Whole rows of tiles are read before the first of their rows is written: not when both sides may
 * be the same memory. */
static bool apart(const struct blt_op *op)
{
    uint64_t to[2], from[2];

    if (op->source != BLT_COLOR_SRC)
        return true;
    extent(&op->dst, op->dst_y, op->height, to);
    extent(&op->src, op->src_y, op->height, from);
    return (int64_t)(to[0] - from[1]) >= 0 || (int64_t)(from[0] - to[1]) >= 0;
}

static void begin_bands(struct engine *e, const struct blt_op *op, struct rows *b)
{
    b->to.data = b->from.data = NULL;
    if (!apart(op) || op->dst_y < 0 || op->src_y < 0)
        return;
    blt_band_begin(&b->to, e, &op->dst, op->dst_x, (uint32_t)op->width, needs_old(op));
    if (op->source == BLT_COLOR_SRC)
        blt_band_begin(&b->from, e, &op->src, op->src_x, (uint32_t)op->width, true);
}

static bool interrupted(struct engine *e)
{
    return atomic_load_explicit(&e->attention, memory_order_relaxed) & (ATT_RESET | ATT_QUIT);
}

int blt_run(struct engine *e, const struct blt_op *op)
{
    struct rows b;
    size_t width = (size_t)op->width;
    int32_t i;

    if (op->width <= 0 || op->height <= 0 || op->rop == 0xaa)
        return 0;
    b.dst = calloc(4, width);
    if (!b.dst)
        return -ENOMEM;
    b.src = b.dst + width;
    b.old = b.src + width;
    b.mask = b.old + width;
    mem_look_ahead(e, true);
    begin_bands(e, op, &b);
    for (i = 0; i < op->height && !interrupted(e); i++) {
        one_row(e, op, op->bottom_up ? op->height - 1 - i : i, &b);
        atomic_fetch_add_explicit(&e->owner->blit_bytes, width, memory_order_relaxed);
    }
    blt_band_end(&b.to);
    blt_band_end(&b.from);
    mem_look_ahead(e, false);
    free(b.dst);
    return i < op->height ? -EINTR : 0;
}
