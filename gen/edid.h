/* SPDX-License-Identifier: MIT */
/*
 * Builds and checks the 128-byte EDID of a virtual monitor. Called by services/display when a
 * monitor is plugged and by services/mmio's GMBUS; pure functions, any thread. Layout: VESA
 * E-EDID release A2 (EDID 1.4); blanking by VESA CVT 1.2 reduced blanking.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EDID_SIZE 128u

/* One mode, pixels and lines; what a detailed timing descriptor can say. */
struct edid_timing {
    uint32_t clock_khz;
    uint16_t hactive, hblank, hsync_off, hsync_len;
    uint16_t vactive, vblank, vsync_off, vsync_len;
};

/*
 * Timing for a mode. refresh: Hz, 24..120. Returns 0, or -EINVAL when the mode does not fit an
 * EDID detailed timing (8..4095 pixels in multiples of 8, 8..4095 lines, clock <= 655.35 MHz).
 */
int edid_timing(uint32_t width, uint32_t height, uint32_t refresh, struct edid_timing *t);

/*
 * "WxH@HZ", or "WxH", which is at 60 Hz. 0, or -EINVAL when it is not of that form or edid_timing()
 * has no timing for it.
 */
int edid_parse_mode(const char *text, uint32_t *width, uint32_t *height, uint32_t *refresh);

/* The frames per second of a timing, rounded. */
uint32_t edid_refresh(const struct edid_timing *t);

/*
 * Build an EDID whose preferred mode is width x height at refresh Hz. name: up to 13 ASCII
 * characters, longer is cut; serial: any. Returns 0 or -EINVAL as edid_timing().
 */
int edid_build(uint8_t out[EDID_SIZE], uint32_t width, uint32_t height, uint32_t refresh,
               const char *name, uint32_t serial);

/* Header and checksum are right. */
bool edid_valid(const uint8_t edid[EDID_SIZE]);

/* The first detailed timing (the preferred mode). Returns 0, or -EINVAL if there is none. */
int edid_preferred(const uint8_t edid[EDID_SIZE], struct edid_timing *t);
