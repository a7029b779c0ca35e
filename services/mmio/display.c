/* SPDX-License-Identifier: MIT */
/*
 * display.c: the virtual display engine's registers that are more than storage: state bits that
 * follow enable bits, flips, hot-plug, and the passing of time (scan line, frame counter, vblank),
 * computed from the record display publishes. Modesets never reach hardware from here. Called by
 * dispatch.c and, for vblanks and hot-plug, by the main loop. Register facts: Haswell and Broadwell
 * PRM vol. 2c.
 */
#include <assert.h>
#include <string.h>

#include "services/mmio/priv.h"

#define PIPE(offset, pipe) ((offset) + 0x1000u * (pipe))
#define PORT_B_LIVE        (1u << 21)

enum {
    PIPE_CRC_CTL = 0x60050,
    PIPE_CRC_RES = 0x60064,
    PIPE_DSL = 0x70000,
    PIPE_CONF = 0x70008,
    PIPE_FRMCOUNT = 0x70040,
    PIPE_FLIPCOUNT = 0x70044,
    DSP_SURF = 0x7019c,
    DSP_SURFLIVE = 0x701ac,
    SPR_SURF = 0x7029c,
    SPR_SURFLIVE = 0x702ac,
    PIPE_EDP_CONF = 0x7f008,
    TRANS_CONF_LPT = 0xf0008,
    DDI_BUF_CTL = 0x64000,
    SHOTPLUG = 0xc4030,
    ADPA = 0xe1100,
};

/* Word by word with acquire, so that the sequence word read afterwards is not older than any. */
static struct timing_pipe pipe_copy(const struct timing_pipe *shared)
{
    uint64_t words[sizeof(*shared) / 8];
    struct timing_pipe copy;

    static_assert(sizeof(copy) % 8 == 0, "whole words");
    for (size_t i = 0; i < sizeof(words) / 8; i++)
        words[i] = __atomic_load_n((const uint64_t *)shared + i, __ATOMIC_ACQUIRE);
    memcpy(&copy, words, sizeof(copy));
    return copy;
}

/* A consistent copy of a pipe's record. Display may have died while it wrote: then the last good
 * one goes on, as vblanks must. */
static struct timing_pipe timing_of(struct mmio *m, uint32_t pipe)
{
    const struct timing_pipe *shared = &m->s.timing->pipe[pipe];

    for (int tries = 0; tries < 8; tries++) {
        uint32_t before = __atomic_load_n(&shared->seq, __ATOMIC_ACQUIRE);
        struct timing_pipe copy = pipe_copy(shared);

        if (before % 2 == 0 && __atomic_load_n(&shared->seq, __ATOMIC_RELAXED) == before) {
            m->timing[pipe] = copy;
            break;
        }
    }
    return m->timing[pipe];
}

#define MIN_PS 1000000000u /* a shorter frame would be a storm of interrupts */
#define MAX_PS UINT64_C(1000000000000)

/* Running, with numbers that can be divided by, and added. */
static bool running(struct mmio *m, uint32_t pipe, struct timing_pipe *t)
{
    if (!m->s.timing)
        return false;
    *t = timing_of(m, pipe);
    return t->enabled && t->frame_ps >= MIN_PS && t->frame_ps < MAX_PS && t->vtotal &&
           t->vtotal <= 65536 && t->vactive <= t->vtotal && t->start_ns < UINT64_MAX / 2;
}

/* Picoseconds since frame 0, line 0. */
static unsigned __int128 elapsed(const struct mmio *m, const struct timing_pipe *t)
{
    uint64_t now = m->s.now_ns();

    return now > t->start_ns ? (unsigned __int128)(now - t->start_ns) * 1000 : 0;
}

/* How many vblanks began; one begins where the active lines end. */
static uint64_t vblanks(const struct timing_pipe *t, unsigned __int128 ps)
{
    return (ps + (unsigned __int128)t->frame_ps * (t->vtotal - t->vactive) / t->vtotal) /
           t->frame_ps;
}

static uint32_t dsl_read(struct mmio *m, uint32_t offset)
{
    struct timing_pipe t;

    if (!running(m, (offset - PIPE_DSL) >> 12, &t))
        return 0;
    return elapsed(m, &t) % t.frame_ps * t.vtotal / t.frame_ps;
}

static uint32_t frame_read(struct mmio *m, uint32_t offset)
{
    struct timing_pipe t;

    if (!running(m, (offset - PIPE_FRMCOUNT) >> 12, &t))
        return *mmio_reg(m, offset);
    return t.first_frame + (uint32_t)vblanks(&t, elapsed(m, &t));
}

static int read_only(struct mmio *m, const struct mmio_write *w)
{
    (void)w;
    mmio_fault(m, MMIO_FAULT_READ_ONLY);
    return 0;
}

/* Bit 30 is the state of what bit 31 asks for. */
static int conf_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value & ~(1u << 30);

    *mmio_reg(m, w->offset) = value | (value >> 1 & 1u << 30);
    return 0;
}

/* Bit 7: the buffer is idle while it is disabled. */
static int ddi_buf_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value & ~(1u << 7);

    *mmio_reg(m, w->offset) = value & 1u << 31 ? value : value | 1u << 7;
    return 0;
}

static void flip_done(struct mmio *m, uint32_t pipe, uint32_t surf, uint32_t live)
{
    *mmio_reg(m, PIPE(live, pipe)) = *mmio_reg(m, PIPE(surf, pipe));
    if (surf == DSP_SURF)
        ++*mmio_reg(m, PIPE(PIPE_FLIPCOUNT, pipe));
}

/* A flip takes effect at the next vblank; on a pipe that does not run, at once. */
static int flip(struct mmio *m, const struct mmio_write *w, uint32_t surf, uint32_t live,
                uint32_t events)
{
    uint32_t pipe = (w->offset - surf) >> 12;
    struct timing_pipe t;

    *mmio_reg(m, w->offset) = w->value;
    if (running(m, pipe, &t)) {
        m->vreg->flips |= events << (8 * pipe);
        return 0;
    }
    flip_done(m, pipe, surf, live);
    return mmio_irq_pipe(m, pipe, events);
}

static int dsp_surf_write(struct mmio *m, const struct mmio_write *w)
{
    return flip(m, w, DSP_SURF, DSP_SURFLIVE, IRQ_PIPE_PRIMARY_FLIP);
}

static int spr_surf_write(struct mmio *m, const struct mmio_write *w)
{
    return flip(m, w, SPR_SURF, SPR_SURFLIVE, IRQ_PIPE_SPRITE_FLIP);
}

/* Status bits of ports B, C, D are write-one-to-clear, the rest is storage. */
static int shotplug_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t status = 0x00030303, old = *mmio_reg(m, w->offset);

    *mmio_reg(m, w->offset) = (w->value & ~status) | (old & status & ~(w->value & w->mask));
    return 0;
}

static uint32_t take_flips(struct mmio *m, uint32_t pipe)
{
    uint32_t events = m->vreg->flips >> (8 * pipe) & 0xff;

    if (events & IRQ_PIPE_PRIMARY_FLIP)
        flip_done(m, pipe, DSP_SURF, DSP_SURFLIVE);
    if (events & IRQ_PIPE_SPRITE_FLIP)
        flip_done(m, pipe, SPR_SURF, SPR_SURFLIVE);
    m->vreg->flips &= ~(0xffu << (8 * pipe));
    return events;
}

/* A frame's CRC, if one is asked for, and the screen shows what the registers say. */
static uint32_t take_crc(struct mmio *m, uint32_t pipe, const struct timing_pipe *t)
{
    static const uint32_t reg[TIMING_CRC_COUNT] = TIMING_CRC_REGS;
    uint32_t value[TIMING_CRC_COUNT];

    if (!t->crc_of || !(*mmio_reg(m, PIPE(PIPE_CRC_CTL, pipe)) & 1u << 31))
        return 0;
    for (uint32_t i = 0; i < TIMING_CRC_COUNT; i++)
        value[i] = *mmio_reg(m, PIPE(reg[i], pipe));
    if (timing_crc_of(value) != t->crc_of)
        return 0;
    *mmio_reg(m, PIPE(PIPE_CRC_RES, pipe)) = t->crc;
    return IRQ_PIPE_CRC_DONE;
}

/* After a stall one vblank stands for all that were missed; the frame counter tells how many. */
static int vblank_pipe(struct mmio *m, uint32_t pipe, uint64_t *next_ns)
{
    struct timing_pipe t;
    unsigned __int128 ps, next_ps;
    uint64_t n, due;

    if (!running(m, pipe, &t))
        return 0;
    ps = elapsed(m, &t);
    n = vblanks(&t, ps);
    next_ps =
        (unsigned __int128)t.frame_ps * n + (unsigned __int128)t.frame_ps * t.vactive / t.vtotal;
    due = t.start_ns + (uint64_t)(next_ps / 1000) + 1;
    if (!*next_ns || due < *next_ns)
        *next_ns = due;
    if (n == m->frame[pipe])
        return 0;
    m->frame[pipe] = n;
    return mmio_irq_pipe(m, pipe, IRQ_PIPE_VBLANK | take_flips(m, pipe) | take_crc(m, pipe, &t));
}

int mmio_vblank(struct mmio *m, uint64_t *next_ns)
{
    int rc = 0;

    *next_ns = 0;
    for (uint32_t pipe = 0; pipe < TIMING_PIPES && !rc; pipe++)
        rc = vblank_pipe(m, pipe, next_ns);
    return rc;
}

int mmio_hotplug(struct mmio *m, bool present, const uint8_t edid[EDID_SIZE])
{
    m->s.vgpu.monitor = present;
    if (present)
        __builtin_memcpy(m->s.vgpu.edid, edid, EDID_SIZE);
    if (*mmio_reg(m, SHOTPLUG) & 1u << 4)
        *mmio_reg(m, SHOTPLUG) |= 2; /* port B, long pulse */
    return m->model->irq->pch(m, present ? PORT_B_LIVE : 0) ? mmio_irq_send(m) : 0;
}

/* The analog port: a detection that is asked for (16) ends at once, and finds nothing (25:24). */
static int adpa_write(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) = w->value & ~(1u << 16 | 3u << 24);
    return 0;
}

static const struct mmio_handler dsl_handler = {"scan line", dsl_read, read_only};
static const struct mmio_handler frame_handler = {"frame counter", frame_read, read_only};
static const struct mmio_handler conf_handler = {"pipe state", NULL, conf_write};
static const struct mmio_handler ddi_buf_handler = {"DDI buffer", NULL, ddi_buf_write};
static const struct mmio_handler dsp_surf_handler = {"primary surface", NULL, dsp_surf_write};
static const struct mmio_handler spr_surf_handler = {"sprite surface", NULL, spr_surf_write};
static const struct mmio_handler ro_handler = {"read only", NULL, read_only};
static const struct mmio_handler adpa_handler = {"analog port", NULL, adpa_write};
static const struct mmio_handler shotplug_handler = {"hot-plug", NULL, shotplug_write};

static void attach_pipe(struct mmio *m, uint32_t pipe)
{
    const struct mmio_regs regs[] = {
        {PIPE(PIPE_DSL, pipe), 1, &dsl_handler},
        {PIPE(PIPE_CONF, pipe), 1, &conf_handler},
        {PIPE(PIPE_FRMCOUNT, pipe), 1, &frame_handler},
        {PIPE(DSP_SURF, pipe), 1, &dsp_surf_handler},
        {PIPE(DSP_SURFLIVE, pipe), 1, &ro_handler},
        {PIPE(SPR_SURF, pipe), 1, &spr_surf_handler},
        {PIPE(SPR_SURFLIVE, pipe), 1, &ro_handler},
        {PIPE(PIPE_CRC_RES, pipe), 5, &ro_handler},
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {PIPE_EDP_CONF, 1, &conf_handler}, {TRANS_CONF_LPT, 1, &conf_handler},
        {SHOTPLUG, 1, &shotplug_handler},  {0x42014, 1, &ro_handler}, /* FUSE_STRAP */
        {0xc2014, 1, &ro_handler},                                    /* SFUSE_STRAP */
    };
    struct timing_pipe t;

    for (uint32_t pipe = 0; pipe < TIMING_PIPES; pipe++) {
        attach_pipe(m, pipe);
        m->frame[pipe] = running(m, pipe, &t) ? vblanks(&t, elapsed(m, &t)) : 0;
    }
    for (uint32_t port = 0; port < 5; port++)
        mmio_register(m, &(struct mmio_regs){DDI_BUF_CTL + 0x100 * port, 1, &ddi_buf_handler}, 1);
    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void reset(struct mmio *m)
{
    m->vreg->flips = 0;
    *mmio_reg(m, 0xc2014) = m->model->straps;
    for (uint32_t port = 0; port < 5; port++)
        *mmio_reg(m, DDI_BUF_CTL + 0x100 * port) = 1 << 7;
    m->model->irq->pch(m, m->s.vgpu.monitor ? PORT_B_LIVE : 0);
}

static void attach_analog(struct mmio *m)
{
    static const struct mmio_regs regs[] = {{ADPA, 1, &adpa_handler}};

    mmio_register(m, regs, 1);
}

const struct mmio_part mmio_part_analog = {attach_analog, NULL};
const struct mmio_part mmio_part_display = {attach, reset};
