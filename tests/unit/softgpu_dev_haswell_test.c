/* SPDX-License-Identifier: MIT */
/*
 * The display of a Haswell: its pipes' events in DE, CRCs among the display's errors, counters,
 * clocks after power-on, the analog port, hot-plug through the south display.
 */
#include "softgpu/crc.h"
#include "softgpu/hotplug.h"

#include "softgpu_screen_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DE_IIR  0x44008u
#define DE_IMR  0x44004u
#define ERR_INT 0x44040u
#define DE_ERR  (1u << 30)
#define DE_PCH  (1u << 28)

#define VBLANK(pipe)   (1u << 5 * (pipe))
#define PRIMARY(pipe)  (1u << (3 + 5 * (pipe)))
#define SPRITE(pipe)   (1u << (4 + 5 * (pipe)))
#define CRC_DONE(pipe) (1u << (2 + 3 * (pipe)))

/* Three pipes in one register: each gives its own bits, and nothing of another's. */
static void pipes(void **state)
{
    struct rig *r = *state;

    for (unsigned pipe = 0; pipe < 3; pipe++) {
        uint32_t at = pipe * 0x1000, before;

        rig_start(r, pipe);
        rig_wr(r, DE_IMR, 0);
        before = rig_rd(r, 0x70040 + at);
        assert_int_equal(rig_frame(r, pipe), VBLANK(pipe));
        assert_int_equal(rig_rd(r, 0x70040 + at), before + 1);
        rig_wr(r, 0x7019c + at, RIG_SURFACE);
        assert_int_equal(rig_frame(r, pipe), VBLANK(pipe) | PRIMARY(pipe));
        assert_int_equal(rig_rd(r, 0x70044 + at), 2); /* the one before it ran counts */
        assert_int_equal(rig_rd(r, 0x701ac + at), RIG_SURFACE);
        rig_wr(r, 0x7029c + at, RIG_SURFACE);
        assert_int_equal(rig_frame(r, pipe), VBLANK(pipe) | SPRITE(pipe));
        rig_wr(r, 0x70008 + at, 0);
    }
    rig_expect_warnings(r, "");
}

static void crc(void **state)
{
    struct rig *r = *state;
    uint8_t rgb[RIG_PIXELS * 3];

    rig_start(r, 1);
    rig_paint(r, RIG_SURFACE * 2, 7);
    for (uint32_t i = 0; i < RIG_PIXELS; i++) {
        uint32_t c = rig_colour(i, 7);

        rgb[i * 3] = (uint8_t)(c >> 16);
        rgb[i * 3 + 1] = (uint8_t)(c >> 8);
        rgb[i * 3 + 2] = (uint8_t)c;
    }
    assert_int_equal(rig_frame(r, 1), VBLANK(1));
    rig_wr(r, 0x61050, 1u << 31 | 2u << 29);
    assert_int_equal(rig_frame(r, 1), VBLANK(1) | DE_ERR);
    assert_int_equal(rig_rd(r, ERR_INT), CRC_DONE(1));
    assert_int_equal(rig_rd(r, 0x61064), crc_update(0, rgb, sizeof(rgb)));
    rig_wr(r, ERR_INT, CRC_DONE(1));
    assert_int_equal(rig_rd(r, ERR_INT), 0);
    assert_int_equal(rig_frame(r, 1), VBLANK(1) | DE_ERR); /* each frame again */
    rig_wr(r, 0x61050, 0);
    rig_wr(r, ERR_INT, CRC_DONE(1));
    assert_int_equal(rig_frame(r, 1), VBLANK(1));
    assert_int_equal(rig_rd(r, ERR_INT), 0);
}

/* LCPLL is at 450 MHz, and its lock and source follow what is asked for. */
static void lcpll(void **state)
{
    struct rig *r = *state;

    assert_int_equal(rig_rd(r, 0x130040), 0x40000000);
    rig_wr(r, 0x130040, 0x80200000);
    assert_int_equal(rig_rd(r, 0x130040), 0x80280000);
    rig_wr(r, 0x130040, 0);
    assert_int_equal(rig_rd(r, 0x130040), 0x40000000);
}

static void hotplug(void **state)
{
    struct rig *r = *state;
    struct hotplug_monitor none;

    screen_reset(r->screen);
    assert_int_equal(rig_rd(r, 0xc2014), 0x44); /* port B, no CRT */
    assert_int_equal(rig_rd(r, 0xc4000), 1u << 21);
    rig_wr(r, DE_IMR, ~DE_PCH);
    rig_wr(r, 0xc4004, ~(1u << 21));
    rig_wr(r, 0xc400c, 0xffffffff);
    rig_wr(r, 0xc4030, 1u << 4);
    assert_int_equal(rig_rd(r, DE_IIR), 0);
    hotplug_parse_monitor("none", &none);
    screen_set_monitor(r->screen, HOTPLUG_PORT_B, &none);
    assert_int_equal(rig_rd(r, 0xc4000), 0);
    assert_int_equal(rig_rd(r, 0xc4008), 1u << 21);
    assert_int_equal(rig_rd(r, 0xc4030), 1u << 4 | 2);
    assert_int_equal(rig_rd(r, DE_IIR), DE_PCH);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup_haswell, rig_teardown)
    const struct CMUnitTest tests[] = {T(pipes), T(crc), T(lcpll), T(hotplug)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
