/* SPDX-License-Identifier: MIT */
/*
 * The screen: what reaches the physical pipe, in which order, and what never does; switching with a
 * live and a dead vblank; monitors that come and go. One thread.
 */
#include "tests/unit/display_fixture.h"

#include "services/display/regs.h"

#include <errno.h>

static struct rig r;

static void start_takes_over(void **state)
{
    (void)state;
    rig_new(&r, true);
    gpu_fake_set(r.fake, PIPE_CONF + PIPE_STRIDE, ON | REG_STATE); /* firmware's console */
    gpu_fake_set(r.fake, PRI_CTL + PIPE_STRIDE, ON);
    rig_start(&r);
    assert_true(gpu_fake_get(r.fake, PWR_WELL_CTL1) & ON);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CONF + PIPE_STRIDE), 0);
    assert_int_equal(gpu_fake_get(r.fake, PRI_CTL + PIPE_STRIDE), 0);
    assert_true(wrote(&r, 0, PRI_CTL + PIPE_STRIDE, NULL) <
                wrote(&r, 0, PIPE_CONF + PIPE_STRIDE, NULL));
    assert_true(wrote(&r, 0, GMBUS1, NULL) > 0);
    rig_free(&r);
}

/* Clock, timings, transcoder, pipe, port, and only then the plane, its surface last. */
static void order_of_a_modeset(void **state)
{
    static const uint32_t order[] = {WRPLL_CTL1,    PORT_CLK_SEL + 4,
                                     TRANS_CLK_SEL, TRANS_A + TRANS_HTOTAL,
                                     PIPE_SRC,      TRANS_A + TRANS_DDI_FUNC,
                                     PIPE_CONF,     DDI_BUF_CTL_B,
                                     PRI_STRIDE,    PRI_CTL,
                                     PRI_SURF};
    uint32_t v;
    int at = 0;

    (void)state;
    rig_new(&r, true);
    rig_start(&r);
    guest_in(&r, 0);
    gpu_fake_log_clear(r.fake);
    xga(&r, 0, (uint32_t)LOW(0));
    ring(&r, 0); /* first one with a running pipe: shown by itself */
    at = wrote(&r, 0, WRPLL_CTL1, &v);
    assert_true(v & ON);
    for (unsigned i = 1; i < sizeof(order) / sizeof(order[0]); i++) {
        int next = wrote(&r, at, order[i], &v);

        assert_true(next > at);
        at = next;
    }
    assert_int_equal(v, LOW(0));
    assert_int_equal(gpu_fake_get(r.fake, TRANS_A + TRANS_HTOTAL), 0x053f03ff);
    assert_int_equal(gpu_fake_get(r.fake, TRANS_A + TRANS_HSYNC), 0x049f0417);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_SRC), 0x03ff02ff);
    assert_int_equal(gpu_fake_get(r.fake, PRI_CTL), ON | 6u << 26); /* no gamma */
    assert_int_equal(r.guest[0].timing.pipe[0].foreground, 1);
    assert_int_equal(r.record.domid, DOMID(0));
    assert_int_equal(r.record.chosen, 0);
    rig_free(&r);
}

/* Where the two generations are not the same hardware. */
static void what_differs(void **state)
{
    bool hsw = test_gen == GPU_GEN7;
    uint32_t imr, ier, v;

    (void)state;
    rig_shown(&r, 1, true);
    assert_int_equal(gpu_irq_get(r.gpu, vblank_bank(), &imr, &ier), 0);
    assert_true(ier & 1 && !(imr & 1));
    assert_int_equal(gpu_irq_get(r.gpu, hsw ? GPU_IRQ_PIPE_A : GPU_IRQ_DE, &imr, &ier), -EACCES);
    assert_int_equal(gpu_fake_get(r.fake, DDI_BUF_TRANS_B9), 0x00ffffff);
    assert_int_equal(gpu_fake_get(r.fake, DDI_BUF_TRANS_B9 + 4), hsw ? 0x00040006 : 0x00140006);
    vga(&r, 0, (uint32_t)LOW(0)); /* another mode: everything is said again */
    ring(&r, 0);
    assert_true(wrote(&r, 0, WRPLL_CTL1, &v) >= 0);
    assert_int_equal(wrote(&r, 0, PIPE_MISC, NULL) >= 0, !hsw);
    rig_free(&r);
}

/* What firmware showed on an analog monitor, and how its tiles were. */
static void firmware_used_vga(void **state)
{
    static const uint32_t on[] = {ADPA, PCH_TRANS_CONF, FDI_RX_CTL, DDI_BUF_CTL_E, SPLL_CTL};

    (void)state;
    rig_new(&r, true);
    for (unsigned i = 0; i < sizeof(on) / sizeof(on[0]); i++)
        gpu_fake_set(r.fake, on[i], ON | 0x100);
    gpu_fake_set(r.fake, DISP_ARB_CTL, 0x2040);
    rig_start(&r);
    for (unsigned i = 0; i < sizeof(on) / sizeof(on[0]); i++)
        assert_int_equal(gpu_fake_get(r.fake, on[i]), 0x100);
    assert_int_equal(gpu_fake_get(r.fake, DISP_ARB_CTL), test_gen == GPU_GEN7 ? 0x40 : 0x2040);
    rig_free(&r);
}

static void nobody_asked(void **state)
{
    (void)state;
    rig_new(&r, true);
    r.config.no_auto = true;
    rig_start(&r);
    guest_in(&r, 0);
    xga(&r, 0, (uint32_t)LOW(0));
    ring(&r, 0);
    assert_int_equal(now_shown(&r), 0);
    assert_int_equal(r.guest[0].timing.pipe[0].foreground, 0);
    rig_free(&r);
}

static void flips(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    *reg(&r, 0, PRI_SURF) = (uint32_t)LOW(0) + 4 * MIB;
    ring(&r, 0);
    assert_int_equal(now_shown(&r), LOW(0) + 4 * MIB);
    assert_int_equal(wrote(&r, 0, PRI_CTL, NULL), -1); /* the surface and nothing else */
    assert_int_equal(wrote(&r, 0, PRI_STRIDE, NULL), -1);
    /* A lost bell: the timer sees it. */
    *reg(&r, 0, PRI_SURF) = (uint32_t)LOW(0);
    vblank(&r);
    assert_int_equal(now_shown(&r), LOW(0));
    rig_free(&r);
}

/* A plane that comes back says all it needs: the registers may hold anything meanwhile. */
static void plane_off_and_on(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    *reg(&r, 0, PRI_OFFSET) = 8u << 16;
    ring(&r, 0);
    assert_int_equal(gpu_fake_get(r.fake, PRI_OFFSET), 8u << 16);
    *reg(&r, 0, PRI_CTL) = 0;
    ring(&r, 0);
    assert_int_equal(now_shown(&r), 0);
    *reg(&r, 0, PRI_CTL) = ON | 6u << 26 | PRI_TILED;
    *reg(&r, 0, PRI_OFFSET) = 0;
    ring(&r, 0);
    assert_int_equal(gpu_fake_get(r.fake, PRI_OFFSET), 0);
    assert_int_equal(gpu_fake_get(r.fake, PRI_CTL), ON | 6u << 26 | PRI_TILED);
    rig_free(&r);
}

/* Nothing changes, but the answer tells of a frame that was shown. */
static void switch_to_itself(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    display_switch(r.d, DOMID(0), 3);
    vblank(&r);
    assert_int_equal(r.switched, 0);
    vblank(&r);
    assert_int_equal(r.switched, 3);
    assert_int_equal(now_shown(&r), LOW(0));
    rig_free(&r);
}

/* Revoked first: for a whole frame nothing of the new guest is written. */
static void same_mode_switch(void **state)
{
    (void)state;
    rig_shown(&r, 2, true);
    *reg(&r, 0, CUR_CTL) = 0x27;
    *reg(&r, 0, CUR_BASE) = (uint32_t)LOW(0) + 8 * MIB;
    vblank(&r);
    assert_int_equal(gpu_fake_get(r.fake, CUR_BASE), LOW(0) + 8 * MIB);
    gpu_fake_log_clear(r.fake);
    display_switch(r.d, DOMID(1), 77);
    assert_int_equal(gpu_fake_get(r.fake, CUR_CTL), 0);
    assert_int_equal(r.guest[0].timing.pipe[0].foreground, 0);
    *reg(&r, 0, PRI_SURF) = (uint32_t)LOW(0) + 4 * MIB; /* forwarded no more */
    ring(&r, 0);
    assert_int_equal(wrote(&r, 0, PRI_SURF, NULL), -1);
    vblank(&r);
    assert_int_equal(now_shown(&r), LOW(1));
    assert_int_equal(r.switched, 0); /* not yet live */
    vblank(&r);
    assert_int_equal(r.switched, 77);
    assert_in_range(r.switch_ms, 16, 60);
    assert_int_equal(wrote(&r, 0, PIPE_CONF, NULL), -1); /* no modeset */
    assert_false(ever(&r, PRI_SURF, (uint32_t)LOW(0) + 4 * MIB));
    assert_int_equal(r.guest[1].timing.pipe[0].foreground, 1);
    assert_int_equal(r.record.domid, DOMID(1));
    assert_int_equal(r.record.chosen, 1);
    rig_free(&r);
}

static void other_mode_switch(void **state)
{
    int off, surf, conf;
    uint32_t v;

    (void)state;
    rig_shown(&r, 2, true);
    vga(&r, 1, (uint32_t)LOW(1));
    display_switch(r.d, DOMID(1), 5);
    for (int i = 0; i < 3; i++)
        vblank(&r);
    assert_int_equal(r.switched, 5);
    off = wrote(&r, 0, PRI_CTL, &v);
    assert_int_equal(v, 0);
    conf = wrote(&r, off, PIPE_CONF, &v);
    assert_true(conf > off && v == 0);
    conf = wrote(&r, conf + 1, PIPE_CONF, &v);
    assert_int_equal(v, ON);
    surf = wrote(&r, conf, PRI_SURF, &v);
    assert_int_equal(v, LOW(1));
    assert_true(surf > conf);
    assert_int_equal(gpu_fake_get(r.fake, TRANS_A + TRANS_HTOTAL), 0x031f027f);
    rig_free(&r);
}

/* A frame buffer of another guest, half outside, or of the host; a cursor, too. */
static void outside_never_programmed(void **state)
{
    const uint32_t bad[] = {(uint32_t)LOW(1), 0, (uint32_t)(LOW(0) + 64 * MIB - 4096),
                            (uint32_t)LOW(0) - 4096, 0xfffff000};

    (void)state;
    rig_shown(&r, 2, true);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        gpu_fake_log_clear(r.fake);
        *reg(&r, 0, PRI_SURF) = bad[i];
        ring(&r, 0);
        vblank(&r);
        assert_int_equal(gpu_fake_get(r.fake, PRI_CTL), 0);
        assert_int_equal(now_shown(&r), 0);
        assert_true(bad[i] == 0 || !ever(&r, PRI_SURF, bad[i]));
        *reg(&r, 0, PRI_SURF) = (uint32_t)LOW(0); /* it comes to its senses */
        ring(&r, 0);
        assert_int_equal(now_shown(&r), LOW(0));
    }
    *reg(&r, 0, CUR_CTL) = 0x23;
    *reg(&r, 0, CUR_BASE) = (uint32_t)(LOW(0) + 64 * MIB - 4096);
    ring(&r, 0);
    assert_int_equal(gpu_fake_get(r.fake, CUR_CTL), 0);
    assert_int_equal(now_shown(&r), LOW(0));
    /* The last page that still holds the whole of it. */
    *reg(&r, 0, CUR_BASE) = (uint32_t)(LOW(0) + 64 * MIB - 256 * 256 * 4);
    ring(&r, 0);
    assert_int_equal(gpu_fake_get(r.fake, CUR_CTL), 0x23);
    rig_free(&r);
}

/* Modes that the port cannot do, or a surface smaller than its mode, are black. */
static void refused_modes(void **state)
{
    static const struct {
        uint32_t reg, value;
    } bad[] = {{WRPLL_CTL1, 0xb0ff0213},            /* 7 GHz */
               {TRANS_A + TRANS_HSYNC, 0x049f0017}, /* sync in the picture */
               {TRANS_A + TRANS_VSYNC, 0x04080302}, /* sync beyond the frame */
               {PIPE_SRC, 0x027f01df},              /* would need a scaler */
               {PRI_CTL, ON | 1u << 26},            /* format */
               {PRI_STRIDE, 0x40},
               {TRANS_A + TRANS_DDI_FUNC, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        rig_new(&r, true);
        rig_start(&r);
        guest_in(&r, 0);
        xga(&r, 0, (uint32_t)LOW(0));
        *reg(&r, 0, bad[i].reg) = bad[i].value;
        ring(&r, 0);
        vblank(&r);
        assert_int_equal(now_shown(&r), 0);
        assert_true(r.guest[0].timing.pipe[0].enabled);
        rig_free(&r);
    }
}

static void dead_vblank(void **state)
{
    (void)state;
    rig_shown(&r, 2, true);
    display_switch(r.d, DOMID(1), 9);
    test_now += 199000000;
    display_step(r.d);
    assert_int_equal(now_shown(&r), LOW(0));
    test_now += 2000000; /* revocation: 200 ms */
    display_step(r.d);
    assert_int_equal(now_shown(&r), LOW(1));
    assert_int_equal(r.error_id, 0);
    test_now += 201000000; /* grant: 200 ms */
    display_step(r.d);
    assert_int_equal(r.error_id, 9);
    assert_int_equal(r.error, ETIMEDOUT);
    /* The next one is not held up. */
    display_switch(r.d, 0, 10);
    test_now += 201000000;
    display_step(r.d);
    test_now += 201000000;
    display_step(r.d);
    assert_int_equal(now_shown(&r), 0);
    assert_int_equal(r.error_id, 10);
    rig_free(&r);
}

static void pipe_does_not_start(void **state)
{
    (void)state;
    rig_new(&r, true);
    r.config.no_auto = true;
    rig_start(&r);
    guest_in(&r, 0);
    xga(&r, 0, (uint32_t)LOW(0));
    r.no_start = true;
    display_switch(r.d, DOMID(0), 3);
    assert_int_equal(r.error_id, 3);
    assert_int_equal(r.error, EIO);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CONF), 0);
    rig_free(&r);
}

static void requests(void **state)
{
    (void)state;
    rig_shown(&r, 2, true);
    display_switch(r.d, 99, 4);
    assert_int_equal(r.error_id, 4);
    assert_int_equal(r.error, ENOENT);
    assert_string_equal(r.text, "no guest 99 has a display; vgtctl list shows them");
    /* While one is under way the last asked for is next. */
    display_switch(r.d, DOMID(1), 5);
    display_switch(r.d, DOMID(0), 6);
    display_switch(r.d, 0, 7);
    assert_int_equal(r.error_id, 6);
    assert_int_equal(r.error, EBUSY);
    for (int i = 0; i < 2; i++)
        vblank(&r);
    assert_int_equal(r.switched, 5);
    for (int i = 0; i < 2; i++)
        vblank(&r);
    assert_int_equal(r.switched, 7);
    assert_int_equal(now_shown(&r), 0);
    /* Somebody chose the console: nobody is shown by itself. */
    ring(&r, 0);
    vblank(&r);
    assert_int_equal(now_shown(&r), 0);
    rig_free(&r);
}

/* A guest without a mode may be in the foreground; it appears when it sets one. */
static void not_yet_running(void **state)
{
    (void)state;
    rig_new(&r, true);
    rig_start(&r);
    guest_in(&r, 0);
    display_switch(r.d, DOMID(0), 1);
    assert_int_equal(r.switched, 1);
    xga(&r, 0, (uint32_t)HIGH(0));
    ring(&r, 0);
    assert_int_equal(now_shown(&r), HIGH(0));
    *reg(&r, 0, PIPE_CONF) = 0;
    ring(&r, 0);
    assert_int_equal(now_shown(&r), 0);
    rig_free(&r);
}

static void headless(void **state)
{
    (void)state;
    rig_shown(&r, 2, false);
    assert_int_equal(r.record.domid, DOMID(0));
    display_switch(r.d, DOMID(1), 8);
    assert_int_equal(r.switched, 8);
    assert_int_equal(wrote(&r, 0, PIPE_CONF, NULL), -1);
    /* A monitor is plugged in. */
    r.monitor = true;
    assert_int_equal(gpu_fake_raise(r.fake, GPU_IRQ_PCH, SDE_PORT_B), SDE_PORT_B);
    turns(&r, 1);
    assert_int_equal(now_shown(&r), LOW(1));
    r.monitor = false;
    gpu_fake_raise(r.fake, GPU_IRQ_PCH, SDE_PORT_B);
    turns(&r, 1);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CONF), 0);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_takes_over),
        cmocka_unit_test(order_of_a_modeset),
        cmocka_unit_test(what_differs),
        cmocka_unit_test(firmware_used_vga),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(flips),
        cmocka_unit_test(plane_off_and_on),
        cmocka_unit_test(switch_to_itself),
        cmocka_unit_test(same_mode_switch),
        cmocka_unit_test(other_mode_switch),
        cmocka_unit_test(outside_never_programmed),
        cmocka_unit_test(refused_modes),
        cmocka_unit_test(dead_vblank),
        cmocka_unit_test(pipe_does_not_start),
        cmocka_unit_test(requests),
        cmocka_unit_test(not_yet_running),
        cmocka_unit_test(headless),
    };

    return RUN_BOTH(tests);
}
