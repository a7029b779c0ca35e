/* SPDX-License-Identifier: MIT */
/*
 * phys.h: the physical display engine: one pipe (A) to one monitor (TMDS on port B), its primary
 * plane and cursor. Called by screen.c, which decides what is shown; this file knows no guests.
 * Modesets wait up to a few frames for the hardware to answer; everything else returns at once.
 * One thread. Facts: Haswell and Broadwell PRM vol. 2c; vol. 11 "Mode set: HDMI and DVI".
 */
#pragma once
#include "gen/edid.h"
#include "gpu/gpu.h"
#include "lib/log.h"
#include "services/display/mode.h"

/* What the planes fetch. Checked by the caller: bases lie in the guest's partition. */
struct phys_plane {
    uint32_t on;                        /* bool; no padding: compared with memcmp() */
    uint32_t ctl, stride, offset, surf; /* register values; ctl with its enable bit */
};

struct phys_cursor {
    uint32_t on;
    uint32_t ctl, base, pos;
};

struct phys_chip;

struct phys {
    struct gpu *gpu;
    const struct phys_chip *chip;
    const struct log *log;
    unsigned slow;
    bool monitor; /* one answered */
    uint8_t edid[EDID_SIZE];
    bool pipe_on;
    struct phys_mode mode; /* valid while pipe_on */
    struct phys_plane plane;
    struct phys_cursor cursor;
    bool irq_on;
    uint32_t crc_ctl;          /* as written: the CRC engine of the pipe */
    uint64_t modesets, faults; /* faults: hardware that did not answer in time */
};

/* Power well, clock, everything off that firmware left on, hot-plug detection, EDID. No monitor is
 * no error. -ENODEV: a generation we do not know; -ETIMEDOUT: the display engine does not power up;
 * what gpu_*() says. */
int phys_start(struct phys *p, struct gpu *gpu, const struct log *log, unsigned slow);

/* Hot-plug interrupt: look again. True: a monitor came or went. */
bool phys_hotplug(struct phys *p);

/* Planes off, pipe off if it is on, pipe on with mode. 0, or -ETIMEDOUT with the pipe off. */
int phys_modeset(struct phys *p, const struct phys_mode *mode);

/* 0 once the pipe no longer fetches anything; -ETIMEDOUT if it does not stop. */
int phys_pipe_off(struct phys *p);

/* Written now, taken by the hardware at the next vblank; unchanged registers are not written. */
void phys_set_plane(struct phys *p, const struct phys_plane *plane);
void phys_set_cursor(struct phys *p, const struct phys_cursor *cursor);

/* The frame counter, and whether the surface last set is the one being fetched. */
uint32_t phys_frame(struct phys *p);
bool phys_live(struct phys *p);

/* PIPE_CRC_CTL; 0: off. What the engine found in the last frame that is over. */
void phys_set_crc(struct phys *p, uint32_t ctl);
uint32_t phys_crc(struct phys *p);

/* Vblank interrupts of the pipe. */
void phys_vblank_irq(struct phys *p, bool on);

/* gmbus.c: the EDID of the monitor on port B. 0, -ENXIO: nothing answers, -EIO: damaged. */
int gmbus_read_edid(struct gpu *gpu, uint8_t edid[EDID_SIZE]);
