/* SPDX-License-Identifier: MIT */
/*
 * edid.h: the identification block of the one monitor (EDID 1.3, 128 bytes, no extension): an
 * HDMI-attached screen without HDMI extension block, i.e. driven as DVI. Pure functions.
 */
#pragma once
#include <stdint.h>

#define EDID_SIZE 128

/* Fills out with the monitor's EDID: 1024x768 at 60 Hz preferred, then 1920x1080 and 640x480. */
void edid_build(uint8_t out[EDID_SIZE]);
