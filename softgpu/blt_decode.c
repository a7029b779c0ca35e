/* SPDX-License-Identifier: MIT */
/*
 * blt_decode.c: the steps that decoders of blitter commands have in common: surfaces, rectangles,
 * clipping, immediate data, and handing the operation to blt.c (Broadwell PRM vol. 2a, 2d,
 * blitter commands; BCS_SWCTRL). Engine's thread.
 */
#include "softgpu/blt_decode.h"

#include <errno.h>

#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"

/* The channel enables mean something for 32-bit pixels only. */
static uint32_t write_mask(uint32_t header, uint32_t br13)
{
    if (BR13_DEPTH(br13) != BLT_8888)
        return UINT32_MAX;
    return (header & BR00_RGB ? 0xffffffu : 0) | (header & BR00_ALPHA ? 0xff000000u : 0);
}

void blt_begin(struct blt_decoder *d, struct engine *e, const uint32_t *cmd, uint32_t len,
               uint32_t channels, uint32_t br13)
{
    *d = (struct blt_decoder){
        .e = e, .cmd = cmd, .len = len < CS_CMD_MAX ? len : CS_CMD_MAX, .at = 2, .br13 = br13};
    d->op.depth = BR13_DEPTH(br13);
    d->op.rop = BR13_ROP(br13);
    d->op.write_mask = write_mask(channels, br13);
    d->op.pattern.seed_x = BR00_SEED_X(cmd[0]);
    d->op.pattern.seed_y = BR00_SEED_Y(cmd[0]);
}

uint32_t blt_take(struct blt_decoder *d)
{
    return d->at < d->len ? d->cmd[d->at++] : 0;
}

uint64_t blt_take_addr(struct blt_decoder *d)
{
    uint32_t low = blt_take(d);

    return d->e->owner->blt_addr_dwords == 1 ? low : low | (uint64_t)(blt_take(d) & 0xffff) << 32;
}

/* A tiled surface starts at a page; its pitch is in dwords and positive. */
void blt_surface(struct blt_decoder *d, struct blt_surface *s, uint64_t addr, uint32_t pitch,
                 bool tiled, uint32_t swctrl_y)
{
    if (!tiled) {
        *s = (struct blt_surface){.base = addr, .pitch = blt_low(pitch), .tiling = BLT_LINEAR};
        return;
    }
    s->base = addr & ~0xfffull;
    s->pitch = (int32_t)(pitch & 0xffff) * 4;
    s->tiling = reg_get(d->e, R_SWCTRL) & swctrl_y ? BLT_Y : BLT_X;
    s->swizzle = engine_swizzle(d->e);
}

void blt_dst(struct blt_decoder *d, uint64_t addr)
{
    blt_surface(d, &d->op.dst, addr, d->br13, d->cmd[0] & BR00_DST_TILED, SWCTRL_DST_Y);
}

static void clip(struct blt_rect *r, const uint32_t corner[2])
{
    if (r->x1 < blt_low(corner[0]))
        r->x1 = blt_low(corner[0]);
    if (r->y1 < blt_high(corner[0]))
        r->y1 = blt_high(corner[0]);
    if (r->x2 > blt_low(corner[1]))
        r->x2 = blt_low(corner[1]);
    if (r->y2 > blt_high(corner[1]))
        r->y2 = blt_high(corner[1]);
}

struct blt_rect blt_take_rect(struct blt_decoder *d)
{
    uint32_t a = blt_take(d), b = blt_take(d);

    return (struct blt_rect){blt_low(a), blt_high(a), blt_low(b), blt_high(b)};
}

void blt_rect(struct blt_decoder *d, struct blt_rect full)
{
    d->full = full;
    d->r = full;
    if (d->br13 & BR13_CLIP)
        clip(&d->r, d->e->blt.clip);
}

/* The data path takes 64 bits at a time and waits for ever for the second half of the last. */
const uint8_t *blt_immediate(struct blt_decoder *d, uint32_t *bytes)
{
    uint32_t from = d->at, n = d->at < d->len ? d->len - d->at : 0;

    d->at += n;
    d->bad |= n & 1;
    *bytes = n * 4;
    return n ? (const uint8_t *)(d->cmd + from) : NULL;
}

void blt_mono_colors(struct blt_decoder *d, uint32_t bg, uint32_t fg)
{
    d->op.mono.color[0] = bg;
    d->op.mono.color[1] = fg;
}

/* With one base address for both, the engine goes the way that does no harm; it does not look for
 * an overlap otherwise. */
static void place_source(struct blt_decoder *d, int32_t cpp)
{
    struct blt_op *op = &d->op;

    op->src_x = (d->src_x + d->r.x1 - d->full.x1) * cpp;
    op->src_y = d->src_y + d->r.y1 - d->full.y1;
    op->bottom_up = op->src.base == op->dst.base && op->src_y < op->dst_y;
}

enum cs_result blt_finish(struct blt_decoder *d)
{
    struct blt_op *op = &d->op;
    int32_t cpp = (int32_t)blt_pixel_bytes(op->depth);

    if (d->bad)
        return CS_BAD;
    if (d->undefined) {
        atomic_fetch_add_explicit(&d->e->owner->blits_skipped, 1, memory_order_relaxed);
        return CS_NEXT;
    }
    op->dst_x = d->r.x1 * cpp;
    op->dst_y = d->r.y1;
    op->width = (d->r.x2 - d->r.x1) * cpp;
    op->height = d->r.y2 - d->r.y1;
    if (op->source == BLT_COLOR_SRC)
        place_source(d, cpp);
    op->mono.skip_x = (uint32_t)(d->r.x1 - d->full.x1);
    op->mono.skip_y = (uint32_t)(d->r.y1 - d->full.y1);
    /* Interrupted: the run loop sees the reason next. */
    return blt_run(d->e, op) == -EINTR ? CS_WAIT : CS_NEXT;
}
