/* SPDX-License-Identifier: MIT */
/*
 * Monitors that come and go, on a whole device: live state, pulses and interrupts, the EDID a
 * driver reads or does not, straps, the control command, and the EDIDs made for a size.
 */
#include "softgpu/ctl.h"
#include "softgpu/device.h"
#include "softgpu/edid.h"
#include "softgpu/hotplug.h"
#include "softgpu/model.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"
#include "softgpu/vfu.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/softgpu_ctl_rig.h"

#define GMBUS(n)      (0xc5100u + 4u * (n))
#define NAK           (1u << 10)
#define SDE_ISR       0xc4000u
#define SDE_IMR       0xc4004u
#define SDE_IIR       0xc4008u
#define SHOTPLUG      0xc4030u
#define SFUSE         0xc2014u
#define LIVE_B        (1u << 21)
#define LIVE_C        (1u << 22)
#define LONG_B        0x002u
#define LONG_C        0x200u
#define ENABLE_B      0x010u
#define ENABLE_C      0x1000u
#define DEFAULT_STRAP 0x44u

static uint32_t rd(struct ctl_rig *r, uint32_t off)
{
    return regs_read(r->regs, off);
}

static void wr(struct ctl_rig *r, uint32_t off, uint32_t v)
{
    regs_write(r->regs, off, v);
}

/* len bytes from index, as a driver reads them; false when nothing answers. */
static bool read_edid(struct ctl_rig *r, unsigned pin, uint32_t index, uint8_t *to, uint32_t len)
{
    wr(r, GMBUS(1), 1u << 31);
    wr(r, GMBUS(1), 0);
    wr(r, GMBUS(0), pin);
    wr(r, GMBUS(1), 1u << 30 | 1u << 26 | 1u << 25 | len << 16 | index << 8 | 0x50 << 1 | 1);
    for (uint32_t i = 0; i < len; i += 4) {
        uint32_t v = rd(r, GMBUS(3));

        if (rd(r, GMBUS(2)) & NAK)
            return false;
        memcpy(to + i, &v, 4);
    }
    return true;
}

static void test_default(void **state)
{
    struct ctl_rig *r = *state;
    uint8_t want[EDID_SIZE], got[EDID_SIZE];

    edid_build(want);
    assert_int_equal(rd(r, SDE_ISR), LIVE_B);
    assert_int_equal(rd(r, SFUSE), DEFAULT_STRAP);
    assert_true(read_edid(r, 5, 0, got, EDID_SIZE));
    assert_memory_equal(got, want, EDID_SIZE);
    assert_false(read_edid(r, 4, 0, got, 4));
    assert_non_null(strstr(ctl_rig_ask(r, "status"), ",\"monitors\":{\"B\":\"default\"},"));
}

static void test_pull_and_plug(void **state)
{
    struct ctl_rig *r = *state;
    uint8_t e[EDID_SIZE];

    wr(r, SDE_IMR, ~(LIVE_B | LIVE_C));
    wr(r, SHOTPLUG, ENABLE_B);
    ctl_rig_good(r, "monitor B none");
    assert_int_equal(rd(r, SDE_ISR), 0);
    assert_int_equal(rd(r, SDE_IIR), LIVE_B);
    assert_int_equal(rd(r, SHOTPLUG), ENABLE_B | LONG_B);
    assert_false(read_edid(r, 5, 0, e, 4));
    assert_non_null(strstr(ctl_rig_ask(r, "status"), "\"monitors\":{\"B\":\"none\"}"));
    wr(r, SHOTPLUG, rd(r, SHOTPLUG)); /* as a driver acknowledges */
    assert_int_equal(rd(r, SHOTPLUG), ENABLE_B);
    wr(r, SDE_IIR, LIVE_B);
    assert_int_equal(rd(r, SDE_IIR), 0);
    ctl_rig_good(r, "monitor B none"); /* nothing to pull */
    assert_int_equal(rd(r, SDE_IIR), 0);
    ctl_rig_good(r, "monitor B 1280x800");
    assert_int_equal(rd(r, SDE_ISR), LIVE_B);
    assert_int_equal(rd(r, SDE_IIR), LIVE_B);
    assert_true(read_edid(r, 5, 54, e, 20));
    assert_int_equal(e[2] | (e[4] & 0xf0) << 4, 1280);
    assert_int_equal(e[5] | (e[7] & 0xf0) << 4, 800);
    assert_true(read_edid(r, 5, EDID_SIZE, e, EDID_SIZE));
    assert_int_equal(e[0], 2);
}

/* Another monitor at once: two events, which IIR holds. */
static void test_exchange(void **state)
{
    struct ctl_rig *r = *state;

    wr(r, SDE_IMR, ~LIVE_B);
    wr(r, SHOTPLUG, ENABLE_B);
    ctl_rig_good(r, "monitor B 1920x1200");
    assert_int_equal(rd(r, SDE_ISR), LIVE_B);
    wr(r, SDE_IIR, LIVE_B);
    assert_int_equal(rd(r, SDE_IIR), LIVE_B);
    wr(r, SDE_IIR, LIVE_B);
    assert_int_equal(rd(r, SDE_IIR), 0);
}

static void test_detection_off(void **state)
{
    struct ctl_rig *r = *state;

    wr(r, SDE_IMR, ~(LIVE_B | LIVE_C));
    wr(r, SHOTPLUG, ENABLE_C);
    ctl_rig_good(r, "monitor B none");
    assert_int_equal(rd(r, SDE_ISR), 0);
    assert_int_equal(rd(r, SDE_IIR), 0);
    assert_int_equal(rd(r, SHOTPLUG), ENABLE_C);
    ctl_rig_good(r, "monitor C default");
    assert_int_equal(rd(r, SDE_ISR), LIVE_C);
    assert_int_equal(rd(r, SDE_IIR), LIVE_C);
    assert_int_equal(rd(r, SHOTPLUG), ENABLE_C | LONG_C);
}

static void test_port_c(void **state)
{
    struct ctl_rig *r = *state;
    uint8_t want[EDID_SIZE], got[EDID_SIZE];

    edid_build(want);
    ctl_rig_good(r, "monitor C none");
    assert_int_equal(rd(r, SFUSE), DEFAULT_STRAP | 2);
    assert_int_equal(rd(r, SDE_ISR), LIVE_B);
    ctl_rig_good(r, "monitor C default");
    ctl_rig_good(r, "monitor B none");
    device_vfu_ops(r->device)->reset(r->device); /* what is plugged stays */
    assert_int_equal(rd(r, SFUSE), DEFAULT_STRAP | 2);
    assert_int_equal(rd(r, SDE_ISR), LIVE_C);
    assert_int_equal(rd(r, SDE_IIR), 0);
    assert_true(read_edid(r, 4, 0, got, EDID_SIZE));
    assert_memory_equal(got, want, EDID_SIZE);
    assert_false(read_edid(r, 5, 0, got, 4));
    assert_non_null(strstr(ctl_rig_ask(r, "status"), "{\"B\":\"none\",\"C\":\"default\"}"));
}

/* Pulled between two bytes. */
static void test_pulled_while_read(void **state)
{
    struct ctl_rig *r = *state;

    wr(r, GMBUS(0), 5);
    wr(r, GMBUS(1), 1u << 30 | 1u << 26 | 1u << 25 | 8 << 16 | 0x50 << 1 | 1);
    assert_int_equal(rd(r, GMBUS(3)), 0xffffff00);
    ctl_rig_good(r, "monitor B none");
    assert_int_equal(rd(r, GMBUS(3)), 0xffffffff);
    wr(r, GMBUS(0), 7); /* a pair without anything */
    wr(r, GMBUS(1), 1u << 30 | 1u << 25 | 8 << 16 | 0x50 << 1 | 1);
    assert_true(rd(r, GMBUS(2)) & NAK);
}

static void test_words(void **state)
{
    struct ctl_rig *r = *state;
    static const char *const lines[][2] = {
        {"monitor B", "usage: monitor"},
        {"monitor B none now", "usage: monitor"},
        {"monitor A none", "port must be B or C: A"},
        {"monitor  BB none", "port must be"},
        {"monitor B big", "must be none, default, WxH or WxH@HZ: big"},
        {"monitor B 640", "must be none"},
        {"monitor B x480", "must be none"},
        {"monitor B 640x", "must be none"},
        {"monitor B 640x480x", "must be none"},
        {"monitor B 640x480@", "must be none"},
        {"monitor B 640x480@0", "must be none"},
        {"monitor B 640x480@20x", "must be none"},
        {"monitor B 640x480@1", "HDMI"},
        {"monitor B 64000x480", "must be none"},
        {"monitor B -640x480", "must be none"},
        {"monitor B 0x0", "no HDMI mode of this size"},
        {"monitor B 641x480", "no HDMI mode"},
        {"monitor B 320x240", "no HDMI mode"},
        {"monitor B 4096x2160", "no HDMI mode"},
        {"monitor B 4000x4000", "no HDMI mode"},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_non_null(strstr(ctl_rig_ask(r, lines[i][0]), lines[i][1]));
    assert_int_equal(rd(r, SDE_ISR), LIVE_B); /* nothing changed */
}

static void block_sums_to_zero(const uint8_t *b)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < EDID_SIZE; i++)
        sum = (uint8_t)(sum + b[i]);
    assert_int_equal(sum, 0);
}

static double rate_of(const uint8_t *d)
{
    double pixels = (d[2] | (d[4] & 0xf0) << 4) + (d[3] | (d[4] & 0xf) << 8);
    double lines = (d[5] | (d[7] & 0xf0) << 4) + (d[6] | (d[7] & 0xf) << 8);

    return (d[0] | d[1] << 8) * 10000.0 / pixels / lines;
}

/* What every detailed timing must keep, and the clock it comes to. */
static uint32_t check_timing(const uint8_t *d, uint32_t width, uint32_t height, uint32_t hz)
{
    uint32_t khz = (uint32_t)(d[0] | d[1] << 8) * 10;
    uint32_t hblank = d[3] | (d[4] & 0xfu) << 8, vblank = d[6] | (d[7] & 0xfu) << 8;
    uint32_t hfront = d[8] | (d[11] & 0xc0u) << 2, hsync = d[9] | (d[11] & 0x30u) << 4;
    uint32_t vfront = d[10] >> 4 | (d[11] & 0xcu) << 2, vsync = (d[10] & 0xf) | (d[11] & 3u) << 4;
    double rate = rate_of(d);

    assert_int_equal(d[2] | (d[4] & 0xf0) << 4, width);
    assert_int_equal(d[5] | (d[7] & 0xf0) << 4, height);
    assert_true(hfront + hsync < hblank);
    assert_true(vfront + vsync < vblank);
    assert_true(rate > hz * 0.99 - 0.01 && rate < hz * 1.01);
    return khz;
}

static void test_sizes(void **state)
{
    static const struct {
        uint32_t width, height, hz, khz;
    } t[] = {
        {640, 480, 60, 25170},    {800, 600, 60, 40000},    {1024, 768, 60, 65000},
        {1280, 720, 60, 74250},   {1280, 800, 60, 71000},   {1366, 768, 60, 72250},
        {1600, 1200, 60, 130250}, {1920, 1080, 60, 148500}, {1920, 1200, 60, 154000},
        {2560, 1440, 60, 241500}, {2560, 1600, 60, 268500}, {3840, 2160, 30, 262750},
    };
    uint8_t e[EDID_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(edid_build_size(e, t[i].width, t[i].height, 0), 0);
        assert_memory_equal(e, "\0\xff\xff\xff\xff\xff\xff\0", 8);
        block_sums_to_zero(e);
        block_sums_to_zero(e + EDID_SIZE);
        assert_int_equal(e[126], 1);
        assert_memory_equal(e + EDID_SIZE, "\x02\x03\x0c\x00\x67\x03\x0c\x00\x10\x00", 10);
        assert_int_equal(check_timing(e + 54, t[i].width, t[i].height, t[i].hz), t[i].khz);
    }
    for (uint32_t w = 0; w < 4200; w += 14)
        for (uint32_t h = 0; h < 4200; h += 93)
            if (!edid_build_size(e, w, h, 0)) {
                uint32_t fast = rate_of(e + 54) > 45 ? 60 : 30;

                assert_in_range(check_timing(e + 54, w, h, fast), 25000, 300000);
            }
}

/* A rate of one's own; a slow one has many blank lines. */
static void test_rates(void **state)
{
    static const uint32_t rates[] = {10, 20, 24, 30, 50, 60, 75, 120, 240};
    uint8_t e[EDID_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        assert_int_equal(edid_build_size(e, 640, 480, rates[i]), 0);
        assert_in_range(check_timing(e + 54, 640, 480, rates[i]), 25000, 300000);
        block_sums_to_zero(e);
        assert_in_range(rates[i], e[72 + 5], e[72 + 6]); /* the limits allow it */
    }
    assert_int_equal(edid_build_size(e, 640, 480, 1), -ERANGE);
    assert_int_equal(edid_build_size(e, 640, 480, 241), -ERANGE);
    assert_int_equal(edid_build_size(e, 3840, 2160, 120), -ERANGE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ctl_rig_setup, ctl_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_default),
        T(test_pull_and_plug),
        T(test_exchange),
        T(test_detection_off),
        T(test_port_c),
        T(test_pulled_while_read),
        T(test_words),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_rates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
