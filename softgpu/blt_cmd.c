/* SPDX-License-Identifier: MIT */
/*
 * blt_cmd.c: blitter commands that carry all their operands (Broadwell PRM vol. 2a, 2d). All XY
 * commands begin with the destination; what follows is a sequence of operands in an order of its
 * own for each opcode, so each is a list of steps. Engine's thread.
 */
#include <errno.h>

#include "softgpu/blt_decode.h"
#include "softgpu/engine_priv.h"

typedef void (*step)(struct blt_decoder *d);

static void solid(struct blt_decoder *d)
{
    blt_pattern_solid(&d->op, blt_take(d));
}

static void pattern(struct blt_decoder *d)
{
    blt_pattern_load(d->e, &d->op, blt_take_addr(d));
}

/* A pattern that comes short ends in zeros. */
static void pattern_immediate(struct blt_decoder *d)
{
    uint32_t bytes;
    const uint8_t *data = blt_immediate(d, &bytes);

    blt_pattern_data(&d->op, data, bytes);
}

static void pattern_mono(struct blt_decoder *d)
{
    uint32_t bg = blt_take(d), fg = blt_take(d);
    uint64_t bits = blt_take(d);

    bits |= (uint64_t)blt_take(d) << 32;
    blt_pattern_mono(&d->op, d->br13, bg, fg, bits);
}

static void pattern_fixed(struct blt_decoder *d)
{
    uint32_t bg = blt_take(d), fg = blt_take(d);
    uint64_t bits;

    d->undefined = !blt_pattern_fixed(BR00_FIXED(d->cmd[0]), &bits);
    blt_pattern_mono(&d->op, d->br13 & ~BR13_SOLID, bg, fg, bits);
}

static void source(struct blt_decoder *d)
{
    uint32_t at = blt_take(d), pitch = blt_take(d);

    d->op.source = BLT_COLOR_SRC;
    d->src_x = blt_low(at);
    d->src_y = blt_high(at);
    blt_surface(d, &d->op.src, blt_take_addr(d), pitch, d->cmd[0] & BR00_SRC_TILED, SWCTRL_SRC_Y);
}

/* Lines start at words, except that the first pixel may stand inside the first byte. */
static void mono_lines(struct blt_decoder *d)
{
    struct blt_mono *m = &d->op.mono;
    uint32_t width = d->full.x2 > d->full.x1 ? (uint32_t)(d->full.x2 - d->full.x1) : 0;

    d->op.source = BLT_MONO_SRC;
    m->first = BR00_MONO_BIT(d->cmd[0]);
    m->line_bits = (m->first + width + 15) & ~15u;
    m->transparent = d->br13 & BR13_MONO_SRC_KEY;
}

static void source_mono(struct blt_decoder *d)
{
    uint32_t bg;

    mono_lines(d);
    d->op.mono.addr = blt_take_addr(d);
    bg = blt_take(d);
    blt_mono_colors(d, bg, blt_take(d));
}

static void source_mono_immediate(struct blt_decoder *d)
{
    uint32_t bg = blt_take(d);

    mono_lines(d);
    blt_mono_colors(d, bg, blt_take(d));
    d->op.mono.data = blt_immediate(d, &d->op.mono.bytes);
    if (!d->op.mono.data)
        d->bad = true; /* waits for data that does not come */
}

/* Modes 1 and 3 look at the source, 5 and 7 at the destination; 3 and 5 at alpha too. */
static void key(struct blt_decoder *d)
{
    uint32_t mode = BR00_KEY(d->cmd[0]);

    d->op.key.low = blt_take(d);
    d->op.key.high = blt_take(d);
    if (mode & 1)
        d->op.key.of = mode & 4 ? BLT_KEY_DST : BLT_KEY_SRC;
    d->op.key.alpha = mode == 3 || mode == 5;
}

/* By opcode, from 0x50 on. */
static const step steps[][4] = {
    [0x00] = {solid},
    [0x01] = {pattern},
    [0x02] = {pattern_mono},
    [0x03] = {source},
    [0x04] = {source_mono},
    [0x05] = {source, pattern},
    [0x06] = {source_mono, pattern},
    [0x07] = {source, pattern_mono},
    [0x08] = {source_mono, pattern_mono},
    [0x09] = {pattern_fixed},
    [0x21] = {source_mono_immediate},
    [0x22] = {pattern_immediate},
    [0x23] = {source, key},
    [0x24] = {source, pattern_immediate},
    [0x25] = {source_mono, pattern_immediate},
    [0x26] = {pattern, key},
    [0x27] = {key, pattern_immediate},
};

enum cs_result blt_xy(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    const step *s = steps[(cmd[0] >> 22 & 127) - 0x50];
    struct blt_decoder d;

    blt_begin(&d, e, cmd, len, cmd[0], cmd[1]);
    blt_rect(&d, blt_take_rect(&d));
    blt_dst(&d, blt_take_addr(&d));
    for (unsigned i = 0; i < 4 && s[i]; i++)
        s[i](&d);
    return blt_finish(&d);
}

/* --- rectangles of bytes: always linear ---------------------------------------------------- */

static void begin_linear(struct blt_decoder *d, struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t size;

    blt_begin(d, e, cmd, len, cmd[0], cmd[1]);
    size = blt_take(d); /* height in rows, width in bytes */
    d->op.width = (int32_t)(size & 0xffff);
    d->op.height = (int32_t)(size >> 16);
    blt_surface(d, &d->op.dst, blt_take_addr(d), cmd[1], false, 0);
}

enum cs_result blt_color(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_decoder d;

    begin_linear(&d, e, cmd, len);
    solid(&d);
    return blt_run(e, &d.op) == -EINTR ? CS_WAIT : CS_NEXT;
}

/* Backward: the addresses are those of the rightmost bytes. */
enum cs_result blt_src_copy(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_decoder d;
    uint32_t pitch;

    begin_linear(&d, e, cmd, len);
    pitch = blt_take(&d);
    d.op.source = BLT_COLOR_SRC;
    blt_surface(&d, &d.op.src, blt_take_addr(&d), pitch, false, 0);
    if (cmd[1] & BR13_BACKWARD) {
        d.op.dst_x = 1 - d.op.width;
        d.op.src_x = 1 - d.op.width;
    }
    return blt_run(e, &d.op) == -EINTR ? CS_WAIT : CS_NEXT;
}
