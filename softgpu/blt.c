/* SPDX-License-Identifier: MIT */
/*
 * blt.c: moves rows of pixels. A row is gathered whole before it is written, so an overlap inside
 * a row is harmless, and rows go in the order that an overlap between rows needs. A row is split
 * at tile borders; mem.c splits it at pages. Engine's thread.
 */
#include "softgpu/blt.h"

#include <errno.h>
#include <stdlib.h>

#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"
#include "softgpu/rop.h"

/* Address of byte x of row y and how many bytes follow it in one piece (Broadwell PRM vol. 5,
 * "Tiling Formats": X 512 bytes by 8 rows; Y 128 bytes by 32 rows in columns of 16 bytes). */
static uint64_t locate(const struct blt_surface *s, int32_t x, int32_t y, uint32_t *run)
{
    int64_t pitch = s->pitch;

    switch (s->tiling) {
    case BLT_X:
        *run = 512 - (uint32_t)(x & 511);
        return s->base + (uint64_t)((y >> 3) * pitch * 8 + (int64_t)(x >> 9) * 4096 +
                                    (y & 7) * 512 + (x & 511));
    case BLT_Y:
        *run = 16 - (uint32_t)(x & 15);
        return s->base + (uint64_t)((y >> 5) * pitch * 32 + (int64_t)(x >> 7) * 4096 +
                                    ((x & 127) >> 4) * 512 + (y & 31) * 16 + (x & 15));
    default:
        *run = UINT32_MAX;
        return s->base + (uint64_t)(y * pitch + x);
    }
}

static void row_read(struct engine *e, const struct blt_surface *s, int32_t x, int32_t y,
                     uint8_t *buf, uint32_t len)
{
    while (len) {
        uint32_t run;
        uint64_t addr = locate(s, x, y, &run);
        uint32_t n = len < run ? len : run;

        mem_read(e, true, addr, buf, n);
        x += (int32_t)n;
        buf += n;
        len -= n;
    }
}

static void row_write(struct engine *e, const struct blt_surface *s, int32_t x, int32_t y,
                      const uint8_t *buf, uint32_t len)
{
    while (len) {
        uint32_t run;
        uint64_t addr = locate(s, x, y, &run);
        uint32_t n = len < run ? len : run;

        mem_write(e, true, addr, buf, n);
        x += (int32_t)n;
        buf += n;
        len -= n;
    }
}

static bool bottom_up(const struct blt_op *op)
{
    uint64_t d = op->dst.base + (uint64_t)((int64_t)op->dst_y * op->dst.pitch + op->dst_x);
    uint64_t s = op->src.base + (uint64_t)((int64_t)op->src_y * op->src.pitch + op->src_x);

    return op->has_src && (d > s) == (op->dst.pitch >= 0) && d != s;
}

static void keep_unmasked(uint64_t mask, const uint8_t *old, uint8_t *row, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        uint8_t m = (uint8_t)(mask >> (8 * (i & 7)));

        row[i] = (uint8_t)((row[i] & m) | (old[i] & ~m));
    }
}

/* buf: three rows: result, source, old destination. */
static void one_row(struct engine *e, const struct blt_op *op, int32_t row, uint8_t *buf)
{
    uint32_t len = (uint32_t)op->width;
    uint8_t *dst = buf, *src = buf + len, *old = buf + 2 * (size_t)len;
    bool partial = ~op->write_mask != 0;

    if (op->has_src)
        row_read(e, &op->src, op->src_x, op->src_y + row, src, len);
    if (rop_needs_dst(op->rop) || partial) {
        row_read(e, &op->dst, op->dst_x, op->dst_y + row, dst, len);
        if (partial)
            rop_apply(0xcc, 0, dst, old, len);
    }
    rop_apply(op->rop, op->pattern, op->has_src ? src : NULL, dst, len);
    if (partial)
        keep_unmasked(op->write_mask, old, dst, len);
    row_write(e, &op->dst, op->dst_x, op->dst_y + row, dst, len);
}

int blt_run(struct engine *e, const struct blt_op *op)
{
    bool up = bottom_up(op);
    uint8_t *buf;
    int r = 0;

    if (op->width <= 0 || op->height <= 0 || op->rop == 0xaa)
        return 0;
    buf = calloc(3, (size_t)op->width);
    if (!buf)
        return -ENOMEM;
    for (int32_t i = 0; i < op->height; i++) {
        if (atomic_load_explicit(&e->attention, memory_order_relaxed) & (ATT_RESET | ATT_QUIT)) {
            r = -EINTR;
            break;
        }
        one_row(e, op, up ? op->height - 1 - i : i, buf);
        atomic_fetch_add_explicit(&e->owner->blit_bytes, (uint64_t)op->width, memory_order_relaxed);
    }
    free(buf);
    return r;
}
