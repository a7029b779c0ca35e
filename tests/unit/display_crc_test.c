/* SPDX-License-Identifier: MIT */
/*
 * CRCs of what is on the screen: the pipe's engine works when the guest that is shown asks for it,
 * and a result goes to that guest's record once a whole frame had the picture that its registers
 * describe; never an older one, never to another guest. One thread.
 */
#include "tests/unit/display_fixture.h"

#include "services/display/regs.h"

static struct rig r;

#define CRC_PIPE (ON | 2u << 29)

static const struct timing_pipe *record(unsigned n)
{
    return &r.guest[n].timing.pipe[0];
}

/* As vgt-mmio looks: does the record's CRC belong to what the registers say now? */
static bool given(unsigned n)
{
    static const uint32_t at[TIMING_CRC_COUNT] = TIMING_CRC_REGS;
    uint32_t value[TIMING_CRC_COUNT];

    for (unsigned i = 0; i < TIMING_CRC_COUNT; i++)
        value[i] = *reg(&r, n, at[i]);
    assert_int_equal(record(n)->seq % 2, 0);
    return record(n)->crc_of == timing_crc_of(value);
}

static void found(uint32_t crc)
{
    gpu_fake_set(r.fake, PIPE_CRC_RES, crc);
}

static void ask(unsigned n)
{
    *reg(&r, n, PIPE_CRC_CTL) = CRC_PIPE;
    ring(&r, n);
}

static void whole_frames(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    found(0x11);
    vblank(&r);
    vblank(&r);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CRC_CTL), 0);
    assert_int_equal(record(0)->crc_of, 0);
    ask(0);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CRC_CTL), CRC_PIPE);
    vblank(&r);
    assert_false(given(0));
    vblank(&r);
    assert_true(given(0));
    assert_int_equal(record(0)->crc, 0x11);
    found(0x12); /* somebody drew into what is shown */
    vblank(&r);
    assert_true(given(0));
    assert_int_equal(record(0)->crc, 0x12);
    *reg(&r, 0, PIPE_CRC_CTL) = 0;
    ring(&r, 0);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CRC_CTL), 0);
    assert_int_equal(record(0)->crc_of, 0);
    rig_free(&r);
}

static void another_picture(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    found(0x21);
    ask(0);
    vblank(&r);
    vblank(&r);
    assert_true(given(0));
    *reg(&r, 0, PRI_SURF) = (uint32_t)LOW(0) + 0x400000;
    assert_false(given(0)); /* though display has not looked yet */
    ring(&r, 0);
    assert_int_equal(record(0)->crc_of, 0);
    vblank(&r);
    assert_false(given(0));
    found(0x22);
    vblank(&r);
    assert_true(given(0));
    assert_int_equal(record(0)->crc, 0x22);
    /* The same planes in another mode: the pipe was off in between. */
    vga(&r, 0, (uint32_t)LOW(0));
    *reg(&r, 0, PIPE_SRC) = 1023u << 16 | 767;
    ring(&r, 0);
    assert_false(given(0));
    rig_free(&r);
}

static void another_guest(void **state)
{
    (void)state;
    rig_shown(&r, 2, true);
    found(0x31);
    ask(0);
    ask(1);
    vblank(&r);
    vblank(&r);
    assert_true(given(0));
    assert_int_equal(record(1)->crc_of, 0);
    display_switch(r.d, DOMID(1), 7);
    assert_int_equal(record(0)->crc_of, 0);
    for (int i = 0; i < 5; i++) {
        found(0x32 + (uint32_t)i);
        vblank(&r);
    }
    assert_int_equal(r.switched, 7);
    assert_int_equal(record(0)->crc_of, 0);
    assert_true(given(1));
    assert_in_range(record(1)->crc, 0x34, 0x36);
    rig_free(&r);
}

/* Only the bits that say of what: the rest of a guest's value reaches no hardware. */
static void hostile(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    *reg(&r, 0, PIPE_CRC_CTL) = ~0u;
    ring(&r, 0);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CRC_CTL), 7u << 29);
    rig_free(&r);
}

/* The process before left the engine on and a CRC in the record. */
static void restart(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    found(0x41);
    ask(0);
    vblank(&r);
    vblank(&r);
    assert_true(given(0));
    *reg(&r, 0, PIPE_CRC_CTL) = 0;
    rig_start(&r);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CRC_CTL), 0);
    guest_in(&r, 0);
    assert_int_equal(record(0)->crc_of, 0);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_frames),  cmocka_unit_test(another_picture),
        cmocka_unit_test(another_guest), cmocka_unit_test(hostile),
        cmocka_unit_test(restart),
    };

    return RUN_BOTH(tests);
}
