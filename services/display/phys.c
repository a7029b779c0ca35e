/* SPDX-License-Identifier: MIT */
/* phys.c: see phys.h. Start, hot-plug, planes; modesets are in modeset.c. */
#include "services/display/phys_priv.h"

#include "lib/crash.h"
#include "services/display/regs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define POWER_MS 100u
#define POLL_US  200u

uint32_t phys_read(struct phys *p, uint32_t offset)
{
    uint32_t value = 0;

    if (gpu_read32(p->gpu, offset, &value) && !p->faults++)
        log_write(p->log, LOG_ERR, "a display register cannot be read", "offset=0x%x", offset);
    return value;
}

void phys_write(struct phys *p, uint32_t offset, uint32_t value)
{
    if (gpu_write32(p->gpu, offset, value) && !p->faults++)
        log_write(p->log, LOG_ERR, "a display register cannot be written", "offset=0x%x", offset);
}

int phys_wait(struct phys *p, uint32_t offset, uint32_t mask, uint32_t value, unsigned ms)
{
    for (unsigned us = 0; us <= ms * 1000; us += POLL_US) {
        if ((phys_read(p, offset) & mask) == value)
            return 0;
        usleep(POLL_US);
    }
    p->faults++;
    return -ETIMEDOUT;
}

static int power_up(struct phys *p)
{
    int rc = gpu_rmw32(p->gpu, PWR_WELL_CTL1, 0, REG_ENABLE, NULL);

    if (!rc)
        rc = phys_wait(p, PWR_WELL_CTL1, REG_STATE, REG_STATE, POWER_MS);
    if (!rc && !(phys_read(p, LCPLL_CTL) & REG_STATE)) {
        /* Enable means bit 31 off: it says disabled. */
        rc = gpu_rmw32(p->gpu, LCPLL_CTL, REG_ENABLE, 0, NULL);
        if (!rc)
            rc = phys_wait(p, LCPLL_CTL, REG_STATE, REG_STATE, POWER_MS);
    }
    if (rc)
        log_write(p->log, LOG_ERR, "the display engine does not power up", "error=%d", rc);
    return rc;
}

static void read_monitor(struct phys *p)
{
    int rc = gmbus_read_edid(p->gpu, p->edid);
    struct edid_timing t;

    p->monitor = rc == 0;
    if (rc) {
        log_write(p->log, LOG_NOTICE, "no monitor answers on port B: running without", "error=%d",
                  rc);
        return;
    }
    if (edid_preferred(p->edid, &t))
        t = (struct edid_timing){0};
    log_write(p->log, LOG_INFO, "a monitor is on port B", "preferred=%ux%u", t.hactive, t.vactive);
}

static void enable_hotplug(struct phys *p)
{
    phys_write(p, SHOTPLUG_CTL, SHOTPLUG_B_ENABLE | SHOTPLUG_B_STATUS);
    if (gpu_irq_set(p->gpu, GPU_IRQ_PCH, ~SDE_PORT_B, SDE_PORT_B))
        log_write(p->log, LOG_WARNING, "no hot-plug interrupts", NULL);
}

int phys_start(struct phys *p, struct gpu *gpu, const struct log *log, unsigned slow)
{
    int rc;

    *p = (struct phys){.gpu = gpu, .chip = phys_chip(gpu->info.gen), .log = log, .slow = slow};
    if (!p->chip) {
        log_write(log, LOG_ERR, "no display for this generation", "gen=%u", gpu->info.gen);
        return -ENODEV;
    }
    rc = power_up(p);
    if (rc)
        return rc;
    rc = phys_take_over(p);
    if (rc)
        return rc;
    enable_hotplug(p);
    read_monitor(p);
    return 0;
}

bool phys_hotplug(struct phys *p)
{
    bool before = p->monitor;

    phys_write(p, SHOTPLUG_CTL, SHOTPLUG_B_ENABLE | SHOTPLUG_B_STATUS);
    read_monitor(p);
    if (p->monitor == before)
        return false;
    if (!p->monitor)
        phys_pipe_off(p);
    return true;
}

/* Stride, offset and control wait for the write of the surface. */
void phys_set_plane(struct phys *p, const struct phys_plane *plane)
{
    static const struct phys_plane off;
    const struct phys_plane *want = plane->on ? plane : &off;

    if (!memcmp(want, &p->plane, sizeof(*want)))
        return;
    if (want->on && (!p->plane.on || want->stride != p->plane.stride))
        phys_write(p, PRI_STRIDE, want->stride);
    if (want->on && (!p->plane.on || want->offset != p->plane.offset))
        phys_write(p, PRI_OFFSET, want->offset);
    if (want->ctl != p->plane.ctl)
        phys_write(p, PRI_CTL, want->ctl);
    crash_point("display.plane.half");
    phys_write(p, PRI_SURF, want->surf);
    crash_point("display.plane.armed");
    p->plane = *want;
}

void phys_set_cursor(struct phys *p, const struct phys_cursor *cursor)
{
    static const struct phys_cursor off;
    const struct phys_cursor *want = cursor->on ? cursor : &off;

    if (!memcmp(want, &p->cursor, sizeof(*want)))
        return;
    if (want->on)
        phys_write(p, CUR_POS, want->pos);
    if (want->ctl != p->cursor.ctl)
        phys_write(p, CUR_CTL, want->ctl);
    phys_write(p, CUR_BASE, want->base); /* takes the others along */
    p->cursor = *want;
}

void phys_set_crc(struct phys *p, uint32_t ctl)
{
    if (ctl == p->crc_ctl)
        return;
    phys_write(p, PIPE_CRC_CTL, ctl);
    p->crc_ctl = ctl;
}

uint32_t phys_crc(struct phys *p)
{
    return phys_read(p, PIPE_CRC_RES);
}

uint32_t phys_frame(struct phys *p)
{
    return phys_read(p, PIPE_FRMCNT);
}

bool phys_live(struct phys *p)
{
    return (phys_read(p, PRI_SURFLIVE) & ~4095u) == (p->plane.surf & ~4095u);
}

void phys_vblank_irq(struct phys *p, bool on)
{
    if (p->irq_on == on)
        return;
    p->irq_on = on;
    if (gpu_irq_set(p->gpu, p->chip->vblank_bank, on ? ~1u : ~0u, on ? 1 : 0) && !p->faults++)
        log_write(p->log, LOG_ERR, "no vblank interrupts", NULL);
}
