/* SPDX-License-Identifier: MIT */
/*
 * scanout.c: draws what a pipe shows (display.h): the primary plane, then the cursor over it. Pure
 * apart from the fetch function; called by the control thread for a screenshot.
 */
#include "softgpu/display.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE     8192u
#define PLANE_ENABLE (1u << 31)
#define PLANE_TILED  (1u << 10)
#define PLANE_FORMAT (0xfu << 26)
#define FORMAT_565   (5u << 26)
#define FORMAT_BGRX  (6u << 26)   /* memory B G R X: XRGB8888 */
#define FORMAT_RGBX  (0xeu << 26) /* memory R G B X: XBGR8888 */
#define TILE_BYTES   4096u
#define TILE_WIDTH   512u /* bytes of an X tile's row */
#define TILE_HEIGHT  8u
#define CURSOR_MODE  0x27u
#define MAX_CURSOR   256u

struct format {
    uint32_t code;
    uint32_t bytes;
    void (*to_rgb)(const uint8_t *pixel, uint8_t *rgb);
};

static void from_565(const uint8_t *pixel, uint8_t *rgb)
{
    unsigned v = pixel[0] | pixel[1] << 8;
    unsigned r = v >> 11, g = v >> 5 & 0x3f, b = v & 0x1f;

    rgb[0] = (uint8_t)(r << 3 | r >> 2);
    rgb[1] = (uint8_t)(g << 2 | g >> 4);
    rgb[2] = (uint8_t)(b << 3 | b >> 2);
}

static void from_bgrx(const uint8_t *pixel, uint8_t *rgb)
{
    rgb[0] = pixel[2];
    rgb[1] = pixel[1];
    rgb[2] = pixel[0];
}

static void from_rgbx(const uint8_t *pixel, uint8_t *rgb)
{
    memcpy(rgb, pixel, 3);
}

static const struct format formats[] = {
    {FORMAT_565, 2, from_565},
    {FORMAT_BGRX, 4, from_bgrx},
    {FORMAT_RGBX, 4, from_rgbx},
};

static const struct format *format_of(uint32_t ctl)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (formats[i].code == (ctl & PLANE_FORMAT))
            return &formats[i];
    return NULL;
}

/* Bytes [x, x+len) of row y of an X-tiled surface. Broadwell does not swizzle. */
static void fetch_tiled(const struct display_plane *p, display_fetch fetch, void *opaque,
                        uint64_t x, uint64_t y, uint8_t *buf, uint32_t len)
{
    uint64_t row = (uint64_t)(p->stride / TILE_WIDTH) * TILE_BYTES * (y / TILE_HEIGHT) +
                   (y % TILE_HEIGHT) * TILE_WIDTH;

    while (len) {
        uint32_t run = TILE_WIDTH - (uint32_t)(x % TILE_WIDTH);

        if (run > len)
            run = len;
        fetch(opaque, p->surf + row + x / TILE_WIDTH * TILE_BYTES + x % TILE_WIDTH, buf, run);
        buf += run;
        x += run;
        len -= run;
    }
}

static void draw_row(const struct display_picture *pic, const struct format *f, uint32_t row,
                     display_fetch fetch, void *opaque, uint8_t *buf, uint8_t *rgb)
{
    const struct display_plane *p = &pic->primary;
    uint64_t x = (uint64_t)p->x * f->bytes;
    uint64_t y = (uint64_t)p->y + row;
    uint32_t len = pic->width * f->bytes;

    if (p->ctl & PLANE_TILED)
        fetch_tiled(p, fetch, opaque, x, y, buf, len);
    else
        fetch(opaque, p->surf + y * p->stride + x, buf, len);
    for (uint32_t i = 0; i < pic->width; i++)
        f->to_rgb(buf + (size_t)i * f->bytes, rgb + (size_t)i * 3);
}

static int draw_primary(const struct display_picture *pic, display_fetch fetch, void *opaque,
                        uint8_t *rgb)
{
    const struct format *f = format_of(pic->primary.ctl);
    uint8_t *buf;

    memset(rgb, 0, (size_t)pic->width * pic->height * 3);
    if (!(pic->primary.ctl & PLANE_ENABLE))
        return 0;
    if (!f)
        return -ENOTSUP;
    buf = calloc(pic->width, f->bytes);
    if (!buf)
        return -ENOMEM;
    for (uint32_t row = 0; row < pic->height; row++)
        draw_row(pic, f, row, fetch, opaque, buf, rgb + (size_t)row * pic->width * 3);
    free(buf);
    return 0;
}

/* Side of a square ARGB cursor, 0 when off, -ENOTSUP for another mode. */
static int cursor_side(uint32_t ctl)
{
    switch (ctl & CURSOR_MODE) {
    case 0x00:
        return 0;
    case 0x27:
        return 64;
    case 0x22:
        return 128;
    case 0x23:
        return 256;
    default:
        return -ENOTSUP;
    }
}

/* Colours are premultiplied with alpha. */
static void blend(const uint8_t *argb, uint8_t *rgb)
{
    unsigned keep = 255u - argb[3];

    for (unsigned c = 0; c < 3; c++) {
        unsigned v = argb[2 - c] + rgb[c] * keep / 255;

        rgb[c] = v > 255 ? 255 : (uint8_t)v;
    }
}

static int draw_cursor(const struct display_picture *pic, display_fetch fetch, void *opaque,
                       uint8_t *rgb)
{
    const struct display_cursor *c = &pic->cursor;
    int side = cursor_side(c->ctl);
    uint8_t buf[MAX_CURSOR * 4];

    for (int y = 0; y < side; y++) {
        int32_t sy = c->y + y;

        if (sy < 0 || sy >= (int32_t)pic->height)
            continue;
        memset(buf, 0, sizeof(buf));
        fetch(opaque, c->base + (uint64_t)y * (unsigned)side * 4, buf, (unsigned)side * 4);
        for (int x = 0; x < side; x++) {
            int32_t sx = c->x + x;

            if (sx >= 0 && sx < (int32_t)pic->width)
                blend(buf + x * 4, rgb + ((size_t)sy * pic->width + (size_t)sx) * 3);
        }
    }
    return side < 0 ? side : 0;
}

int scanout_draw(const struct display_picture *p, display_fetch fetch, void *opaque, uint8_t *rgb)
{
    int ret;

    if (!p->width || !p->height || p->width > MAX_SIDE || p->height > MAX_SIDE)
        return -EINVAL;
    ret = draw_primary(p, fetch, opaque, rgb);
    if (ret)
        return ret;
    return draw_cursor(p, fetch, opaque, rgb);
}
