/* SPDX-License-Identifier: MIT */
/*
 * blt_cmd.c: commands of type 2, the blitter's (Broadwell PRM vol. 10): decode of solid fills and
 * source copies; the other known ones are retired by their length. Engine's thread (BCS).
 */
#include <errno.h>

#include "softgpu/blt.h"
#include "softgpu/engine_priv.h"

/* BR13 */
#define BR13_CLIP     (1u << 30)
#define BR13_ROP(v)   ((uint8_t)((v) >> 16))
#define BR13_DEPTH(v) ((v) >> 24 & 3)
/* header */
#define SRC_TILED   (1u << 15)
#define DST_TILED   (1u << 11)
#define WRITE_RGB   (1u << 20)
#define WRITE_ALPHA (1u << 21)
/* BCS_SWCTRL: tiled means Y */
#define SWCTRL_SRC_Y 1u
#define SWCTRL_DST_Y 2u

static int32_t low(uint32_t v)
{
    return (int16_t)v;
}

static int32_t high(uint32_t v)
{
    return (int16_t)(v >> 16);
}

static int32_t pixel_bytes(uint32_t br13)
{
    static const uint8_t bytes[4] = {1, 2, 2, 4};

    return bytes[BR13_DEPTH(br13)];
}

static uint64_t solid(uint32_t br13, uint32_t color)
{
    switch (pixel_bytes(br13)) {
    case 1:
        return (color & 0xff) * 0x0101010101010101ull;
    case 2:
        return (color & 0xffff) * 0x0001000100010001ull;
    default:
        return color | (uint64_t)color << 32;
    }
}

/* The channel enables mean something for 32-bit pixels only. */
static uint64_t write_mask(uint32_t header, uint32_t br13)
{
    uint64_t m;

    if (pixel_bytes(br13) != 4)
        return ~0ull;
    m = (header & WRITE_RGB ? 0xffffffu : 0) | (header & WRITE_ALPHA ? 0xff000000u : 0);
    return m | m << 32;
}

static void surface(struct blt_surface *s, const uint32_t *addr, uint32_t pitch, bool tiled, bool y)
{
    s->base = cs_addr(addr);
    s->tiling = tiled ? (y ? BLT_Y : BLT_X) : BLT_LINEAR;
    /* A tiled pitch is in dwords and positive. */
    s->pitch = tiled ? (int32_t)(pitch & 0xffff) * 4 : low(pitch);
}

struct rect {
    int32_t x1, y1, x2, y2; /* x2, y2 exclusive; pixels */
};

static struct rect clipped(struct engine *e, uint32_t br13, uint32_t top_left,
                           uint32_t bottom_right)
{
    struct rect r = {low(top_left), high(top_left), low(bottom_right), high(bottom_right)};

    if (!(br13 & BR13_CLIP))
        return r;
    if (r.x1 < low(e->clip[0]))
        r.x1 = low(e->clip[0]);
    if (r.y1 < high(e->clip[0]))
        r.y1 = high(e->clip[0]);
    if (r.x2 > low(e->clip[1]))
        r.x2 = low(e->clip[1]);
    if (r.y2 > high(e->clip[1]))
        r.y2 = high(e->clip[1]);
    return r;
}

static void set_rect(struct blt_op *op, const struct rect *r, int32_t cpp)
{
    op->dst_x = r->x1 * cpp;
    op->dst_y = r->y1;
    op->width = (r->x2 - r->x1) * cpp;
    op->height = r->y2 - r->y1;
}

static enum cs_result run(struct engine *e, const struct blt_op *op)
{
    /* Interrupted: the run loop sees the reason next. */
    return blt_run(e, op) == -EINTR ? CS_WAIT : CS_NEXT;
}

static enum cs_result xy_color_blt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct rect r = clipped(e, cmd[1], cmd[2], cmd[3]);
    struct blt_op op = {.rop = BR13_ROP(cmd[1]),
                        .pattern = solid(cmd[1], cmd[6]),
                        .write_mask = write_mask(cmd[0], cmd[1])};

    (void)len;
    surface(&op.dst, cmd + 4, cmd[1], cmd[0] & DST_TILED, reg_get(e, R_SWCTRL) & SWCTRL_DST_Y);
    set_rect(&op, &r, pixel_bytes(cmd[1]));
    return run(e, &op);
}

static enum cs_result xy_src_copy_blt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct rect r = clipped(e, cmd[1], cmd[2], cmd[3]);
    int32_t cpp = pixel_bytes(cmd[1]);
    struct blt_op op = {.rop = BR13_ROP(cmd[1]),
                        .has_src = true,
                        .src_x = (low(cmd[6]) + r.x1 - low(cmd[2])) * cpp,
                        .src_y = high(cmd[6]) + r.y1 - high(cmd[2]),
                        .write_mask = write_mask(cmd[0], cmd[1])};
    uint32_t swctrl = reg_get(e, R_SWCTRL);

    (void)len;
    surface(&op.dst, cmd + 4, cmd[1], cmd[0] & DST_TILED, swctrl & SWCTRL_DST_Y);
    surface(&op.src, cmd + 8, cmd[7], cmd[0] & SRC_TILED, swctrl & SWCTRL_SRC_Y);
    set_rect(&op, &r, cpp);
    return run(e, &op);
}

/* Rectangle of bytes: height in the upper half, width in bytes in the lower. */
static void set_size(struct blt_op *op, uint32_t size)
{
    op->width = (int32_t)(size & 0xffff);
    op->height = (int32_t)(size >> 16);
}

static enum cs_result color_blt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_op op = {.rop = BR13_ROP(cmd[1]),
                        .pattern = solid(cmd[1], cmd[5]),
                        .write_mask = write_mask(cmd[0], cmd[1])};

    (void)len;
    surface(&op.dst, cmd + 3, cmd[1], false, false);
    set_size(&op, cmd[2]);
    return run(e, &op);
}

static enum cs_result src_copy_blt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_op op = {
        .rop = BR13_ROP(cmd[1]), .has_src = true, .write_mask = write_mask(cmd[0], cmd[1])};

    (void)len;
    surface(&op.dst, cmd + 3, cmd[1], false, false);
    surface(&op.src, cmd + 6, cmd[5], false, false);
    set_size(&op, cmd[2]);
    return run(e, &op);
}

static enum cs_result xy_setup_blt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    e->clip[0] = cmd[2];
    e->clip[1] = cmd[3];
    return CS_NEXT;
}

static enum cs_result xy_setup_clip_blt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    e->clip[0] = cmd[1];
    e->clip[1] = cmd[2];
    return CS_NEXT;
}

/* Patterns, text and monochrome sources are not modelled: counted, nothing drawn. */
static enum cs_result skipped(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)cmd;
    (void)len;
    atomic_fetch_add_explicit(&e->owner->blits_skipped, 1, memory_order_relaxed);
    return CS_NEXT;
}

#define BLT(n)     0xff, n, n, CS_ON(ENGINE_BCS), 0
#define BLT_IMM(n) 0xff, n, 257, CS_ON(ENGINE_BCS), 0

static const struct cs_command blt_commands[128] = {
    [0x01] = {"XY_SETUP_BLT", BLT(10), xy_setup_blt},
    [0x03] = {"XY_SETUP_CLIP_BLT", BLT(3), xy_setup_clip_blt},
    [0x11] = {"XY_SETUP_MONO_PATTERN_SL_BLT", BLT(10), xy_setup_blt},
    [0x24] = {"XY_PIXEL_BLT", BLT(2), skipped},
    [0x25] = {"XY_SCANLINES_BLT", BLT(3), skipped},
    [0x26] = {"XY_TEXT_BLT", BLT(5), skipped},
    [0x31] = {"XY_TEXT_IMMEDIATE_BLT", BLT_IMM(3), skipped},
    [0x40] = {"COLOR_BLT", BLT(6), color_blt},
    [0x43] = {"SRC_COPY_BLT", BLT(8), src_copy_blt},
    [0x50] = {"XY_COLOR_BLT", BLT(7), xy_color_blt},
    [0x51] = {"XY_PAT_BLT", BLT(8), skipped},
    [0x52] = {"XY_MONO_PAT_BLT", BLT(10), skipped},
    [0x53] = {"XY_SRC_COPY_BLT", BLT(10), xy_src_copy_blt},
    [0x54] = {"XY_MONO_SRC_COPY_BLT", BLT(10), skipped},
    [0x55] = {"XY_FULL_BLT", BLT(12), skipped},
    [0x56] = {"XY_FULL_MONO_SRC_BLT", BLT(12), skipped},
    [0x57] = {"XY_FULL_MONO_PATTERN_BLT", BLT(14), skipped},
    [0x58] = {"XY_FULL_MONO_PATTERN_MONO_SRC_BLT", BLT(14), skipped},
    [0x59] = {"XY_MONO_PAT_FIXED_BLT", BLT(8), skipped},
    [0x71] = {"XY_MONO_SRC_COPY_IMMEDIATE_BLT", BLT_IMM(8), skipped},
    [0x72] = {"XY_PAT_BLT_IMMEDIATE", BLT_IMM(6), skipped},
    [0x73] = {"XY_SRC_COPY_CHROMA_BLT", BLT(12), skipped},
    [0x74] = {"XY_FULL_IMMEDIATE_PATTERN_BLT", BLT_IMM(10), skipped},
    [0x75] = {"XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT", BLT_IMM(10), skipped},
    [0x76] = {"XY_PAT_CHROMA_BLT", BLT(10), skipped},
    [0x77] = {"XY_PAT_CHROMA_BLT_IMMEDIATE", BLT_IMM(8), skipped},
};

const struct cs_command *cs_blt_command(uint32_t header)
{
    const struct cs_command *c = &blt_commands[header >> 22 & 127];

    return c->name ? c : NULL;
}
