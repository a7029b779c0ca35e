/* SPDX-License-Identifier: MIT */
/*
 * softgpu_fence_rig.c: see softgpu_fence_rig.h.
 */
#include "tests/unit/softgpu_fence_rig.h"

#include <stdlib.h>

const struct fence_mode fence_modes[FENCE_MODES] = {
    {TILE_SWIZZLE_9, 0x200, 0x200},
    {TILE_SWIZZLE_9_10, 0x600, 0x200},
    {TILE_SWIZZLE_9_11, 0xa00, 0xa00},
    {TILE_SWIZZLE_9_10_11, 0xe00, 0xa00},
};

uint32_t fence_rnd(struct fence_rig *f, uint32_t below)
{
    f->seed = f->seed * 1103515245u + 12345u;
    return (uint32_t)(((uint64_t)(f->seed >> 8) * below) >> 24);
}

int fence_setup(void **state)
{
    struct fence_rig *f = calloc(1, sizeof(*f));

    rig_setup(&f->r);
    f->seed = 1;
    f->regs = regs_new();
    f->fences = fences_new(f->regs, f->r.engines, judge_offences(f->r.judge));
    assert_non_null(f->fences);
    for (unsigned i = 0; i < PAGES; i++)
        f->page[i * 37 % PAGES] = rig_page(&f->r);
    for (unsigned i = 0; i < PAGES; i++)
        rig_ggtt_map(&f->r, APERTURE + i * 4096, f->page[i]);
    *state = f;
    return 0;
}

int fence_teardown(void **state)
{
    struct fence_rig *f = *state;

    fences_free(f->fences);
    rig_teardown(&f->r);
    regs_free(f->regs);
    free(f);
    return 0;
}

void fence_put(struct fence_rig *f, unsigned n, bool high, uint32_t value)
{
    regs_write(f->regs, REG(n) + (high ? 4 : 0), value);
    f->ref.reg[2 * n + high] = value;
}

void fence_set(struct fence_rig *f, unsigned n, unsigned first, unsigned last, uint32_t pitch,
               uint32_t flags)
{
    fence_put(f, n, false, 0);
    fence_put(f, n, true, (APERTURE + last * 4096) | (pitch / 128 - 1));
    fence_put(f, n, false, (APERTURE + first * 4096) | flags | VALID);
}

void fence_off(struct fence_rig *f, unsigned n)
{
    fence_put(f, n, false, 0);
}

void fence_swizzle(struct fence_rig *f, int mode)
{
    fences_set_swizzle(f->fences, mode < 0 ? TILE_SWIZZLE_NONE : fence_modes[mode].mode);
    regs_write(f->regs, TILECTL, mode < 0 ? 0 : 1);
    f->ref.swizzle_x = mode < 0 ? 0 : fence_modes[mode].x;
    f->ref.swizzle_y = mode < 0 ? 0 : fence_modes[mode].y;
}

uint64_t fence_offences(struct fence_rig *f)
{
    return offences_count(judge_offences(f->r.judge), OFFENCE_BAD_FENCE);
}

/* Where byte off of the fenced view lies in the memory, BYTES when outside. */
static uint32_t place(struct fence_rig *f, uint32_t off)
{
    uint64_t to = fence_ref_address(&f->ref, (uint64_t)APERTURE + off) - APERTURE;

    return to < BYTES ? (uint32_t)to : BYTES;
}

void fence_write_at(struct fence_rig *f, uint32_t off, uint32_t len)
{
    uint8_t buf[BYTES];

    for (uint32_t i = 0; i < len; i++) {
        uint32_t to = place(f, off + i);

        buf[i] = (uint8_t)fence_rnd(f, 256);
        if (to < BYTES)
            f->memory[to] = buf[i];
    }
    fences_write(f->fences, (uint64_t)APERTURE + off, buf, len);
}

void fence_read_at(struct fence_rig *f, uint32_t off, uint32_t len)
{
    uint8_t buf[BYTES + 1];

    buf[len] = 0x5a;
    fences_read(f->fences, (uint64_t)APERTURE + off, buf, len);
    for (uint32_t i = 0; i < len; i++) {
        uint32_t from = place(f, off + i);

        if (buf[i] != (from < BYTES ? f->memory[from] : 0))
            fail_msg("read of %u at %u: byte %u", len, off, i);
    }
    assert_int_equal(buf[len], 0x5a);
}

void fence_compare(struct fence_rig *f)
{
    uint8_t got[4096];

    for (unsigned i = 0; i < PAGES; i++) {
        assert_int_equal(dma_read(f->r.dma, f->page[i], got, 4096), 0);
        assert_memory_equal(got, f->memory + i * 4096, 4096);
    }
}

void fence_exercise(struct fence_rig *f)
{
    for (uint32_t len = 1; len <= 8; len++) {
        for (uint32_t i = 0; i < 64; i++)
            fence_write_at(f, fence_rnd(f, BYTES - 8), len);
        for (uint32_t i = 0; i < 64; i++)
            fence_read_at(f, fence_rnd(f, BYTES - 8), len);
    }
    for (uint32_t i = 0; i < 24; i++) {
        uint32_t off = fence_rnd(f, BYTES);

        fence_write_at(f, off, fence_rnd(f, BYTES - off < 9000 ? BYTES - off : 9000));
        off = fence_rnd(f, BYTES);
        fence_read_at(f, off, fence_rnd(f, BYTES - off < 9000 ? BYTES - off : 9000));
    }
    fence_read_at(f, 0, BYTES);
    fence_compare(f);
}
