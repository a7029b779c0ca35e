/* SPDX-License-Identifier: MIT */
/*
 * softgpu_blt_ref.h: a slow blitter, one pixel and one bit at a time from the definition of each
 * operand, and the commands' layouts letter by letter. Shares nothing with softgpu's. Used by the
 * blitter's unit tests, one thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define REF_MEMORY (256u << 10) /* bytes of each of the two memories */

struct ref_memory {
    uint64_t addr[2]; /* of destination and source memory; everything else is a hole */
    uint8_t byte[2][REF_MEMORY];
};

struct ref_surface {
    uint64_t base;
    int pitch;  /* the command's field: bytes, dwords when tiled */
    int tiling; /* 0 linear, 1 X, 2 Y */
};

struct ref_blit {
    int opcode;
    struct ref_surface dst, src;
    bool swizzle;
    int depth, rop, channels; /* as encoded; channels: 1 RGB, 2 alpha */
    int x1, y1, x2, y2, sx, sy;
    bool clipped;
    int clip[4]; /* x1 y1 x2 y2 */
    int seed_x, seed_y;
    uint64_t pattern;           /* address */
    uint32_t pattern_colors[2]; /* [0] is the solid colour too */
    uint8_t pattern_bits[8];
    bool pattern_transparent, pattern_solid;
    int fixed;
    uint64_t mono; /* address */
    int mono_bit;
    uint32_t mono_colors[2];
    bool mono_transparent, byte_packed;
    int key_mode;
    uint32_t key_low, key_high;
    uint8_t immediate[768];
    unsigned immediate_dwords;
    bool mono_setup; /* scan lines: XY_SETUP_MONO_PATTERN_SL_BLT came before */
};

/* What follows rectangle and destination of a command; see the letters in softgpu_blt_ref.c. NULL:
 * no such opcode. */
const char *ref_layout(const struct ref_blit *b);
/* Command (with its setup commands); returns its dwords, at most 320. address_dwords: 1 or 2. */
unsigned ref_emit(const struct ref_blit *b, uint32_t *dw, int address_dwords);
/* Do it to the memory. */
void ref_run(const struct ref_blit *b, struct ref_memory *m);
