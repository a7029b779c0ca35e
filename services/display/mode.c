/* SPDX-License-Identifier: MIT */
/* mode.c: see mode.h. */
#include "services/display/mode.h"

#include "services/display/regs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOW(reg)  (((reg)&0x1fff) + 1)
#define HIGH(reg) (((reg) >> 16 & 0x1fff) + 1)
#define POLARITY  (3u << 16)

/* TMDS over port B, and what any monitor at it could be asked to show. */
#define MIN_CLOCK_KHZ 20000u
#define MAX_CLOCK_KHZ 300000u
#define MIN_SIDE      320u
#define MIN_LINES     200u
#define MAX_SIDE      4096u
#define MIN_MHZ       20000u
#define MAX_MHZ       125000u

/* WRPLL: the reference divider is in halves, the feedback divider too; VCO 2.4 to 4.8 GHz. */
#define LCPLL_KHZ   2700000u
#define REF_MIN_KHZ 48000u
#define REF_MAX_KHZ 400000u
#define VCO_MIN_KHZ 2400000u
#define VCO_MAX_KHZ 4800000u
#define P_MAX       62u

static uint32_t distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* The best feedback divider for given r and p; its distance from khz, or UINT32_MAX. */
static uint32_t try_dividers(uint32_t khz, uint32_t r2, uint32_t p, uint32_t *n2)
{
    uint64_t n = ((uint64_t)khz * 5 * p * r2 + LCPLL_KHZ / 2) / LCPLL_KHZ;
    uint64_t vco = n * LCPLL_KHZ / r2;

    if (!n || n > 255 || vco < VCO_MIN_KHZ || vco > VCO_MAX_KHZ)
        return UINT32_MAX;
    *n2 = (uint32_t)n;
    return distance((uint32_t)(vco / (5 * p)), khz);
}

int mode_wrpll(uint32_t khz, uint32_t *ctl)
{
    uint32_t best = UINT32_MAX, n2;

    for (uint32_t p = 2; p <= P_MAX; p += 2) {
        for (uint32_t r2 = LCPLL_KHZ * 2 / REF_MAX_KHZ + 1; r2 <= LCPLL_KHZ * 2 / REF_MIN_KHZ;
             r2++) {
            uint32_t off = try_dividers(khz, r2, p, &n2);

            if (off >= best)
                continue;
            best = off;
            *ctl = REG_ENABLE | 3u << 28 | n2 << 16 | p << 8 | r2;
        }
    }
    return best <= khz / 200 ? 0 : -ERANGE;
}

static bool ordered(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return a <= b && b < c && c <= d;
}

static uint32_t pair(uint32_t low, uint32_t high)
{
    return (high - 1) << 16 | (low - 1);
}

/* Sync within blanking, blanking within the total; blanking starts where the picture ends. */
static int make_timings(const struct view_pipe *v, const struct modeline *m, struct phys_mode *out)
{
    uint32_t hs = LOW(v->hsync), he = HIGH(v->hsync), vs = LOW(v->vsync), ve = HIGH(v->vsync);

    if (!ordered(m->hactive, hs, he, m->htotal) || !ordered(m->vactive, vs, ve, m->vtotal))
        return -EINVAL;
    out->width = m->hactive;
    out->height = m->vactive;
    out->htotal = out->hblank = pair(m->hactive, m->htotal);
    out->vtotal = out->vblank = pair(m->vactive, m->vtotal);
    out->hsync = pair(hs, he);
    out->vsync = pair(vs, ve);
    out->polarity = v->mode.ddi_func & POLARITY;
    out->clock_khz = m->clock_khz;
    return 0;
}

static bool showable(const struct modeline *m)
{
    return m->clock_khz >= MIN_CLOCK_KHZ && m->clock_khz <= MAX_CLOCK_KHZ &&
           m->hactive >= MIN_SIDE && m->hactive <= MAX_SIDE && m->vactive >= MIN_LINES &&
           m->vactive <= MAX_SIDE && m->refresh_mhz >= MIN_MHZ && m->refresh_mhz <= MAX_MHZ;
}

int mode_from_view(const struct view_pipe *view, struct phys_mode *mode)
{
    struct modeline m;

    memset(mode, 0, sizeof(*mode));
    if (modeline_decode(&view->mode, &m) || !showable(&m))
        return -EINVAL;
    if (make_timings(view, &m, mode) || mode_wrpll(m.clock_khz, &mode->wrpll))
        return -EINVAL;
    return 0;
}
