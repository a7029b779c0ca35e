/* SPDX-License-Identifier: MIT */
/*
 * The life of a shadow context after its prepare: lite restore, saving into the guest's image, a
 * batch interrupted and resumed, status page, resets, eviction. The test plays the hardware. One
 * thread.
 */
#include "tests/unit/sched_ctx_rig.h"

#define ARENA 512u
#define GPR   0x2600u

static struct rig r;

static int setup(void **state)
{
    (void)state;
    rig_setup(&r, ARENA, 0);
    rig_root(&r, 5, RIG_ROOT, RIG_SHADOW);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_teardown(&r);
    return 0;
}

static const uint32_t load[] = {0x11000001, GPR, 0x1234, 0};

static void lite_restore(void **state)
{
    static const uint32_t bad[] = {0x11000001, 0x4000, 0x1234, 0};
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *g = rig_state(&r, RIG_LRCA), *s;
    struct context *c, *again;

    (void)state;
    rig_emit(&r, RIG_LRCA, load, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    s = rig_shadow(&r, c);
    context_set_busy(c, true);
    *rig_at(&r, RIG_RING) = 0xffffffff; /* what was audited stays */
    rig_emit(&r, RIG_LRCA, load, 4);
    assert_ptr_equal(rig_prepare(&r, GEN8_RCS, desc), c);
    assert_int_equal(s[CTX_RING_TAIL], 0x20);
    assert_int_equal(rig_ring(&r, c, 0x18), 0x1234);
    assert_int_equal(rig_ring(&r, c, 0), load[0]);
    rig_prepare(&r, GEN8_RCS, desc); /* nothing new */
    rig_emit(&r, RIG_LRCA, bad, 4);
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &again), CONTEXT_REFUSED);
    assert_int_equal(s[CTX_RING_TAIL], 0x20);
    g[CTX_RING_TAIL] = 0x10; /* moved back */
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &again), CONTEXT_LATER);
    g[CTX_RING_TAIL] = 0x20;
    g[CTX_RING_HEAD] = 8;
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &again), CONTEXT_LATER);
    g[CTX_RING_HEAD] = 0;
    g[CTX_PDP_LDW(0)] ^= 0x1000;
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &again), CONTEXT_LATER);
    g[CTX_PDP_LDW(0)] ^= 0x1000;
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &again), 0);
    context_set_busy(c, false);
    context_set_settle(r.set);
}

/* Appends never go over what may not have been executed. */
static void full_ring(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    struct context *c, *again;
    unsigned appended = 0;

    (void)state;
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    for (;; appended++) {
        rig_emit(&r, RIG_LRCA, load, 4);
        if (context_prepare(r.set, GEN8_RCS, desc, &again))
            break;
    }
    assert_int_equal(appended, (4096 - 64) / 16);
    context_note_head(c, 0xff8); /* not one that was submitted */
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &again), CONTEXT_LATER);
    context_note_head(c, 0x800);
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &again), 0);
    context_set_busy(c, false);
    context_set_settle(r.set);
}

static void save(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *g = rig_state(&r, RIG_LRCA), *s, pdp = g[CTX_PDP_LDW(0)];
    struct context *c;

    (void)state;
    rig_emit(&r, RIG_LRCA, load, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    s = rig_shadow(&r, c);
    s[CTX_RING_HEAD] = 0x10; /* the hardware */
    s[CTX_TIMESTAMP] = 0x7777;
    s[CTX_CONTROL] = 0xffff0008;
    s[0x60] = 0x7a000005; /* something our tables would not let a guest say */
    rig_gpu(&r, ctx_gen8_desc_decode(context_desc(c)).lrca)[0x34] = 0xabcd;
    rig_at(&r, RIG_LRCA)[0x35] = 0x1111; /* the guest's, meanwhile */
    rig_emit(&r, RIG_LRCA, load, 4);
    context_set_busy(c, false);
    context_set_settle(r.set);
    assert_true(context_finished(c));
    assert_int_equal(context_save(c), 0);
    assert_int_equal(g[CTX_RING_HEAD], 0x10);
    assert_int_equal(g[CTX_RING_TAIL], 0x20);
    assert_int_equal(g[CTX_RING_START], RIG_RING);
    assert_int_equal(g[CTX_TIMESTAMP], 0x7777);
    assert_int_equal(g[CTX_CONTROL] & 1, 0);
    assert_int_equal(g[CTX_PDP_LDW(0)], pdp);
    assert_int_equal(g[0x60], 0x7a000005);
    assert_int_equal(rig_at(&r, RIG_LRCA)[0x34], 0xabcd);
    assert_int_equal(rig_at(&r, RIG_LRCA)[0x35], 0x1111);
    for (unsigned i = 0; i < 2; i++) { /* unchanged since: the hardware's own word is good */
        c = rig_prepare(&r, GEN8_RCS, desc);
        assert_int_equal(rig_shadow(&r, c)[0x60], 0x7a000005);
        assert_int_equal(rig_count(&r, ACCOUNT_BAD_CONTEXT), 0);
    }
    g[0x62] = 1;
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_shadow(&r, c)[0x60], 0);
    assert_int_equal(rig_count(&r, ACCOUNT_BAD_CONTEXT), 1);
    r.vggtt->pte[RIG_LRCA / 4096 + 1] = 0;
    context_set_flush(r.set);
    assert_int_equal(context_save(c), 0);
    assert_int_equal(rig_count(&r, ACCOUNT_BAD_GUEST_ADDR), 1);
}

/* Switched out inside a copied batch: only there may it go on, and the copy lives until then. */
static void resume(void **state)
{
    static const uint32_t start[] = {0x18800001, RIG_BATCH, 0, 0};
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *g = rig_state(&r, RIG_LRCA), *s, batch;
    struct context *c;

    (void)state;
    rig_map(&r, RIG_BATCH, 1);
    rig_at(&r, RIG_BATCH)[8] = 0x05000000;
    rig_emit(&r, RIG_LRCA, start, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    batch = rig_ring(&r, c, 4);
    s = rig_shadow(&r, c);
    s[CTX_RING_HEAD] = 0x0c;
    s[CTX_BB_HEAD_LDW] = (batch + 8) | 1;
    assert_int_equal(context_save(c), 0);
    assert_int_equal(g[CTX_BB_HEAD_LDW], (RIG_BATCH + 8) | 1);
    rig_at(&r, RIG_BATCH)[3] = 0xffffffff;
    c = rig_prepare(&r, GEN8_RCS, desc);
    s = rig_shadow(&r, c);
    assert_int_equal(s[CTX_BB_HEAD_LDW], (batch + 8) | 1);
    assert_int_equal(rig_gpu(&r, batch)[3], 0);
    assert_int_equal(rig_gpu(&r, batch)[8], 0x05000000);
    g[CTX_BB_HEAD_LDW] += 4; /* not the guest's to choose */
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_shadow(&r, c)[CTX_BB_HEAD_LDW], 0);
}

static void status_page(void **state)
{
    uint32_t *hwsp = rig_at(&r, RIG_HWSP);

    (void)state;
    assert_int_equal(context_post_csb(r.set, GEN8_BCS, 5, 0x0000005500000018, 5), 0);
    assert_int_equal(hwsp[0x1a], 0x18);
    assert_int_equal(hwsp[0x1b], 0x55);
    assert_int_equal(hwsp[0x1f], 5);
    context_set_hwsp(r.set, GEN8_BCS, 0);
    assert_int_equal(context_post_csb(r.set, GEN8_BCS, 0, 1, 0), 0);
    assert_int_equal(rig_count(&r, ACCOUNT_BAD_GUEST_ADDR), 0);
    context_set_hwsp(r.set, GEN8_BCS, 0x4000000);
    assert_int_equal(context_post_csb(r.set, GEN8_BCS, 0, 1, 0), 0);
    assert_int_equal(rig_count(&r, ACCOUNT_BAD_GUEST_ADDR), 1);
}

static void resets(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1), idle;
    uint32_t *g = rig_state(&r, RIG_LRCA);
    struct context *c, *other;
    uint32_t id;

    (void)state;
    idle = rig_context(&r, GEN8_RCS, RIG_LRCA + 0x100000, RIG_RING + 0x10000, 1);
    rig_emit(&r, RIG_LRCA, load, 4);
    other = rig_prepare(&r, GEN8_RCS, idle);
    id = context_id(other);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    context_reset_engine(r.set, GEN8_RCS);
    assert_null(context_find(r.set, id));
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &other), CONTEXT_LATER);
    rig_shadow(&r, c)[CTX_RING_HEAD] = 0x10;
    context_set_busy(c, false);
    context_set_settle(r.set);
    context_save(c);
    assert_int_equal(g[CTX_RING_HEAD], 0); /* the guest has started it anew */
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_shadow(&r, c)[CTX_RING_HEAD], 0);
    context_set_busy(c, true);
    rig_shadow(&r, c)[CTX_BB_HEAD_LDW] = 0x1001;
    context_kill(c);
    assert_true(context_finished(c));
    assert_int_equal(g[CTX_RING_HEAD], 0x10);
    assert_int_equal(g[CTX_BB_HEAD_LDW], 0);
    context_set_busy(c, false);
    context_set_settle(r.set);
}

/* 512 pages hold four contexts with rings of 120 pages. */
static void eviction(void **state)
{
    struct context *c[5];
    uint64_t desc[6];
    uint32_t id;

    (void)state;
    for (uint32_t i = 0; i < 6; i++)
        desc[i] = rig_context(&r, GEN8_BCS, RIG_LRCA + i * 0x10000, RIG_LOW + i * 0x80000, 120);
    for (uint32_t i = 0; i < 4; i++) {
        c[i] = rig_prepare(&r, GEN8_BCS, desc[i]);
        context_set_busy(c[i], true);
    }
    assert_int_equal(context_prepare(r.set, GEN8_BCS, desc[4], &c[4]), CONTEXT_NO_ROOM);
    context_set_busy(c[2], false);
    context_set_settle(r.set);
    id = context_id(c[2]);
    c[4] = rig_prepare(&r, GEN8_BCS, desc[4]);
    assert_null(context_find(r.set, id));
    context_set_busy(c[0], false);
    context_set_settle(r.set);
    context_set_busy(c[1], false);
    context_set_settle(r.set);
    id = context_id(c[0]);
    rig_prepare(&r, GEN8_BCS, desc[1]);
    rig_prepare(&r, GEN8_BCS,
                desc[5]); /* takes the place of c[3]? busy; of c[4] or c[0]: the oldest */
    assert_ptr_equal(context_find(r.set, context_id(c[3])), c[3]);
    context_set_busy(c[3], false);
    context_set_settle(r.set);
}

/* A context inside a batch is evicted, too, but not what it knows of its place. */
static void evicted_in_batch(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_BCS, RIG_LRCA, RIG_RING, 1), big[4];
    struct context *c;
    uint32_t *s;

    (void)state;
    rig_emit(&r, RIG_LRCA, load, 3);
    rig_at(&r, RIG_RING)[1] = 0x22600;
    c = rig_prepare(&r, GEN8_BCS, desc);
    s = rig_shadow(&r, c);
    s[CTX_RING_HEAD] = 8;
    s[CTX_BB_HEAD_LDW] = 0x7001;
    s[CTX_BB_STATE] = 1 << 5;
    context_save(c);
    rig_state(&r, RIG_LRCA)[CTX_RING_TAIL] = 8;
    for (uint32_t i = 0; i < 4; i++) {
        big[i] = rig_context(&r, GEN8_BCS, RIG_HIGH + 0x100000 + i * 0x10000,
                             RIG_LOW + 0x400000 + i * 0x80000, 126);
        rig_prepare(&r, GEN8_BCS, big[i]);
    }
    assert_false(context_root_mapped(c)); /* no shadow */
    c = rig_prepare(&r, GEN8_BCS, desc);
    assert_int_equal(rig_shadow(&r, c)[CTX_BB_HEAD_LDW], 0x7001);
    assert_int_equal(rig_shadow(&r, c)[CTX_BB_STATE], 1 << 5);
}

static void own_limit(void **state)
{
    struct context *c[3];
    uint64_t desc[3];

    (void)state;
    rig_teardown(&r);
    rig_setup(&r, ARENA, 250);
    rig_root(&r, 5, RIG_ROOT, RIG_SHADOW);
    for (uint32_t i = 0; i < 3; i++)
        desc[i] = rig_context(&r, GEN8_BCS, RIG_LRCA + i * 0x10000, RIG_LOW + i * 0x80000, 100);
    c[0] = rig_prepare(&r, GEN8_BCS, desc[0]);
    c[1] = rig_prepare(&r, GEN8_BCS, desc[1]);
    c[2] = rig_prepare(&r, GEN8_BCS, desc[2]);
    assert_int_equal(arena_free_pages(r.arena), ARENA - 206);
    context_set_busy(c[2], true);
    c[1] = rig_prepare(&r, GEN8_BCS, desc[1]);
    context_set_busy(c[1], true);
    assert_int_equal(context_prepare(r.set, GEN8_BCS, desc[0], &c[0]), CONTEXT_NO_ROOM);
    context_set_busy(c[1], false);
    context_set_settle(r.set);
    context_set_busy(c[2], false);
    context_set_settle(r.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lite_restore, setup, teardown),
        cmocka_unit_test_setup_teardown(full_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(save, setup, teardown),
        cmocka_unit_test_setup_teardown(resume, setup, teardown),
        cmocka_unit_test_setup_teardown(status_page, setup, teardown),
        cmocka_unit_test_setup_teardown(resets, setup, teardown),
        cmocka_unit_test_setup_teardown(eviction, setup, teardown),
        cmocka_unit_test_setup_teardown(evicted_in_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(own_limit, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
