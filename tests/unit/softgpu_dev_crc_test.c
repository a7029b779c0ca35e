/* SPDX-License-Identifier: MIT */
/*
 * The pipes' CRC engines under a clock of the test's own: results, interrupt, which frame a result
 * belongs to, and that nothing is drawn while they are off.
 */
#include "softgpu/crc.h"
#include "softgpu_screen_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENABLE  (1u << 31)
#define PRIMARY (0u << 29)
#define SPRITE  (1u << 29)
#define PIPE    (2u << 29)

static uint32_t crc_of(struct rig *r, unsigned pipe)
{
    assert_int_equal(rig_frame(r, pipe), RIG_VBLANK | RIG_CRC_DONE);
    return rig_rd(r, 0x60064 + pipe * 0x1000);
}

/* What the first result must be, worked out another way: a bit at a time. */
static uint32_t expected(struct rig *r, uint32_t surface)
{
    uint32_t crc = 0xffffffff;

    for (uint32_t i = 0; i < RIG_PIXELS * 3; i++) {
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

    rig_start(r, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(rig_frame(r, 0), RIG_VBLANK);
    assert_int_equal(r->fetched, 0);
    assert_int_equal(rig_rd(r, 0x60064), 0);
    rig_wr(r, 0x60050, ENABLE | PIPE);
    crc_of(r, 0);
    rig_wr(r, 0x60050, 0);
    r->fetched = 0;
    assert_int_equal(rig_frame(r, 0), RIG_VBLANK);
    assert_int_equal(r->fetched, 0);
}

static void test_results(void **state)
{
    struct rig *r = *state;
    uint32_t first[5];

    for (unsigned pipe = 0; pipe < 3; pipe++) {
        uint32_t surface = 0x10000 + pipe * 0x10000, at = pipe * 0x1000;

        rig_start(r, pipe);
        rig_paint(r, surface, pipe);
        rig_wr(r, 0x60050 + at, ENABLE | PIPE);
        assert_int_equal(crc_of(r, pipe), expected(r, surface));
        for (unsigned i = 0; i < 5; i++) {
            first[i] = rig_rd(r, 0x60064 + at + i * 4);
            rig_wr(r, 0x60064 + at + i * 4, 0x55); /* read only */
            assert_int_equal(rig_rd(r, 0x60064 + at + i * 4), first[i]);
        }
        assert_int_equal(crc_of(r, pipe), first[0]); /* stable */
        r->memory[surface + 5 * 4] ^= 1;
        assert_int_equal(crc_of(r, pipe), expected(r, surface));
        for (unsigned i = 0; i < 5; i++)
            assert_int_not_equal(rig_rd(r, 0x60064 + at + i * 4), first[i]);
        rig_wr(r, 0x70008 + at, 0);
    }
}

/* Every bit of every pixel counts, whichever it is. */
static void test_any_pixel(void **state)
{
    struct rig *r = *state;
    uint32_t was;

    rig_start(r, 0);
    rig_paint(r, 0x10000, 7);
    rig_wr(r, 0x60050, ENABLE | PIPE);
    was = crc_of(r, 0);
    for (uint32_t i = 0; i < RIG_PIXELS; i += 31) {
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

    rig_start(r, 0);
    rig_paint(r, 0x10000, 1);
    rig_paint(r, 0x20000, 2);
    rig_wr(r, 0x60050, ENABLE | PIPE);
    crc_of(r, 0);
    rig_wr(r, 0x7019c, 0x20000);
    assert_int_equal(crc_of(r, 0), expected(r, 0x10000));
    assert_int_equal(crc_of(r, 0), expected(r, 0x20000));
    assert_int_equal(r->iir_seen, 0); /* drawn before the driver knows that the frame is over */
    rig_wr(r, 0x7019c, 0x10000);
    r->now = screen_deadline(r->screen);
    rig_rd(r, 0x70040);
    assert_int_equal(rig_rd(r, 0x701ac), 0x10000);
    screen_tick(r->screen);
    assert_int_equal(rig_rd(r, 0x60064), expected(r, 0x20000));
    assert_int_equal(rig_rd(r, 0x44408), RIG_VBLANK | RIG_CRC_DONE);
}

static void test_sources(void **state)
{
    struct rig *r = *state;
    uint8_t black[RIG_PIXELS * 3] = {0};
    uint32_t plane;

    rig_start(r, 0);
    rig_paint(r, 0x10000, 3);
    memset(r->memory + 0x80000, 0xff, 64 * 64 * 4);
    rig_wr(r, 0x70080, 0x27);
    rig_wr(r, 0x70084, 0x80000);
    rig_wr(r, 0x70088, 30 << 16 | 60);
    rig_wr(r, 0x60050, ENABLE | PRIMARY);
    plane = crc_of(r, 0);
    assert_int_equal(plane, expected(r, 0x10000));
    rig_wr(r, 0x60050, ENABLE | PIPE);
    assert_int_not_equal(crc_of(r, 0), plane);
    rig_wr(r, 0x70080, 0);
    assert_int_equal(crc_of(r, 0), plane);
    rig_wr(r, 0x60050, ENABLE | SPRITE);
    assert_int_equal(crc_of(r, 0), crc_update(0, black, sizeof(black)));
}

/* Planes nobody can draw and sizes nobody has give results, not crashes. */
static void test_odd_pictures(void **state)
{
    struct rig *r = *state;

    rig_start(r, 0);
    rig_wr(r, 0x60050, ENABLE | PIPE);
    rig_wr(r, 0x70180, 0x80000000);
    crc_of(r, 0);
    rig_wr(r, 0x70180, 0x98000000);
    rig_wr(r, 0x70080, 0x05);
    crc_of(r, 0);
    rig_wr(r, 0x7019c, 0xfffff000);
    crc_of(r, 0);
    rig_wr(r, 0x6001c, 0);
    crc_of(r, 0);
    screen_stop(r->screen);
    regs_reset(r->regs);
    screen_reset(r->screen);
    screen_tick(r->screen);
    assert_int_equal(rig_rd(r, 0x44408), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
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
