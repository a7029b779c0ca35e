/* SPDX-License-Identifier: MIT */
/*
 * blt_pattern.c: makes a blit's 8 by 8 pattern from a colour, from monochrome bits, from memory,
 * from the command's own data or from the built-in ones (Broadwell PRM vol. 11, "Blitter", pattern
 * data). Called by the decoders; engine's thread.
 */
#include <string.h>

#include "softgpu/blt_decode.h"
#include "softgpu/mem.h"

void blt_pattern_solid(struct blt_op *op, uint32_t color)
{
    unsigned cpp = blt_pixel_bytes(op->depth);

    for (unsigned i = 0; i < ROP_UNIT; i += cpp)
        memcpy(&op->pattern.color[0][i], &color, cpp);
    for (unsigned y = 1; y < 8; y++)
        memcpy(op->pattern.color[y], op->pattern.color[0], ROP_UNIT);
}

/* Byte y of bits is row y. A solid pattern is one of zeros, which are then drawn whatever the
 * transparency. */
void blt_pattern_mono(struct blt_op *op, uint32_t br13, uint32_t bg, uint32_t fg, uint64_t bits)
{
    unsigned cpp = blt_pixel_bytes(op->depth);

    if (br13 & BR13_SOLID) {
        blt_pattern_solid(op, bg);
        return;
    }
    op->pattern.transparent = br13 & BR13_MONO_PAT_KEY;
    for (unsigned y = 0; y < 8; y++) {
        op->pattern.draw[y] = (uint8_t)(bits >> (8 * y));
        for (unsigned x = 0; x < 8; x++) {
            const uint32_t *c = op->pattern.draw[y] >> (7 - x) & 1 ? &fg : &bg;

            memcpy(&op->pattern.color[y][x * cpp], c, cpp);
        }
    }
}

void blt_pattern_data(struct blt_op *op, const uint8_t *data, uint32_t bytes)
{
    uint32_t row = 8 * blt_pixel_bytes(op->depth);

    for (uint32_t y = 0; y < 8 && bytes; y++) {
        uint32_t n = bytes < row ? bytes : row;

        memcpy(op->pattern.color[y], data, n);
        data += n;
        bytes -= n;
    }
}

/* The address has bits 47:6. */
void blt_pattern_load(struct engine *e, struct blt_op *op, uint64_t addr)
{
    uint8_t data[8 * ROP_UNIT];
    uint32_t bytes = 64 * blt_pixel_bytes(op->depth);

    mem_read(e, true, addr & ~63ull, data, bytes);
    blt_pattern_data(op, data, bytes);
}

bool blt_pattern_fixed(unsigned number, uint64_t *bits)
{
    static const uint64_t fixed[32] = {
        [0] = 0x00000000ff000000,  /* horizontal lines */
        [1] = 0x1010101010101010,  /* vertical */
        [2] = 0x0102040810204080,  /* falling */
        [3] = 0x8040201008040201,  /* rising */
        [4] = 0x10101010ff101010,  /* cross */
        [5] = 0x8142241818244281,  /* diagonal cross */
        [8] = 0x55aa55aa55aa55aa,  /* screen door */
        [9] = 0x3333cccc3333cccc,  /* wide screen door */
        [10] = 0x0102040810204080, /* walking one */
        [11] = 0xfefdfbf7efdfbf7f, /* walking zero */
    };

    *bits = fixed[number & 31];
    return *bits != 0;
}
