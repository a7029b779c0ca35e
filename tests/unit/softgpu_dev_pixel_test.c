/* SPDX-License-Identifier: MIT */
/*
 * Pixel formats, palette and gamma as they come out of a pipe (seen through its CRC), and planes
 * that are refused or warned of.
 */
#include "softgpu/crc.h"
#include "softgpu/pixel.h"
#include "softgpu/warn.h"
#include "softgpu_screen_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENABLE  (1u << 31)
#define GAMMA   (1u << 30)
#define TILED_X (1u << 10)
#define TILED_Y (1u << 12)
#define XRGB    0x98000000u
#define INDEXED 0x88000000u

/* One pixel of each format, as it lies in memory. */
static void test_formats(void **state)
{
    static const struct {
        uint32_t code, bytes, pixel, rgb;
    } t[] = {
        {0x3, 2, 0xfc00, 0xff0000},     {0x3, 2, 0x03e0, 0x00ff00},
        {0x4, 2, 0x0011, 0x00008c},     {0x4, 2, 0xffff, 0xffffff},
        {0x5, 2, 0xf800, 0xff0000},     {0x5, 2, 0x8410, 0x848284},
        {0x6, 4, 0x00123456, 0x123456}, {0x7, 4, 0x7f123456, 0x123456},
        {0xe, 4, 0x00123456, 0x563412}, {0xf, 4, 0x7f123456, 0x563412},
        {0x8, 4, 0x3ff, 0xff0000},      {0x8, 4, 0x3ff00000, 0x0000ff},
        {0x9, 4, 0xc00ffc00, 0x00ff00}, {0xa, 4, 0x3ff00000, 0xff0000},
        {0xa, 4, 0x0000000c, 0x000003}, {0xb, 4, 0xc0000003, 0x000000},
        {0xb, 4, 0x2ab55d55, 0xaa5555},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const struct pixel_format *f = pixel_format_of(t[i].code << 26 | ENABLE | TILED_X);
        uint8_t in[12] = {0}, rgb[9] = {0};

        assert_non_null(f);
        assert_int_equal(f->bytes, t[i].bytes);
        assert_false(f->indexed);
        memcpy(in + f->bytes, &t[i].pixel, f->bytes);
        f->to_rgb(in, 3, NULL, rgb);
        assert_int_equal(rgb[3] << 16 | rgb[4] << 8 | rgb[5], t[i].rgb);
        assert_int_equal(rgb[0] | rgb[1] | rgb[2] | rgb[6] | rgb[7] | rgb[8], 0);
    }
    for (uint32_t code = 0; code < 16; code++)
        if (code < 2 || code == 0xc || code == 0xd)
            assert_null(pixel_format_of(code << 26));
}

static void begin(struct rig *r, uint32_t dspcntr)
{
    rig_start(r, 0);
    rig_wr(r, 0x70180, dspcntr);
    rig_wr(r, 0x60050, ENABLE | 2u << 29);
}

/* That the pipe shows these RGB_PIXELS. */
static void expect(struct rig *r, const uint8_t *rgb)
{
    assert_int_equal(rig_frame(r, 0), RIG_VBLANK | RIG_CRC_DONE);
    assert_int_equal(rig_rd(r, 0x60064), crc_update(0, rgb, RIG_PIXELS * 3));
}

static uint32_t entry(uint32_t i)
{
    return i * 2654435761u;
}

static void load_palette(struct rig *r, unsigned pipe)
{
    for (uint32_t i = 0; i < PIXEL_PALETTE; i++)
        rig_wr(r, 0x4a000 + pipe * 0x800 + i * 4, entry(i));
}

static void test_indexed(void **state)
{
    struct rig *r = *state;
    uint8_t want[RIG_PIXELS * 3];

    begin(r, INDEXED);
    rig_wr(r, 0x70188, RIG_WIDTH);
    load_palette(r, 0);
    for (uint32_t i = 0; i < RIG_PIXELS; i++) {
        r->memory[RIG_SURFACE + i] = (uint8_t)(i * 7);
        for (int c = 0; c < 3; c++)
            want[i * 3 + c] = (uint8_t)(entry(i * 7 & 0xff) >> (16 - 8 * c));
    }
    expect(r, want);
    rig_wr(r, 0x70180, INDEXED | GAMMA); /* the palette is not applied twice */
    expect(r, want);
}

static void test_gamma(void **state)
{
    struct rig *r = *state;
    uint8_t plain[RIG_PIXELS * 3], gamma[RIG_PIXELS * 3];

    begin(r, XRGB);
    load_palette(r, 0);
    rig_paint(r, RIG_SURFACE, 5);
    for (uint32_t i = 0; i < RIG_PIXELS * 3; i++) {
        unsigned shift = 16 - 8 * (i % 3);

        plain[i] = (uint8_t)(rig_colour(i / 3, 5) >> shift);
        gamma[i] = (uint8_t)(entry(plain[i]) >> shift);
    }
    expect(r, plain);
    rig_wr(r, 0x70180, XRGB | GAMMA);
    expect(r, gamma);
    rig_wr(r, 0x4a480, 1); /* another gamma mode is not carried out */
    expect(r, plain);
}

/* Each pipe has its own. */
static void test_palette_of_pipe(void **state)
{
    struct rig *r = *state;
    uint8_t want[RIG_PIXELS * 3];

    rig_start(r, 2);
    rig_wr(r, 0x72180, XRGB | GAMMA);
    rig_wr(r, 0x62050, ENABLE | 2u << 29);
    load_palette(r, 2);
    for (uint32_t i = 0; i < RIG_PIXELS * 3; i++)
        want[i] = (uint8_t)(entry(0) >> (16 - 8 * (i % 3)));
    rig_frame(r, 2);
    assert_int_equal(rig_rd(r, 0x62064), crc_update(0, want, sizeof(want)));
}

static void test_y_tiles(void **state)
{
    struct rig *r = *state;
    uint32_t w, h;

    rig_start(r, 0);
    rig_frame(r, 0);
    rig_expect_warnings(r, "");
    rig_wr(r, 0x70180, XRGB | TILED_Y);
    rig_wr(r, 0x7019c, RIG_SURFACE);
    rig_frame(r, 0);
    assert_int_equal(screen_shot(r->screen, 0, "/dev/null", &w, &h), -ENOTSUP);
    rig_expect_warnings(r, "{\"text\":\"primary plane A asks for Y tiles, which the display cannot "
                           "show\",\"count\":1}");
    rig_frame(r, 0); /* counted per surface, not per frame */
    rig_wr(r, 0x7019c, RIG_SURFACE);
    rig_frame(r, 0);
    rig_expect_warnings(r, "{\"text\":\"primary plane A asks for Y tiles, which the display cannot "
                           "show\",\"count\":2}");
}

static void test_y_fence(void **state)
{
    struct rig *r = *state;

    rig_wr(r, 0x100008, 0x8000 | 1); /* X tiles */
    rig_wr(r, 0x10000c, 0x2f000);
    rig_wr(r, 0x1000f8, 0x20000 | 3); /* Y tiles, up to 0x22fff */
    rig_wr(r, 0x1000fc, 0x22000 | 7);
    rig_start(r, 0);
    rig_frame(r, 0);
    rig_wr(r, 0x7019c, 0x23000);
    rig_frame(r, 0);
    rig_wr(r, 0x7019c, 0x1f000);
    rig_frame(r, 0);
    rig_expect_warnings(r, "");
    rig_wr(r, 0x7019c, 0x22000);
    rig_frame(r, 0);
    rig_expect_warnings(r, "{\"text\":\"primary plane A shows a surface that a fence calls "
                           "Y-tiled\",\"count\":1}");
}

static void test_many_warnings(void **state)
{
    struct warn *w = warn_new();
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    for (unsigned i = 0; i < 3 * WARN_TEXTS; i++)
        warn_count(w, "%u-%0200u", i / 2, 0);
    warn_print(w, out);
    fclose(out);
    assert_non_null(strstr(text, "{\"text\":\"63-0000"));
    assert_null(strstr(text, "{\"text\":\"64-0000"));
    assert_non_null(strstr(text, ",\"count\":2},{\"text\":\"other warnings\",\"count\":64}]"));
    free(text);
    warn_free(w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        T(test_indexed),
        T(test_gamma),
        T(test_palette_of_pipe),
        T(test_y_tiles),
        T(test_y_fence),
        cmocka_unit_test(test_many_warnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
