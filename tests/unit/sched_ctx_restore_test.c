/* SPDX-License-Identifier: MIT */
/* Shadow contexts that outlive their process: on hardware, on the shelf, inside a batch, half
 * released; and records that make no sense. */
#include "tests/unit/sched_ctx_rig.h"

#define ARENA 1024u

static struct rig r;

static const uint32_t noops[4] = {0};
static const uint32_t start_batch[] = {0x18800001, RIG_BATCH, 0, 0};

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

/* What runs keeps its name and its memory; the guest's additions reach it, and its end the guest.
 */
static void runs_on(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1), hw;
    uint32_t *g = rig_state(&r, RIG_LRCA), slot, id;
    struct context *c;

    (void)state;
    rig_emit(&r, RIG_LRCA, noops, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    slot = context_slot(c);
    id = context_id(c);
    hw = context_desc(c);
    assert_int_equal(rig_crash(&r), 0);
    c = context_hold(r.set, slot);
    assert_non_null(c);
    context_set_restored(r.set);
    assert_true(context_is_busy(c) && context_root_mapped(c));
    assert_int_equal(context_id(c), id);
    assert_int_equal(context_desc(c), hw);
    rig_emit(&r, RIG_LRCA, noops, 4);
    assert_ptr_equal(rig_prepare(&r, GEN8_RCS, desc), c);
    assert_int_equal(rig_shadow(&r, c)[CTX_RING_TAIL], 0x20);
    rig_shadow(&r, c)[CTX_RING_HEAD] = 0x20;
    context_set_busy(c, false);
    context_save(c);
    context_set_settle(r.set);
    assert_int_equal(g[CTX_RING_HEAD], 0x20);
    assert_null(context_hold(r.set, slot));
}

/* It ran to its end and has left the port; the process dies before anything of that is put away. */
static void crash_unsaved(uint64_t desc)
{
    struct context *c;

    rig_emit(&r, RIG_LRCA, noops, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    rig_shadow(&r, c)[CTX_RING_HEAD] = 0x10;
    rig_gpu(&r, ctx_gen8_desc_decode(context_desc(c)).lrca)[0x34] = 0xabcd;
    context_set_busy(c, false);
    assert_int_equal(rig_crash(&r), 0);
}

/* It had left the engine, and its process did not come to save it. */
static void saved_late(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);

    (void)state;
    crash_unsaved(desc);
    context_set_restored(r.set);
    assert_int_equal(rig_state(&r, RIG_LRCA)[CTX_RING_HEAD], 0x10);
    assert_int_equal(rig_at(&r, RIG_LRCA)[0x34], 0xabcd);
    assert_int_equal(r.config.records[0].held, 0);
}

/* While nobody was there the guest saw that its work was done, and made another context of the same
 * memory. */
static void replaced_meanwhile(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    struct context *c;

    (void)state;
    crash_unsaved(desc);
    memset(rig_at(&r, RIG_LRCA), 0, 4096);
    assert_int_equal(rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1), desc);
    context_set_restored(r.set);
    assert_int_equal(rig_state(&r, RIG_LRCA)[CTX_RING_HEAD], 0);
    assert_int_equal(rig_at(&r, RIG_LRCA)[0x34], 0);
    rig_emit(&r, RIG_LRCA, noops, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_shadow(&r, c)[CTX_RING_HEAD], 0);
    assert_int_equal(rig_shadow(&r, c)[CTX_RING_TAIL], 0x10);
}

/* The same while it is on hardware, as far as we know: neither its end nor an addition is mixed
 * with the new one's. */
static void replaced_on_hardware(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    struct context *c, *same;

    (void)state;
    rig_emit(&r, RIG_LRCA, noops, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    rig_shadow(&r, c)[CTX_RING_HEAD] = 0x10;
    memset(rig_at(&r, RIG_LRCA), 0, 4096);
    rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    rig_emit(&r, RIG_LRCA, noops, 4);
    assert_int_equal(context_prepare(r.set, GEN8_RCS, desc, &same), CONTEXT_LATER);
    assert_int_equal(context_save(c), 0);
    assert_int_equal(rig_state(&r, RIG_LRCA)[CTX_RING_HEAD], 0);
    context_set_busy(c, false);
    context_set_settle(r.set);
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_shadow(&r, c)[CTX_RING_HEAD], 0);
    assert_int_equal(rig_shadow(&r, c)[CTX_RING_TAIL], 0x10);
}

/* Saved and settled: a shadow is a cache again, and nothing of it is kept. */
static void cache_is_forgotten(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *g = rig_state(&r, RIG_LRCA);
    struct context *c;

    (void)state;
    rig_emit(&r, RIG_LRCA, noops, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    context_set_busy(c, false);
    context_save(c);
    context_set_settle(r.set);
    g[CTX_RING_HEAD] = 8; /* the guest's business now */
    assert_int_equal(rig_crash(&r), 0);
    context_set_restored(r.set);
    assert_int_equal(g[CTX_RING_HEAD], 8);
    assert_int_equal(arena_free_pages(r.arena), ARENA);
}

/* Inside a copied batch, evicted even: there and nowhere else it goes on. */
static void inside_a_batch(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *s, batch;
    struct context *c;

    (void)state;
    rig_map(&r, RIG_BATCH, 1);
    rig_at(&r, RIG_BATCH)[8] = 0x05000000;
    rig_emit(&r, RIG_LRCA, start_batch, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    batch = rig_ring(&r, c, 4);
    context_set_busy(c, true);
    s = rig_shadow(&r, c);
    s[CTX_RING_HEAD] = 0x0c;
    s[CTX_BB_HEAD_LDW] = (batch + 8) | 1;
    context_set_busy(c, false);
    context_save(c);
    context_set_settle(r.set);
    rig_at(&r, RIG_BATCH)[3] = 0xffffffff;
    assert_int_equal(rig_crash(&r), 0);
    context_set_restored(r.set);
    assert_int_equal(rig_crash(&r), 0);
    context_set_restored(r.set);
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_shadow(&r, c)[CTX_BB_HEAD_LDW], (batch + 8) | 1);
    assert_int_equal(rig_gpu(&r, batch)[3], 0);
    assert_int_equal(rig_gpu(&r, batch)[8], 0x05000000);
}

/* The guest reset the engine while it ran: nothing of it may reach the guest's memory. */
static void stale(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *g = rig_state(&r, RIG_LRCA);
    struct context *c;

    (void)state;
    rig_emit(&r, RIG_LRCA, noops, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    context_reset_engine(r.set, GEN8_RCS);
    rig_shadow(&r, c)[CTX_RING_HEAD] = 0x10;
    assert_int_equal(rig_crash(&r), 0);
    context_set_restored(r.set);
    assert_int_equal(g[CTX_RING_HEAD], 0);
}

/* Each piece of nonsense costs its own record, and no page. */
static void nonsense(void **state)
{
    static const size_t word[] = {offsetof(struct sched_journal_context, engine),
                                  offsetof(struct sched_journal_context, lrca),
                                  offsetof(struct sched_journal_context, mem),
                                  offsetof(struct sched_journal_context, mem_pages),
                                  offsetof(struct sched_journal_context, root_slot),
                                  offsetof(struct sched_journal_context, ring_size),
                                  offsetof(struct sched_journal_context, placed)};
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint64_t good = rig_context(&r, GEN8_BCS, RIG_LRCA + 0x100000, RIG_RING + 0x10000, 1);

    (void)state;
    rig_map(&r, RIG_BATCH, 1);
    rig_at(&r, RIG_BATCH)[8] = 0x05000000;
    rig_emit(&r, RIG_LRCA, start_batch, 4);
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        struct context *c = rig_prepare(&r, GEN8_BCS, good);
        uint32_t slot = context_slot(c);

        context_set_busy(c, true);
        c = rig_prepare(&r, GEN8_RCS, desc);
        context_set_busy(c, true);
        *(uint32_t *)((uint8_t *)&r.config.records[context_slot(c)] + word[i]) += 0x777;
        assert_int_equal(rig_crash(&r), 1);
        assert_non_null(context_hold(r.set, slot));
        context_set_busy(context_at(r.set, slot), false);
        context_set_settle(r.set);
        context_set_restored(r.set);
    }
}

/* The guest did not come back. */
static void released(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    struct context *c;

    (void)state;
    rig_map(&r, RIG_BATCH, 1);
    rig_at(&r, RIG_BATCH)[8] = 0x05000000;
    rig_emit(&r, RIG_LRCA, start_batch, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    context_set_busy(c, true);
    context_set_leave(r.set);
    arena_forget(r.arena);
    assert_int_equal(arena_new(r.gpu, ARENA, &r.arena), 0);
    assert_int_equal(context_records_claim(r.arena, r.config.records), 0);
    assert_true(arena_free_pages(r.arena) < ARENA);
    context_records_release(r.arena, r.config.records);
    assert_int_equal(arena_free_pages(r.arena), ARENA);
    r.config.arena = r.arena;
    assert_int_equal(context_set_new(&r.config, &r.set), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_on),
        TEST(saved_late),
        TEST(replaced_meanwhile),
        TEST(replaced_on_hardware),
        TEST(cache_is_forgotten),
        TEST(inside_a_batch),
        TEST(stale),
        TEST(nonsense),
        TEST(released),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
