/* SPDX-License-Identifier: MIT */
/*
 * Timing records of virtual pipes: from the registers a stock driver programs, from nonsense, and
 * over changes and restarts. One thread.
 */
#include "tests/unit/display_fixture.h"

#include "services/display/regs.h"
#include "services/display/vtiming.h"

static struct timing_pipe *pipe_of(struct rig *r, unsigned n, unsigned pipe)
{
    return &r->guest[n].timing.pipe[pipe];
}

static uint64_t bad_display(struct rig *r, unsigned n)
{
    struct display_stats stats;

    for (unsigned i = 0; display_stats(r->d, i, &stats); i++)
        for (unsigned k = 0; stats.domid == DOMID(n) && k < stats.count; k++)
            if (!strcmp(stats.counter[k].name, account_event_name(ACCOUNT_BAD_DISPLAY)))
                return stats.counter[k].value;
    return 0;
}

static void stock_mode(void **state)
{
    struct rig r;
    struct timing_pipe *t = pipe_of(&r, 0, 0);

    (void)state;
    rig_new(&r, false);
    rig_start(&r);
    guest_in(&r, 0);
    assert_int_equal(t->enabled, 0);
    xga(&r, 0, (uint32_t)LOW(0));
    ring(&r, 0);
    assert_int_equal(t->enabled, 1);
    assert_int_equal(t->seq % 2, 0);
    assert_int_equal(t->vtotal, 806);
    assert_int_equal(t->vactive, 768);
    assert_int_equal(t->start_ns, test_now);
    assert_in_range(t->frame_ps, 16660000000, 16700000000);
    assert_int_equal(pipe_of(&r, 0, 1)->enabled, 0);
    assert_int_equal(bad_display(&r, 0), 0);
    rig_free(&r);
}

static void slow(void **state)
{
    struct rig r;

    (void)state;
    rig_new(&r, false);
    r.config.slow = 8;
    rig_start(&r);
    guest_in(&r, 0);
    xga(&r, 0, (uint32_t)LOW(0));
    ring(&r, 0);
    assert_in_range(pipe_of(&r, 0, 0)->frame_ps, 8 * 16660000000, 8 * 16700000000);
    rig_free(&r);
}

/* The guest's modeset must end: it gets 60 Hz, and one event however often one looks. */
static void nonsense(void **state)
{
    static const struct {
        uint32_t reg, value;
    } bad[] = {{TRANS_A + TRANS_HTOTAL, 0x000003ff},
               {PORT_CLK_SEL + 4, PORT_CLK_NONE},
               {WRPLL_CTL1, 0},
               {TRANS_A + TRANS_VTOTAL, 0},
               {WRPLL_CTL1, 0xb0010eff},
               {TRANS_A + TRANS_DDI_FUNC, 0}};
    struct rig r;

    (void)state;
    rig_new(&r, false);
    rig_start(&r);
    guest_in(&r, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t before = bad_display(&r, 0);

        xga(&r, 0, (uint32_t)LOW(0));
        *reg(&r, 0, bad[i].reg) = bad[i].value;
        ring(&r, 0);
        assert_in_range(pipe_of(&r, 0, 0)->frame_ps, 16666666666, 16666666667);
        assert_true(pipe_of(&r, 0, 0)->vactive < pipe_of(&r, 0, 0)->vtotal);
        assert_true(bad_display(&r, 0) > before);
        before = bad_display(&r, 0);
        ring(&r, 0);
        display_step(r.d);
        assert_int_equal(bad_display(&r, 0), before);
    }
    rig_free(&r);
}

static void other_transcoders(void **state)
{
    struct rig r;

    (void)state;
    rig_new(&r, false);
    rig_start(&r);
    guest_in(&r, 0);
    xga(&r, 0, (uint32_t)LOW(0));
    /* The same mode, moved to pipe C, then to the eDP transcoder fed by pipe B. */
    for (uint32_t i = 0; i <= TRANS_DDI_FUNC; i += 4) {
        *reg(&r, 0, TRANS_A + 2 * PIPE_STRIDE + i) = *reg(&r, 0, TRANS_A + i);
        *reg(&r, 0, TRANS_EDP + i) = *reg(&r, 0, TRANS_A + i);
    }
    *reg(&r, 0, PIPE_CONF) = 0;
    *reg(&r, 0, PIPE_CONF + 2 * PIPE_STRIDE) = ON;
    *reg(&r, 0, TRANS_EDP + TRANS_DDI_FUNC) = 0;
    ring(&r, 0);
    assert_int_equal(pipe_of(&r, 0, 0)->enabled, 0);
    assert_int_equal(pipe_of(&r, 0, 2)->vtotal, 806);
    *reg(&r, 0, PIPE_CONF + 2 * PIPE_STRIDE) = 0;
    *reg(&r, 0, PIPE_EDP_CONF) = ON;
    *reg(&r, 0, PORT_CLK_SEL) = PORT_CLK_WRPLL1;
    *reg(&r, 0, TRANS_EDP + TRANS_DDI_FUNC) = ON | 5u << 12;
    ring(&r, 0);
    assert_int_equal(pipe_of(&r, 0, 2)->enabled, 0);
    assert_int_equal(pipe_of(&r, 0, 1)->vtotal, 806);
    assert_int_equal(bad_display(&r, 0), 0);
    rig_free(&r);
}

static void frames_go_on(void **state)
{
    struct vtiming on = {.enabled = true, .frame_ps = 16666666667, .vtotal = 806, .vactive = 768},
                   off = {0};
    struct timing_pipe t = {0};
    uint64_t at = 5000000000;

    (void)state;
    assert_true(vtiming_publish(&t, &on, at));
    assert_int_equal(t.first_frame, 0);
    /* A restarted process finds its record good: not a word changes. */
    assert_false(vtiming_publish(&t, &on, at + 12345));
    assert_int_equal(t.start_ns, at);
    /* The foreground is no reason for a jump. */
    on.foreground = true;
    assert_true(vtiming_publish(&t, &on, at + 99999));
    assert_int_equal(t.start_ns, at);
    assert_int_equal(t.foreground, 1);
    assert_true(vtiming_publish(&t, &off, at + 10 * 16666667ull));
    assert_int_equal(t.enabled, 0);
    assert_int_equal(t.first_frame, 10);
    assert_true(vtiming_publish(&t, &on, at + 20 * 16666667ull));
    assert_int_equal(t.first_frame, 10);
    /* One that died while it wrote leaves an odd word. */
    t.seq |= 1;
    assert_true(vtiming_publish(&t, &on, at + 21 * 16666667ull));
    assert_int_equal(t.seq % 2, 0);
}

/* What reaches the physical WRPLL is near enough for any clock a monitor may have. */
static void wrpll(void **state)
{
    struct modeline_regs r = {.clk_sel = PORT_CLK_WRPLL1};

    (void)state;
    for (uint32_t khz = 20000; khz <= 300000; khz += 1301) {
        uint32_t got;

        assert_int_equal(mode_wrpll(khz, &r.wrpll[0]), 0);
        got = modeline_port_khz(&r);
        assert_in_range(got, khz - khz / 200, khz + khz / 200);
    }
    assert_true(mode_wrpll(1000, &r.wrpll[0]) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stock_mode), cmocka_unit_test(slow),
        cmocka_unit_test(nonsense),   cmocka_unit_test(other_transcoders),
        cmocka_unit_test(wrpll),      cmocka_unit_test(frames_go_on),
    };

    return RUN_BOTH(tests);
}
