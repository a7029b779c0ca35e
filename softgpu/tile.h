/* SPDX-License-Identifier: MIT */
/*
 * tile.h: where a byte of a tiled surface lies. An X tile is 512 bytes by 8 rows, a Y tile 128
 * bytes by 32 rows in columns of 16 bytes; both are one page (Broadwell PRM vol. 5, "Tiling
 * Formats"). Used for blits (blt.c) and for CPU accesses through fences (fence.c). Pure, any
 * thread.
 */
#pragma once
#include <stdint.h>

enum tile_layout { TILE_X, TILE_Y };

/* What address bit 6 is exclusive-ored with while swizzling is on, for X tiles; Y tiles leave bit
 * 10 out. Machines with two memory channels want it (i915 calls the modes I915_BIT_6_SWIZZLE_*). */
enum tile_swizzle {
    TILE_SWIZZLE_NONE,
    TILE_SWIZZLE_9,
    TILE_SWIZZLE_9_10,
    TILE_SWIZZLE_9_11,
    TILE_SWIZZLE_9_10_11,
};

static inline int64_t tile_width(enum tile_layout t) /* bytes */
{
    return t == TILE_X ? 512 : 128;
}

static inline int64_t tile_height(enum tile_layout t) /* rows */
{
    return t == TILE_X ? 8 : 32;
}

struct tile_surface {
    uint64_t base;  /* address of the first byte, at a page */
    uint32_t pitch; /* bytes from one row to the next; hardware wants whole tiles */
    enum tile_layout layout;
    enum tile_swizzle swizzle;
};

/* Address of byte x of row y, which may be negative. *run: how many bytes from there on follow in
 * one piece, 1 at least (the surface may end before). A row of tiles is pitch times the tile's
 * height in bytes, whether or not that is whole tiles. */
uint64_t tile_address(const struct tile_surface *s, int64_t x, int64_t y, uint32_t *run);

/* One tile, a page of memory, as tile_height() rows of tile_width() bytes, stride bytes apart; and
 * back. The surface's base is at a page. */
void tile_unpack(const struct tile_surface *s, const uint8_t page[4096], uint8_t *rows,
                 uint32_t stride);
void tile_pack(const struct tile_surface *s, uint8_t page[4096], const uint8_t *rows,
               uint32_t stride);

/* "none", "9", "9_10", "9_11", "9_10_11"; -EINVAL for anything else. */
int tile_swizzle_parse(const char *text, enum tile_swizzle *out);
