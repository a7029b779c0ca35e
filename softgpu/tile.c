/* SPDX-License-Identifier: MIT */
/*
 * tile.c: addresses in tiled surfaces (tile.h). Pure, any thread.
 */
#include "softgpu/tile.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t bits; /* of the address, that bit 6 is exclusive-ored with */
} swizzles[] = {
    [TILE_SWIZZLE_NONE] = {"none", 0},
    [TILE_SWIZZLE_9] = {"9", 1u << 9},
    [TILE_SWIZZLE_9_10] = {"9_10", 1u << 9 | 1u << 10},
    [TILE_SWIZZLE_9_11] = {"9_11", 1u << 9 | 1u << 11},
    [TILE_SWIZZLE_9_10_11] = {"9_10_11", 1u << 9 | 1u << 10 | 1u << 11},
};

static uint64_t swizzled(const struct tile_surface *s, uint64_t addr, uint32_t *run)
{
    uint32_t bits = swizzles[s->swizzle].bits, line = 64 - (uint32_t)(addr & 63);

    if (s->layout == TILE_Y)
        bits &= ~(1u << 10);
    if (*run > line)
        *run = line;
    return addr ^ (uint64_t)__builtin_parity((uint32_t)addr & bits) << 6;
}

uint64_t tile_address(const struct tile_surface *s, int64_t x, int64_t y, uint32_t *run)
{
    int64_t pitch = s->pitch, off;

    if (s->layout == TILE_X) {
        *run = 512 - (uint32_t)(x & 511);
        off = (y >> 3) * pitch * 8 + (x >> 9) * 4096 + (y & 7) * 512 + (x & 511);
    } else {
        *run = 16 - (uint32_t)(x & 15);
        off = (y >> 5) * pitch * 32 + (x >> 7) * 4096 + (x & 127) / 16 * 512 + (y & 31) * 16 +
              (x & 15);
    }
    return s->swizzle ? swizzled(s, s->base + (uint64_t)off, run) : s->base + (uint64_t)off;
}

int tile_swizzle_parse(const char *text, enum tile_swizzle *out)
{
    for (unsigned i = 0; i < sizeof(swizzles) / sizeof(swizzles[0]); i++) {
        if (!strcmp(swizzles[i].name, text)) {
            *out = (enum tile_swizzle)i;
            return 0;
        }
    }
    return -EINVAL;
}
