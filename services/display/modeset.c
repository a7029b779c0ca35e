/* SPDX-License-Identifier: MIT */
/*
 * modeset.c: the physical pipe on and off (phys.h). The order of steps is that of the Haswell and
 * Broadwell PRM, vol. 11, "Sequences to enable and disable HDMI and DVI". The port sends DVI: every
 * HDMI monitor takes it, and we have no sound or info frames to send.
 */
#include "services/display/phys_priv.h"

#include "lib/crash.h"
#include "services/display/regs.h"

#include <errno.h>
#include <unistd.h>

#define TRANS_MODE_DVI   (1u << 24)
#define TRANS_PORT_B     (DDI_PORT_B << 28)
#define TRANS_CLK_PORT_B ((DDI_PORT_B + 1) << 29)
#define PLL_LOCK_US      50u
#define BUF_IDLE_MS      2u
#define STOP_MS          100u /* a frame at the lowest rate, and some */
#define START_MS         100u
#define ARB_SWIZZLE      (1u << 13)

static void planes_off(struct phys *p, unsigned pipe)
{
    uint32_t at = pipe * PIPE_STRIDE;

    phys_write(p, at + PRI_CTL, 0);
    phys_write(p, at + PRI_SURF, 0);
    phys_write(p, at + SPR_CTL, 0);
    phys_write(p, at + SPR_SURF, 0);
    phys_write(p, at + CUR_CTL, 0);
    phys_write(p, at + CUR_BASE, 0);
}

static int stop(struct phys *p, uint32_t conf)
{
    if (!(phys_read(p, conf) & (REG_ENABLE | REG_STATE)))
        return 0;
    phys_write(p, conf, 0);
    return phys_wait(p, conf, REG_STATE, 0, STOP_MS * p->slow);
}

/* The transcoder, the clock and the port behind a stopped pipe A. */
static void port_off(struct phys *p)
{
    phys_write(p, TRANS_A + TRANS_DDI_FUNC, 0);
    phys_write(p, TRANS_CLK_SEL, 0);
    phys_write(p, DDI_BUF_CTL_B, 0);
    phys_wait(p, DDI_BUF_CTL_B, DDI_BUF_IDLE, DDI_BUF_IDLE, BUF_IDLE_MS);
    phys_write(p, PORT_CLK_SEL + 4 * DDI_PORT_B, PORT_CLK_NONE);
    phys_write(p, WRPLL_CTL1, 0);
}

/* A VGA monitor that firmware used hangs behind port E, the FDI link and the PCH's transcoder. */
static void analog_off(struct phys *p)
{
    static const uint32_t steps[] = {ADPA, PCH_TRANS_CONF, FDI_RX_CTL, DDI_BUF_CTL_E, SPLL_CTL};

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (phys_read(p, steps[i]) & REG_ENABLE)
            gpu_rmw32(p->gpu, steps[i], REG_ENABLE, 0, NULL);
}

/* Guests are told that tiles are as Broadwell's, and screenshots read them so. */
static void no_swizzle(struct phys *p)
{
    if (p->chip->swizzles && gpu_rmw32(p->gpu, DISP_ARB_CTL, ARB_SWIZZLE, 0, NULL))
        log_write(p->log, LOG_WARNING, "tiles may be shown swizzled", NULL);
}

int phys_take_over(struct phys *p)
{
    static const uint32_t conf[] = {PIPE_CONF, PIPE_CONF + PIPE_STRIDE, PIPE_CONF + 2 * PIPE_STRIDE,
                                    PIPE_EDP_CONF};
    int rc = 0;

    phys_write(p, VGA_CONTROL, REG_ENABLE); /* the bit means disabled */
    for (unsigned pipe = 0; pipe < VIEW_PIPES; pipe++)
        planes_off(p, pipe);
    for (unsigned i = 0; i < sizeof(conf) / sizeof(conf[0]) && !rc; i++)
        rc = stop(p, conf[i]);
    for (uint32_t wm = WM_LP1; wm <= WM_LP3; wm += 4)
        phys_write(p, wm, 0);       /* low-power watermarks are for a mode we know nothing of */
    phys_write(p, PIPE_CRC_CTL, 0); /* a former process' */
    port_off(p);
    analog_off(p);
    no_swizzle(p);
    phys_vblank_irq(p, false);
    return rc;
}

int phys_pipe_off(struct phys *p)
{
    int rc;

    planes_off(p, 0);
    p->plane = (struct phys_plane){0};
    p->cursor = (struct phys_cursor){0};
    phys_vblank_irq(p, false);
    crash_point("display.mode.planes-off");
    rc = stop(p, PIPE_CONF);
    crash_point("display.mode.stopped");
    if (rc) {
        log_write(p->log, LOG_ERR, "the screen's pipe does not stop", NULL);
        return rc;
    }
    if (p->pipe_on)
        port_off(p);
    p->pipe_on = false;
    return 0;
}

static void clock_on(struct phys *p, const struct phys_mode *mode)
{
    phys_write(p, WRPLL_CTL1, mode->wrpll);
    phys_read(p, WRPLL_CTL1);
    usleep(PLL_LOCK_US);
    phys_write(p, PORT_CLK_SEL + 4 * DDI_PORT_B, PORT_CLK_WRPLL1);
    phys_write(p, TRANS_CLK_SEL, TRANS_CLK_PORT_B);
}

static void timings(struct phys *p, const struct phys_mode *mode)
{
    phys_write(p, TRANS_A + TRANS_HTOTAL, mode->htotal);
    phys_write(p, TRANS_A + TRANS_HBLANK, mode->hblank);
    phys_write(p, TRANS_A + TRANS_HSYNC, mode->hsync);
    phys_write(p, TRANS_A + TRANS_VTOTAL, mode->vtotal);
    phys_write(p, TRANS_A + TRANS_VBLANK, mode->vblank);
    phys_write(p, TRANS_A + TRANS_VSYNC, mode->vsync);
    phys_write(p, VSYNCSHIFT, 0);
    phys_write(p, PIPE_MULT, 0);
    phys_write(p, PIPE_SRC, (mode->width - 1) << 16 | (mode->height - 1));
    if (p->chip->pipe_misc)
        phys_write(p, PIPE_MISC, 0); /* 8 bits a colour */
    phys_write(p, GAMMA_MODE, 0);
}

int phys_modeset(struct phys *p, const struct phys_mode *mode)
{
    int rc = phys_pipe_off(p);

    if (rc)
        return rc;
    crash_point("display.mode.off");
    clock_on(p, mode);
    crash_point("display.mode.clock");
    timings(p, mode);
    crash_point("display.mode.timings");
    phys_write(p, TRANS_A + TRANS_DDI_FUNC,
               REG_ENABLE | TRANS_PORT_B | TRANS_MODE_DVI | mode->polarity);
    phys_write(p, PIPE_CONF, REG_ENABLE);
    crash_point("display.mode.pipe");
    phys_write(p, DDI_BUF_TRANS_B9, p->chip->ddi_800mv[0]);
    phys_write(p, DDI_BUF_TRANS_B9 + 4, p->chip->ddi_800mv[1]);
    phys_write(p, DDI_BUF_CTL_B, REG_ENABLE);
    p->pipe_on = true;
    p->mode = *mode;
    p->modesets++;
    crash_point("display.mode.port");
    rc = phys_wait(p, PIPE_CONF, REG_STATE, REG_STATE, START_MS * p->slow);
    if (rc) {
        log_write(p->log, LOG_ERR, "the screen's pipe does not start", NULL);
        phys_pipe_off(p);
    }
    return rc;
}
