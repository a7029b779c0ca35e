/* SPDX-License-Identifier: MIT */
/*
 * edid.h: identification blocks of monitors (EDID 1.3): the one a softgpu comes with (128 bytes, no
 * extension, i.e. driven as DVI) and those made for a size (with a CTA-861 extension that says
 * HDMI). Pure functions.
 */
#pragma once
#include <stdint.h>

#define EDID_SIZE 128
#define EDID_MAX  (2 * EDID_SIZE)

/* Fills out with the monitor's EDID: 1024x768 at 60 Hz preferred, then 1920x1080 and 640x480. */
void edid_build(uint8_t out[EDID_SIZE]);
/* A monitor with that preferred size and hz vertical blanks per second; 0: 60 or, when that needs
 * more than an HDMI port's 300 MHz, 30. A VESA DMT timing where there is one and hz is 0, else CVT
 * with reduced blanking; where hz is so low that no port has a clock for it, with more blank
 * lines. It does 640x480 at 60 Hz too, unless hz is given. 0, or -ERANGE when the size is odd, does
 * not fit into an EDID or has no clock a port can make (25 MHz to 300 MHz). */
int edid_build_size(uint8_t out[EDID_MAX], uint32_t width, uint32_t height, uint32_t hz);
