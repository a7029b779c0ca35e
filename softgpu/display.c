/* SPDX-License-Identifier: MIT */
/*
 * display.c: running pipes (display.h). Timing facts: PRM HSW and BDW vol. 2c, HTOTAL, VTOTAL,
 * VBLANK, PIPE_SCANLINE, PIPE_FRMCNT. Register handlers run under the register file's lock.
 */
#include "softgpu/display.h"

#include "softgpu/clocks.h"
#include "softgpu/irq.h"
#include "softgpu/regs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STRIDE          0x1000u /* from one pipe's or transcoder's registers to the next's */
#define HTOTAL          0x60000u
#define VTOTAL          0x6000cu
#define VBLANK          0x60010u
#define PIPESRC         0x6001cu
#define DDI_BUF_CTL     0x64000u
#define PIPE_DSL        0x70000u
#define PIPE_CONF       0x70008u
#define PIPE_FRMCOUNT   0x70040u
#define PIPE_FLIPCOUNT  0x70044u
#define CURCNTR         0x70080u
#define CURBASE         0x70084u
#define CURPOS          0x70088u
#define DISP_ARB_CTL    0x45000u
#define DISP_SWIZZLE    (1u << 13)
#define DSPCNTR         0x70180u
#define DSPSTRIDE       0x70188u
#define DSPSURF         0x7019cu
#define DSPOFFSET       0x701a4u
#define DSPSURFLIVE     0x701acu
#define PLANE_GAMMA     (1u << 30) /* of DSPCNTR */
#define PALETTE         0x4a000u
#define GAMMA_MODE      0x4a480u
#define PALETTE_STRIDE  0x800u
#define SPRSURF         0x7029cu
#define PIPECONF_ENABLE (1u << 31)
#define PIPECONF_STATE  (1u << 30)
#define BUF_CTL_ENABLE  (1u << 31)
#define BUF_CTL_IDLE    (1u << 7)

#define SECOND_NS     1000000000ull
#define DEFAULT_FRAME (SECOND_NS / 60)
#define MIN_FRAME     (SECOND_NS / 1000) /* no driver can make us tick faster */
#define MAX_FRAME     SECOND_NS

struct pipe {
    bool on;
    uint64_t epoch; /* when scan line 0 began, first frame */
    uint64_t frame; /* ns */
    uint32_t lines; /* per frame */
    uint32_t blank; /* line that starts the vertical blank */
    uint64_t seen;  /* vertical blanks dealt with since epoch */
    uint32_t count; /* frame counter at epoch */
    uint32_t flips;
    uint32_t blanks;   /* vertical blanks dealt with since reset */
    bool flip_primary; /* surface written since the last blank */
    bool flip_sprite;
};

struct display {
    struct regs *regs;
    struct irq *irq;
    uint64_t (*clock)(void *opaque);
    void *opaque;
    unsigned slowdown;
    const struct display_hooks *hooks; /* NULL: none */
    void *hooks_opaque;
    struct pipe pipes[DISPLAY_PIPES];
};

static uint32_t pipe_reg(const struct display *d, unsigned pipe, uint32_t reg)
{
    return regs_peek(d->regs, reg + pipe * STRIDE);
}

static unsigned pipe_of(uint32_t offset)
{
    return offset >> 12 & 3;
}

static void timings(struct display *d, unsigned pipe)
{
    struct pipe *p = &d->pipes[pipe];
    uint64_t pixels = (pipe_reg(d, pipe, HTOTAL) >> 16 & 0x1fff) + 1;
    uint32_t khz = clocks_pixel_khz(d->regs, pipe);

    p->lines = (pipe_reg(d, pipe, VTOTAL) >> 16 & 0x1fff) + 1;
    p->blank = (pipe_reg(d, pipe, VBLANK) & 0x1fff) + 1;
    if (p->blank >= p->lines)
        p->blank = p->lines - 1;
    p->frame = khz ? pixels * p->lines * 1000000 / khz : DEFAULT_FRAME;
    if (p->frame < MIN_FRAME)
        p->frame = MIN_FRAME;
    if (p->frame > MAX_FRAME)
        p->frame = MAX_FRAME;
    p->frame *= d->slowdown;
}

/* Time from the start of scan line 0 to the blank. */
static uint64_t blank_time(const struct pipe *p)
{
    return p->frame * p->blank / p->lines;
}

/* Blanks that have started since epoch. */
static uint64_t blanks(const struct pipe *p, uint64_t now)
{
    return (now - p->epoch + p->frame - blank_time(p)) / p->frame;
}

static void latch(struct display *d, unsigned pipe)
{
    struct pipe *p = &d->pipes[pipe];

    if (p->flip_primary) {
        regs_poke(d->regs, DSPSURFLIVE + pipe * STRIDE, pipe_reg(d, pipe, DSPSURF));
        p->flips++;
    }
    p->flip_primary = false;
    p->flip_sprite = false;
}

static void pipe_tick(struct display *d, unsigned pipe, uint64_t now)
{
    struct pipe *p = &d->pipes[pipe];
    uint32_t events = IRQ_VBLANK;
    uint64_t n;

    if (!p->on)
        return;
    n = blanks(p, now);
    if (n <= p->seen)
        return;
    p->blanks += (uint32_t)(n - p->seen);
    p->seen = n;
    if (p->flip_primary)
        events |= IRQ_PRIMARY_FLIP;
    if (p->flip_sprite)
        events |= IRQ_SPRITE_FLIP;
    if (d->hooks)
        d->hooks->blank(d->hooks_opaque, pipe);
    latch(d, pipe);
    if (events & IRQ_PRIMARY_FLIP && d->hooks)
        d->hooks->flipped(d->hooks_opaque, pipe);
    irq_pipe_locked(d->irq, pipe, events);
}

static void pipeconf_write(void *owner, uint32_t offset, uint32_t value)
{
    struct display *d = owner;
    unsigned pipe = pipe_of(offset);
    struct pipe *p = &d->pipes[pipe];
    bool on = value & PIPECONF_ENABLE;
    uint64_t now = d->clock(d->opaque);

    value &= ~PIPECONF_STATE;
    regs_poke(d->regs, offset, value | (on ? PIPECONF_STATE : 0));
    if (on == p->on)
        return;
    if (on) {
        timings(d, pipe);
        p->epoch = now;
        p->seen = 0;
        if (d->hooks)
            d->hooks->enabled(d->hooks_opaque, pipe);
    } else {
        p->count += (uint32_t)blanks(p, now);
        latch(d, pipe);
    }
    p->on = on;
}

/* Transcoders without a pipe of their own: eDP and the south display's. */
static void conf_write(void *owner, uint32_t offset, uint32_t value)
{
    struct display *d = owner;

    value &= ~PIPECONF_STATE;
    regs_poke(d->regs, offset, value | (value & PIPECONF_ENABLE ? PIPECONF_STATE : 0));
}

static uint32_t dsl_read(void *owner, uint32_t offset)
{
    struct display *d = owner;
    const struct pipe *p = &d->pipes[pipe_of(offset)];

    if (!p->on)
        return 0;
    return (uint32_t)((d->clock(d->opaque) - p->epoch) % p->frame * p->lines / p->frame);
}

/* Counts starts of the vertical blank, as the interrupt does. A reader that comes before the
 * timer sees the interrupt raised first. */
static uint32_t frmcount_read(void *owner, uint32_t offset)
{
    struct display *d = owner;
    unsigned pipe = pipe_of(offset);
    const struct pipe *p = &d->pipes[pipe];
    uint64_t now = d->clock(d->opaque);

    if (!p->on)
        return p->count;
    pipe_tick(d, pipe, now);
    return p->count + (uint32_t)blanks(p, now);
}

static uint32_t flipcount_read(void *owner, uint32_t offset)
{
    const struct display *d = owner;

    return d->pipes[pipe_of(offset)].flips;
}

static void dspsurf_write(void *owner, uint32_t offset, uint32_t value)
{
    struct display *d = owner;
    unsigned pipe = pipe_of(offset);

    pipe_tick(d, pipe, d->clock(d->opaque)); /* a blank that is over takes the old surface */
    regs_poke(d->regs, offset, value);
    d->pipes[pipe].flip_primary = true;
    if (!d->pipes[pipe].on)
        latch(d, pipe);
}

static void sprsurf_write(void *owner, uint32_t offset, uint32_t value)
{
    struct display *d = owner;
    unsigned pipe = pipe_of(offset);

    pipe_tick(d, pipe, d->clock(d->opaque));
    regs_poke(d->regs, offset, value);
    d->pipes[pipe].flip_sprite = d->pipes[pipe].on;
}

static void ddi_buf_write(void *owner, uint32_t offset, uint32_t value)
{
    struct display *d = owner;

    value &= ~BUF_CTL_IDLE;
    regs_poke(d->regs, offset, value | (value & BUF_CTL_ENABLE ? 0 : BUF_CTL_IDLE));
}

#define RO regs_write_ignored
#define PIPE(n, x)                                                                                 \
    {PIPE_DSL + (n)*STRIDE, PIPE_DSL + (n)*STRIDE, "PIPE_SCANLINE_" x, dsl_read, RO, 0},           \
        {PIPE_CONF + (n)*STRIDE, PIPE_CONF + (n)*STRIDE, "PIPE_CONF_" x, NULL, pipeconf_write, 0}, \
        {PIPE_FRMCOUNT + (n)*STRIDE,                                                               \
         PIPE_FRMCOUNT + (n)*STRIDE,                                                               \
         "PIPE_FRMCNT_" x,                                                                         \
         frmcount_read,                                                                            \
         RO,                                                                                       \
         0},                                                                                       \
        {PIPE_FLIPCOUNT + (n)*STRIDE,                                                              \
         PIPE_FLIPCOUNT + (n)*STRIDE,                                                              \
         "PIPE_FLIPCNT_" x,                                                                        \
         flipcount_read,                                                                           \
         RO,                                                                                       \
         0},                                                                                       \
        {DSPSURF + (n)*STRIDE, DSPSURF + (n)*STRIDE, "PRI_SURF_" x, NULL, dspsurf_write, 0},       \
        {DSPSURFLIVE + (n)*STRIDE, DSPSURFLIVE + (n)*STRIDE, "PRI_SURFLIVE_" x, NULL, RO, 0},      \
    {                                                                                              \
        SPRSURF + (n)*STRIDE, SPRSURF + (n)*STRIDE, "SPR_SURF_" x, NULL, sprsurf_write, 0          \
    }
#define CONF(off, name)                                                                            \
    {                                                                                              \
        (off), (off), name, NULL, conf_write, 0                                                    \
    }
#define DDI(n, x)                                                                                  \
    {                                                                                              \
        DDI_BUF_CTL + (n)*0x100, DDI_BUF_CTL + (n)*0x100, "DDI_BUF_CTL_" x, NULL, ddi_buf_write,   \
            BUF_CTL_IDLE                                                                           \
    }

static const struct regs_range table[] = {
    PIPE(0, "A"), PIPE(1, "B"),
    PIPE(2, "C"), CONF(0x7f008, "PIPE_CONF_EDP"),
    DDI(0, "A"),  DDI(1, "B"),
    DDI(2, "C"),  DDI(3, "D"),
    DDI(4, "E"),  CONF(0xf0008, "TRANS_CONF_PCH"),
};

struct display *display_new(struct regs *r, struct irq *irq, uint64_t (*clock)(void *opaque),
                            void *opaque)
{
    struct display *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->regs = r;
    d->irq = irq;
    d->clock = clock;
    d->opaque = opaque;
    d->slowdown = 1;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), d))
        return display_free(d);
    return d;
}

struct display *display_free(struct display *d)
{
    free(d);
    return NULL;
}

void display_reset(struct display *d)
{
    regs_lock(d->regs);
    memset(d->pipes, 0, sizeof(d->pipes));
    regs_unlock(d->regs);
}

void display_set_slowdown(struct display *d, unsigned n)
{
    assert(n >= 1 && n <= DISPLAY_MAX_SLOWDOWN);
    regs_lock(d->regs);
    d->slowdown = n;
    regs_unlock(d->regs);
}

uint64_t display_deadline(struct display *d)
{
    uint64_t due = UINT64_MAX;

    regs_lock(d->regs);
    for (unsigned i = 0; i < DISPLAY_PIPES; i++) {
        const struct pipe *p = &d->pipes[i];
        uint64_t next = p->epoch + p->seen * p->frame;

        if (p->on && next + blank_time(p) < due)
            due = next + blank_time(p);
    }
    regs_unlock(d->regs);
    return due;
}

void display_tick(struct display *d)
{
    uint64_t now;

    regs_lock(d->regs);
    now = d->clock(d->opaque);
    for (unsigned i = 0; i < DISPLAY_PIPES; i++)
        pipe_tick(d, i, now);
    regs_unlock(d->regs);
}

bool display_due_locked(const struct display *d, unsigned pipe)
{
    const struct pipe *p = &d->pipes[pipe];

    return p->on && blanks(p, d->clock(d->opaque)) > p->seen;
}

uint32_t display_blanks(struct display *d, unsigned pipe)
{
    uint32_t n;

    regs_lock(d->regs);
    n = d->pipes[pipe].blanks;
    regs_unlock(d->regs);
    return n;
}

void display_set_hooks(struct display *d, const struct display_hooks *hooks, void *opaque)
{
    regs_lock(d->regs);
    d->hooks = hooks;
    d->hooks_opaque = opaque;
    regs_unlock(d->regs);
}

/* The palette counts when the plane's pixels are places in it, or when the plane wants gamma and
 * the pipe's mode is the 8-bit one. */
static void take_palette(const struct display *d, unsigned pipe, struct display_picture *out)
{
    const struct pixel_format *f = pixel_format_of(out->primary.ctl);
    uint32_t at = PALETTE + pipe * PALETTE_STRIDE;
    uint32_t mode = regs_peek(d->regs, GAMMA_MODE + pipe * PALETTE_STRIDE) & 3;

    out->gamma = out->primary.ctl & PLANE_GAMMA && mode == 0;
    if (!out->gamma && !(f && f->indexed))
        return;
    for (uint32_t i = 0; i < PIXEL_PALETTE; i++)
        out->palette[i] = regs_peek(d->regs, at + i * 4) & 0xffffff;
}

/* Sign and magnitude. */
static int32_t position(uint32_t field)
{
    int32_t v = field & 0x7fff;

    return field & 0x8000 ? -v : v;
}

int display_snapshot_locked(const struct display *d, unsigned pipe, struct display_picture *out)
{
    uint32_t src, off, pos;

    memset(out, 0, sizeof(*out));
    if (pipe >= DISPLAY_PIPES)
        return -EINVAL;
    src = pipe_reg(d, pipe, PIPESRC);
    off = pipe_reg(d, pipe, DSPOFFSET);
    pos = pipe_reg(d, pipe, CURPOS);
    out->width = (src >> 16 & 0x1fff) + 1;
    out->height = (src & 0x1fff) + 1;
    out->primary.ctl = pipe_reg(d, pipe, DSPCNTR);
    take_palette(d, pipe, out);
    out->primary.surf = pipe_reg(d, pipe, DSPSURFLIVE) & ~0xfffu;
    out->primary.stride = pipe_reg(d, pipe, DSPSTRIDE) & 0xffffu;
    out->primary.x = off & 0x1fff;
    out->primary.y = off >> 16 & 0x1fff;
    out->primary.swizzle = regs_peek(d->regs, DISP_ARB_CTL) & DISP_SWIZZLE;
    out->cursor.ctl = pipe_reg(d, pipe, CURCNTR);
    out->cursor.base = pipe_reg(d, pipe, CURBASE) & ~0xfffu;
    out->cursor.x = position(pos & 0xffff);
    out->cursor.y = position(pos >> 16);
    return d->pipes[pipe].on ? 0 : -ENODEV;
}

int display_snapshot(struct display *d, unsigned pipe, struct display_picture *out)
{
    int ret;

    regs_lock(d->regs);
    ret = display_snapshot_locked(d, pipe, out);
    regs_unlock(d->regs);
    return ret;
}
