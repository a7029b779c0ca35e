/* SPDX-License-Identifier: MIT */
/*
 * scanout.c: draws what a pipe shows (display.h): the primary plane, then the cursor over it. Pure
 * apart from the fetch function; called on the loop's thread for a screenshot or a CRC, and on the
 * threads of exports.
 */
#include "softgpu/display.h"

#include "softgpu/pixel.h"
#include "softgpu/tile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE     8192u
#define PLANE_ENABLE (1u << 31)
#define PLANE_TILED  (1u << 10)
#define CURSOR_MODE  0x27u
#define MAX_CURSOR   256u

/* Bytes [x, x+len) of row y of an X-tiled surface, whose stride counts in whole tiles. */
static void fetch_tiled(const struct display_plane *p, display_fetch fetch, void *opaque,
                        uint64_t x, uint64_t y, uint8_t *buf, uint32_t len)
{
    struct tile_surface s = {p->surf, p->stride & ~511u, TILE_X,
                             p->swizzle ? TILE_SWIZZLE_9_10 : TILE_SWIZZLE_NONE};

    while (len) {
        uint32_t run;
        uint64_t at = tile_address(&s, (int64_t)x, (int64_t)y, &run);

        if (run > len)
            run = len;
        fetch(opaque, at, buf, run);
        buf += run;
        x += run;
        len -= run;
    }
}

static void draw_row(const struct display_picture *pic, const struct pixel_format *f, uint32_t row,
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
    f->to_rgb(buf, pic->width, pic->palette, rgb);
    if (pic->gamma && !f->indexed)
        pixel_gamma(rgb, pic->width, pic->palette);
}

static int draw_primary(const struct display_picture *pic, display_fetch fetch, void *opaque,
                        uint8_t *rgb)
{
    const struct pixel_format *f = pixel_format_of(pic->primary.ctl);
    uint8_t *buf;

    memset(rgb, 0, (size_t)pic->width * pic->height * 3);
    if (!(pic->primary.ctl & PLANE_ENABLE))
        return 0;
    if (!f || pixel_y_tiled(pic->primary.ctl))
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
