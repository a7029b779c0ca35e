/* SPDX-License-Identifier: MIT */
/*
 * What the device says of a driver's mode set: nothing of one in order, and each offence by its
 * name.
 */
#include "softgpu_screen_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENABLE    (1u << 31)
#define PWR_WELL  0x45404u
#define WRPLL1    0x46040u
#define WRPLL2    0x46060u
#define SPLL      0x46020u
#define CLK_B     0x46104u
#define CLK_C     0x46108u
#define TRANS_CLK 0x46140u
#define DDI_FUNC  0x60400u
#define CONF      0x70008u
#define LCPLL     0x130040u
#define WRPLL_65  0xb0200e13u
#define NO_CLOCK  0xe0000000u
#define W(text)   "{\"text\":\"" text "\",\"count\":1}"

static void pipe_on(struct rig *r, unsigned pipe)
{
    rig_wr(r, CONF + pipe * 0x1000, ENABLE);
}

static void pipe_off(struct rig *r, unsigned pipe)
{
    rig_wr(r, CONF + pipe * 0x1000, 0);
}

/* As stock i915 probes and sets a mode on port B, changes it and turns it off (values as it was
 * seen to write them), then the same with a second pipe on the same PLL. */
static void test_stock_driver(void **state)
{
    struct rig *r = *state;

    rig_wr(r, LCPLL, 0x44200000);
    rig_wr(r, LCPLL, 0x48080000);
    rig_wr(r, PWR_WELL, ENABLE);
    rig_wr(r, CLK_B, NO_CLOCK);
    for (unsigned i = 0; i < 2; i++) {
        rig_wr(r, WRPLL1, WRPLL_65);
        rig_wr(r, CLK_B, 0x80000000);
        rig_wr(r, TRANS_CLK, 0x40000000);
        rig_wr(r, 0x60000, 0x053f03ff);
        rig_wr(r, 0x6000c, 0x032502ff);
        rig_wr(r, CONF, 0);
        rig_wr(r, DDI_FUNC, 0x91000000);
        pipe_on(r, 0);
        pipe_on(r, 0);
        rig_wr(r, 0x64100, ENABLE);
        pipe_off(r, 0);
        rig_wr(r, DDI_FUNC, 0);
        rig_wr(r, TRANS_CLK, 0);
        rig_wr(r, 0x64100, 0);
        rig_wr(r, CLK_B, NO_CLOCK);
        rig_wr(r, WRPLL1, WRPLL_65 & ~ENABLE);
    }
    rig_wr(r, LCPLL, 0x44200000);
    rig_start(r, 0);
    rig_wr(r, CLK_C, 0x80000000);
    rig_wr(r, TRANS_CLK + 4, 0x60000000);
    rig_wr(r, DDI_FUNC + 0x1000, 0xa1000000);
    pipe_on(r, 1);
    pipe_off(r, 1);
    rig_wr(r, DDI_FUNC + 0x1000, 0);
    rig_wr(r, CLK_C, NO_CLOCK);
    rig_wr(r, WRPLL2, WRPLL_65); /* nobody uses it */
    rig_expect_warnings(r, "");
}

static void test_power_well(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 1);
    rig_wr(r, PWR_WELL, 0);
    pipe_on(r, 1);
    pipe_on(r, 1); /* is on already */
    rig_expect_warnings(r, W("pipe B enabled without its power well"));
    pipe_off(r, 1);
    rig_wr(r, 0x4540c, ENABLE); /* anyone's request does */
    pipe_on(r, 1);
    rig_expect_warnings(r, W("pipe B enabled without its power well"));
    rig_wr(r, 0x4540c, 0);
    pipe_off(r, 1);
    pipe_on(r, 1);
    rig_expect_warnings(r, "{\"text\":\"pipe B enabled without its power well\",\"count\":2}");
}

static void test_no_port(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 0);
    rig_wr(r, DDI_FUNC, 0x11000000);
    pipe_on(r, 0);
    rig_expect_warnings(r, W("transcoder A enabled without a port (TRANS_DDI_FUNC_CTL)"));
}

static void test_transcoder_clock(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 0);
    rig_wr(r, TRANS_CLK, 0x60000000); /* port C's */
    pipe_on(r, 0);
    rig_expect_warnings(r, W("transcoder A enabled without the clock of port B (TRANS_CLK_SEL)"));
}

static void test_port_clock(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 0);
    rig_wr(r, CLK_B, NO_CLOCK);
    pipe_on(r, 0);
    rig_expect_warnings(r, W("transcoder A enabled while port B has no clock (PORT_CLK_SEL)"));
}

/* Whichever source the port has. */
static void test_source_off(void **state)
{
    struct rig *r = *state;
    static const struct {
        uint32_t select, pll, on, off;
    } t[] = {
        {4, WRPLL1, WRPLL_65, 0x30200e13},
        {5, WRPLL2, WRPLL_65, 0x30200e13},
        {3, SPLL, ENABLE, 0},
        {0, LCPLL, 0x04000000, 0x84000000},
        {2, LCPLL, 0x04000000, 0x84000000},
    };
    char want[128];

    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        rig_clocks_on(r, 0);
        rig_wr(r, CLK_B, t[i].select << 29);
        rig_wr(r, t[i].pll, t[i].off);
        pipe_on(r, 0);
        pipe_off(r, 0);
        rig_wr(r, t[i].pll, t[i].on);
        pipe_on(r, 0);
        pipe_off(r, 0);
        snprintf(want, sizeof(want),
                 "{\"text\":\"transcoder A enabled while the PLL of port B is off\",\"count\":%u}",
                 i + 1);
        rig_expect_warnings(r, want);
    }
}

static void test_pll_while_running(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 0);
    pipe_on(r, 0);
    rig_wr(r, WRPLL1, WRPLL_65); /* no change */
    rig_expect_warnings(r, "");
    rig_wr(r, WRPLL1, WRPLL_65 & ~ENABLE);
    rig_wr(r, WRPLL1, (WRPLL_65 & ~ENABLE) + 1); /* it is off: may be set up */
    rig_wr(r, WRPLL1, WRPLL_65 + 1);
    rig_wr(r, WRPLL1, WRPLL_65);
    rig_expect_warnings(
        r, W("WRPLL 1 disabled while it clocks pipe A, which runs") "," W(
               "WRPLL 1 enabled while it clocks pipe A, which runs") "," W("WRPLL 1 reprogrammed "
                                                                           "while it clocks pipe "
                                                                           "A, which runs"));
}

static void test_port_clock_while_running(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 1);
    rig_wr(r, WRPLL2, WRPLL_65);
    pipe_on(r, 1);
    rig_wr(r, CLK_C, 0x80000000); /* no change */
    rig_wr(r, CLK_B, 0x80000000); /* another port's */
    rig_expect_warnings(r, "");
    rig_wr(r, CLK_C, 0xa0000000);
    rig_wr(r, WRPLL2, 0);
    rig_expect_warnings(r, W("clock of port C changed while pipe B, which it shows, runs") "," W(
                               "WRPLL 2 disabled while it clocks pipe B, which runs"));
}

static void test_lcpll_while_running(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 0);
    rig_clocks_on(r, 2);
    pipe_on(r, 0);
    pipe_on(r, 2);
    pipe_off(r, 0);
    rig_wr(r, LCPLL, 0x44200000);
    rig_expect_warnings(r, "");
    rig_wr(r, LCPLL, 0x84000000);
    rig_wr(r, LCPLL, 0x84000000);
    rig_expect_warnings(r, W("LCPLL disabled while pipe C runs"));
}

/* Ports and sources nobody has. */
static void test_odd_values(void **state)
{
    struct rig *r = *state;

    rig_clocks_on(r, 0);
    rig_wr(r, DDI_FUNC, 0xf1000000);
    rig_wr(r, TRANS_CLK, 0);
    pipe_on(r, 0);
    pipe_off(r, 0);
    rig_wr(r, DDI_FUNC, 0x91000000);
    rig_wr(r, TRANS_CLK, 0x40000000);
    rig_wr(r, CLK_B, 0xc0000000);
    pipe_on(r, 0);
    rig_expect_warnings(
        r,
        W("transcoder A enabled without the clock of port H (TRANS_CLK_SEL)") "," W(
            "transcoder A enabled while port H has no clock (PORT_CLK_SEL)") "," W("transcoder A "
                                                                                   "enabled while "
                                                                                   "port B has no "
                                                                                   "clock "
                                                                                   "(PORT_CLK_"
                                                                                   "SEL)"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_stock_driver),
        T(test_power_well),
        T(test_no_port),
        T(test_transcoder_clock),
        T(test_port_clock),
        T(test_source_off),
        T(test_pll_while_running),
        T(test_port_clock_while_running),
        T(test_lcpll_while_running),
        T(test_odd_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
