/* SPDX-License-Identifier: MIT */
/*
 * blt.h: the blitter's pixel work: an operation with all operands decoded (blt_cmd.c and
 * blt_setup.c make it), run row by row by blt.c with the operands of a row from blt_row.c.
 * Engine's thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/cs.h"
#include "softgpu/rop.h"
#include "softgpu/tile.h"

enum blt_tiling { BLT_LINEAR, BLT_X, BLT_Y };

struct blt_surface {
    uint64_t base;
    int32_t pitch; /* bytes; negative only when linear */
    enum blt_tiling tiling;
    enum tile_swizzle swizzle; /* of a tiled one */
};

/* BR13 bits 25:24. */
enum blt_depth { BLT_8, BLT_565, BLT_1555, BLT_8888 };

/* 8 by 8 pixels, repeated over the whole destination: pixel (0, 0) of the destination surface, not
 * of the rectangle, is the pattern's pixel (seed_x, seed_y). */
struct blt_pattern {
    uint8_t color[8][ROP_UNIT]; /* row; 8 pixels */
    uint8_t draw[8];            /* row; bit 7 is the leftmost pixel; looked at when transparent */
    bool transparent;
    uint8_t seed_x, seed_y;
};

/* One bit per pixel, the most significant bit of a byte is the leftmost. */
struct blt_mono {
    uint64_t addr;
    const uint8_t *data;     /* immediate data instead of addr; past its end come zeros */
    uint32_t bytes;          /* of data */
    uint32_t line_bits;      /* from one line's start to the next one's */
    uint32_t first;          /* bit in a line that belongs to the rectangle's left edge */
    uint32_t skip_x, skip_y; /* pixels and lines that clipping cut off */
    uint32_t color[2];       /* of a 0 and of a 1 */
    bool transparent;        /* 0 leaves the destination alone */
};

enum blt_key_of { BLT_KEY_NONE, BLT_KEY_SRC, BLT_KEY_DST };

/* Chroma key: each component of low <= the pixel's <= high's. A source pixel within the range is
 * not drawn, a destination pixel only within it. Without a source the pattern is the source. */
struct blt_key {
    enum blt_key_of of;
    bool alpha; /* compare alpha too */
    uint32_t low, high;
};

enum blt_source { BLT_NO_SRC, BLT_COLOR_SRC, BLT_MONO_SRC };

struct blt_op {
    struct blt_surface dst, src;
    enum blt_source source;
    enum blt_depth depth;
    int32_t dst_x, dst_y, src_x, src_y; /* bytes, rows */
    int32_t width, height;              /* bytes, rows; nothing is done unless both positive */
    bool bottom_up;                     /* the order of rows, which matters where they overlap */
    uint8_t rop;
    uint32_t write_mask; /* bits of every 4 bytes that may change */
    struct blt_pattern pattern;
    struct blt_mono mono;
    struct blt_key key;
};

/* What XY_SETUP_BLT and its kin leave behind for later commands: BR01, BR05, BR06, BR07, BR09,
 * BR20, BR21, BR24, BR25. Dwords only: it stands so in the context image. */
struct blt_setup {
    uint32_t header; /* of the last setup command */
    uint32_t control;
    uint32_t clip[2];
    uint32_t dst[2];
    uint32_t bg, fg;
    uint32_t pattern[2]; /* address */
    uint32_t mono[2];
};

static inline unsigned blt_pixel_bytes(enum blt_depth d)
{
    return d == BLT_8 ? 1 : d == BLT_8888 ? 4 : 2;
}

/* Pixels of the operation, in the context's address space. 0, -ENOMEM, or -EINTR when a reset
 * came in between. A row is read whole before it is written; the hardware promises an order of
 * rows only (see bottom_up) and nothing for rectangles that overlap otherwise. */
int blt_run(struct engine *e, const struct blt_op *op);

/* --- blt_row.c: row is counted from the top of the (clipped) rectangle --- */

/* True when some byte of the rectangle may have to keep its value. */
bool blt_row_masked(const struct blt_op *op);
/* The pattern as it lies under the left edge of the row. */
void blt_row_unit(const struct blt_op *op, int32_t row, uint8_t unit[ROP_UNIT]);
/* Bits that may change: channels and the pattern's transparency. op->width bytes. */
void blt_row_mask(const struct blt_op *op, int32_t row, uint8_t *mask);
/* Expand the monochrome source; clears bits of mask (unless NULL) where it is transparent. */
void blt_row_mono(struct engine *e, const struct blt_op *op, int32_t row, uint8_t *src,
                  uint8_t *mask);
/* Clear the mask of the pixels that the chroma key excludes; src NULL when there is none. */
void blt_row_key(const struct blt_op *op, const uint8_t *unit, const uint8_t *src,
                 const uint8_t *old, uint8_t *mask);
