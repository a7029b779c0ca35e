/* SPDX-License-Identifier: MIT */
/*
 * blt_band.h: a tiled surface's rows, a row of tiles at a time: whole pages are read, translated
 * and judged once, instead of every 16 or 512 bytes, and rows are worked on in a linear copy. What
 * was written goes back when the next row of tiles begins: whole pages where all of the tile was
 * written, else only the bytes that were. Used by blt.c; engine's thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/blt.h"

struct blt_band {
    struct engine *e;
    struct tile_surface s;
    int32_t x;       /* first byte of the blit's rows, */
    uint32_t len;    /* and how many */
    int32_t left;    /* where the tiles begin that it touches */
    uint32_t stride; /* bytes of a row of data: whole tiles */
    int32_t top;     /* first row of the tiles at hand; negative: none */
    bool load;       /* rows are read, too */
    uint32_t dirty;  /* rows written, bit 0 is top */
    uint8_t *data;   /* NULL: the surface is not worked on this way */
};

/* A surface that is not tiled in whole pages is left out (data NULL), as is one for which there is
 * no memory. load: its rows are looked at before, or instead of, being written. */
void blt_band_begin(struct blt_band *b, struct engine *e, const struct blt_surface *s, int32_t x,
                    uint32_t len, bool load);
/* Byte x of a row; good until another row is asked for. Not for surfaces left out. */
uint8_t *blt_band_row(struct blt_band *b, int32_t y);
/* The row that was asked for last was written. */
void blt_band_wrote(struct blt_band *b, int32_t y);
/* What was written goes back; the band is free for another blit. */
void blt_band_end(struct blt_band *b);
