/* SPDX-License-Identifier: MIT */
/*
 * Frame buffers of Haswell and Broadwell, which have the same planes: what a pipe's primary plane
 * registers say is scanned out, and how a tiled surface becomes rows of pixels. Called by
 * services/display on a guest's register values and on its own copies of pixels; pure functions,
 * any thread. Facts: Haswell and Broadwell PRM vol. 2c (PRI_CTL, PRI_STRIDE, PRI_SURF, PRI_OFFSET,
 * PIPE_SRCSZ), vol. 5 "Tiling".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FB_TILE_WIDTH  512u /* bytes; an X tile is 8 rows of them, one page */
#define FB_TILE_HEIGHT 8u

/* Four-character codes of the DRM formats a primary plane can show. */
enum fb_format {
    FB_C8 = 0x20203843,       /* 8-bit index */
    FB_RGB565 = 0x36314752,   /* 16 bits */
    FB_XRGB8888 = 0x34325258, /* 32 bits, as all below */
    FB_XBGR8888 = 0x34324258,
    FB_XRGB2101010 = 0x30335258,
    FB_XBGR2101010 = 0x30334258,
};

/* Raw values of a pipe's registers, as the guest wrote them. */
struct fb_regs {
    uint32_t dspcntr, dspstride, dspsurf, dspoffset, pipesrc;
};

struct fb {
    uint32_t base; /* GGTT address, 4 KiB aligned */
    uint32_t x, y; /* first pixel shown, in the surface */
    uint32_t width, height;
    uint32_t stride; /* bytes */
    uint8_t bpp;     /* bits per pixel */
    enum fb_format format;
    bool tiled;     /* X-tiled, else linear */
    bool rotated;   /* shown upside down */
    uint32_t bytes; /* from base to the end of the last row (or row of tiles) shown */
};

/*
 * Decode. Returns 0; 1 when the plane is off; -EINVAL when the format is none a frame buffer of
 * ours can have, or the numbers contradict (a stride too short, no whole tiles, beyond 4 GiB).
 */
int fb_decode(const struct fb_regs *r, struct fb *fb);

/*
 * Copy the shown rectangle to rows of dst_stride bytes. src: the surface from fb->base on, src_len
 * bytes of it; dst holds fb->height rows. Returns 0 or -EINVAL when src is shorter than fb->bytes
 * or a row does not fit dst_stride. Rotation is not undone. No bit-6 swizzle: Broadwell has
 * none, and Haswell's is a choice that we do not make (modeset.c, DISP_ARB_CTL).
 */
int fb_copy(const struct fb *fb, const uint8_t *src, size_t src_len, uint8_t *dst,
            size_t dst_stride);

/* Byte offset of (byte column, row) in an X-tiled surface of `stride` bytes, whole tiles wide. */
size_t fb_xtile_offset(uint32_t stride, uint32_t column, uint32_t row);
