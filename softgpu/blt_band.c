/* SPDX-License-Identifier: MIT */
/* blt_band.c: see blt_band.h. */
#include "softgpu/blt_band.h"

#include <stdlib.h>
#include <string.h>

#include "softgpu/mem.h"

#define PAGE 4096u

static uint32_t tile_w(const struct blt_band *b)
{
    return (uint32_t)tile_width(b->s.layout);
}

static uint32_t tile_h(const struct blt_band *b)
{
    return (uint32_t)tile_height(b->s.layout);
}

void blt_band_begin(struct blt_band *b, struct engine *e, const struct blt_surface *s, int32_t x,
                    uint32_t len, bool load)
{
    uint32_t end;

    *b = (struct blt_band){.e = e, .x = x, .len = len, .top = -1, .load = load};
    b->s = (struct tile_surface){s->base, (uint32_t)s->pitch, s->tiling == BLT_X ? TILE_X : TILE_Y,
                                 s->swizzle};
    if (s->tiling == BLT_LINEAR || s->base % PAGE || x < 0 || (uint32_t)s->pitch % tile_w(b))
        return;
    b->left = x - x % (int32_t)tile_w(b);
    end = ((uint32_t)x + len + tile_w(b) - 1) / tile_w(b) * tile_w(b);
    b->stride = end - (uint32_t)b->left;
    b->data = malloc((size_t)b->stride * tile_h(b));
}

/* Page of the tile that begins at byte x of the rows at hand. */
static uint64_t page_of(const struct blt_band *b, uint32_t x)
{
    uint32_t run;

    return tile_address(&b->s, x, b->top, &run) & ~(uint64_t)(PAGE - 1);
}

/* A tile at hand. */
struct tile_at {
    const struct blt_band *b;
    uint8_t *rows;
};

static void unpack(void *ctx, uint8_t *page)
{
    const struct tile_at *t = ctx;

    tile_unpack(&t->b->s, page, t->rows, t->b->stride);
}

static void pack(void *ctx, uint8_t *page)
{
    const struct tile_at *t = ctx;

    tile_pack(&t->b->s, page, t->rows, t->b->stride);
}

static void load(struct blt_band *b)
{
    uint8_t page[PAGE];

    for (uint32_t i = 0; i < b->stride; i += tile_w(b)) {
        struct tile_at t = {b, b->data + i};
        uint64_t addr = page_of(b, (uint32_t)b->left + i);

        if (!mem_visit(b->e, addr, false, unpack, &t))
            continue;
        mem_read(b->e, true, addr, page, PAGE);
        unpack(&t, page);
    }
}

static bool whole_tile(const struct blt_band *b, uint32_t x)
{
    uint32_t all = tile_h(b) == 32 ? UINT32_MAX : (1u << tile_h(b)) - 1;

    return b->dirty == all && x >= (uint32_t)b->x && x + tile_w(b) <= (uint32_t)b->x + b->len;
}

/* Only bytes of the blit, only rows that were written. */
static void write_rows(struct blt_band *b, uint32_t tile)
{
    uint32_t from = tile > (uint32_t)b->x ? tile : (uint32_t)b->x;
    uint32_t end = (uint32_t)b->x + b->len, run;

    end = tile + tile_w(b) < end ? tile + tile_w(b) : end;
    for (uint32_t row = 0; row < tile_h(b); row++) {
        for (uint32_t x = from; b->dirty >> row & 1 && x < end; x += run) {
            uint64_t addr = tile_address(&b->s, x, b->top + (int32_t)row, &run);

            run = run < end - x ? run : end - x;
            mem_write(b->e, true, addr, b->data + row * b->stride + (x - (uint32_t)b->left), run);
        }
    }
}

static void flush(struct blt_band *b)
{
    uint8_t page[PAGE];

    for (uint32_t i = 0; b->dirty && i < b->stride; i += tile_w(b)) {
        struct tile_at t = {b, b->data + i};
        uint32_t x = (uint32_t)b->left + i;

        if (!whole_tile(b, x)) {
            write_rows(b, x);
            continue;
        }
        if (!mem_visit(b->e, page_of(b, x), true, pack, &t))
            continue;
        pack(&t, page);
        mem_write(b->e, true, page_of(b, x), page, PAGE);
    }
    b->dirty = 0;
}

uint8_t *blt_band_row(struct blt_band *b, int32_t y)
{
    int32_t top = y - y % (int32_t)tile_h(b);

    if (top != b->top) {
        flush(b);
        b->top = top;
        if (b->load)
            load(b);
    }
    return b->data + (size_t)(y - top) * b->stride + (b->x - b->left);
}

void blt_band_wrote(struct blt_band *b, int32_t y)
{
    b->dirty |= 1u << (y - b->top);
}

void blt_band_end(struct blt_band *b)
{
    if (b->data)
        flush(b);
    free(b->data);
    b->data = NULL;
}
