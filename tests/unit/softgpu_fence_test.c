/* SPDX-License-Identifier: MIT */
/*
 * Fences: CPU access through the aperture against a reference that places every byte on its own
 * (softgpu_fence_ref.h) and against tiles laid out by hand.
 */
#include "tests/unit/softgpu_fence_rig.h"

#include <stdlib.h>
#include <string.h>

static void each_pitch_and_swizzle(void **state)
{
    static const uint32_t x_pitch[] = {512, 1024, 1536, 4096, 7680, 65536};
    static const uint32_t y_pitch[] = {128, 256, 384, 1152, 4096, 7680};
    struct fence_rig *f = *state;

    for (int mode = -1; mode < FENCE_MODES; mode++) {
        fence_swizzle(f, mode);
        for (unsigned i = 0; i < 6; i++) {
            fence_set(f, 3, 5, 100, x_pitch[i], 0);
            fence_exercise(f);
            fence_set(f, 3, 5, 100, y_pitch[i], Y_TILES);
            fence_exercise(f);
        }
    }
    assert_int_equal(fence_offences(f), 0);
}

/* One number per byte of a tile, from the drawings of the tiles: nothing computed in common. */
static void tiles_laid_out_by_hand(void **state)
{
    struct fence_rig *f = *state;
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
        fence_set(f, 0, 0, across * rows - 1, across * w, y ? Y_TILES : 0);
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
    struct fence_rig *f = *state;

    fence_set(f, 0, 0, 11, 512, 0);
    fence_set(f, 31, 12, 23, 384, Y_TILES); /* right behind it */
    fence_set(f, 7, 30, 30, 4096, Y_TILES);
    fence_set(f, 8, 40, PAGES - 1, 1536, 0);
    fence_exercise(f);
    for (uint32_t i = 0; i < 200; i++) {
        fence_write_at(f, 12 * 4096 - fence_rnd(f, 40), 1 + fence_rnd(f, 80));
        fence_write_at(f, 24 * 4096 - fence_rnd(f, 40), 1 + fence_rnd(f, 80));
        fence_read_at(f, 30 * 4096 - fence_rnd(f, 40), 1 + fence_rnd(f, 80));
        fence_read_at(f, 31 * 4096 - fence_rnd(f, 40), 1 + fence_rnd(f, 80));
    }
    fence_compare(f);
    assert_int_equal(fence_offences(f), 0);
    fence_off(f, 31);
    fence_off(f, 8);
    fence_exercise(f);
}

/* The last row of tiles is not whole: the detiling reaches beyond the last page. */
static void last_row_of_tiles_not_whole(void **state)
{
    struct fence_rig *f = *state;

    fence_set(f, 1, 2, 4, 4096, Y_TILES);
    fence_exercise(f);
    fence_set(f, 1, PAGES - 3, PAGES - 1, 4096, 0); /* beyond: nothing is mapped */
    fence_exercise(f);
    assert_int_equal(fence_offences(f), 0);
}

static void registers_change_one_half_at_a_time(void **state)
{
    struct fence_rig *f = *state;

    fence_put(f, 5, true, (APERTURE + 20 * 4096) | 3); /* not valid yet */
    fence_exercise(f);
    fence_put(f, 5, false, (APERTURE + 4 * 4096) | VALID);
    fence_exercise(f);
    fence_put(f, 5, true, (APERTURE + 40 * 4096) | 7); /* takes effect at once */
    fence_exercise(f);
    fence_put(f, 5, false, (APERTURE + 8 * 4096) | VALID | Y_TILES);
    fence_exercise(f);
    assert_int_equal(fence_offences(f), 0);
    fence_put(f, 5, false, APERTURE + 8 * 4096);
    fence_exercise(f);
    regs_reset(f->regs);
    fences_reset(f->fences);
    memset(&f->ref, 0, sizeof(f->ref));
    fence_exercise(f);
}

static void lowest_number_counts_where_fences_overlap(void **state)
{
    struct fence_rig *f = *state;

    fence_set(f, 9, 10, 50, 512, 0);
    fence_set(f, 4, 20, 30, 128, Y_TILES);
    assert_int_equal(fence_offences(f), 1);
    fence_exercise(f);
    fence_set(f, 12, 45, 60, 1024, 0);
    assert_int_equal(fence_offences(f), 2);
    fence_exercise(f);
    fence_set(f, 2, 0, 127, 2048, 0);
    assert_int_equal(fence_offences(f), 3);
    fence_exercise(f);
    regs_write(f->regs, REG(2), f->ref.reg[4]); /* the same again is no news */
    assert_int_equal(fence_offences(f), 3);
    fence_off(f, 2);
    fence_exercise(f);
    assert_int_equal(fence_offences(f), 3);
}
int main(void)
{
#define TEST(x) cmocka_unit_test_setup_teardown(x, fence_setup, fence_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_pitch_and_swizzle),
        TEST(tiles_laid_out_by_hand),
        TEST(several_fences_and_their_edges),
        TEST(last_row_of_tiles_not_whole),
        TEST(registers_change_one_half_at_a_time),
        TEST(lowest_number_counts_where_fences_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
