/* SPDX-License-Identifier: MIT */
/*
 * edid.c: builds the monitor's EDID from timings (VESA E-EDID 1.3). Pure; called once when the
 * device is made.
 */
#include "softgpu/edid.h"

#include <string.h>

struct timing {
    uint32_t khz;
    uint16_t hactive, hfront, hsync, htotal;
    uint16_t vactive, vfront, vsync, vtotal;
    uint8_t sync; /* EDID byte 17 bits 2:1: vertical and horizontal polarity */
};

/* VESA DMT 0x10 (both syncs negative) and CTA-861 mode 16 (both positive). */
static const struct timing xga = {65000, 1024, 24, 136, 1344, 768, 3, 6, 806, 0x0};
static const struct timing full_hd = {148500, 1920, 88, 44, 2200, 1080, 4, 5, 1125, 0x6};

#define WIDTH_MM  340
#define HEIGHT_MM 255

static void detailed(uint8_t *d, const struct timing *t)
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
    d[12] = WIDTH_MM & 0xff;
    d[13] = HEIGHT_MM & 0xff;
    d[14] = (WIDTH_MM >> 8) << 4 | HEIGHT_MM >> 8;
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

/* Vertical 50..76 Hz, horizontal 30..83 kHz, pixel clock up to 170 MHz. */
static void range_limits(uint8_t *d)
{
    static const uint8_t limits[] = {0, 0, 0, 0xfd, 0, 50, 76, 30, 83, 17, 0, '\n'};

    memset(d, ' ', 18);
    memcpy(d, limits, sizeof(limits));
}

void edid_build(uint8_t out[EDID_SIZE])
{
    static const uint8_t head[] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};
    uint8_t sum = 0;

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
    out[21] = WIDTH_MM / 10;
    out[22] = HEIGHT_MM / 10;
    out[23] = 120;  /* gamma 2.2 */
    out[24] = 0x0a; /* RGB, the first detailed timing is preferred */
    /* chromaticity of sRGB */
    memcpy(out + 25, "\xee\x91\xa3\x54\x4c\x99\x26\x0f\x50\x54", 10);
    out[35] = 1 << 5; /* established: 640x480 at 60 Hz */
    out[36] = 1 << 3; /* 1024x768 at 60 Hz */
    memset(out + 38, 0x01, 16);
    detailed(out + 54, &xga);
    detailed(out + 72, &full_hd);
    range_limits(out + 90);
    text(out + 108, 0xfc, "vgt softgpu");
    for (unsigned i = 0; i < EDID_SIZE - 1; i++)
        sum = (uint8_t)(sum + out[i]);
    out[EDID_SIZE - 1] = (uint8_t)-sum;
}
