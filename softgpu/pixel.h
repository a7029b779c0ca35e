/* SPDX-License-Identifier: MIT */
/*
 * pixel.h: pixel formats of the primary plane (bits 29:26 of DSPCNTR, PRM BDW vol. 2c, PRI_CTL)
 * and their way to RGB. Pure functions; any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PIXEL_PALETTE 256 /* entries of a pipe's legacy palette, 0x00RRGGBB */

struct pixel_format {
    const char *name;
    uint32_t code;  /* of DSPCNTR, in place */
    uint32_t bytes; /* per pixel */
    bool indexed;   /* pixels are places in the palette */
    /* n pixels, not necessarily aligned; palette only for an indexed format. */
    void (*to_rgb)(const uint8_t *pixels, uint32_t n, const uint32_t *palette, uint8_t *rgb);
};

/* NULL for a format that is not drawn: YUV, 16-bit floating point, reserved ones. Alpha does not
 * matter: there is nothing below the primary plane. */
const struct pixel_format *pixel_format_of(uint32_t dspcntr);
/* The plane asks for Y tiles, as later generations encode them (bit 12); Broadwell's display has
 * none. */
bool pixel_y_tiled(uint32_t dspcntr);
/* Sends n pixels through the palette, each colour by itself: what the 8-bit gamma mode does. */
void pixel_gamma(uint8_t *rgb, uint32_t n, const uint32_t palette[PIXEL_PALETTE]);
