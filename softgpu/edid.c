/* SPDX-License-Identifier: MIT */
/*
 * edid.c: builds monitors' EDIDs from timings (VESA E-EDID 1.3, CTA-861, VESA CVT 1.1 for reduced
 * blanking). Pure; called when a monitor is plugged.
 */
#include "softgpu/edid.h"

#include <errno.h>
#include <string.h>

struct timing {
    uint32_t khz;
    uint16_t hactive, hfront, hsync, htotal;
    uint16_t vactive, vfront, vsync, vtotal;
    uint8_t sync; /* EDID byte 17 bits 2:1: vertical and horizontal polarity */
};

#define WIDTH_MM  340
#define HEIGHT_MM 255

/* VESA DMT timings, preferred to reduced blanking; the last is CTA-861 mode 16 as well. */
static const struct timing known[] = {
    {25175, 640, 16, 96, 800, 480, 10, 2, 525, 0x0},
    {40000, 800, 40, 128, 1056, 600, 1, 4, 628, 0x6},
    {65000, 1024, 24, 136, 1344, 768, 3, 6, 806, 0x0},
    {74250, 1280, 110, 40, 1650, 720, 5, 5, 750, 0x6},
    {108000, 1280, 48, 112, 1688, 1024, 1, 3, 1066, 0x6},
    {148500, 1920, 88, 44, 2200, 1080, 4, 5, 1125, 0x6},
};

enum { KNOWN_XGA = 2, KNOWN_FULL_HD = 5 };

#define MIN_KHZ     25000u
#define MAX_KHZ     300000u
#define MAX_HBLANK  640u /* i915 refuses a thousand */
#define MAX_HZ      240u
#define MAX_SIZE    4095u /* twelve bits */
#define RB_BLANK_US 460u  /* shortest vertical blank */
#define RB_HBLANK   160u
#define RB_VFRONT   3u
#define RB_VBACK    6u

/* At 96 dpi. */
static unsigned millimetres(unsigned pixels)
{
    return pixels * 254 / 960;
}

static void detailed(uint8_t *d, const struct timing *t, unsigned width_mm, unsigned height_mm)
{
    unsigned clock = t->khz / 10;
    unsigned hblank = t->htotal - t->hactive;
    unsigned vblank = t->vtotal - t->vactive;

    d[0] = clock & 0xff;
    d[1] = (uint8_t)(clock >> 8);
    d[2] = t->hactive & 0xff;
    d[3] = hblank & 0xff;
    d[4] = (uint8_t)((t->hactive >> 8) << 4 | hblank >> 8);
    d[5] = t->vactive & 0xff;
    d[6] = vblank & 0xff;
    d[7] = (uint8_t)((t->vactive >> 8) << 4 | vblank >> 8);
    d[8] = t->hfront & 0xff;
    d[9] = t->hsync & 0xff;
    d[10] = (uint8_t)((t->vfront & 0xf) << 4 | (t->vsync & 0xf));
    d[11] = (uint8_t)((t->hfront >> 8) << 6 | (t->hsync >> 8) << 4 | (t->vfront >> 4) << 2 |
                      t->vsync >> 4);
    d[12] = width_mm & 0xff;
    d[13] = height_mm & 0xff;
    d[14] = (uint8_t)((width_mm >> 8) << 4 | height_mm >> 8);
    d[17] = (uint8_t)(0x18 | t->sync); /* digital separate sync */
}

static void text(uint8_t *d, uint8_t tag, const char *s)
{
    size_t n = strlen(s);

    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, s, n);
    if (n < 13)
        d[5 + n] = '\n';
}

struct limits {
    uint8_t vmin, vmax, hmin, hmax; /* Hz, kHz */
    uint8_t clock;                  /* 10 MHz */
};

static void range_limits(uint8_t *d, struct limits l)
{
    const uint8_t limits[] = {0, 0, 0, 0xfd, 0, l.vmin, l.vmax, l.hmin, l.hmax, l.clock, 0, '\n'};

    memset(d, ' ', 18);
    memcpy(d, limits, sizeof(limits));
}

static void checksum(uint8_t *block)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < EDID_SIZE - 1; i++)
        sum = (uint8_t)(sum + block[i]);
    block[EDID_SIZE - 1] = (uint8_t)-sum;
}

/* Everything before the descriptors. */
static void header(uint8_t *out, unsigned width_mm, unsigned height_mm)
{
    static const uint8_t head[] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};

    memset(out, 0, EDID_SIZE);
    memcpy(out, head, sizeof(head));
    /* manufacturer "VGT", five bits a letter, big endian */
    out[8] = ('V' - '@') << 2 | ('G' - '@') >> 3;
    out[9] = (('G' - '@') & 7) << 5 | ('T' - '@');
    out[10] = 0x01; /* product, serial */
    out[12] = 0x01;
    out[16] = 1;           /* week */
    out[17] = 2015 - 1990; /* year */
    out[18] = 1;           /* EDID 1.3 */
    out[19] = 3;
    out[20] = 0x80; /* digital */
    out[21] = (uint8_t)(width_mm / 10);
    out[22] = (uint8_t)(height_mm / 10);
    out[23] = 120;  /* gamma 2.2 */
    out[24] = 0x0a; /* RGB, the first detailed timing is preferred */
    /* chromaticity of sRGB */
    memcpy(out + 25, "\xee\x91\xa3\x54\x4c\x99\x26\x0f\x50\x54", 10);
    out[35] = 1 << 5; /* established: 640x480 at 60 Hz */
    memset(out + 38, 0x01, 16);
}

void edid_build(uint8_t out[EDID_SIZE])
{
    header(out, WIDTH_MM, HEIGHT_MM);
    out[36] = 1 << 3; /* 1024x768 at 60 Hz */
    detailed(out + 54, &known[KNOWN_XGA], WIDTH_MM, HEIGHT_MM);
    detailed(out + 72, &known[KNOWN_FULL_HD], WIDTH_MM, HEIGHT_MM);
    range_limits(out + 90, (struct limits){50, 76, 30, 83, 17});
    text(out + 108, 0xfc, "vgt softgpu");
    checksum(out);
}

/* CVT's reduced blanking: 160 pixels, and as many lines as take 460 us. */
static struct timing reduced(uint32_t width, uint32_t height, uint32_t hz)
{
    uint32_t line_ns = (1000000000u / hz - RB_BLANK_US * 1000) / height;
    uint32_t vblank = RB_BLANK_US * 1000 / line_ns + 1;
    uint32_t vsync = height * 4 == width * 3 ? 4 : height * 16 == width * 9 ? 5 : 6;
    struct timing t = {.hactive = (uint16_t)width,
                       .hfront = 48,
                       .hsync = 32,
                       .htotal = (uint16_t)(width + RB_HBLANK),
                       .vactive = (uint16_t)height,
                       .vfront = RB_VFRONT,
                       .vsync = (uint8_t)vsync,
                       .sync = 0x2}; /* horizontal positive */

    if (vblank < RB_VFRONT + vsync + RB_VBACK)
        vblank = RB_VFRONT + vsync + RB_VBACK;
    t.vtotal = (uint16_t)(height + vblank);
    t.khz = (uint32_t)((uint64_t)hz * t.vtotal * t.htotal / 1000 / 250 * 250);
    return t;
}

/* A clock below what ports make becomes the lowest. The time that it has too much is spent on long
 * lines, or else on blank ones: a driver's timestamps name the end of the vertical blank, and a
 * long one would put them far into the future. */
static struct timing at_rate(uint32_t width, uint32_t height, uint32_t hz)
{
    struct timing t = reduced(width, height, hz);
    uint32_t pixels = MIN_KHZ * 1000 / hz, longest = width + MAX_HBLANK, lines;

    if (t.khz >= MIN_KHZ)
        return t;
    lines = height + RB_VFRONT + t.vsync + RB_VBACK;
    t.htotal = (uint16_t)(pixels / lines < longest ? pixels / lines : longest);
    lines = pixels / t.htotal;
    if (lines > height + MAX_SIZE)
        return t;
    t.vtotal = (uint16_t)lines;
    t.khz = MIN_KHZ;
    return t;
}

static int find_timing(uint32_t width, uint32_t height, uint32_t hz, struct timing *out)
{
    if (!width || !height || width % 2 || width > MAX_SIZE || height > MAX_SIZE || hz > MAX_HZ)
        return -ERANGE;
    for (unsigned i = 0; !hz && i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].hactive != width || known[i].vactive != height)
            continue;
        *out = known[i];
        return 0;
    }
    *out = hz ? at_rate(width, height, hz) : reduced(width, height, 60);
    if (!hz && out->khz > MAX_KHZ)
        *out = reduced(width, height, 30);
    return out->khz < MIN_KHZ || out->khz > MAX_KHZ ? -ERANGE : 0;
}

/* Extension of CTA-861-D with one data block, HDMI's: source address 1.0.0.0, 300 MHz. */
static void cta_extension(uint8_t *out)
{
    static const uint8_t hdmi[] = {3 << 5 | 7, 0x03, 0x0c, 0x00, 0x10, 0x00, 0x00, MAX_KHZ / 5000};

    memset(out, 0, EDID_SIZE);
    out[0] = 0x02;
    out[1] = 3;                /* revision */
    out[2] = 4 + sizeof(hdmi); /* where detailed timings would begin */
    memcpy(out + 4, hdmi, sizeof(hdmi));
    checksum(out);
}

int edid_build_size(uint8_t out[EDID_MAX], uint32_t width, uint32_t height, uint32_t hz)
{
    unsigned width_mm = millimetres(width), height_mm = millimetres(height);
    struct timing t;
    int ret = find_timing(width, height, hz, &t);

    if (ret)
        return ret;
    header(out, width_mm, height_mm);
    if (hz)
        out[35] = 0; /* that rate only */
    detailed(out + 54, &t, width_mm, height_mm);
    range_limits(out + 72, (struct limits){(uint8_t)(hz && hz < 24 ? hz : 24),
                                           (uint8_t)(hz > 76 ? hz : 76), 15, 160, MAX_KHZ / 10000});
    text(out + 90, 0xfc, "vgt softgpu");
    out[108 + 3] = 0x10; /* no descriptor */
    out[126] = 1;        /* extensions */
    checksum(out);
    cta_extension(out + EDID_SIZE);
    return 0;
}
