/* SPDX-License-Identifier: MIT */
/*
 * The pipes' CRC engines under a clock of the test's own: results, interrupt, which frame a result
 * belongs to, and that nothing is drawn while they are off.
 */
#include "softgpu/crc.h"
#include "softgpu/irq.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY  (4u << 20)
#define WIDTH   64u
#define HEIGHT  32u
#define PIXELS  (WIDTH * HEIGHT)
#define ENABLE  (1u << 31)
#define PRIMARY (0u << 29)
#define SPRITE  (1u << 29)
#define PIPE    (2u << 29)
#define VBLANK  1u
#define DONE    (1u << 28)

struct rig {
    struct regs *regs;
    struct irq *irq;
    struct screen *screen;
    uint64_t now;
    unsigned fetched;
    uint8_t *memory;
};

static uint64_t rig_clock(void *opaque)
{
    return ((struct rig *)opaque)->now;
}

static int fetch(void *opaque, uint64_t addr, void *buf, uint32_t len)
{
    struct rig *r = opaque;

    r->fetched++;
    memset(buf, 0, len);
    if (addr > MEMORY || len > MEMORY - addr)
        return 1;
    memcpy(buf, r->memory + addr, len);
    return 0;
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    r->now = 1000;
    r->memory = calloc(1, MEMORY);
    r->regs = regs_new();
    r->irq = irq_new(r->regs);
    r->screen = screen_new(r->regs, r->irq, rig_clock, fetch, r);
    assert_non_null(r->screen);
    assert_int_equal(regs_add_plain(r->regs), 0);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    screen_free(r->screen);
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

/* A small linear XRGB picture at a surface of the pipe's own. */
static void start(struct rig *r, unsigned pipe)
{
    uint32_t at = pipe * 0x1000, iir = pipe * 0x10;

    wr(r, 0x60000 + at, 99 << 16);
    wr(r, 0x6000c + at, 49 << 16);
    wr(r, 0x60010 + at, 31);
    wr(r, 0x6001c + at, (WIDTH - 1) << 16 | (HEIGHT - 1));
    wr(r, 0x70188 + at, WIDTH * 4);
    wr(r, 0x70180 + at, 0x98000000);
    wr(r, 0x7019c + at, 0x10000 + pipe * 0x10000);
    wr(r, 0x44404 + iir, ~(VBLANK | DONE));
    wr(r, 0x70008 + at, ENABLE);
}

static void paint(struct rig *r, uint32_t surface, uint32_t seed)
{
    for (uint32_t i = 0; i < PIXELS; i++) {
        uint32_t c = (i + seed) * 2654435761u;

        memcpy(r->memory + surface + i * 4, &c, 4);
    }
}

/* To the end of the frame; the events of the pipe. */
static uint32_t frame(struct rig *r, unsigned pipe)
{
    uint32_t iir;

    r->now = screen_deadline(r->screen);
    screen_tick(r->screen);
    iir = rd(r, 0x44408 + pipe * 0x10);
    wr(r, 0x44408 + pipe * 0x10, iir);
    return iir;
}

static uint32_t crc_of(struct rig *r, unsigned pipe)
{
    assert_int_equal(frame(r, pipe), VBLANK | DONE);
    return rd(r, 0x60064 + pipe * 0x1000);
}

/* What the first result must be, worked out another way: a bit at a time. */
static uint32_t expected(struct rig *r, uint32_t surface)
{
    uint32_t crc = 0xffffffff;

    for (uint32_t i = 0; i < PIXELS * 3; i++) {
        crc ^= r->memory[surface + i / 3 * 4 + 2 - i % 3];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void test_polynomial(void **state)
{
    (void)state;
    assert_int_equal(crc_update(0, (const uint8_t *)"123456789", 9), 0xcbf43926);
    assert_int_equal(
        crc_update(crc_update(0, (const uint8_t *)"1234", 4), (const uint8_t *)"56789", 5),
        0xcbf43926);
    assert_int_equal(crc_update(0, NULL, 0), 0);
}

static void test_off(void **state)
{
    struct rig *r = *state;

    start(r, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(frame(r, 0), VBLANK);
    assert_int_equal(r->fetched, 0);
    assert_int_equal(rd(r, 0x60064), 0);
    wr(r, 0x60050, ENABLE | PIPE);
    crc_of(r, 0);
    wr(r, 0x60050, 0);
    r->fetched = 0;
    assert_int_equal(frame(r, 0), VBLANK);
    assert_int_equal(r->fetched, 0);
}

static void test_results(void **state)
{
    struct rig *r = *state;
    uint32_t first[5];

    for (unsigned pipe = 0; pipe < 3; pipe++) {
        uint32_t surface = 0x10000 + pipe * 0x10000, at = pipe * 0x1000;

        start(r, pipe);
        paint(r, surface, pipe);
        wr(r, 0x60050 + at, ENABLE | PIPE);
        assert_int_equal(crc_of(r, pipe), expected(r, surface));
        for (unsigned i = 0; i < 5; i++) {
            first[i] = rd(r, 0x60064 + at + i * 4);
            wr(r, 0x60064 + at + i * 4, 0x55); /* read only */
            assert_int_equal(rd(r, 0x60064 + at + i * 4), first[i]);
        }
        assert_int_equal(crc_of(r, pipe), first[0]); /* stable */
        r->memory[surface + 5 * 4] ^= 1;
        assert_int_equal(crc_of(r, pipe), expected(r, surface));
        for (unsigned i = 0; i < 5; i++)
            assert_int_not_equal(rd(r, 0x60064 + at + i * 4), first[i]);
        wr(r, 0x70008 + at, 0);
    }
}

/* Every bit of every pixel counts, whichever it is. */
static void test_any_pixel(void **state)
{
    struct rig *r = *state;
    uint32_t was;

    start(r, 0);
    paint(r, 0x10000, 7);
    wr(r, 0x60050, ENABLE | PIPE);
    was = crc_of(r, 0);
    for (uint32_t i = 0; i < PIXELS; i += 31) {
        uint8_t *byte = r->memory + 0x10000 + i * 4 + i % 3;

        *byte ^= 1 << i % 8;
        assert_int_not_equal(crc_of(r, 0), was);
        *byte ^= 1 << i % 8;
    }
    r->memory[0x10000 + 3] ^= 0xff; /* the unused byte does not */
    assert_int_equal(crc_of(r, 0), was);
}

/* The frame in which a flip is asked for still counts with its old surface, and so it does when a
 * register access sees the blank before the timer. */
static void test_flip(void **state)
{
    struct rig *r = *state;

    start(r, 0);
    paint(r, 0x10000, 1);
    paint(r, 0x20000, 2);
    wr(r, 0x60050, ENABLE | PIPE);
    crc_of(r, 0);
    wr(r, 0x7019c, 0x20000);
    assert_int_equal(crc_of(r, 0), expected(r, 0x10000));
    assert_int_equal(crc_of(r, 0), expected(r, 0x20000));
    wr(r, 0x7019c, 0x10000);
    r->now = screen_deadline(r->screen);
    rd(r, 0x70040);
    assert_int_equal(rd(r, 0x701ac), 0x10000);
    screen_tick(r->screen);
    assert_int_equal(rd(r, 0x60064), expected(r, 0x20000));
    assert_int_equal(rd(r, 0x44408), VBLANK | DONE);
}

static void test_sources(void **state)
{
    struct rig *r = *state;
    uint8_t black[PIXELS * 3] = {0};
    uint32_t plane;

    start(r, 0);
    paint(r, 0x10000, 3);
    memset(r->memory + 0x80000, 0xff, 64 * 64 * 4);
    wr(r, 0x70080, 0x27);
    wr(r, 0x70084, 0x80000);
    wr(r, 0x70088, 30 << 16 | 60);
    wr(r, 0x60050, ENABLE | PRIMARY);
    plane = crc_of(r, 0);
    assert_int_equal(plane, expected(r, 0x10000));
    wr(r, 0x60050, ENABLE | PIPE);
    assert_int_not_equal(crc_of(r, 0), plane);
    wr(r, 0x70080, 0);
    assert_int_equal(crc_of(r, 0), plane);
    wr(r, 0x60050, ENABLE | SPRITE);
    assert_int_equal(crc_of(r, 0), crc_update(0, black, sizeof(black)));
}

/* Planes nobody can draw and sizes nobody has give results, not crashes. */
static void test_odd_pictures(void **state)
{
    struct rig *r = *state;

    start(r, 0);
    wr(r, 0x60050, ENABLE | PIPE);
    wr(r, 0x70180, 0x80000000);
    crc_of(r, 0);
    wr(r, 0x70180, 0x98000000);
    wr(r, 0x70080, 0x05);
    crc_of(r, 0);
    wr(r, 0x7019c, 0xfffff000);
    crc_of(r, 0);
    wr(r, 0x6001c, 0);
    crc_of(r, 0);
    screen_stop(r->screen);
    regs_reset(r->regs);
    screen_reset(r->screen);
    screen_tick(r->screen);
    assert_int_equal(rd(r, 0x44408), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_polynomial),
        T(test_off),
        T(test_results),
        T(test_any_pixel),
        T(test_flip),
        T(test_sources),
        T(test_odd_pictures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
