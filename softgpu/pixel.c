/* SPDX-License-Identifier: MIT */
/*
 * pixel.c: rows of pixels to RGB (pixel.h). Called by scanout.c on the loop's thread and on those
 * of exports.
 */
#include "softgpu/pixel.h"

#include <stddef.h>
#include <string.h>

#define FORMAT_MASK  (0xfu << 26)
#define FORMAT(code) ((uint32_t)(code) << 26)
#define TILED_Y      (1u << 12)

static uint32_t load16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return v;
}

/* Five and six bits to eight: the upper bits are repeated below. */
static uint8_t five(uint32_t v)
{
    v &= 0x1f;
    return (uint8_t)(v << 3 | v >> 2);
}

static uint8_t six(uint32_t v)
{
    v &= 0x3f;
    return (uint8_t)(v << 2 | v >> 4);
}

static void from_indexed(const uint8_t *p, uint32_t n, const uint32_t *palette, uint8_t *rgb)
{
    for (; n; n--, p++, rgb += 3) {
        rgb[0] = (uint8_t)(palette[*p] >> 16);
        rgb[1] = (uint8_t)(palette[*p] >> 8);
        rgb[2] = (uint8_t)palette[*p];
    }
}

static void from_555(const uint8_t *p, uint32_t n, const uint32_t *palette, uint8_t *rgb)
{
    (void)palette;
    for (; n; n--, p += 2, rgb += 3) {
        rgb[0] = five(load16(p) >> 10);
        rgb[1] = five(load16(p) >> 5);
        rgb[2] = five(load16(p));
    }
}

static void from_565(const uint8_t *p, uint32_t n, const uint32_t *palette, uint8_t *rgb)
{
    (void)palette;
    for (; n; n--, p += 2, rgb += 3) {
        rgb[0] = five(load16(p) >> 11);
        rgb[1] = six(load16(p) >> 5);
        rgb[2] = five(load16(p));
    }
}

static void from_bgr8(const uint8_t *p, uint32_t n, const uint32_t *palette, uint8_t *rgb)
{
    (void)palette;
    for (; n; n--, p += 4, rgb += 3) {
        rgb[0] = p[2];
        rgb[1] = p[1];
        rgb[2] = p[0];
    }
}

static void from_rgb8(const uint8_t *p, uint32_t n, const uint32_t *palette, uint8_t *rgb)
{
    (void)palette;
    for (; n; n--, p += 4, rgb += 3) {
        rgb[0] = p[0];
        rgb[1] = p[1];
        rgb[2] = p[2];
    }
}

/* Ten bits each; a port of eight bits gets the upper ones. */
static void from_bgr10(const uint8_t *p, uint32_t n, const uint32_t *palette, uint8_t *rgb)
{
    (void)palette;
    for (; n; n--, p += 4, rgb += 3) {
        rgb[0] = (uint8_t)(load32(p) >> 22);
        rgb[1] = (uint8_t)(load32(p) >> 12);
        rgb[2] = (uint8_t)(load32(p) >> 2);
    }
}

static void from_rgb10(const uint8_t *p, uint32_t n, const uint32_t *palette, uint8_t *rgb)
{
    (void)palette;
    for (; n; n--, p += 4, rgb += 3) {
        rgb[0] = (uint8_t)(load32(p) >> 2);
        rgb[1] = (uint8_t)(load32(p) >> 12);
        rgb[2] = (uint8_t)(load32(p) >> 22);
    }
}

/* Names of components from the lowest address up, as the PRM has them. */
static const struct pixel_format formats[] = {
    {"8-bit indexed", FORMAT(0x2), 1, true, from_indexed},
    {"BGRA 5551", FORMAT(0x3), 2, false, from_555},
    {"BGRX 5551", FORMAT(0x4), 2, false, from_555},
    {"BGRX 565", FORMAT(0x5), 2, false, from_565},
    {"BGRX 8888", FORMAT(0x6), 4, false, from_bgr8},
    {"BGRA 8888", FORMAT(0x7), 4, false, from_bgr8},
    {"RGBX 2:10:10:10", FORMAT(0x8), 4, false, from_rgb10},
    {"RGBA 2:10:10:10", FORMAT(0x9), 4, false, from_rgb10},
    {"BGRX 2:10:10:10", FORMAT(0xa), 4, false, from_bgr10},
    {"BGRA 2:10:10:10", FORMAT(0xb), 4, false, from_bgr10},
    {"RGBX 8888", FORMAT(0xe), 4, false, from_rgb8},
    {"RGBA 8888", FORMAT(0xf), 4, false, from_rgb8},
};

const struct pixel_format *pixel_format_of(uint32_t dspcntr)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (formats[i].code == (dspcntr & FORMAT_MASK))
            return &formats[i];
    return NULL;
}

bool pixel_y_tiled(uint32_t dspcntr)
{
    return dspcntr & TILED_Y;
}

void pixel_gamma(uint8_t *rgb, uint32_t n, const uint32_t palette[PIXEL_PALETTE])
{
    for (; n; n--, rgb += 3) {
        rgb[0] = (uint8_t)(palette[rgb[0]] >> 16);
        rgb[1] = (uint8_t)(palette[rgb[1]] >> 8);
        rgb[2] = (uint8_t)palette[rgb[2]];
    }
}
