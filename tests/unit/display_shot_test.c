/* SPDX-License-Identifier: MIT */
/*
 * Screenshots: linear and X-tiled, larger than the slice, queued, refused, of guests that go. The
 * test plays gtt: it fills the slice with what the guest's memory holds. One thread.
 */
#include "tests/unit/display_fixture.h"

#include "services/display/regs.h"

#include <errno.h>

#define PAGE 4096u

static struct rig r;

/* What a byte of graphics memory holds. */
static uint8_t byte_at(uint64_t address)
{
    uint64_t x = address * 0x9e3779b97f4a7c15ull;

    return (uint8_t)(x >> 56);
}

/* gtt's answer to what was asked for last. */
static void fill(void)
{
    uint32_t id = r.slice_id;
    uint64_t at = (uint64_t)r.slice_first * PAGE;
    size_t len = (size_t)r.slice_pages * PAGE;
    void *map;

    r.slice_id = 0;
    if (len) {
        assert_true(len <= r.gpu->info.aperture_slice);
        assert_int_equal(gpu_aperture_map(r.gpu, r.gpu->info.aperture_slice_at, len, &map), 0);
        for (size_t i = 0; i < len; i++)
            ((uint8_t *)map)[i] = byte_at(at + i);
        gpu_aperture_unmap(r.gpu, map, len);
    }
    display_slice(r.d, id, 0);
}

/* Turns until the slice was given back, or an error came and it was. */
static void run_shot(void)
{
    for (int i = 0; i < 200000; i++) {
        uint32_t pages = r.slice_pages;

        if (r.slice_id) {
            fill();
            if (!pages)
                return;
        }
        assert_int_equal(loop_turn(r.loop, 1), 0);
    }
    fail();
}

static void setup_guest(unsigned n)
{
    rig_new(&r, false);
    rig_start(&r);
    for (unsigned i = 0; i < n; i++) {
        guest_in(&r, i);
        xga(&r, i, (uint32_t)LOW(i));
        ring(&r, i);
    }
}

/* Compares every pixel with a slow model. */
static void check_picture(unsigned n)
{
    uint32_t stride = *reg(&r, n, PRI_STRIDE), src = *reg(&r, n, PIPE_SRC);
    uint32_t off = *reg(&r, n, PRI_OFFSET), base = *reg(&r, n, PRI_SURF);
    uint32_t w = (src >> 16) + 1, h = (src & 0xffff) + 1, x0 = off & 0xffff, y0 = off >> 16;
    bool tiled = *reg(&r, n, PRI_CTL) & PRI_TILED;

    assert_int_equal(r.piece.width, w);
    assert_int_equal(r.piece.height, h);
    assert_int_equal(r.piece.stride, w * 4);
    assert_true(r.piece.last);
    assert_int_equal(r.got, (uint64_t)w * h * 4);
    for (uint32_t y = 0; y < h; y++) {
        for (uint32_t x = 0; x < w * 4; x++) {
            uint32_t column = x0 * 4 + x, row = y0 + y;
            uint64_t at =
                tiled ? fb_xtile_offset(stride, column, row) : (uint64_t)row * stride + column;

            if (r.picture[(size_t)y * w * 4 + x] != byte_at(base + at))
                fail_msg("pixel byte %u,%u", x, y);
        }
    }
}

static void linear(void **state)
{
    (void)state;
    setup_guest(1);
    display_screenshot(r.d, DOMID(0), 1);
    assert_int_equal(r.slice_domid, DOMID(0));
    assert_int_equal(r.slice_first, LOW(0) / PAGE);
    assert_int_equal(r.slice_pages, 768);
    run_shot();
    assert_int_equal(r.piece.format, FB_XRGB8888);
    check_picture(0);
    rig_free(&r);
}

/* Nothing is a round number here. */
static void odd(void **state)
{
    (void)state;
    for (unsigned tiled = 0; tiled < 2; tiled++) {
        setup_guest(1);
        *reg(&r, 0, PRI_CTL) |= tiled ? PRI_TILED : 0;
        *reg(&r, 0, PRI_STRIDE) = tiled ? 0x1200 : 0x1140;
        *reg(&r, 0, PRI_OFFSET) = 5u << 16 | 13;
        *reg(&r, 0, PIPE_SRC) = 802u << 16 | 606;
        display_screenshot(r.d, DOMID(0), 1);
        run_shot();
        check_picture(0);
        rig_free(&r);
    }
}

/* 33 MiB through a slice of 16: gtt is asked more than once. */
static void larger_than_the_slice(void **state)
{
    (void)state;
    for (unsigned tiled = 0; tiled < 2; tiled++) {
        setup_guest(1);
        *reg(&r, 0, PRI_CTL) |= tiled ? PRI_TILED : 0;
        *reg(&r, 0, PRI_STRIDE) = 0x4000;
        *reg(&r, 0, PIPE_SRC) = 1000u << 16 | 2159;
        display_screenshot(r.d, DOMID(0), 1);
        run_shot();
        assert_in_range(r.slices, 4, 5); /* one of them gives it back */
        check_picture(0);
        rig_free(&r);
    }
}

static void of_the_screen_and_queued(void **state)
{
    (void)state;
    setup_guest(2);
    display_screenshot(r.d, 0, 1); /* the first guest is in the foreground, monitor or not */
    display_screenshot(r.d, DOMID(1), 2);
    assert_int_equal(r.slice_domid, DOMID(0));
    run_shot();
    check_picture(0);
    r.got = 0;
    assert_int_equal(r.slice_domid, DOMID(1));
    run_shot();
    check_picture(1);
    rig_free(&r);
}

static void refused(void **state)
{
    (void)state;
    setup_guest(2);
    *reg(&r, 0, PRI_SURF) = (uint32_t)LOW(1); /* another guest's memory */
    display_screenshot(r.d, DOMID(0), 1);
    assert_int_equal(r.error_id, 1);
    *reg(&r, 1, PIPE_CONF) = 0;
    display_screenshot(r.d, DOMID(1), 2);
    assert_int_equal(r.error_id, 2);
    assert_string_equal(r.text, "guest 6 shows nothing");
    display_screenshot(r.d, 99, 3);
    assert_string_equal(r.text, "no guest 99 has a display; vgtctl list shows them");
    assert_int_equal(r.slices, 0);
    /* gtt says no. */
    *reg(&r, 0, PRI_SURF) = (uint32_t)LOW(0);
    display_screenshot(r.d, DOMID(0), 4);
    display_slice(r.d, r.slice_id, ENOMEM);
    assert_int_equal(r.error_id, 4);
    assert_int_equal(r.slice_pages, 0);
    rig_free(&r);
}

static void guest_goes(void **state)
{
    (void)state;
    setup_guest(1);
    display_screenshot(r.d, DOMID(0), 1);
    fill();
    turns(&r, 3);
    display_guest_remove(r.d, DOMID(0), false, 2);
    assert_int_equal(r.error_id, 1);
    assert_int_equal(r.slice_pages, 0);
    fill();
    turns(&r, 3);
    assert_int_equal(r.removed, 2);
    display_guest_remove(r.d, DOMID(0), true, 3);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear),
        cmocka_unit_test(odd),
        cmocka_unit_test(larger_than_the_slice),
        cmocka_unit_test(of_the_screen_and_queued),
        cmocka_unit_test(refused),
        cmocka_unit_test(guest_goes),
    };

    return RUN_BOTH(tests);
}
