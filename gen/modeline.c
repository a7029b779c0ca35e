/* SPDX-License-Identifier: MIT */
/* Display timing; see modeline.h. Pure functions, any thread. */
#include "gen/modeline.h"

#include <errno.h>
#include <stddef.h>

#define PLL_ENABLE       (1u << 31)
#define PLL_REF_LCPLL    3u
#define PLL_REF_BCLK     0u
#define LCPLL_KHZ        2700000u
#define SSC_KHZ          135000u
#define DDI_ENABLE       (1u << 31)
#define DDI_MODE(func)   ((func) >> 24 & 7)
#define DDI_MODE_HDMI    0u
#define DDI_MODE_DVI     1u
#define DDI_BPC_12(func) (((func) >> 20 & 7) == 3)
#define LINK_MASK        0xffffffu
#define TIMING_MASK      0x1fffu
#define PORT_CLK_SPLL    3u
#define PORT_CLK_WRPLL1  4u
#define PORT_CLK_WRPLL2  5u
#define NS_PER_MS        1000000u

/* Twice reference * feedback / (reference divider * post divider), dividers in halves and fifths.
 */
static uint32_t wrpll_khz(uint32_t ctl)
{
    uint32_t ref = ctl >> 28 & 3;
    uint32_t r = ctl & 0xff, p = ctl >> 8 & 0x3f, n = ctl >> 16 & 0xff;
    uint64_t khz = ref == PLL_REF_LCPLL ? LCPLL_KHZ : SSC_KHZ;

    if (!(ctl & PLL_ENABLE) || ref == PLL_REF_BCLK || !r || !p)
        return 0;
    return (uint32_t)(khz * n * 2 / (10 * p * r));
}

static uint32_t spll_khz(uint32_t ctl)
{
    static const uint32_t khz[4] = {162000, 270000, 540000, 0};

    return ctl & PLL_ENABLE ? khz[ctl >> 26 & 3] : 0;
}

uint32_t modeline_port_khz(const struct modeline_regs *r)
{
    static const uint32_t lcpll[3] = {540000, 270000, 162000};
    uint32_t sel = r->clk_sel >> 29;

    if (sel < 3)
        return lcpll[sel];
    if (sel == PORT_CLK_SPLL)
        return spll_khz(r->spll);
    if (sel == PORT_CLK_WRPLL1 || sel == PORT_CLK_WRPLL2)
        return wrpll_khz(r->wrpll[sel - PORT_CLK_WRPLL1]);
    return 0;
}

static bool is_tmds(uint32_t ddi_func)
{
    return DDI_MODE(ddi_func) == DDI_MODE_HDMI || DDI_MODE(ddi_func) == DDI_MODE_DVI;
}

static uint32_t pixel_khz(const struct modeline_regs *r)
{
    uint64_t port = modeline_port_khz(r);
    uint32_t m = r->link_m & LINK_MASK, n = r->link_n & LINK_MASK;

    if (is_tmds(r->ddi_func)) /* 12 bits a colour: three clocks for two pixels */
        return (uint32_t)(DDI_BPC_12(r->ddi_func) ? port * 2 / 3 : port);
    return n ? (uint32_t)(port * m / n) : 0;
}

static uint64_t frame_pixels(const struct modeline *m)
{
    return (uint64_t)m->htotal * m->vtotal;
}

int modeline_decode(const struct modeline_regs *r, struct modeline *m)
{
    if (!(r->ddi_func & DDI_ENABLE))
        return 1;
    *m = (struct modeline){
        .hactive = (r->htotal & TIMING_MASK) + 1,
        .htotal = (r->htotal >> 16 & TIMING_MASK) + 1,
        .vactive = (r->vtotal & TIMING_MASK) + 1,
        .vtotal = (r->vtotal >> 16 & TIMING_MASK) + 1,
        .vblank_start = (r->vblank & TIMING_MASK) + 1,
        .clock_khz = pixel_khz(r),
        .line_offset = DDI_MODE(r->ddi_func) == DDI_MODE_HDMI ? 2 : 1,
    };
    if (m->hactive > m->htotal || m->vactive > m->vtotal || m->vblank_start >= m->vtotal ||
        m->line_offset >= m->vtotal || !m->clock_khz)
        return -EINVAL;
    m->refresh_mhz = (uint32_t)((uint64_t)m->clock_khz * 1000000 / frame_pixels(m));
    return m->refresh_mhz ? 0 : -EINVAL;
}

/* Pixels since the origin; split so that no product overflows. */
static uint64_t pixels_at(const struct modeline *m, uint64_t t)
{
    return t / NS_PER_MS * m->clock_khz + t % NS_PER_MS * m->clock_khz / NS_PER_MS;
}

/* The first whole ns at which `pixels` have passed. */
static uint64_t time_of(const struct modeline *m, uint64_t pixels)
{
    uint64_t ms = pixels / m->clock_khz, rest = pixels % m->clock_khz;

    return ms * NS_PER_MS + (rest * NS_PER_MS + m->clock_khz - 1) / m->clock_khz;
}

uint32_t modeline_line(const struct modeline *m, uint64_t t)
{
    uint64_t line = pixels_at(m, t) % frame_pixels(m) / m->htotal;

    return (uint32_t)((line + m->vtotal - m->line_offset) % m->vtotal);
}

static uint64_t lead(const struct modeline *m)
{
    return (uint64_t)(m->vtotal - m->vblank_start) * m->htotal;
}

uint32_t modeline_frame(const struct modeline *m, uint64_t t)
{
    return (uint32_t)((pixels_at(m, t) + lead(m)) / frame_pixels(m));
}

uint64_t modeline_next_vblank(const struct modeline *m, uint64_t t)
{
    uint64_t n = (pixels_at(m, t) + lead(m)) / frame_pixels(m) + 1;

    return time_of(m, n * frame_pixels(m) - lead(m));
}
