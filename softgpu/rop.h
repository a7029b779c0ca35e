/* SPDX-License-Identifier: MIT */
/*
 * rop.h: ternary raster operations. The operation's number is its truth table: bit (P<<2 | S<<1 |
 * D) is the result for one bit each of pattern, source and destination. Pure functions.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool rop_needs_dst(uint8_t rop)
{
    return ((rop >> 1) & 0x55) != (rop & 0x55);
}

static inline bool rop_needs_src(uint8_t rop)
{
    return ((rop >> 2) & 0x33) != (rop & 0x33);
}

/* dst = rop(pattern, src, dst) over len bytes. pattern: 8 bytes repeated from dst on. src may be
 * NULL: then it counts as zeros. */
void rop_apply(uint8_t rop, uint64_t pattern, const uint8_t *src, uint8_t *dst, size_t len);
