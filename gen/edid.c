/* SPDX-License-Identifier: MIT */
/* EDID of a virtual monitor; see edid.h. Pure functions, any thread. */
#include "gen/edid.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define EDID_DTD0 54u
#define EDID_DPI  96u /* the image size we claim is one of a 96-dpi screen */

/* CVT reduced blanking: fixed 160 pixels, at least 460 us of vertical blank. */
#define CVT_RB_HBLANK  160u
#define CVT_RB_HSYNC   32u
#define CVT_RB_HFRONT  48u
#define CVT_RB_VFRONT  3u
#define CVT_RB_MIN_US  460u
#define CVT_RB_VSYNC   10u
#define CVT_RB_VBACK   6u
#define CVT_CLOCK_STEP 250u /* kHz */

static const uint8_t edid_header[8] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00};

int edid_timing(uint32_t width, uint32_t height, uint32_t refresh, struct edid_timing *t)
{
    uint32_t line_ns, vblank;
    uint64_t khz;

    if (width < 8 || width > 4088 || width % 8 || height < 8 || height > 4095)
        return -EINVAL;
    if (refresh < 24 || refresh > 120)
        return -EINVAL;
    line_ns = (1000000000u / refresh - CVT_RB_MIN_US * 1000u) / height;
    vblank = CVT_RB_MIN_US * 1000u / line_ns + 1;
    if (vblank < CVT_RB_VFRONT + CVT_RB_VSYNC + CVT_RB_VBACK)
        vblank = CVT_RB_VFRONT + CVT_RB_VSYNC + CVT_RB_VBACK;
    khz = (uint64_t)(width + CVT_RB_HBLANK) * (height + vblank) * refresh / 1000;
    khz = (khz + CVT_CLOCK_STEP / 2) / CVT_CLOCK_STEP * CVT_CLOCK_STEP;
    if (khz == 0 || khz > 655350)
        return -EINVAL;
    *t = (struct edid_timing){
        .clock_khz = (uint32_t)khz,
        .hactive = (uint16_t)width,
        .hblank = CVT_RB_HBLANK,
        .hsync_off = CVT_RB_HFRONT,
        .hsync_len = CVT_RB_HSYNC,
        .vactive = (uint16_t)height,
        .vblank = (uint16_t)vblank,
        .vsync_off = CVT_RB_VFRONT,
        .vsync_len = CVT_RB_VSYNC,
    };
    return 0;
}

/* Digits only: no sign, no blank. NULL: none, or more than a monitor has. */
static const char *read_number(const char *text, uint32_t *n)
{
    const char *from = text;

    for (*n = 0; *text >= '0' && *text <= '9' && text - from < 5; text++)
        *n = *n * 10 + (uint32_t)(*text - '0');
    return text == from ? NULL : text;
}

int edid_parse_mode(const char *text, uint32_t *width, uint32_t *height, uint32_t *refresh)
{
    struct edid_timing t;

    *refresh = 60;
    text = read_number(text, width);
    if (!text || *text != 'x')
        return -EINVAL;
    text = read_number(text + 1, height);
    if (text && *text == '@')
        text = read_number(text + 1, refresh);
    if (!text || *text)
        return -EINVAL;
    return edid_timing(*width, *height, *refresh, &t);
}

uint32_t edid_refresh(const struct edid_timing *t)
{
    uint64_t frame = (uint64_t)(t->hactive + t->hblank) * (t->vactive + t->vblank);

    return frame ? (uint32_t)((t->clock_khz * UINT64_C(1000) + frame / 2) / frame) : 0;
}

static uint16_t millimetres(uint32_t pixels)
{
    return (uint16_t)(pixels * 254u / (EDID_DPI * 10u));
}

static void put_dtd(uint8_t *d, const struct edid_timing *t)
{
    uint16_t w = millimetres(t->hactive), h = millimetres(t->vactive);
    uint32_t clock = t->clock_khz / 10;

    d[0] = (uint8_t)clock;
    d[1] = (uint8_t)(clock >> 8);
    d[2] = (uint8_t)t->hactive;
    d[3] = (uint8_t)t->hblank;
    d[4] = (uint8_t)((t->hactive >> 8) << 4 | t->hblank >> 8);
    d[5] = (uint8_t)t->vactive;
    d[6] = (uint8_t)t->vblank;
    d[7] = (uint8_t)((t->vactive >> 8) << 4 | t->vblank >> 8);
    d[8] = (uint8_t)t->hsync_off;
    d[9] = (uint8_t)t->hsync_len;
    d[10] = (uint8_t)((t->vsync_off & 15) << 4 | (t->vsync_len & 15));
    d[11] = (uint8_t)((t->hsync_off >> 8) << 6 | (t->hsync_len >> 8) << 4 |
                      (t->vsync_off >> 4) << 2 | t->vsync_len >> 4);
    d[12] = (uint8_t)w;
    d[13] = (uint8_t)h;
    d[14] = (uint8_t)((w >> 8) << 4 | h >> 8);
    d[15] = 0;
    d[16] = 0;
    d[17] = 0x1a; /* digital separate sync, +hsync, -vsync: the mark of reduced blanking */
}

static void put_text(uint8_t *d, uint8_t tag, const char *text)
{
    size_t len = strnlen(text, 13);

    memset(d, 0, 5);
    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, text, len);
    if (len < 13)
        d[5 + len] = '\n';
}

/* 24..120 Hz, 15..255 kHz, the clock limit in 10 MHz; no secondary timing formula. */
static void put_range(uint8_t *d)
{
    static const uint8_t range[18] = {0,  0, 0,  0xfd, 0,   24,  120, 15,  255,
                                      66, 1, 10, ' ',  ' ', ' ', ' ', ' ', ' '};

    memcpy(d, range, sizeof(range));
}

static void put_basics(uint8_t *e, uint32_t serial, const struct edid_timing *t)
{
    static const uint8_t srgb[10] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};

    memcpy(e, edid_header, sizeof(edid_header));
    e[8] = ('V' - '@') << 2 | ('G' - '@') >> 3; /* manufacturer "VGT", 5 bits a letter */
    e[9] = (uint8_t)(('G' - '@') << 5 | ('T' - '@'));
    e[10] = 1; /* product code */
    for (unsigned i = 0; i < 4; i++)
        e[12 + i] = (uint8_t)(serial >> (8 * i));
    e[17] = 2020 - 1990; /* model year: a constant, so that equal monitors are equal bytes */
    e[16] = 0xff;
    e[18] = 1;
    e[19] = 4;
    e[20] = 0xa2; /* digital, 8 bits a colour, HDMI-a */
    e[21] = (uint8_t)(millimetres(t->hactive) / 10);
    e[22] = (uint8_t)(millimetres(t->vactive) / 10);
    e[23] = 120;  /* gamma 2.2 */
    e[24] = 0x06; /* sRGB, the first detailed timing is the native mode */
    memcpy(e + 25, srgb, sizeof(srgb));
    e[35] = 0x21; /* 640x480 and 800x600 at 60 Hz */
    e[36] = 0x08; /* 1024x768 at 60 Hz */
    memset(e + 38, 1, 16);
}

static uint8_t edid_sum(const uint8_t *e)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < EDID_SIZE; i++)
        sum = (uint8_t)(sum + e[i]);
    return sum;
}

int edid_build(uint8_t out[EDID_SIZE], uint32_t width, uint32_t height, uint32_t refresh,
               const char *name, uint32_t serial)
{
    struct edid_timing t;
    int err = edid_timing(width, height, refresh, &t);

    if (err)
        return err;
    memset(out, 0, EDID_SIZE);
    put_basics(out, serial, &t);
    put_dtd(out + EDID_DTD0, &t);
    put_range(out + EDID_DTD0 + 18);
    put_text(out + EDID_DTD0 + 36, 0xfc, name);
    memset(out + EDID_DTD0 + 54, 0, 18);
    out[EDID_DTD0 + 54 + 3] = 0x10; /* unused descriptor */
    out[127] = (uint8_t)-edid_sum(out);
    return 0;
}

bool edid_valid(const uint8_t edid[EDID_SIZE])
{
    return !memcmp(edid, edid_header, sizeof(edid_header)) && !edid_sum(edid);
}

int edid_preferred(const uint8_t edid[EDID_SIZE], struct edid_timing *t)
{
    const uint8_t *d = edid + EDID_DTD0;

    if (!d[0] && !d[1])
        return -EINVAL;
    *t = (struct edid_timing){
        .clock_khz = (uint32_t)(d[0] | d[1] << 8) * 10,
        .hactive = (uint16_t)(d[2] | (d[4] >> 4) << 8),
        .hblank = (uint16_t)(d[3] | (d[4] & 15) << 8),
        .vactive = (uint16_t)(d[5] | (d[7] >> 4) << 8),
        .vblank = (uint16_t)(d[6] | (d[7] & 15) << 8),
        .hsync_off = (uint16_t)(d[8] | (d[11] >> 6) << 8),
        .hsync_len = (uint16_t)(d[9] | (d[11] >> 4 & 3) << 8),
        .vsync_off = (uint16_t)(d[10] >> 4 | (d[11] >> 2 & 3) << 4),
        .vsync_len = (uint16_t)((d[10] & 15) | (d[11] & 3) << 4),
    };
    return 0;
}
