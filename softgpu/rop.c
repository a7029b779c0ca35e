/* SPDX-License-Identifier: MIT */
/*
 * rop.c: raster operations on runs of bytes, 64 bits at a time; the common ones without looking
 * at the truth table. Pure; any thread.
 */
#include "softgpu/rop.h"

#include <string.h>

static uint64_t rop_word(uint8_t rop, uint64_t p, uint64_t s, uint64_t d)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 8; i++) {
        if (rop >> i & 1)
            r |= (i & 4 ? p : ~p) & (i & 2 ? s : ~s) & (i & 1 ? d : ~d);
    }
    return r;
}

static void fill(uint8_t *dst, uint64_t pattern, size_t len)
{
    size_t i = 0;

    for (; i + 8 <= len; i += 8)
        memcpy(dst + i, &pattern, 8);
    memcpy(dst + i, &pattern, len - i);
}

void rop_apply(uint8_t rop, uint64_t pattern, const uint8_t *src, uint8_t *dst, size_t len)
{
    uint64_t s = 0, d = 0;

    if (rop == 0xcc && src) {
        memmove(dst, src, len);
        return;
    }
    if (rop == 0xf0) {
        fill(dst, pattern, len);
        return;
    }
    for (size_t i = 0; i < len; i += 8) {
        size_t n = len - i < 8 ? len - i : 8;

        if (src)
            memcpy(&s, src + i, n);
        memcpy(&d, dst + i, n);
        d = rop_word(rop, pattern, s, d);
        memcpy(dst + i, &d, n);
    }
}
