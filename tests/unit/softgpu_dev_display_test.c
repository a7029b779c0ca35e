/* SPDX-License-Identifier: MIT */
/*
 * The display under a clock of the test's own: scan line, frame counter, vertical blank and flip
 * events from programmed timings; drawing of linear and tiled planes and of the cursor; PNG files.
 */
#include "softgpu/display.h"
#include "softgpu/irq.h"
#include "softgpu/model.h"
#include "softgpu/png.h"
#include "softgpu/regs.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VBLANK     1u
#define FLIP       (1u << 4)
#define PIPE_A_IIR 0x44408u
#define PIPE_A_IMR 0x44404u

struct rig {
    struct regs *regs;
    struct irq *irq;
    struct display *display;
    uint64_t now;
    uint8_t *memory; /* graphics memory from address 0 */
};

#define MEMORY (4u << 20)

static uint64_t rig_clock(void *opaque)
{
    return ((struct rig *)opaque)->now;
}

static int fetch(void *opaque, uint64_t addr, void *buf, uint32_t len)
{
    struct rig *r = opaque;

    if (addr > MEMORY || len > MEMORY - addr) {
        memset(buf, 0, len);
        return 1;
    }
    memcpy(buf, r->memory + addr, len);
    return 0;
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    r->now = 12345;
    r->memory = calloc(1, MEMORY);
    r->regs = regs_new();
    r->irq = irq_new(r->regs, model_find("bdw"));
    r->display = display_new(r->regs, r->irq, rig_clock, r);
    assert_non_null(r->display);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    display_free(r->display);
    irq_free(r->irq);
    regs_free(r->regs);
    free(r->memory);
    free(r);
    return 0;
}

static void wr(struct rig *r, uint32_t off, uint32_t v)
{
    regs_write(r->regs, off, v);
}

static uint32_t rd(struct rig *r, uint32_t off)
{
    return regs_read(r->regs, off);
}

/* 1024x768 as i915 programs it; a 64.962 MHz WRPLL feeds port B. */
static void mode_set(struct rig *r)
{
    wr(r, 0x46040, 0xb0200e13);
    wr(r, 0x46104, 4u << 29);
    wr(r, 0x60400, 0x91000000);
    wr(r, 0x60000, 0x053f03ff);
    wr(r, 0x6000c, 0x032502ff);
    wr(r, 0x60010, 0x032502ff);
    wr(r, 0x6001c, 0x03ff02ff);
    wr(r, PIPE_A_IMR, ~(VBLANK | FLIP));
    wr(r, 0x70008, 1u << 31);
}

#define HTOTAL 1344ull
#define VTOTAL 806ull
#define KHZ    (2700000ull * 32 / (14 * 19) / 5)
#define FRAME  (HTOTAL * VTOTAL * 1000000 / KHZ)
#define BLANK  (FRAME * 768 / VTOTAL)

static void test_scan_line(void **state)
{
    struct rig *r = *state;
    uint64_t start = r->now;

    assert_int_equal(KHZ, 64962);
    assert_int_equal(rd(r, 0x70000), 0);
    mode_set(r);
    assert_int_equal(rd(r, 0x70008), 3u << 30);
    for (uint64_t line = 0; line < 3 * VTOTAL; line += 7) {
        r->now = start + (line * FRAME + FRAME / 2) / VTOTAL;
        assert_int_equal(rd(r, 0x70000), line % VTOTAL);
    }
    wr(r, 0x70008, 0);
    assert_int_equal(rd(r, 0x70008), 0);
    assert_int_equal(rd(r, 0x70000), 0);
}

static void test_frame_counter(void **state)
{
    struct rig *r = *state;
    uint64_t start = r->now;

    assert_int_equal(rd(r, 0x70040), 0);
    mode_set(r);
    for (unsigned n = 0; n < 200; n++) {
        r->now = start + n * FRAME + BLANK - 1;
        assert_int_equal(rd(r, 0x70040), n);
        r->now++;
        assert_int_equal(rd(r, 0x70040), n + 1);
    }
    wr(r, 0x70008, 0); /* it does not go back */
    assert_int_equal(rd(r, 0x70040), 200);
    r->now += 50 * FRAME;
    assert_int_equal(rd(r, 0x70040), 200);
    wr(r, 0x70008, 1u << 31);
    r->now += FRAME;
    assert_int_equal(rd(r, 0x70040), 201);
}

static void test_deadline(void **state)
{
    struct rig *r = *state;
    uint64_t start = r->now;

    assert_true(display_deadline(r->display) == UINT64_MAX);
    mode_set(r);
    for (unsigned n = 0; n < 100; n++) {
        assert_int_equal(display_deadline(r->display), start + n * FRAME + BLANK);
        r->now = display_deadline(r->display) - 1;
        display_tick(r->display);
        assert_int_equal(rd(r, PIPE_A_IIR), 0);
        r->now++;
        display_tick(r->display);
        display_tick(r->display);
        assert_int_equal(rd(r, PIPE_A_IIR), VBLANK);
        wr(r, PIPE_A_IIR, VBLANK);
        assert_int_equal(rd(r, PIPE_A_IIR), 0);
    }
    r->now += 10 * FRAME; /* late: one event, on with the present */
    display_tick(r->display);
    wr(r, PIPE_A_IIR, VBLANK);
    assert_int_equal(rd(r, PIPE_A_IIR), 0);
    assert_true(display_deadline(r->display) > r->now);
}

static void test_flip(void **state)
{
    struct rig *r = *state;

    wr(r, 0x7019c, 0x1000);
    assert_int_equal(rd(r, 0x701ac), 0x1000); /* the pipe is off: at once */
    mode_set(r);
    wr(r, 0x7019c, 0x2000);
    assert_int_equal(rd(r, 0x7019c), 0x2000);
    assert_int_equal(rd(r, 0x701ac), 0x1000);
    r->now = display_deadline(r->display);
    /* the timer is late, a new surface is not shown in the old blank */
    wr(r, 0x7019c, 0x3000);
    assert_int_equal(rd(r, 0x701ac), 0x2000);
    assert_int_equal(rd(r, PIPE_A_IIR), VBLANK | FLIP);
    wr(r, PIPE_A_IIR, VBLANK | FLIP);
    r->now = display_deadline(r->display);
    display_tick(r->display);
    assert_int_equal(rd(r, PIPE_A_IIR), VBLANK | FLIP);
    assert_int_equal(rd(r, 0x701ac), 0x3000);
    assert_int_equal(rd(r, 0x70044), 3);
    wr(r, PIPE_A_IIR, VBLANK | FLIP);
    r->now = display_deadline(r->display);
    display_tick(r->display);
    assert_int_equal(rd(r, PIPE_A_IIR), VBLANK); /* no flip without a write */
}

/* A counter read at the blank never runs ahead of the interrupt. */
static void test_counter_and_interrupt(void **state)
{
    struct rig *r = *state;

    mode_set(r);
    r->now = display_deadline(r->display);
    assert_int_equal(rd(r, 0x70040), 1);
    assert_int_equal(rd(r, PIPE_A_IIR), VBLANK);
}

static void test_slowdown(void **state)
{
    struct rig *r = *state;
    uint64_t start = r->now;

    display_set_slowdown(r->display, 4);
    mode_set(r);
    r->now = start + FRAME;
    assert_in_range(rd(r, 0x70000), VTOTAL / 4 - 1, VTOTAL / 4);
    assert_in_range(display_deadline(r->display), start + 4 * BLANK, start + 4 * BLANK + 4);
}

/* Timings out of a driver's mistake neither divide by zero nor make us spin. */
static void test_odd_timings(void **state)
{
    struct rig *r = *state;
    static const uint32_t odd[][5] = {
        /* htotal, vtotal, vblank, wrpll, clock select */
        {0, 0, 0, 0, 0},
        {0, 0, 0xffffffff, 0xb0200e13, 4u << 29},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xb0ff0101, 4u << 29},
        {0xffffffff, 0xffffffff, 0, 0xb0010101, 4u << 29},
        {0x053f03ff, 0x032502ff, 0x032502ff, 0x80000000, 4u << 29},
        {0x053f03ff, 0x032502ff, 0x032502ff, 0x80003f00, 4u << 29},
    };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        uint64_t due;

        wr(r, 0x60000, odd[i][0]);
        wr(r, 0x6000c, odd[i][1]);
        wr(r, 0x60010, odd[i][2]);
        wr(r, 0x46040, odd[i][3]);
        wr(r, 0x46104, odd[i][4]);
        wr(r, 0x60400, 0x91000000);
        wr(r, 0x70008, 1u << 31);
        r->now = display_deadline(r->display);
        display_tick(r->display);
        due = display_deadline(r->display);
        assert_in_range(due - r->now, 1000000 - 1, 1000000000);
        rd(r, 0x70000);
        wr(r, 0x70008, 0);
    }
}

static void test_ports(void **state)
{
    struct rig *r = *state;

    assert_int_equal(rd(r, 0x64100), 0x80);
    wr(r, 0x64100, 0x80000000);
    assert_int_equal(rd(r, 0x64100), 0x80000000);
    wr(r, 0x64100, 0);
    assert_int_equal(rd(r, 0x64100), 0x80);
    wr(r, 0xf0008, 1u << 31);
    assert_int_equal(rd(r, 0xf0008), 3u << 30);
}

/* --- drawing --- */

#define W 300u
#define H 50u

static uint32_t colour(uint32_t x, uint32_t y)
{
    return (x * 7 + y * 131) * 2654435761u & 0xffffff;
}

static uint32_t pixel(const uint8_t *rgb, uint32_t x, uint32_t y)
{
    const uint8_t *p = rgb + ((size_t)y * W + x) * 3;

    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static void picture(struct rig *r, uint32_t ctl, uint32_t stride)
{
    mode_set(r);
    wr(r, 0x6001c, (W - 1) << 16 | (H - 1));
    wr(r, 0x70180, ctl);
    wr(r, 0x70188, stride);
    wr(r, 0x7019c, 0x10000);
    r->now = display_deadline(r->display);
    display_tick(r->display);
}

static uint8_t *draw(struct rig *r, int want)
{
    struct display_picture pic;
    uint8_t *rgb = calloc(W * H, 3);

    assert_int_equal(display_snapshot(r->display, 0, &pic), 0);
    assert_int_equal(pic.width, W);
    assert_int_equal(pic.height, H);
    assert_int_equal(scanout_draw(&pic, fetch, r, rgb), want);
    return rgb;
}

static void test_linear(void **state)
{
    struct rig *r = *state;
    uint8_t *rgb;

    for (uint32_t y = 0; y < H + 9; y++)
        for (uint32_t x = 0; x < W + 11; x++) {
            uint32_t c = colour(x, y) | 0xab000000;
            memcpy(r->memory + 0x10000 + y * 1280 + x * 4, &c, 4);
        }
    picture(r, 0x98000000, 1280);
    rgb = draw(r, 0);
    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++)
            assert_int_equal(pixel(rgb, x, y), colour(x, y));
    free(rgb);
    wr(r, 0x701a4, 9 << 16 | 11);
    rgb = draw(r, 0);
    assert_int_equal(pixel(rgb, 0, 0), colour(11, 9));
    assert_int_equal(pixel(rgb, W - 1, H - 1), colour(W + 10, H + 8));
    free(rgb);
    wr(r, 0x70180, 0x80000000); /* no such format */
    free(draw(r, -ENOTSUP));
    wr(r, 0x70180, 0); /* plane off: black */
    rgb = draw(r, 0);
    assert_int_equal(pixel(rgb, 3, 3), 0);
    free(rgb);
}

static void test_565(void **state)
{
    struct rig *r = *state;
    static const struct {
        uint16_t code;
        uint32_t rgb;
    } t[] = {{0xf800, 0xff0000}, {0x07e0, 0x00ff00}, {0x001f, 0x0000ff}, {0x8410, 0x848284}};
    uint8_t *rgb;

    for (unsigned i = 0; i < 4; i++)
        memcpy(r->memory + 0x10000 + 2 * i, &t[i].code, 2);
    picture(r, 0x94000000, 640);
    rgb = draw(r, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pixel(rgb, i, 0), t[i].rgb);
    free(rgb);
}

/* X tiles: 512 bytes by 8 rows, stored one after the other. Tiled by another formula here. */
static void test_tiled(void **state)
{
    struct rig *r = *state;
    uint32_t stride = 1536;
    uint8_t *rgb;

    for (uint32_t tile = 0; tile < 3 * 8; tile++)
        for (uint32_t row = 0; row < 8; row++)
            for (uint32_t i = 0; i < 128; i++) {
                uint32_t c = colour(tile % 3 * 128 + i, tile / 3 * 8 + row);
                memcpy(r->memory + 0x10000 + tile * 4096 + row * 512 + i * 4, &c, 4);
            }
    picture(r, 0x98000400, stride);
    rgb = draw(r, 0);
    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++)
            assert_int_equal(pixel(rgb, x, y), colour(x, y));
    free(rgb);
    wr(r, 0x701a4, 5 << 16 | 60);
    rgb = draw(r, 0);
    assert_int_equal(pixel(rgb, 200, 40), colour(260, 45));
    free(rgb);
}

/* As Haswell drivers have it with two like memory channels: where bits 9 and 10 of an address
 * differ, the two cache lines of each 128 bytes have changed places. */
static void test_swizzled(void **state)
{
    struct rig *r = *state;
    uint32_t line[16], other[16];
    uint8_t *rgb;

    for (uint32_t tile = 0; tile < 3 * 8; tile++)
        for (uint32_t i = 0; i < 1024; i++) {
            uint32_t c = colour(tile % 3 * 128 + i % 128, tile / 3 * 8 + i / 128);

            memcpy(r->memory + 0x10000 + tile * 4096 + i * 4, &c, 4);
        }
    for (uint32_t at = 0x10000; at < 0x10000 + 3 * 8 * 4096; at += 128) {
        if ((at >> 9 & 1) == (at >> 10 & 1))
            continue;
        memcpy(line, r->memory + at, 64);
        memcpy(other, r->memory + at + 64, 64);
        memcpy(r->memory + at, other, 64);
        memcpy(r->memory + at + 64, line, 64);
    }
    wr(r, 0x45000, 1u << 13);
    picture(r, 0x98000400, 1536);
    wr(r, 0x701a4, 2 << 16 | 7);
    rgb = draw(r, 0);
    for (uint32_t y = 0; y < H - 2; y++)
        for (uint32_t x = 0; x < W - 7; x++)
            assert_int_equal(pixel(rgb, x, y), colour(x + 7, y + 2));
    free(rgb);
}

static void test_cursor(void **state)
{
    struct rig *r = *state;
    static const uint32_t opaque_red = 0xffff0000, half_blue = 0x80000080, none = 0;
    uint8_t *rgb;

    for (uint32_t i = 0; i < W * 60; i++)
        memcpy(r->memory + 0x10000 + i * 4, "\xff\xff\xff", 4);
    for (uint32_t i = 0; i < 64 * 64; i++)
        memcpy(r->memory + 0x80000 + i * 4,
               i % 64 < 2   ? &opaque_red
               : i % 64 < 4 ? &half_blue
                            : &none,
               4);
    picture(r, 0x98000000, W * 4);
    wr(r, 0x70080, 0x27);
    wr(r, 0x70084, 0x80000);
    wr(r, 0x70088, 20 << 16 | 10);
    rgb = draw(r, 0);
    assert_int_equal(pixel(rgb, 10, 19), 0xffffff);
    assert_int_equal(pixel(rgb, 9, 20), 0xffffff);
    assert_int_equal(pixel(rgb, 10, 20), 0xff0000);
    assert_int_equal(pixel(rgb, 12, 20), 0x7f7fff);
    assert_int_equal(pixel(rgb, 14, 20), 0xffffff);
    assert_int_equal(pixel(rgb, 11, 49), 0xff0000); /* cut at the lower edge */
    free(rgb);
    wr(r, 0x70088, 0x8001u << 16 | 0x8001u); /* -1, -1 */
    rgb = draw(r, 0);
    assert_int_equal(pixel(rgb, 0, 0), 0xff0000);
    assert_int_equal(pixel(rgb, 1, 0), 0x7f7fff);
    assert_int_equal(pixel(rgb, 3, 0), 0xffffff);
    free(rgb);
    wr(r, 0x70080, 0x05);
    free(draw(r, -ENOTSUP));
}

static void test_snapshot_errors(void **state)
{
    struct rig *r = *state;
    struct display_picture pic;

    assert_int_equal(display_snapshot(r->display, 3, &pic), -EINVAL);
    assert_int_equal(display_snapshot(r->display, 1, &pic), -ENODEV);
}

static void test_png(void **state)
{
    uint8_t rgb[5 * 3 * 3], *back;
    char dir[] = "/tmp/softgpu-png-XXXXXX";
    char path[64], part[80];
    png_image img = {.version = PNG_IMAGE_VERSION};

    (void)state;
    for (unsigned i = 0; i < sizeof(rgb); i++)
        rgb[i] = (uint8_t)(i * 37);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a.png", dir);
    snprintf(part, sizeof(part), "%s.part", path);
    assert_int_equal(png_save(path, 5, 3, rgb), 0);
    assert_int_not_equal(access(part, F_OK), 0);
    assert_true(png_image_begin_read_from_file(&img, path));
    assert_int_equal(img.width, 5);
    assert_int_equal(img.height, 3);
    img.format = PNG_FORMAT_RGB;
    back = malloc(PNG_IMAGE_SIZE(img));
    assert_true(png_image_finish_read(&img, NULL, back, 0, NULL));
    assert_memory_equal(back, rgb, sizeof(rgb));
    free(back);
    unlink(path);
    rmdir(dir);
    assert_int_equal(png_save(path, 5, 3, rgb), -ENOENT);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_scan_line),
        T(test_frame_counter),
        T(test_deadline),
        T(test_flip),
        T(test_counter_and_interrupt),
        T(test_slowdown),
        T(test_odd_timings),
        T(test_ports),
        T(test_linear),
        T(test_565),
        T(test_tiled),
        T(test_swizzled),
        T(test_cursor),
        T(test_snapshot_errors),
        cmocka_unit_test(test_png),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
