/* SPDX-License-Identifier: MIT */
/* Frame buffers; see fb.h. Pure functions, any thread. */
#include "gen/fb.h"

#include <errno.h>
#include <string.h>

#define DSPCNTR_ENABLE  (1u << 31)
#define DSPCNTR_FORMAT  26
#define DSPCNTR_ROTATE  (1u << 15)
#define DSPCNTR_TILED   (1u << 10)
#define DSPSTRIDE_BYTES 0x0000ffc0u
#define OFFSET_MASK     0x1fffu
#define SIZE_MASK       0xfffu

static const struct {
    uint32_t format;
    uint8_t bpp;
} formats[16] = {
    [2] = {FB_C8, 8},           [5] = {FB_RGB565, 16},       [6] = {FB_XRGB8888, 32},
    [8] = {FB_XBGR2101010, 32}, [10] = {FB_XRGB2101010, 32}, [14] = {FB_XBGR8888, 32},
};

static int surface_bytes(struct fb *fb)
{
    uint64_t right = (uint64_t)(fb->x + fb->width) * (fb->bpp / 8);
    uint64_t rows = fb->y + fb->height, bytes;

    if (right > fb->stride || (fb->tiled && fb->stride % FB_TILE_WIDTH))
        return -EINVAL;
    if (fb->tiled)
        rows = (rows + FB_TILE_HEIGHT - 1) / FB_TILE_HEIGHT * FB_TILE_HEIGHT;
    bytes = fb->tiled ? rows * fb->stride : (rows - 1) * fb->stride + right;
    if (fb->base + bytes > UINT32_MAX)
        return -EINVAL;
    fb->bytes = (uint32_t)bytes;
    return 0;
}

int fb_decode(const struct fb_regs *r, struct fb *fb)
{
    unsigned format = r->dspcntr >> DSPCNTR_FORMAT & 15;

    if (!(r->dspcntr & DSPCNTR_ENABLE))
        return 1;
    if (!formats[format].bpp)
        return -EINVAL;
    *fb = (struct fb){
        .base = r->dspsurf & ~4095u,
        .x = r->dspoffset & OFFSET_MASK,
        .y = r->dspoffset >> 16 & OFFSET_MASK,
        .width = (r->pipesrc >> 16 & SIZE_MASK) + 1,
        .height = (r->pipesrc & SIZE_MASK) + 1,
        .stride = r->dspstride & DSPSTRIDE_BYTES,
        .bpp = formats[format].bpp,
        .format = (enum fb_format)formats[format].format,
        .tiled = r->dspcntr & DSPCNTR_TILED,
        .rotated = r->dspcntr & DSPCNTR_ROTATE,
    };
    return surface_bytes(fb);
}

size_t fb_xtile_offset(uint32_t stride, uint32_t column, uint32_t row)
{
    size_t tile_row = (size_t)(row / FB_TILE_HEIGHT) * FB_TILE_HEIGHT * stride;
    size_t tile = (size_t)(column / FB_TILE_WIDTH) * FB_TILE_WIDTH * FB_TILE_HEIGHT;

    return tile_row + tile + (size_t)(row % FB_TILE_HEIGHT) * FB_TILE_WIDTH +
           column % FB_TILE_WIDTH;
}

/* Bytes [column, column + len) of one row; a row crosses tiles every 512 bytes. */
static void copy_tiled_row(const struct fb *fb, const uint8_t *src, uint32_t row, uint32_t column,
                           uint32_t len, uint8_t *dst)
{
    while (len) {
        uint32_t part = FB_TILE_WIDTH - column % FB_TILE_WIDTH;

        if (part > len)
            part = len;
        memcpy(dst, src + fb_xtile_offset(fb->stride, column, row), part);
        dst += part;
        column += part;
        len -= part;
    }
}

int fb_copy(const struct fb *fb, const uint8_t *src, size_t src_len, uint8_t *dst,
            size_t dst_stride)
{
    uint32_t pixel = fb->bpp / 8, len = fb->width * pixel, column = fb->x * pixel;

    if (src_len < fb->bytes || dst_stride < len)
        return -EINVAL;
    for (uint32_t i = 0; i < fb->height; i++) {
        uint32_t row = fb->y + i;

        if (fb->tiled)
            copy_tiled_row(fb, src, row, column, len, dst + i * dst_stride);
        else
            memcpy(dst + i * dst_stride, src + (size_t)row * fb->stride + column, len);
    }
    return 0;
}
