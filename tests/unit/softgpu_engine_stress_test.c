/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_stress_test.c: many submissions at their own times. A driver model keeps the books
 * as i915 does (two ports, one submission unacknowledged at most) and checks that every event fits;
 * and nonsense in rings and images, after which a reset must always bring the engine back. Seeds
 * are fixed; what varies is how the engine's thread runs against the test's.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <string.h>

#define DATA     0x40000000u
#define CONTEXTS 5
#define ROUNDS   3000

static uint32_t seed = 7;
static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* --- driver model --------------------------------------------------------------------------- */

struct driver {
    struct rig *r;
    enum engine_id id;
    struct rig_ctx ctx[CONTEXTS];
    uint64_t data[CONTEXTS];
    uint32_t seqno[CONTEXTS];
    int active[3], pending[3]; /* context numbers, -1 ends */
    unsigned lite, preempted, completed;
};

static void shift(int *ports)
{
    ports[0] = ports[1];
    ports[1] = ports[2];
    ports[2] = -1;
}

static void event(struct driver *d, uint32_t status, uint32_t ctx_id)
{
    if (status & (CSB_IDLE_ACTIVE | CSB_PREEMPTED)) {
        assert_int_not_equal(d->pending[0], -1); /* a promotion needs a submission */
        if (status & CSB_PREEMPTED) {
            assert_int_not_equal(d->active[0], -1);
            assert_int_equal(ctx_id, d->ctx[d->active[0]].id);
            d->preempted++;
        } else {
            assert_int_equal(d->active[0], -1);
        }
        if (status == CSB_LITE) {
            assert_int_equal(d->active[0], d->pending[0]);
            d->lite++;
        }
        memcpy(d->active, d->pending, sizeof(d->active));
        d->pending[0] = -1;
        return;
    }
    assert_int_not_equal(d->active[0], -1); /* a completion needs something active */
    assert_int_equal(ctx_id, d->ctx[d->active[0]].id);
    assert_int_equal(status, d->active[1] == -1 ? CSB_DONE : CSB_SWITCH);
    d->completed++;
    shift(d->active);
}

static void drain(struct driver *d, bool wait)
{
    uint32_t status, ctx;

    while (wait ? d->pending[0] != -1 || d->active[0] != -1 : !rig_quiet(d->r, d->id)) {
        assert_true(rig_event(d->r, d->id, &status, &ctx));
        event(d, status, ctx);
    }
}

static void submit(struct driver *d, int a, int b)
{
    d->pending[0] = a;
    d->pending[1] = b;
    d->pending[2] = -1;
    rig_submit(d->r, d->id, d->ctx[a].desc, b < 0 ? 0 : d->ctx[b].desc);
}

/* Tails only grow by a few lines, so a ring never fills: one that has come far waits for its turn.
 */
static void more_work(struct driver *d, int i)
{
    if (d->seqno[i] - rig_r32(d->r, d->data[i]) > 30)
        return;
    d->seqno[i]++;
    RIG_EMIT(d->r, &d->ctx[i], MI(8, 0), MI_SDI(DATA, d->seqno[i]), MI(8, 1), MI(5, 0));
}

static void drive(struct rig *r, enum engine_id id)
{
    struct driver d = {.r = r, .id = id, .active = {-1, -1, -1}, .pending = {-1, -1, -1}};

    for (int i = 0; i < CONTEXTS; i++) {
        rig_context(r, &d.ctx[i], id, i & 1 ? 3 : 4);
        d.data[i] = rig_map_new(r, &d.ctx[i], DATA);
    }
    for (int n = 0; n < ROUNDS; n++) {
        int a = (int)rnd(CONTEXTS), b = (int)rnd(CONTEXTS);

        drain(&d, false);
        if (d.pending[0] != -1)
            continue;
        if (rnd(2) && d.active[0] != -1)
            a = d.active[0]; /* as a driver does that appends to what runs */
        more_work(&d, a);
        if (b != a)
            more_work(&d, b);
        submit(&d, a, b == a || rnd(3) == 0 ? -1 : b);
    }
    drain(&d, true);
    for (int i = 0; i < CONTEXTS; i++) {
        submit(&d, i, -1);
        drain(&d, true);
        assert_int_equal(rig_r32(r, d.data[i]), d.seqno[i]);
        assert_int_equal(rig_r32(r, d.ctx[i].image + 5 * 4), d.ctx[i].tail);
    }
    assert_true(d.completed > CONTEXTS);
    assert_int_equal(rig_stats(r).unknown[id], 0);
    assert_int_equal(rig_stats(r).faults, 0);
}

static void driver_model_finds_no_odd_event(void **state)
{
    for (unsigned id = 0; id < ENGINE_COUNT; id++)
        drive(*state, id);
}

/* --- nonsense ------------------------------------------------------------------------------- */

static uint32_t odd_dword(const struct rig_ctx *c)
{
    static const uint32_t heads[] = {0x54c00008, 0x54000005, 0x7a000004, 0x61010000, 0x79000002};

    switch (rnd(8)) {
    case 0:
        return MI(rnd(64), rnd(5));
    case 1:
        return heads[rnd(5)] | rnd(1 << 22) << 1;
    case 2:
        return DATA + rnd(0x4000);
    case 3:
        return c->ring_ggtt + rnd(0x1000);
    case 4:
        return rig_base(c->engine) + rnd(0x800);
    case 5:
        return rnd(1 << 24) << 8 | rnd(256);
    case 6:
        return MI(0x31, rnd(2) << 8 | 1);
    default:
        return rnd(16);
    }
}

static void nonsense(struct rig *r, struct rig_ctx *c)
{
    uint32_t ring[256];

    for (unsigned i = 0; i < 256; i++)
        ring[i] = odd_dword(c);
    rig_write(r, c->ring, ring, 256);
    rig_w32(r, c->image + 5 * 4, 0);
    rig_w32(r, c->image + 7 * 4, rnd(4) ? 1024 : rnd(1 << 20));
    for (unsigned i = rnd(4); i; i--)
        rig_w32(r, c->image + (rnd(8) ? rnd(0x40) : rnd(1024)) * 4, odd_dword(c));
}

/* A reset by GDRST ends; then everything is put back to power-on. */
static void recover(struct rig *r)
{
    engines_mmio_write(r->engines, 0x941c, 1);
    assert_true(rig_wait_reg(r, 0x941c, ~0u, 0));
    engines_reset(r->engines);
}

static void nonsense_never_outlives_a_reset(void **state)
{
    for (int n = 0; n < 150; n++) {
        struct rig *r = *state;
        struct rig_ctx c;

        for (unsigned id = 0; id < ENGINE_COUNT; id++) {
            uint64_t flip = rnd(8) ? 0 : 1ull << rnd(12);

            rig_context(r, &c, id, rnd(2) ? 3 : 4);
            rig_map_new(r, &c, DATA);
            nonsense(r, &c);
            rig_submit(r, id, c.desc ^ flip, rnd(2) ? c.desc : 0);
        }
        recover(r);
        for (unsigned id = 0; id < ENGINE_COUNT; id++) {
            assert_true(engines_mmio_read(r->engines, rig_base(id) + 0x9c) & 1 << 9);
            assert_int_equal(engines_mmio_read(r->engines, rig_base(id) + 0x234), 0);
        }
        rig_teardown(r);
        rig_setup(r);
    }
}

/* The same engines object goes on after nonsense and a reset. */
static void good_work_after_nonsense(void **state)
{
    struct rig *r = *state;

    for (int n = 0; n < 60; n++) {
        enum engine_id id = (enum engine_id)rnd(ENGINE_COUNT);
        uint32_t base = rig_base(id);
        struct rig_ctx bad, good;
        uint64_t data;

        rig_context(r, &bad, id, 4);
        rig_map_new(r, &bad, DATA);
        nonsense(r, &bad);
        rig_submit(r, id, bad.desc, 0);
        engines_mmio_write(r->engines, base + 0x9c, 0x01000100);
        engines_reset(r->engines); /* the GGTT is empty now */
        r->next_ggtt = 0x100000;
        r->next_page = 0x1000;
        for (uint64_t p = 0; p < 64; p++) {
            static const uint32_t zero[1024];

            rig_write(r, 0x1000 + p * 4096, zero, 1024);
        }
        r->hwsp[id] = rig_page(r);
        engines_mmio_write(r->engines, base + 0x80, rig_ggtt_map(r, 0, r->hwsp[id]));
        engines_ggtt_flush(r->engines);
        r->csb_read[id] = 5;
        rig_w32(r, r->hwsp[id] + 0x7c, 5);
        rig_context(r, &good, id, 4);
        data = rig_map_new(r, &good, DATA);
        RIG_RUN(r, &good, MI_SDI(DATA, 100 + (uint32_t)n));
        assert_int_equal(rig_r32(r, data), 100 + n);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_new, rig_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(driver_model_finds_no_odd_event),
        T(nonsense_never_outlives_a_reset),
        T(good_work_after_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
