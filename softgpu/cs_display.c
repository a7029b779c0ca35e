/* SPDX-License-Identifier: MIT */
/*
 * cs_display.c: commands that have to do with the display: MI_DISPLAY_FLIP, MI_LOAD_SCAN_LINES and
 * MI_WAIT_FOR_EVENT (Haswell and Broadwell PRM vol. 2a). The display is reached through its
 * registers only. An event that DERRMR masks, or that a pipe which is off does not send, never
 * comes: the engine waits until it is reset (or, on Haswell, its wait is ended through RING_CTL).
 * Engine's thread, no lock held.
 */
#include "softgpu/cs_mi.h"
#include "softgpu/engine_priv.h"
#include "softgpu/ring.h"

#define PIPES         3u
#define PIPE_STRIDE   0x1000u
#define PIPE_DSL      0x70000u /* current scan line, bits 12:0 */
#define PIPE_CONF     0x70008u /* bit 30: the pipe runs */
#define PIPE_FRMCOUNT 0x70040u
#define DERRMR        0x44050u
#define CONF_RUNS     (1u << 30)

/* A plane's registers from its control register on: the same for primary and sprite. */
#define DSPCNTR      0x70180u
#define SPRCTL       0x70280u
#define PLANE_STRIDE 0x08u
#define PLANE_SURF   0x1cu
#define PLANE_LIVE   0x2cu
#define PLANE_TILED  (1u << 10)

static uint32_t display_read(struct engine *e, uint32_t offset)
{
    return e->owner->ops.mmio_read(e->owner->ops.opaque, offset);
}

static void display_write(struct engine *e, uint32_t offset, uint32_t value)
{
    e->owner->ops.mmio_write(e->owner->ops.opaque, offset, value);
}

/* --- flips --- */

/* Bits 21:19: primary A, B, sprite A, B, primary C, sprite C. 0: no such plane. */
static uint32_t plane_of(uint32_t header)
{
    static const uint32_t plane[8] = {
        DSPCNTR,
        DSPCNTR + PIPE_STRIDE,
        SPRCTL,
        SPRCTL + PIPE_STRIDE,
        DSPCNTR + 2 * PIPE_STRIDE,
        SPRCTL + 2 * PIPE_STRIDE,
    };

    return plane[header >> 19 & 7];
}

/* Stride and tiling, then the surface, whose register arms the flip for the next blank. */
enum cs_result mi_display_flip(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t plane = plane_of(cmd[0]), control;

    (void)len;
    if (!plane)
        return CS_NEXT;
    control = display_read(e, plane) & ~PLANE_TILED;
    display_write(e, plane, control | (cmd[1] & 1 ? PLANE_TILED : 0));
    display_write(e, plane + PLANE_STRIDE, cmd[1] & 0xffc0u);
    display_write(e, plane + PLANE_SURF, cmd[2] & ~0xfffu);
    return CS_NEXT;
}

/* --- events --- */

enum event { EVENT_SCAN_LINE, EVENT_PRIMARY, EVENT_SPRITE, EVENT_BLANK };

/* MI_WAIT_FOR_EVENT and DERRMR have the same layout. */
static const struct {
    uint32_t bit;
    uint8_t pipe;
    uint8_t event;
} events[] = {
    {1u << 0, 0, EVENT_SCAN_LINE}, {1u << 1, 0, EVENT_PRIMARY},   {1u << 2, 0, EVENT_SPRITE},
    {1u << 3, 0, EVENT_BLANK},     {1u << 8, 1, EVENT_SCAN_LINE}, {1u << 9, 1, EVENT_PRIMARY},
    {1u << 10, 1, EVENT_SPRITE},   {1u << 11, 1, EVENT_BLANK},    {1u << 14, 2, EVENT_SCAN_LINE},
    {1u << 15, 2, EVENT_PRIMARY},  {1u << 20, 2, EVENT_SPRITE},   {1u << 21, 2, EVENT_BLANK},
};

/* Bits 21:19 the pipe; dword 1: first line 28:16, last line 12:0. The window is kept as it came,
 * with bit 31 for one whose outside is meant. */
enum cs_result mi_load_scan_lines(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t pipe = cmd[0] >> 19 & 7, exclusive = cmd[0] >> 23 & 1;

    (void)len;
    if (pipe < PIPES)
        e->cs.scan_window[pipe] = (cmd[1] & 0x1fff1fffu) | exclusive << 31;
    return CS_NEXT;
}

static bool scan_line_reached(struct engine *e, unsigned pipe)
{
    uint32_t window = e->cs.scan_window[pipe], line;
    bool inside;

    line = display_read(e, PIPE_DSL + pipe * PIPE_STRIDE) & 0x1fff;
    inside = line >= (window >> 16 & 0x1fff) && line <= (window & 0x1fff);
    return inside != window >> 31;
}

/* The counter moves at the start of a blank. */
static bool blank_came(struct engine *e, unsigned pipe)
{
    return display_read(e, PIPE_FRMCOUNT + pipe * PIPE_STRIDE) != e->cs.frame[pipe];
}

/* No flip is pending any more. Sprites do not say which surface is live: nothing to wait for. */
static bool flipped(struct engine *e, unsigned pipe)
{
    uint32_t plane = DSPCNTR + pipe * PIPE_STRIDE;

    return display_read(e, plane + PLANE_LIVE) == display_read(e, plane + PLANE_SURF);
}

static bool came(struct engine *e, unsigned pipe, enum event what)
{
    if (!(display_read(e, PIPE_CONF + pipe * PIPE_STRIDE) & CONF_RUNS))
        return false;
    switch (what) {
    case EVENT_SCAN_LINE:
        return scan_line_reached(e, pipe);
    case EVENT_PRIMARY:
        return flipped(e, pipe);
    case EVENT_BLANK:
        return blank_came(e, pipe);
    default:
        return true;
    }
}

static void begin_wait(struct engine *e)
{
    for (unsigned pipe = 0; pipe < PIPES; pipe++)
        e->cs.frame[pipe] = display_read(e, PIPE_FRMCOUNT + pipe * PIPE_STRIDE);
}

/* One event at a time is what software may ask for; of several, any one will do. */
static bool any_came(struct engine *e, uint32_t asked)
{
    uint32_t masked = display_read(e, DERRMR);

    for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (asked & ~masked & events[i].bit && came(e, events[i].pipe, events[i].event))
            return true;
    }
    return false;
}

/* Without a known event there is nothing to wait for. */
enum cs_result mi_wait_for_event(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t asked = 0;

    (void)len;
    for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        asked |= cmd[0] & events[i].bit;
    if (!e->cs.again)
        begin_wait(e);
    if (!asked || any_came(e, asked) || ring_kicked(e)) {
        ring_waits(e, 0);
        return CS_NEXT;
    }
    ring_waits(e, CTL_WAIT_EVENT);
    return CS_EVENT;
}
