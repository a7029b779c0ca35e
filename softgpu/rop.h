/* SPDX-License-Identifier: MIT */
/*
 * rop.h: ternary raster operations. The operation's number is its truth table: bit (P<<2 | S<<1 |
 * D) is the result for one bit each of pattern, source and destination. Pure functions.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A pattern's row: 8 pixels of 1, 2 or 4 bytes, repeated to this many bytes. */
#define ROP_UNIT 32u

static inline bool rop_needs_dst(uint8_t rop)
{
    return ((rop >> 1) & 0x55) != (rop & 0x55);
}

static inline bool rop_needs_src(uint8_t rop)
{
    return ((rop >> 2) & 0x33) != (rop & 0x33);
}

/* dst = rop(pattern, src, dst) over len bytes. unit: the pattern, repeated from dst on. src may be
 * NULL: then it counts as zeros. */
void rop_apply(uint8_t rop, const uint8_t unit[ROP_UNIT], const uint8_t *src, uint8_t *dst,
               size_t len);
