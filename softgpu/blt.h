/* SPDX-License-Identifier: MIT */
/*
 * blt.h: the blitter's pixel work: surfaces, tilings, rows. Engine's thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/cs.h"

enum blt_tiling { BLT_LINEAR, BLT_X, BLT_Y };

struct blt_surface {
    uint64_t base;
    int32_t pitch; /* bytes; negative only when linear */
    enum blt_tiling tiling;
};

struct blt_op {
    struct blt_surface dst, src;
    bool has_src;
    int32_t dst_x, dst_y, src_x, src_y; /* bytes, rows */
    int32_t width, height;              /* bytes, rows; nothing is done unless both positive */
    uint8_t rop;
    uint64_t pattern;    /* 8 bytes, phase 0 at dst_x */
    uint64_t write_mask; /* bits of every 8 bytes that may change */
};

/* Pixels of the operation, in the context's address space. 0, -ENOMEM, or -EINTR when a reset
 * came in between. */
int blt_run(struct engine *e, const struct blt_op *op);
