/* SPDX-License-Identifier: MIT */
/*
 * Fences: CPU access through the aperture against a reference that places every byte on its own
 * (softgpu_fence_ref.h) and against tiles laid out by hand; what software should not set up; and
 * that the blitter sees what the CPU wrote.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/fence.h"
#include "softgpu/offence.h"
#include "softgpu/regs.h"
#include "tests/unit/softgpu_fence_ref.h"

#define PAGES    128u
#define BYTES    (PAGES * 4096u)
#define APERTURE 0x400000u /* GGTT address of the first page */
#define TILECTL  0x101000u
#define REG(n)   (0x100000u + 8 * (n))
#define VALID    1u
#define Y_TILES  2u

struct fix {
    struct rig r;
    struct regs *regs;
    struct fences *fences;
    struct fence_ref ref;
    uint64_t page[PAGES];  /* machine addresses, in no order */
    uint8_t memory[BYTES]; /* what should be in them */
    uint32_t seed;
};

static const struct {
    enum tile_swizzle mode;
    uint32_t x, y;
} modes[] = {
    {TILE_SWIZZLE_9, 0x200, 0x200},
    {TILE_SWIZZLE_9_10, 0x600, 0x200},
    {TILE_SWIZZLE_9_11, 0xa00, 0xa00},
    {TILE_SWIZZLE_9_10_11, 0xe00, 0xa00},
};

static uint32_t rnd(struct fix *f, uint32_t below)
{
    f->seed = f->seed * 1103515245u + 12345u;
    return (uint32_t)(((uint64_t)(f->seed >> 8) * below) >> 24);
}

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

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

static int teardown(void **state)
{
    struct fix *f = *state;

    fences_free(f->fences);
    rig_teardown(&f->r);
    regs_free(f->regs);
    free(f);
    return 0;
}

static void put(struct fix *f, unsigned n, bool high, uint32_t value)
{
    regs_write(f->regs, REG(n) + (high ? 4 : 0), value);
    f->ref.reg[2 * n + high] = value;
}

/* In the order of drivers. Pages of the test's memory, pitch in bytes. */
static void fence(struct fix *f, unsigned n, unsigned first, unsigned last, uint32_t pitch,
                  uint32_t flags)
{
    put(f, n, false, 0);
    put(f, n, true, (APERTURE + last * 4096) | (pitch / 128 - 1));
    put(f, n, false, (APERTURE + first * 4096) | flags | VALID);
}

static void fence_off(struct fix *f, unsigned n)
{
    put(f, n, false, 0);
}

static void swizzle(struct fix *f, int mode)
{
    fences_set_swizzle(f->fences, mode < 0 ? TILE_SWIZZLE_NONE : modes[mode].mode);
    regs_write(f->regs, TILECTL, mode < 0 ? 0 : 1);
    f->ref.swizzle_x = mode < 0 ? 0 : modes[mode].x;
    f->ref.swizzle_y = mode < 0 ? 0 : modes[mode].y;
}

static uint64_t count(struct fix *f)
{
    return offences_count(judge_offences(f->r.judge), OFFENCE_BAD_FENCE);
}

/* Where byte off of the fenced view lies in the memory, BYTES when outside. */
static uint32_t place(struct fix *f, uint32_t off)
{
    uint64_t to = fence_ref_address(&f->ref, (uint64_t)APERTURE + off) - APERTURE;

    return to < BYTES ? (uint32_t)to : BYTES;
}

static void write_at(struct fix *f, uint32_t off, uint32_t len)
{
    uint8_t buf[BYTES];

    for (uint32_t i = 0; i < len; i++) {
        uint32_t to = place(f, off + i);

        buf[i] = (uint8_t)rnd(f, 256);
        if (to < BYTES)
            f->memory[to] = buf[i];
    }
    fences_write(f->fences, (uint64_t)APERTURE + off, buf, len);
}

static void read_at(struct fix *f, uint32_t off, uint32_t len)
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

static void compare(struct fix *f)
{
    uint8_t got[4096];

    for (unsigned i = 0; i < PAGES; i++) {
        assert_int_equal(dma_read(f->r.dma, f->page[i], got, 4096), 0);
        assert_memory_equal(got, f->memory + i * 4096, 4096);
    }
}

/* Accesses of every size that the bus has, at every alignment, then long ones. */
static void exercise(struct fix *f)
{
    for (uint32_t len = 1; len <= 8; len++) {
        for (uint32_t i = 0; i < 64; i++)
            write_at(f, rnd(f, BYTES - 8), len);
        for (uint32_t i = 0; i < 64; i++)
            read_at(f, rnd(f, BYTES - 8), len);
    }
    for (uint32_t i = 0; i < 24; i++) {
        uint32_t off = rnd(f, BYTES);

        write_at(f, off, rnd(f, BYTES - off < 9000 ? BYTES - off : 9000));
        off = rnd(f, BYTES);
        read_at(f, off, rnd(f, BYTES - off < 9000 ? BYTES - off : 9000));
    }
    read_at(f, 0, BYTES);
    compare(f);
}

static void each_pitch_and_swizzle(void **state)
{
    static const uint32_t x_pitch[] = {512, 1024, 1536, 4096, 7680, 65536};
    static const uint32_t y_pitch[] = {128, 256, 384, 1152, 4096, 7680};
    struct fix *f = *state;

    for (int mode = -1; mode < (int)(sizeof(modes) / sizeof(modes[0])); mode++) {
        swizzle(f, mode);
        for (unsigned i = 0; i < 6; i++) {
            fence(f, 3, 5, 100, x_pitch[i], 0);
            exercise(f);
            fence(f, 3, 5, 100, y_pitch[i], Y_TILES);
            exercise(f);
        }
    }
    assert_int_equal(count(f), 0);
}

/* One number per byte of a tile, from the drawings of the tiles: nothing computed in common. */
static void tiles_laid_out_by_hand(void **state)
{
    struct fix *f = *state;
    uint32_t *at = malloc(BYTES * sizeof(*at)); /* of linear byte i in memory */

    for (int y = 0; y < 2; y++) {
        const uint32_t across = 3, w = y ? 128 : 512, h = y ? 32 : 8, rows = 4;
        uint32_t next = 0;

        /* Memory in its own order: tiles, in each of them rows or strips of rows. */
        for (uint32_t tile = 0; tile < across * rows; tile++) {
            for (uint32_t strip = 0; strip < (y ? 8u : 1u); strip++) {
                for (uint32_t row = 0; row < h; row++) {
                    for (uint32_t b = 0; b < (y ? 16u : 512u); b++)
                        at[(tile / across * h + row) * (across * w) + tile % across * w +
                           strip * 16 + b] = next++;
                }
            }
        }
        assert_int_equal(next, across * rows * 4096);
        fence(f, 0, 0, across * rows - 1, across * w, y ? Y_TILES : 0);
        for (uint32_t i = 0; i < next; i++) {
            uint8_t v = (uint8_t)(i * 7 + i / 256), got = 0;
            uint32_t to = at[i];

            fences_write(f->fences, APERTURE + i, &v, 1);
            assert_int_equal(dma_read(f->r.dma, f->page[to / 4096] + to % 4096, &got, 1), 0);
            assert_int_equal(got, v);
        }
    }
    free(at);
}

static void several_fences_and_their_edges(void **state)
{
    struct fix *f = *state;

    fence(f, 0, 0, 11, 512, 0);
    fence(f, 31, 12, 23, 384, Y_TILES); /* right behind it */
    fence(f, 7, 30, 30, 4096, Y_TILES);
    fence(f, 8, 40, PAGES - 1, 1536, 0);
    exercise(f);
    for (uint32_t i = 0; i < 200; i++) {
        write_at(f, 12 * 4096 - rnd(f, 40), 1 + rnd(f, 80));
        write_at(f, 24 * 4096 - rnd(f, 40), 1 + rnd(f, 80));
        read_at(f, 30 * 4096 - rnd(f, 40), 1 + rnd(f, 80));
        read_at(f, 31 * 4096 - rnd(f, 40), 1 + rnd(f, 80));
    }
    compare(f);
    assert_int_equal(count(f), 0);
    fence_off(f, 31);
    fence_off(f, 8);
    exercise(f);
}

/* The last row of tiles is not whole: the detiling reaches beyond the last page. */
static void last_row_of_tiles_not_whole(void **state)
{
    struct fix *f = *state;

    fence(f, 1, 2, 4, 4096, Y_TILES);
    exercise(f);
    fence(f, 1, PAGES - 3, PAGES - 1, 4096, 0); /* beyond: nothing is mapped */
    exercise(f);
    assert_int_equal(count(f), 0);
}

static void registers_change_one_half_at_a_time(void **state)
{
    struct fix *f = *state;

    put(f, 5, true, (APERTURE + 20 * 4096) | 3); /* not valid yet */
    exercise(f);
    put(f, 5, false, (APERTURE + 4 * 4096) | VALID);
    exercise(f);
    put(f, 5, true, (APERTURE + 40 * 4096) | 7); /* takes effect at once */
    exercise(f);
    put(f, 5, false, (APERTURE + 8 * 4096) | VALID | Y_TILES);
    exercise(f);
    assert_int_equal(count(f), 0);
    put(f, 5, false, APERTURE + 8 * 4096);
    exercise(f);
    regs_reset(f->regs);
    fences_reset(f->fences);
    memset(&f->ref, 0, sizeof(f->ref));
    exercise(f);
}

static void lowest_number_counts_where_fences_overlap(void **state)
{
    struct fix *f = *state;

    fence(f, 9, 10, 50, 512, 0);
    fence(f, 4, 20, 30, 128, Y_TILES);
    assert_int_equal(count(f), 1);
    exercise(f);
    fence(f, 12, 45, 60, 1024, 0);
    assert_int_equal(count(f), 2);
    exercise(f);
    fence(f, 2, 0, 127, 2048, 0);
    assert_int_equal(count(f), 3);
    exercise(f);
    regs_write(f->regs, REG(2), f->ref.reg[4]); /* the same again is no news */
    assert_int_equal(count(f), 3);
    fence_off(f, 2);
    exercise(f);
    assert_int_equal(count(f), 3);
}

static void nonsense_is_reported_and_harmless(void **state)
{
    struct fix *f = *state;

    fence(f, 0, 30, 20, 512, 0); /* ends before it starts */
    assert_int_equal(count(f), 1);
    exercise(f);
    fence(f, 0, 30, 40, 128, 0); /* the smallest pitch */
    assert_int_equal(count(f), 2);
    exercise(f);
    fence(f, 0, 3, 90, 640, 0);
    assert_int_equal(count(f), 3);
    exercise(f);
    put(f, 0, true, UINT32_MAX); /* all of the address space, the longest pitch */
    put(f, 0, false, VALID);
    exercise(f);
    put(f, 0, true, 0xfffff000);
    put(f, 0, false, VALID | Y_TILES);
    exercise(f);
}

static void what_an_offence_says(void **state)
{
    struct fix *f = *state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    fence(f, 6, 9, 8, 512, 0);
    offences_dump(judge_offences(f->r.judge), out);
    fclose(out);
    assert_non_null(strstr(text, "\"kind\":\"bad-fence\",\"engine\":\"none\""));
    assert_non_null(strstr(text, "\"gpu_addr\":4231168,"));
    assert_non_null(strstr(text, "\"detail\":\"last page before the first\""));
    free(text);
}

static void pages_without_an_entry(void **state)
{
    struct fix *f = *state;
    uint8_t buf[8192];

    fence(f, 0, 4, 11, 4096, Y_TILES); /* a row of the view goes through 32 tiles */
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

static void blit(struct fix *f, struct rig_ctx *c, uint32_t flags, int height, uint32_t tile_pitch)
{
    bool y = flags & Y_TILES;

    RIG_RUN(&f->r, c, MI_LRI1(0x22200, 3u << 16 | (y ? 1 : 0)),
            2u << 29 | 0x53u << 22 | 3u << 20 | 1u << 15 | 8, 3u << 24 | 0xccu << 16 | tile_pitch,
            0, (uint32_t)height << 16 | tile_pitch / 4, (uint32_t)LINEAR, 0, 0, tile_pitch / 4,
            (uint32_t)SURFACE, 0);
}

/* What the CPU wrote row by row through the fence, a blit from the tiled surface reads row by row;
 * and the other way the CPU reads through the fence what the blitter drew. */
static void round_trip(struct fix *f, struct rig_ctx *c, uint32_t flags, int height, uint32_t pitch)
{
    uint32_t bytes = pitch * (uint32_t)height, pages = bytes / 4096;
    uint8_t *want = malloc(bytes), got[4096], *back = malloc(bytes);
    uint32_t color = 0xff000000u | rnd(f, 0x1000000);
    bool y = flags & Y_TILES;

    fence(f, 0, 0, pages - 1, pitch, flags);
    for (uint32_t i = 0; i < bytes; i++)
        want[i] = (uint8_t)rnd(f, 256);
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
    struct fix *f = *state;
    struct rig_ctx c;

    rig_context(&f->r, &c, ENGINE_BCS, 4);
    for (unsigned i = 0; i < 60; i++) {
        rig_map(&f->r, &c, SURFACE + i * 4096, f->page[i], 3);
        rig_map(&f->r, &c, LINEAR + i * 4096, f->page[64 + i], 3);
    }
    for (int mode = -1; mode < (int)(sizeof(modes) / sizeof(modes[0])); mode++) {
        swizzle(f, mode);
        if (mode >= 0)
            engines_set_swizzle(f->r.engines, modes[mode].mode);
        engines_mmio_write(f->r.engines, 0x4a08, 2u << 16 | (mode < 0 ? 0 : 2));
        assert_int_equal(engines_mmio_read(f->r.engines, 0x4a08), mode < 0 ? 0 : 2);
        round_trip(f, &c, 0, 40, 1536);
        round_trip(f, &c, Y_TILES, 64, 384);
    }
}

/* --- with another thread that programs fences ------------------------------------------------- */

struct other {
    struct fix *f;
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
    struct fix *f = *state;
    struct other o = {.f = f};
    uint8_t buf[4096];
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, program, &o), 0);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t off = rnd(f, BYTES - sizeof(buf));

        memset(buf, 0xa5, sizeof(buf));
        fences_write(f->fences, APERTURE + off, buf, 1 + rnd(f, 64));
        fences_read(f->fences, APERTURE + off, buf, 512);
        for (unsigned k = 0; k < 512; k++)
            assert_true(buf[k] == 0 || buf[k] == 0xa5);
    }
    atomic_store(&o.stop, true);
    pthread_join(t, NULL);
}

static void what_a_driver_asks_for_swizzling(void **state)
{
    struct fix *f = *state;

    assert_int_not_equal(regs_read(f->regs, 0x145004) & 0xffff,
                         regs_read(f->regs, 0x145008) & 0xffff);
    swizzle(f, 1);
    assert_int_equal(regs_read(f->regs, 0x145004) & 0xffff, regs_read(f->regs, 0x145008) & 0xffff);
    assert_int_not_equal(regs_read(f->regs, 0x145004) & 0xffff, 0);
    regs_write(f->regs, 0x145008, 0);
    assert_int_equal(regs_read(f->regs, 0x145004), regs_read(f->regs, 0x145008));
    /* Told to swizzle on a machine that has no need, it does it the hardware's way. */
    fences_set_swizzle(f->fences, TILE_SWIZZLE_NONE);
    fence(f, 0, 0, 20, 512, 0);
    exercise(f);
}

int main(void)
{
#define TEST(x) cmocka_unit_test_setup_teardown(x, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_pitch_and_swizzle),
        TEST(tiles_laid_out_by_hand),
        TEST(several_fences_and_their_edges),
        TEST(last_row_of_tiles_not_whole),
        TEST(registers_change_one_half_at_a_time),
        TEST(lowest_number_counts_where_fences_overlap),
        TEST(nonsense_is_reported_and_harmless),
        TEST(what_an_offence_says),
        TEST(pages_without_an_entry),
        TEST(blitter_and_cpu_agree),
        TEST(programmed_while_in_use),
        TEST(what_a_driver_asks_for_swizzling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
