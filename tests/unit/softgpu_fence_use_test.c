/* SPDX-License-Identifier: MIT */
/*
 * Fences in use: what software should not set up, pages without an entry, that the blitter sees
 * what the CPU wrote, fences that are programmed meanwhile, and what a driver reads about
 * swizzling.
 */
#include "tests/unit/softgpu_fence_rig.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void nonsense_is_reported_and_harmless(void **state)
{
    struct fence_rig *f = *state;

    fence_set(f, 0, 30, 20, 512, 0); /* ends before it starts */
    assert_int_equal(fence_offences(f), 1);
    fence_exercise(f);
    fence_set(f, 0, 30, 40, 128, 0); /* the smallest pitch */
    assert_int_equal(fence_offences(f), 2);
    fence_exercise(f);
    fence_set(f, 0, 3, 90, 640, 0);
    assert_int_equal(fence_offences(f), 3);
    fence_exercise(f);
    fence_put(f, 0, true, UINT32_MAX); /* all of the address space, the longest pitch */
    fence_put(f, 0, false, VALID);
    fence_exercise(f);
    fence_put(f, 0, true, 0xfffff000);
    fence_put(f, 0, false, VALID | Y_TILES);
    fence_exercise(f);
}

static void what_an_offence_says(void **state)
{
    struct fence_rig *f = *state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    fence_set(f, 6, 9, 8, 512, 0);
    offences_dump(judge_offences(f->r.judge), out);
    fclose(out);
    assert_non_null(strstr(text, "\"kind\":\"bad-fence\",\"engine\":\"none\""));
    assert_non_null(strstr(text, "\"gpu_addr\":4231168,"));
    assert_non_null(strstr(text, "\"detail\":\"last page before the first\""));
    free(text);
}

static void pages_without_an_entry(void **state)
{
    struct fence_rig *f = *state;
    uint8_t buf[8192];

    fence_set(f, 0, 4, 11, 4096, Y_TILES); /* a row of the view goes through 32 tiles */
    memset(buf, 0xff, sizeof(buf));
    engines_gtt_write(f->r.engines, (APERTURE / 4096 + 6) * 8, 8, 0);
    assert_int_equal(fences_write(f->fences, APERTURE + 4 * 4096, buf, 4096), 1);
    assert_int_equal(fences_read(f->fences, APERTURE + 4 * 4096, buf, 4096), 1);
    for (unsigned i = 0; i < 4096; i++)
        assert_int_equal(buf[i], i / 128 == 2 ? 0 : i / 128 + 4 < PAGES ? 0xff : 0);
}

/* --- with the blitter ----------------------------------------------------------------------- */

#define SURFACE 0x8000000ull /* in the context's address space */
#define LINEAR  0x9000000ull

static void blit(struct fence_rig *f, struct rig_ctx *c, uint32_t flags, int height,
                 uint32_t tile_pitch)
{
    bool y = flags & Y_TILES;

    RIG_RUN(&f->r, c, MI_LRI1(0x22200, 3u << 16 | (y ? 1 : 0)),
            2u << 29 | 0x53u << 22 | 3u << 20 | 1u << 15 | 8, 3u << 24 | 0xccu << 16 | tile_pitch,
            0, (uint32_t)height << 16 | tile_pitch / 4, (uint32_t)LINEAR, 0, 0, tile_pitch / 4,
            (uint32_t)SURFACE, 0);
}

/* What the CPU wrote row by row through the fence, a blit from the tiled surface reads row by row;
 * and the other way the CPU reads through the fence what the blitter drew. */
static void round_trip(struct fence_rig *f, struct rig_ctx *c, uint32_t flags, int height,
                       uint32_t pitch)
{
    uint32_t bytes = pitch * (uint32_t)height, pages = bytes / 4096;
    uint8_t *want = malloc(bytes), got[4096], *back = malloc(bytes);
    uint32_t color = 0xff000000u | fence_rnd(f, 0x1000000);
    bool y = flags & Y_TILES;

    fence_set(f, 0, 0, pages - 1, pitch, flags);
    for (uint32_t i = 0; i < bytes; i++)
        want[i] = (uint8_t)fence_rnd(f, 256);
    for (uint32_t i = 0; i < bytes; i += 8)
        fences_write(f->fences, APERTURE + i, want + i, 8);
    blit(f, c, flags, height, pitch);
    for (uint32_t i = 0; i < pages; i++) {
        assert_int_equal(dma_read(f->r.dma, f->page[64 + i], got, 4096), 0);
        assert_memory_equal(got, want + i * 4096, 4096);
    }
    RIG_RUN(&f->r, c, MI_LRI1(0x22200, 3u << 16 | (y ? 2 : 0)),
            2u << 29 | 0x50u << 22 | 3u << 20 | 1u << 11 | 5, 3u << 24 | 0xf0u << 16 | pitch / 4,
            3u << 16 | 5, (uint32_t)(height - 2) << 16 | 19, (uint32_t)SURFACE, 0, color);
    for (uint32_t i = 0; i < bytes; i += 4) {
        uint32_t px = i % pitch / 4, py = i / pitch;

        if (px >= 5 && px < 19 && py >= 3 && py < (uint32_t)height - 2)
            memcpy(want + i, &color, 4);
    }
    fences_read(f->fences, APERTURE, back, bytes);
    assert_memory_equal(back, want, bytes);
    free(want);
    free(back);
}

static void blitter_and_cpu_agree(void **state)
{
    struct fence_rig *f = *state;
    struct rig_ctx c;

    rig_context(&f->r, &c, ENGINE_BCS, 4);
    for (unsigned i = 0; i < 60; i++) {
        rig_map(&f->r, &c, SURFACE + i * 4096, f->page[i], 3);
        rig_map(&f->r, &c, LINEAR + i * 4096, f->page[64 + i], 3);
    }
    for (int mode = -1; mode < FENCE_MODES; mode++) {
        fence_swizzle(f, mode);
        if (mode >= 0)
            engines_set_swizzle(f->r.engines, fence_modes[mode].mode);
        engines_mmio_write(f->r.engines, 0x4a08, 2u << 16 | (mode < 0 ? 0 : 2));
        assert_int_equal(engines_mmio_read(f->r.engines, 0x4a08), mode < 0 ? 0 : 2);
        round_trip(f, &c, 0, 40, 1536);
        round_trip(f, &c, Y_TILES, 64, 384);
    }
}

/* --- with another thread that programs fences ------------------------------------------------- */

struct other {
    struct fence_rig *f;
    atomic_bool stop;
};

static void *program(void *arg)
{
    struct other *o = arg;

    for (uint32_t i = 0; !atomic_load(&o->stop); i++) {
        unsigned n = i % 32;

        regs_write(o->f->regs, REG(n), 0);
        regs_write(o->f->regs, REG(n) + 4, (APERTURE + (i % PAGES) * 4096) | (i % 64 * 4 + 3));
        regs_write(o->f->regs, REG(n), (APERTURE + (i * 7 % PAGES) * 4096) | (i & 2) | VALID);
    }
    return NULL;
}

/* Every byte that arrives is one that was written, whatever the fences were at the moment. */
static void programmed_while_in_use(void **state)
{
    struct fence_rig *f = *state;
    struct other o = {.f = f};
    uint8_t buf[4096];
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, program, &o), 0);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t off = fence_rnd(f, BYTES - sizeof(buf));

        memset(buf, 0xa5, sizeof(buf));
        fences_write(f->fences, APERTURE + off, buf, 1 + fence_rnd(f, 64));
        fences_read(f->fences, APERTURE + off, buf, 512);
        for (unsigned k = 0; k < 512; k++)
            assert_true(buf[k] == 0 || buf[k] == 0xa5);
    }
    atomic_store(&o.stop, true);
    pthread_join(t, NULL);
}

static void what_a_driver_asks_for_swizzling(void **state)
{
    struct fence_rig *f = *state;

    assert_int_not_equal(regs_read(f->regs, 0x145004) & 0xffff,
                         regs_read(f->regs, 0x145008) & 0xffff);
    fence_swizzle(f, 1);
    assert_int_equal(regs_read(f->regs, 0x145004) & 0xffff, regs_read(f->regs, 0x145008) & 0xffff);
    assert_int_not_equal(regs_read(f->regs, 0x145004) & 0xffff, 0);
    regs_write(f->regs, 0x145008, 0);
    assert_int_equal(regs_read(f->regs, 0x145004), regs_read(f->regs, 0x145008));
    /* Told to swizzle on a machine that has no need, it does it the hardware's way. */
    fences_set_swizzle(f->fences, TILE_SWIZZLE_NONE);
    fence_set(f, 0, 0, 20, 512, 0);
    fence_exercise(f);
}

int main(void)
{
#define TEST(x) cmocka_unit_test_setup_teardown(x, fence_setup, fence_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nonsense_is_reported_and_harmless),
        TEST(what_an_offence_says),
        TEST(pages_without_an_entry),
        TEST(blitter_and_cpu_agree),
        TEST(programmed_while_in_use),
        TEST(what_a_driver_asks_for_swizzling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
