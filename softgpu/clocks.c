/* SPDX-License-Identifier: MIT */
/*
 * clocks.c: PLLs of the display and the rules about them (clocks.h). Facts: PRM HSW and BDW vol.
 * 2c, LCPLL_CTL, SPLL_CTL, WRPLL_CTL, PORT_CLK_SEL, TRANS_CLK_SEL, TRANS_DDI_FUNC_CTL,
 * PWR_WELL_CTL; the order of a mode set from vol. 11 (HSW: 9), "Display Mode Set Sequence".
 * Handlers run under the register file's lock, on the loop's thread or an engine's.
 */
#include "softgpu/clocks.h"

#include "softgpu/display.h"
#include "softgpu/model.h"
#include "softgpu/regs.h"
#include "softgpu/warn.h"

#include <stdbool.h>
#include <stdlib.h>

#define STRIDE       0x1000u
#define PWR_WELL_CTL 0x45400u /* four of them, bit 31 is a request */
#define SPLL_CTL     0x46020u
#define WRPLL_CTL1   0x46040u
#define WRPLL_CTL2   0x46060u
#define PORT_CLK_SEL 0x46100u
#define PORTS        5u
#define TRANS_CLK    0x46140u /* bits 31:29: port + 1 */
#define DDI_FUNC_CTL 0x60400u /* port in bits 30:28 */
#define PIPE_CONF    0x70008u
#define ENABLE       (1u << 31)
#define PIPE_STATE   (1u << 30)

#define LCPLL_CTL         0x130040u
#define LCPLL_DISABLE     (1u << 31)
#define LCPLL_LOCK        (1u << 30)
#define LCPLL_FREQ_540    (1u << 26)
#define LCPLL_SOURCE_FCLK (1u << 21)
#define LCPLL_FCLK_DONE   (1u << 19)
#define LCPLL_STATUS_BITS (LCPLL_LOCK | LCPLL_FCLK_DONE)

/* PORT_CLK_SEL's bits 31:29. */
enum { SEL_LCPLL_LAST = 2, SEL_SPLL = 3, SEL_WRPLL1 = 4, SEL_WRPLL2 = 5, SEL_NONE = 7 };

struct clocks {
    struct regs *regs;
    struct warn *warn;
};

static unsigned port_of(const struct regs *r, unsigned pipe)
{
    return regs_peek(r, DDI_FUNC_CTL + pipe * STRIDE) >> 28 & 7;
}

/* What feeds a port. */
static unsigned source_of(const struct regs *r, unsigned port)
{
    return port < PORTS ? regs_peek(r, PORT_CLK_SEL + port * 4) >> 29 : SEL_NONE;
}

static bool running(const struct regs *r, unsigned pipe)
{
    return regs_peek(r, PIPE_CONF + pipe * STRIDE) & PIPE_STATE;
}

/* --- frequencies --- */

/* Symbol clock of a WRPLL in kHz: reference * feedback / (reference divider * post divider) / 5.
 * The reference is the LCPLL's 2.7 GHz, or 135 MHz spread or not. */
static uint32_t wrpll_khz(uint32_t ctl)
{
    uint64_t ref = (ctl >> 28 & 3) == 3 ? 2700000 : 135000;
    uint32_t r = ctl & 0xff;
    uint32_t p = ctl >> 8 & 0x3f;
    uint32_t n = ctl >> 16 & 0xff;

    if (!(ctl & ENABLE) || !r || !p)
        return 0;
    return (uint32_t)(ref * n / (p * r) / 5);
}

uint32_t clocks_pixel_khz(const struct regs *r, unsigned pipe)
{
    switch (source_of(r, port_of(r, pipe))) {
    case SEL_WRPLL1:
        return wrpll_khz(regs_peek(r, WRPLL_CTL1));
    case SEL_WRPLL2:
        return wrpll_khz(regs_peek(r, WRPLL_CTL2));
    default:
        return 0;
    }
}

/* --- checks --- */

static bool power_well_on(const struct regs *r)
{
    uint32_t any = 0;

    for (unsigned i = 0; i < 4; i++)
        any |= regs_peek(r, PWR_WELL_CTL + i * 4);
    return any & ENABLE;
}

static bool source_on(const struct regs *r, unsigned source)
{
    switch (source) {
    case SEL_SPLL:
        return regs_peek(r, SPLL_CTL) & ENABLE;
    case SEL_WRPLL1:
        return regs_peek(r, WRPLL_CTL1) & ENABLE;
    case SEL_WRPLL2:
        return regs_peek(r, WRPLL_CTL2) & ENABLE;
    default:
        return source <= SEL_LCPLL_LAST && regs_peek(r, LCPLL_CTL) & LCPLL_LOCK;
    }
}

static void check_port_clock(struct clocks *c, unsigned pipe, unsigned port)
{
    unsigned source = source_of(c->regs, port);

    if (source > SEL_WRPLL2)
        warn_count(c->warn, "transcoder %c enabled while port %c has no clock (PORT_CLK_SEL)",
                   'A' + pipe, 'A' + port);
    else if (!source_on(c->regs, source))
        warn_count(c->warn, "transcoder %c enabled while the PLL of port %c is off", 'A' + pipe,
                   'A' + port);
}

void clocks_check_pipe(struct clocks *c, unsigned pipe)
{
    unsigned port = port_of(c->regs, pipe);

    if (!power_well_on(c->regs))
        warn_count(c->warn, "pipe %c enabled without its power well", 'A' + pipe);
    if (!(regs_peek(c->regs, DDI_FUNC_CTL + pipe * STRIDE) & ENABLE)) {
        warn_count(c->warn, "transcoder %c enabled without a port (TRANS_DDI_FUNC_CTL)",
                   'A' + pipe);
        return;
    }
    if (regs_peek(c->regs, TRANS_CLK + pipe * 4) >> 29 != port + 1)
        warn_count(c->warn, "transcoder %c enabled without the clock of port %c (TRANS_CLK_SEL)",
                   'A' + pipe, 'A' + port);
    check_port_clock(c, pipe, port);
}

/* --- registers --- */

static void report_pll(struct clocks *c, const char *name, unsigned source, uint32_t old,
                       uint32_t value)
{
    const char *what = old & value & ENABLE ? "reprogrammed"
                       : value & ENABLE     ? "enabled"
                                            : "disabled";

    if (old == value || !((old | value) & ENABLE))
        return;
    for (unsigned pipe = 0; pipe < DISPLAY_PIPES; pipe++)
        if (running(c->regs, pipe) && source_of(c->regs, port_of(c->regs, pipe)) == source)
            warn_count(c->warn, "%s %s while it clocks pipe %c, which runs", name, what,
                       'A' + pipe);
}

static void pll_write(struct clocks *c, uint32_t offset, uint32_t value, const char *name,
                      unsigned source)
{
    report_pll(c, name, source, regs_peek(c->regs, offset), value);
    regs_poke(c->regs, offset, value);
}

static void spll_write(void *owner, uint32_t offset, uint32_t value)
{
    pll_write(owner, offset, value, "SPLL", SEL_SPLL);
}

static void wrpll1_write(void *owner, uint32_t offset, uint32_t value)
{
    pll_write(owner, offset, value, "WRPLL 1", SEL_WRPLL1);
}

static void wrpll2_write(void *owner, uint32_t offset, uint32_t value)
{
    pll_write(owner, offset, value, "WRPLL 2", SEL_WRPLL2);
}

static void port_clk_sel_write(void *owner, uint32_t offset, uint32_t value)
{
    struct clocks *c = owner;
    unsigned port = (offset - PORT_CLK_SEL) / 4;
    uint32_t old = regs_peek(c->regs, offset);

    regs_poke(c->regs, offset, value);
    if (old >> 29 == value >> 29)
        return;
    for (unsigned pipe = 0; pipe < DISPLAY_PIPES; pipe++)
        if (running(c->regs, pipe) && port_of(c->regs, pipe) == port)
            warn_count(c->warn, "clock of port %c changed while pipe %c, which it shows, runs",
                       'A' + port, 'A' + pipe);
}

/* Locks at once. */
static void lcpll_write(void *owner, uint32_t offset, uint32_t value)
{
    struct clocks *c = owner;
    bool was_on = regs_peek(c->regs, offset) & LCPLL_LOCK;

    value &= ~LCPLL_STATUS_BITS;
    if (!(value & LCPLL_DISABLE))
        value |= LCPLL_LOCK;
    if (value & LCPLL_SOURCE_FCLK)
        value |= LCPLL_FCLK_DONE;
    regs_poke(c->regs, offset, value);
    for (unsigned pipe = 0; was_on && value & LCPLL_DISABLE && pipe < DISPLAY_PIPES; pipe++)
        if (running(c->regs, pipe))
            warn_count(c->warn, "LCPLL disabled while pipe %c runs", 'A' + pipe);
}

static const struct regs_range table[] = {
    {SPLL_CTL, SPLL_CTL, "SPLL_CTL", NULL, spll_write, 0},
    {WRPLL_CTL1, WRPLL_CTL1, "WRPLL_CTL1", NULL, wrpll1_write, 0},
    {WRPLL_CTL2, WRPLL_CTL2, "WRPLL_CTL2", NULL, wrpll2_write, 0},
    {PORT_CLK_SEL, PORT_CLK_SEL + (PORTS - 1) * 4, "PORT_CLK_SEL", NULL, port_clk_sel_write,
     (uint32_t)SEL_NONE << 29},
};

/* The display's own clock after power-on: 540 MHz on a Broadwell that can do more than 450 (the Y
 * series cannot), otherwise 450. */
static const struct regs_range at_450[] = {
    {LCPLL_CTL, LCPLL_CTL, "LCPLL_CTL", NULL, lcpll_write, LCPLL_LOCK},
};
static const struct regs_range at_540[] = {
    {LCPLL_CTL, LCPLL_CTL, "LCPLL_CTL", NULL, lcpll_write, LCPLL_LOCK | LCPLL_FREQ_540},
};

struct clocks *clocks_new(struct regs *r, struct warn *w, const struct model *m)
{
    struct clocks *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->regs = r;
    c->warn = w;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), c) ||
        regs_add(r, m->family == MODEL_HASWELL || m->ulx ? at_450 : at_540, 1, c))
        return clocks_free(c);
    return c;
}

struct clocks *clocks_free(struct clocks *c)
{
    free(c);
    return NULL;
}
