/* SPDX-License-Identifier: MIT */
/*
 * shot.c: a screenshot from its pieces. Called by the screenshot command, one thread.
 */
#include "vgtctl/shot.h"

#include "gen/fb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a channel's bits stand in a pixel. */
struct layout {
    uint32_t format;
    uint8_t bytes, red, green, blue; /* pixel size; shifts */
    uint8_t bits_r, bits_g, bits_b;
};

static const struct layout layouts[] = {
    {FB_XRGB8888, 4, 16, 8, 0, 8, 8, 8},        {FB_XBGR8888, 4, 0, 8, 16, 8, 8, 8},
    {FB_RGB565, 2, 11, 5, 0, 5, 6, 5},          {FB_XRGB2101010, 4, 20, 10, 0, 10, 10, 10},
    {FB_XBGR2101010, 4, 0, 10, 20, 10, 10, 10},
};

static const struct layout *find_layout(uint32_t format)
{
    for (unsigned i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (layouts[i].format == format)
            return &layouts[i];
    return NULL;
}

static int begin(struct shot *shot, const Vgt__ScreenshotReply *piece, const char **why)
{
    const struct layout *layout = find_layout(piece->format);
    uint64_t row, total;

    *why = "in a pixel format that is not known";
    if (!layout)
        return -ENOTSUP;
    row = (uint64_t)piece->width * layout->bytes;
    total = (uint64_t)piece->stride * piece->height;
    *why = "of an impossible size";
    if (!piece->width || !piece->height || piece->width > SHOT_MAX_SIDE ||
        piece->height > SHOT_MAX_SIDE || row > piece->stride || total > SHOT_MAX_BYTES)
        return -ENOTSUP;
    *why = "too large for the memory there is";
    shot->pixels = calloc(1, total);
    if (!shot->pixels)
        return -ENOMEM;
    shot->width = piece->width;
    shot->height = piece->height;
    shot->stride = piece->stride;
    shot->format = piece->format;
    shot->size = total - piece->stride + row;
    return 0;
}

static bool same_picture(const struct shot *shot, const Vgt__ScreenshotReply *piece)
{
    if (!piece->width && !piece->height && !piece->stride && !piece->format)
        return true;
    return piece->width == shot->width && piece->height == shot->height &&
           piece->stride == shot->stride && piece->format == shot->format;
}

int shot_piece(struct shot *shot, const Vgt__ScreenshotReply *piece, const char **why)
{
    uint64_t room;
    int err = shot->pixels ? 0 : begin(shot, piece, why);

    if (err)
        return err;
    *why = "whose pieces contradict each other";
    room = (uint64_t)shot->stride * shot->height - shot->got;
    if (!same_picture(shot, piece) || piece->offset != shot->got || piece->pixels.len > room)
        return -EBADMSG;
    if (piece->pixels.len)
        memcpy(shot->pixels + shot->got, piece->pixels.data, piece->pixels.len);
    shot->got += piece->pixels.len;
    if (piece->last)
        return shot->got >= shot->size ? 1 : -EBADMSG;
    /* An endless row of empty pieces would keep us from ever timing out. */
    return piece->pixels.len ? 0 : -EBADMSG;
}

void shot_free(struct shot *shot)
{
    free(shot->pixels);
    memset(shot, 0, sizeof(*shot));
}

static uint8_t channel(uint32_t pixel, unsigned shift, unsigned bits)
{
    uint32_t max = (1u << bits) - 1;

    return (uint8_t)(((pixel >> shift & max) * 255 + max / 2) / max);
}

void shot_row(const struct shot *shot, uint32_t y, uint8_t *rgb)
{
    const struct layout *l = find_layout(shot->format);
    const uint8_t *from = shot->pixels + (size_t)y * shot->stride;

    for (uint32_t x = 0; x < shot->width; x++, from += l->bytes, rgb += 3) {
        uint32_t pixel = 0;

        memcpy(&pixel, from, l->bytes); /* little-endian, as the GPU is */
        rgb[0] = channel(pixel, l->red, l->bits_r);
        rgb[1] = channel(pixel, l->green, l->bits_g);
        rgb[2] = channel(pixel, l->blue, l->bits_b);
    }
}
