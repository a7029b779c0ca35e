/* SPDX-License-Identifier: MIT */
/*
 * softgpu_fence_ref.c: see softgpu_fence_ref.h.
 */
#include "tests/unit/softgpu_fence_ref.h"

/* Byte x of row y in a surface of tiles w bytes by h rows. Within an X tile row follows row; a Y
 * tile is eight X-like strips of 16 bytes side by side. */
static uint64_t tiled(uint64_t x, uint64_t y, uint64_t pitch, int is_y)
{
    uint64_t w = is_y ? 128 : 512, h = is_y ? 32 : 8, strip = is_y ? 16 : 512;
    uint64_t tile = (y / h) * (pitch * h) + (x / w) * (w * h);
    uint64_t in_x = x % w, in_y = y % h;

    return tile + (in_x / strip) * (strip * h) + in_y * strip + in_x % strip;
}

static int odd(uint64_t bits)
{
    int n = 0;

    for (; bits; bits >>= 1)
        n += bits & 1;
    return n % 2;
}

uint64_t fence_ref_address(const struct fence_ref *f, uint64_t addr)
{
    for (int n = 0; n < 32; n++) {
        uint32_t lo = f->reg[2 * n], hi = f->reg[2 * n + 1];
        uint64_t first = lo / 4096, last = hi / 4096, pitch = (hi % 4096 + 1) * 128ull, off, to;
        int is_y = lo / 2 % 2;

        if (lo % 2 == 0 || addr / 4096 < first || addr / 4096 > last)
            continue;
        off = addr - first * 4096;
        to = first * 4096 + tiled(off % pitch, off / pitch, pitch, is_y);
        if (odd(to & (is_y ? f->swizzle_y : f->swizzle_x)))
            to = to & 64 ? to - 64 : to + 64;
        return to;
    }
    return addr;
}
