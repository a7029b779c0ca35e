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

/* Where in its page a piece lies: swizzling takes lines of 64 bytes of one page for each other. */
static uint32_t in_page(const struct tile_surface *s, uint32_t off)
{
    uint32_t run = 64;

    return s->swizzle ? (uint32_t)swizzled(s, off, &run) : off;
}

/* The pieces are of a length the compiler knows: as fast as a copy can be. */
static void unpack_x(const struct tile_surface *s, const uint8_t *page, uint8_t *rows,
                     uint32_t stride)
{
    for (uint32_t y = 0; y < 8; y++)
        for (uint32_t x = 0; x < 512; x += 64)
            memcpy(rows + y * stride + x, page + in_page(s, y * 512 + x), 64);
}

static void unpack_y(const struct tile_surface *s, const uint8_t *page, uint8_t *rows,
                     uint32_t stride)
{
    for (uint32_t y = 0; y < 32; y++)
        for (uint32_t x = 0; x < 128; x += 16)
            memcpy(rows + y * stride + x, page + in_page(s, x * 32 + y * 16), 16);
}

static void pack_x(const struct tile_surface *s, uint8_t *page, const uint8_t *rows,
                   uint32_t stride)
{
    for (uint32_t y = 0; y < 8; y++)
        for (uint32_t x = 0; x < 512; x += 64)
            memcpy(page + in_page(s, y * 512 + x), rows + y * stride + x, 64);
}

static void pack_y(const struct tile_surface *s, uint8_t *page, const uint8_t *rows,
                   uint32_t stride)
{
    for (uint32_t y = 0; y < 32; y++)
        for (uint32_t x = 0; x < 128; x += 16)
            memcpy(page + in_page(s, x * 32 + y * 16), rows + y * stride + x, 16);
}

void tile_unpack(const struct tile_surface *s, const uint8_t page[4096], uint8_t *rows,
                 uint32_t stride)
{
    if (s->layout == TILE_X)
        unpack_x(s, page, rows, stride);
    else
        unpack_y(s, page, rows, stride);
}

void tile_pack(const struct tile_surface *s, uint8_t page[4096], const uint8_t *rows,
               uint32_t stride)
{
    if (s->layout == TILE_X)
        pack_x(s, page, rows, stride);
    else
        pack_y(s, page, rows, stride);
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
