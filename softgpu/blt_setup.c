/* SPDX-License-Identifier: MIT */
/*
 * blt_setup.c: the setup commands, and the blits that take destination, colours and pattern from
 * them: pixels, scan lines, text (Broadwell PRM vol. 2a, 2d). The setup registers belong to the
 * context: context.c keeps them in its image. Engine's thread.
 */
#include "softgpu/blt_decode.h"
#include "softgpu/engine_priv.h"

#define OPCODE(h)          ((h) >> 22 & 127)
#define SETUP_MONO_PATTERN 0x11u

/* What both setups share, and the cursor behind it. */
static void common(struct blt_decoder *d, struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_setup *s = &e->blt;
    uint64_t dst;

    blt_begin(d, e, cmd, len, cmd[0], cmd[1]);
    s->header = cmd[0];
    s->control = cmd[1];
    s->clip[0] = blt_take(d);
    s->clip[1] = blt_take(d);
    dst = blt_take_addr(d);
    s->dst[0] = (uint32_t)dst;
    s->dst[1] = (uint32_t)(dst >> 32);
    s->bg = blt_take(d);
    s->fg = blt_take(d);
}

enum cs_result blt_setup(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_decoder d;
    uint64_t pattern;

    common(&d, e, cmd, len);
    pattern = blt_take_addr(&d);
    e->blt.pattern[0] = (uint32_t)pattern;
    e->blt.pattern[1] = (uint32_t)(pattern >> 32);
    return CS_NEXT;
}

enum cs_result blt_setup_mono_pattern(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_decoder d;

    common(&d, e, cmd, len);
    e->blt.mono[0] = blt_take(&d);
    e->blt.mono[1] = blt_take(&d);
    return CS_NEXT;
}

enum cs_result blt_setup_clip(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    e->blt.clip[0] = cmd[1];
    e->blt.clip[1] = cmd[2];
    return CS_NEXT;
}

/* Tiling and pattern seeds are the command's own. */
static void begin(struct blt_decoder *d, struct engine *e, const uint32_t *cmd, uint32_t len)
{
    blt_begin(d, e, cmd, len, e->blt.header, e->blt.control);
    d->at = 1;
    blt_dst(d, cs_addr(e->blt.dst));
}

static void begin_rect(struct blt_decoder *d, struct engine *e, const uint32_t *cmd, uint32_t len)
{
    begin(d, e, cmd, len);
    blt_rect(d, blt_take_rect(d));
}

enum cs_result blt_pixel(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    int32_t x = blt_low(cmd[1]), y = blt_high(cmd[1]);
    struct blt_decoder d;

    begin(&d, e, cmd, len);
    blt_rect(&d, (struct blt_rect){x, y, x + 1, y + 1});
    blt_pattern_solid(&d.op, e->blt.fg);
    return blt_finish(&d);
}

enum cs_result blt_scanlines(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    const struct blt_setup *s = &e->blt;
    struct blt_decoder d;

    begin_rect(&d, e, cmd, len);
    if (OPCODE(s->header) == SETUP_MONO_PATTERN)
        blt_pattern_mono(&d.op, s->control, s->bg, s->fg, s->mono[0] | (uint64_t)s->mono[1] << 32);
    else
        blt_pattern_load(e, &d.op, cs_addr(s->pattern));
    return blt_finish(&d);
}

/* Lines of text follow each other without a gap, or start at bytes. */
static void text_lines(struct blt_decoder *d)
{
    struct blt_mono *m = &d->op.mono;
    uint32_t width = d->full.x2 > d->full.x1 ? (uint32_t)(d->full.x2 - d->full.x1) : 0;

    d->op.source = BLT_MONO_SRC;
    m->line_bits = d->cmd[0] & BR00_BYTE_PACKED ? (width + 7) & ~7u : width;
    m->transparent = d->br13 & BR13_MONO_SRC_KEY;
    blt_mono_colors(d, d->e->blt.bg, d->e->blt.fg);
}

enum cs_result blt_text(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_decoder d;

    begin_rect(&d, e, cmd, len);
    text_lines(&d);
    d.op.mono.addr = blt_take_addr(&d);
    return blt_finish(&d);
}

enum cs_result blt_text_immediate(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct blt_decoder d;

    begin_rect(&d, e, cmd, len);
    text_lines(&d);
    d.op.mono.data = blt_immediate(&d, &d.op.mono.bytes);
    if (!d.op.mono.data)
        d.bad = true; /* waits for data that does not come */
    return blt_finish(&d);
}
