/* SPDX-License-Identifier: MIT */
/*
 * Frame buffers and display timing: values a stock driver programmed for 1024x768, the beam as a
 * function of time, and tiling against a slow pixel-by-pixel model. One thread, no I/O.
 */
#include "gen/fb.h"
#include "gen/modeline.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As traced: 1024x768 at 60 Hz, HDMI on port B, WRPLL 1. */
static struct modeline_regs xga(void)
{
    return (struct modeline_regs){
        .htotal = 0x053f03ff,
        .vtotal = 0x032502ff,
        .vblank = 0x032502ff,
        .ddi_func = 0x91000000 & ~(7u << 24),
        .clk_sel = 4u << 29,
        .wrpll = {0xb0200e13, 0},
    };
}

static void traced_mode(void **state)
{
    struct modeline_regs r = xga();
    struct modeline m;

    (void)state;
    assert_int_equal(modeline_decode(&r, &m), 0);
    assert_int_equal(m.hactive, 1024);
    assert_int_equal(m.htotal, 1344);
    assert_int_equal(m.vactive, 768);
    assert_int_equal(m.vtotal, 806);
    assert_in_range(m.clock_khz, 64935, 65065); /* 65 MHz, 0.1 % */
    assert_in_range(m.refresh_mhz, 59900, 60100);
}

static void clocks(void **state)
{
    struct modeline_regs r = xga();
    struct modeline m;

    (void)state;
    r.clk_sel = 7u << 29;
    assert_int_equal(modeline_decode(&r, &m), -EINVAL);
    r.clk_sel = 5u << 29; /* the other WRPLL is off */
    assert_int_equal(modeline_port_khz(&r), 0);
    r.wrpll[1] = 0x90000000; /* on, with dividers of zero */
    assert_int_equal(modeline_port_khz(&r), 0);
    r.clk_sel = 1u << 29;
    assert_int_equal(modeline_port_khz(&r), 270000);
    r.ddi_func = 1u << 31 | 2u << 24; /* DisplayPort: 65/270 of the link */
    r.link_m = 65 * 1000;
    r.link_n = 270 * 1000;
    assert_int_equal(modeline_decode(&r, &m), 0);
    assert_int_equal(m.clock_khz, 65000);
    r.link_n = 0;
    assert_int_equal(modeline_decode(&r, &m), -EINVAL);
    r.clk_sel = 3u << 29;
    r.spll = 1u << 31 | 1u << 26;
    assert_int_equal(modeline_port_khz(&r), 270000);
    r.ddi_func = 0;
    assert_int_equal(modeline_decode(&r, &m), 1);
}

static void contradictions(void **state)
{
    struct modeline m;
    struct modeline_regs r = xga();

    (void)state;
    r.htotal = 0x000003ff; /* active longer than total */
    assert_int_equal(modeline_decode(&r, &m), -EINVAL);
    r = xga();
    r.vtotal = 0;
    assert_int_equal(modeline_decode(&r, &m), -EINVAL);
    r = xga();
    r.vblank = 0xffffffff;
    assert_int_equal(modeline_decode(&r, &m), -EINVAL);
}

/* Between two vblanks the frame counter stands; at each it goes up by one. */
static void beam(void **state)
{
    struct modeline_regs r = xga();
    struct modeline m;
    uint64_t t = 0;
    uint32_t frame;

    (void)state;
    assert_int_equal(modeline_decode(&r, &m), 0);
    frame = modeline_frame(&m, 0);
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t next = modeline_next_vblank(&m, t);

        assert_true(next > t && next - t < 16700000);
        assert_int_equal(modeline_frame(&m, next - 1), frame);
        assert_int_equal(modeline_frame(&m, next), frame + 1);
        assert_int_equal((modeline_line(&m, next) + m.line_offset) % m.vtotal, m.vblank_start);
        t = next;
        frame++;
    }
    assert_in_range(t / 5000, 16600000, 16700000);
    assert_int_equal(modeline_line(&m, 0), m.vtotal - 2);
    t = UINT64_MAX / 4; /* centuries do not overflow */
    assert_true(modeline_line(&m, t) < m.vtotal && modeline_next_vblank(&m, t) > t);
}

static struct fb_regs plane(uint32_t format, bool tiled)
{
    return (struct fb_regs){
        .dspcntr = 1u << 31 | format << 26 | (tiled ? 1u << 10 : 0),
        .dspstride = 0x1000,
        .dspsurf = 0x08000fff,
        .pipesrc = 0x03ff02ff,
    };
}

static void decode(void **state)
{
    struct fb_regs r = plane(6, true);
    struct fb fb;

    (void)state;
    assert_int_equal(fb_decode(&r, &fb), 0);
    assert_int_equal(fb.base, 0x08000000);
    assert_int_equal(fb.width, 1024);
    assert_int_equal(fb.height, 768);
    assert_int_equal(fb.stride, 4096);
    assert_int_equal(fb.bpp, 32);
    assert_true(fb.tiled && !fb.rotated);
    assert_int_equal(fb.format, FB_XRGB8888);
    assert_int_equal(fb.bytes, 4096 * 768);
    r.dspcntr = 0;
    assert_int_equal(fb_decode(&r, &fb), 1);
}

static void undecodable(void **state)
{
    struct fb fb;
    struct fb_regs r = plane(1, false);

    (void)state;
    assert_int_equal(fb_decode(&r, &fb), -EINVAL); /* format */
    r = plane(6, false);
    r.dspstride = 0xfc0;
    assert_int_equal(fb_decode(&r, &fb), -EINVAL); /* stride below a row */
    r = plane(6, true);
    r.dspstride = 0x1040;
    assert_int_equal(fb_decode(&r, &fb), -EINVAL); /* no whole tiles */
    r = plane(6, false);
    r.dspoffset = 1;
    assert_int_equal(fb_decode(&r, &fb), -EINVAL); /* row beyond the stride */
    r = plane(6, false);
    r.dspsurf = 0xfffff000;
    assert_int_equal(fb_decode(&r, &fb), -EINVAL); /* beyond 4 GiB */
}

/* Every byte of a surface has one place in the tiles, and tiles fill their page. */
static void tiling_is_a_permutation(void **state)
{
    const uint32_t stride = 1536, rows = 24;
    uint8_t *seen = calloc(stride, rows);

    (void)state;
    assert_int_equal(fb_xtile_offset(stride, 513, 9), 8 * 1536 + 4096 + 512 + 1);
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < stride; x++) {
            size_t at = fb_xtile_offset(stride, x, y);

            assert_true(at < (size_t)stride * rows);
            assert_int_equal(seen[at]++, 0);
            assert_int_equal(at / 4096, y / 8 * (stride / 512) + x / 512);
        }
    }
    free(seen);
}

static void copy(void **state)
{
    (void)state;
    srandom(2);
    for (unsigned tiled = 0; tiled < 2; tiled++) {
        struct fb fb = {
            .x = 200, .y = 5, .width = 77, .height = 30, .bpp = 32, .stride = 1536, .tiled = tiled};
        uint8_t *src = malloc(1536 * 40), *dst = calloc(30, 320);

        fb.bytes = 1536 * (tiled ? 40 : 35);
        for (unsigned i = 0; i < 1536 * 40; i++)
            src[i] = (uint8_t)random();
        assert_int_equal(fb_copy(&fb, src, fb.bytes, dst, 320), 0);
        for (uint32_t y = 0; y < 30; y++) {
            for (uint32_t x = 0; x < 320; x++) {
                uint32_t column = 800 + x, row = y + 5;
                size_t at =
                    tiled ? fb_xtile_offset(1536, column, row) : (size_t)row * 1536 + column;

                assert_int_equal(dst[y * 320 + x], x < 77 * 4 ? src[at] : 0);
            }
        }
        assert_int_equal(fb_copy(&fb, src, fb.bytes - 1, dst, 320), -EINVAL);
        assert_int_equal(fb_copy(&fb, src, fb.bytes, dst, 77 * 4 - 1), -EINVAL);
        free(src);
        free(dst);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traced_mode),
        cmocka_unit_test(clocks),
        cmocka_unit_test(contradictions),
        cmocka_unit_test(beam),
        cmocka_unit_test(decode),
        cmocka_unit_test(undecodable),
        cmocka_unit_test(tiling_is_a_permutation),
        cmocka_unit_test(copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
