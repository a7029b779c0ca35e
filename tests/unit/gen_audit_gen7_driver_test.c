/* SPDX-License-Identifier: MIT */
/*
 * Audit of Haswell's buffers: what i915 puts into its rings, and what it lets its users' batches do
 * with privilege, passes. One thread, no I/O.
 */
#include "tests/unit/gen_audit_gen7_rig.h"

#include "gen/ctx_gen7.h"

/* --- what i915 emits --- */

/* Invalidate, stall, flush, and the breadcrumb of the render ring. */
static void driver_render_flushes(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, PC, 0x00100002, 0, 0, PC, 0x01154c1c, OWN + 0x100, 0, /* invalidate */
                PC, 0x011050a1, OWN + 0x200, 7,                                 /* breadcrumb */
                0x01000000, 0),
           AUDIT_OK);
    assert_int_equal(n_patches, 0);
    assert_int_equal(n_asked, 2);
    ASKED(OWN + 0x200, 8, true);
}

/* The breadcrumb of the others, with its 32 repetitions. */
static void driver_other_breadcrumb(void **state)
{
    uint32_t dw[128] = {0x13244001, 0x100 | 4, 7};
    uint32_t n = 3;

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        dw[n++] = 0x10800001;
        dw[n++] = 0x100;
        dw[n++] = 7;
    }
    dw[n++] = 0x13000001;
    n += 2;
    dw[n++] = 0x01000000;
    dw[n++] = 0;
    for (unsigned e = GEN8_BCS; e <= GEN8_VECS; e++) {
        REASON(run((enum gen8_engine)e, AUDIT_RING, dw, n), AUDIT_OK);
        assert_int_equal(n_patches, 0);
    }
    /* And its flushes; the video engine invalidates one more cache. */
    REASON(RING(GEN8_BCS, 0x13204001, 0x140 | 4, 0, 0), AUDIT_OK);
    REASON(RING(GEN8_VCS, 0x13244081, 0x140 | 4, 0, 0), AUDIT_OK);
    REASON(RING(GEN8_VECS, 0x13244001, 0x140 | 4, 0, 0), AUDIT_OK);
}

/* Loading a page directory. */
static void driver_switches_mm(void **state)
{
    static const uint32_t base[] = {0x2000, 0x22000, 0x12000, 0x1a000};

    (void)state;
    for (unsigned e = 0; e < 4; e++) {
        REASON(RING((enum gen8_engine)e, LRI1, base[e] + 0x220, 0xffffffff, LRI1, base[e] + 0x228,
                    0x1234000, SRM, base[e] + 0x228, OWN + 0x80, LRI1, base[e] + 0xc0, 0x02000200),
               AUDIT_OK);
        assert_int_equal(n_patches, 1);
        assert_int_equal(patches[0].kind, AUDIT_PATCH_PDP);
        assert_int_equal(patches[0].at, 5);
        assert_int_equal(patches[0].len, 1);
        assert_int_equal(patches[0].reg, base[e] + 0x228);
        assert_int_equal(patches[0].words[0], 0x1234000);
        ASKED(OWN + 0x80, 4, true);
    }
}

/* The whole dance around MI_SET_CONTEXT, from one context to another with a forced restore. */
static void driver_sets_context(void **state)
{
    uint32_t dw[] = {
        0x04000000, 0x11000005, 0x22050,       0x00010001, 0x12050,    0x00010001,    0x1a050,
        0x00010001, 0x0c000000, OWN + 0x20101, 0,          0x0c000000, OWN + 0x4010c, 0,
        0x11000005, 0x22050,    0x00010000,    0x12050,    0x00010000, 0x1a050,       0x00010000,
        SRM,        0x1a050,    OWN + 0x80,    0,          0x04000001,
    };
    struct ctx_gen7_ref ref;

    (void)state;
    REASON(run(GEN8_RCS, AUDIT_RING, dw, sizeof(dw) / 4), AUDIT_OK);
    assert_int_equal(n_patches, 8);
    assert_int_equal(patches[3].kind, AUDIT_PATCH_CONTEXT);
    assert_int_equal(patches[3].at, 9);
    assert_int_equal(patches[4].at, 12);
    assert_int_equal(patches[4].len, 1);
    assert_true(ctx_gen7_ref_decode(patches[4].words[0], &ref));
    assert_int_equal(ref.gma, OWN + 0x40000);
    assert_true(ref.ext_save && ref.ext_restore);
    for (unsigned i = 0; i < n_patches; i++)
        audit_apply(dw, sizeof(dw) / 4, &patches[i]);
    assert_int_equal(dw[2], 0x2094); /* the other engines' power states stay what they are */
    REASON(run(GEN8_RCS, AUDIT_RING, dw, sizeof(dw) / 4), AUDIT_OK);
    assert_int_equal(n_patches, 2);
}

static void driver_remaps_l3(void **state)
{
    uint32_t dw[66] = {0x1100003f};

    (void)state;
    for (uint32_t i = 0; i < 32; i++)
        dw[1 + 2 * i] = 0xb070 + 4 * i;
    REASON(run(GEN8_RCS, AUDIT_RING, dw, 66), AUDIT_OK);
    assert_int_equal(n_patches, 32);
    assert_int_equal(patches[31].kind, AUDIT_PATCH_WORDS);
    assert_int_equal(patches[31].at, 63);
}

/* Workarounds of a context; and what the driver lets its users' batches do, with privilege. */
static void driver_workarounds_and_users(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x11000005, 0x20c0, 0x00800080, 0x7000, 0x00010000, 0x7004, 0x00400040),
           AUDIT_OK);
    REASON(BATCH(GEN8_RCS, LRI1, 0xb010, 0x00610000, LRI1, 0xb020, 0x1, LRI1, 0xb024, 0x2, LRI1,
                 0xb038, 0x08000000, LRI1, 0xe49c, 0x00400000, 0x12000001, 0x2348, FOREIGN,
                 0x14800001, 0x2400, FOREIGN, 0x06000082, 0x0d000000, 0x08000000, 0x15000001,
                 0x2600, 0x5280, 0x14000001, FOREIGN, 1, 0x7a000003, 0x0000c000, FOREIGN, 0, 0,
                 0x12000001, 0x2358, FOREIGN, BB_END),
           AUDIT_OK);
    assert_int_equal(n_asked, 0);
    assert_int_equal(n_patches, 0);
    REASON(BATCH(GEN8_BCS, LRI1, 0x22200, 0x00030001, 0x54c00006, 0x03cc0100, 0, 0x00100010,
                 FOREIGN, 0, 64, FOREIGN, 0x54000004, 0, 0, 0, FOREIGN, 0, BB_END),
           AUDIT_OK);
    assert_int_equal(n_asked, 0); /* blits go through the PPGTT */
}

/* Batches, each as the driver starts it on that engine. */
static void driver_starts_batches(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, BBS | 0x2100, 0x1000), AUDIT_OK);
    assert_int_equal(n_patches, 0);
    for (unsigned e = GEN8_BCS; e <= GEN8_VECS; e++) {
        REASON(RING((enum gen8_engine)e, BBS | 0x100, 0x1000), AUDIT_OK);
        assert_int_equal(n_patches, 0);
        REASON(RING((enum gen8_engine)e, BBS, OWN + 0x1000), AUDIT_OK);
        assert_int_equal(patches[0].kind, AUDIT_PATCH_BATCH);
        assert_int_equal(patches[0].words[0], BBS);
    }
}

/* The commands, not the numbers, of the batch that clears threads' registers. */
static void driver_clears_residuals(void **state)
{
    (void)state;
    REASON(BATCH(GEN8_RCS, PC, 0x00100002, 0, 0, PC, 0x4, 0, 0, 0x69040001, 0, PC, 0x00101021, 0, 0,
                 0x61010008, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0x70000006, 0, 0x008b0100, 0, 0, 0, 0, 0,
                 0x70020002, 0, 32, 0x400, 0x71000007, 0, 0, 0, 0, 0, 64, 0, 0x1e00, 0, BB_END),
           AUDIT_OK);
    assert_int_equal(n_asked, 0);
}

/* The order of commands of the golden state, without its values. */
static void driver_golden_state(void **state)
{
    static const uint32_t headers[] = {
        0x69040000, 0x61010008, 0x790d0002, 0x78180000, 0x79160000, 0x78300000, 0x78310000,
        0x78320000, 0x78330000, 0x78100004, 0x781b0005, 0x781c0002, 0x781d0004, 0x78110005,
        0x78120002, 0x78210000, 0x78130005, 0x78140001, 0x781e0001, 0x78050005, 0x78040001,
        0x78240000, 0x78230000, 0x782f0000, 0x781f000c, 0x78200006, 0x78090005, 0x78080003,
        0x782a0000, 0x79000002, 0x7b000005, 0x05000000};
    uint32_t dw[256] = {0}, n = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        dw[n] = headers[i];
        n += i == 0 || headers[i] == BB_END ? 1 : (headers[i] & 0xff) + 2;
    }
    REASON(run(GEN8_RCS, AUDIT_BATCH, dw, n), AUDIT_OK);
    assert_int_equal(n_asked + n_patches, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driver_render_flushes), cmocka_unit_test(driver_other_breadcrumb),
        cmocka_unit_test(driver_switches_mm),    cmocka_unit_test(driver_sets_context),
        cmocka_unit_test(driver_remaps_l3),      cmocka_unit_test(driver_workarounds_and_users),
        cmocka_unit_test(driver_starts_batches), cmocka_unit_test(driver_clears_residuals),
        cmocka_unit_test(driver_golden_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
