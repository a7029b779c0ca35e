/* SPDX-License-Identifier: MIT */
/*
 * Broadwell's semaphores of both kinds, where a context can be taken off the engine, and the
 * watchdog of a context. Each test has engines of its own.
 */
#include "tests/unit/softgpu_ctx_rig.h"

#define ARB MI(5, 0)

#define WAIT(flags, addr, v)                                                                       \
    MI(0x1c, 2) | 4 << 12 | (flags), (v), (uint32_t)(addr), (uint32_t)((uint64_t)(addr) >> 32)
#define POLL          (1u << 15)
#define SIGNAL(n, id) MI(0x1b, 0) | (n) << 15, (id)

#define EVENT_WATCHDOG  (1u << 6)
#define EVENT_SEMAPHORE (1u << 11)

/* --- semaphores ------------------------------------------------------------------------------ */

static void waiting_shows(void **state)
{
    struct rig *r = *state;
    static struct ctx a;

    ctx_make(r, &a, ENGINE_BCS);
    RIG_EMIT(r, &a.c, WAIT(POLL, DATA, 1));
    rig_submit(r, ENGINE_BCS, a.c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait_reg(r, 0x2203c, 1 << 10, 1 << 10)); /* RING_CTL: waits for a semaphore */
    engines_mmio_write(r->engines, 0x2203c, 1 << 10 | 1);
    assert_true(atomic_load(&r->raised[ENGINE_BCS]) & EVENT_SEMAPHORE);
    rig_w32(r, a.data[0], 1);
    rig_expect(r, ENGINE_BCS, CSB_DONE, a.c.id);
    assert_int_equal(engines_mmio_read(r->engines, 0x2203c) & 1 << 10, 0);
    assert_int_equal(rig_r32(r, a.c.image + 11 * 4) & 1 << 10, 0);
}

static void no_event_without_a_wait(void **state)
{
    struct rig *r = *state;
    static struct ctx a;

    ctx_make(r, &a, ENGINE_BCS);
    rig_w32(r, a.data[0], 1);
    RIG_RUN(r, &a.c, WAIT(POLL, DATA, 1), WAIT(0, DATA, 1));
    assert_int_equal(atomic_load(&r->raised[ENGINE_BCS]) & EVENT_SEMAPHORE, 0);
}

/* A wait in signal mode sees memory change only when the signal comes. */
static void signal_mode(void **state)
{
    static const struct {
        enum engine_id id;
        unsigned target;
    } each[] = {
        {ENGINE_RCS, 0}, {ENGINE_VCS, 1}, {ENGINE_BCS, 2}, {ENGINE_VECS, 3}, {ENGINE_VCS2, 4}};
    struct rig *r = *state;
    static struct ctx a, s;

    for (unsigned i = 0; i < 5; i++) {
        enum engine_id other = each[(i + 1) % 5].id;
        uint32_t base = rig_base(each[i].id);

        ctx_make(r, &a, each[i].id);
        ctx_make(r, &s, other);
        RIG_EMIT(r, &a.c, WAIT(0, DATA, 1), MI_SDI(DATA + 4, 7));
        rig_submit(r, each[i].id, a.c.desc, 0);
        rig_expect(r, each[i].id, CSB_IDLE_ACTIVE, 0);
        assert_true(rig_wait_reg(r, base + 0x3c, 1 << 10, 1 << 10));
        rig_w32(r, a.data[0], 1);
        /* Signals for another context, another engine and an engine that does not exist. */
        RIG_RUN(r, &s.c, SIGNAL(each[i].target, a.c.id + 1),
                SIGNAL(each[(i + 2) % 5].target, a.c.id), SIGNAL(5, a.c.id), SIGNAL(7, a.c.id));
        assert_true(rig_quiet(r, each[i].id));
        assert_int_equal(rig_r32(r, a.data[0] + 4), 0);
        RIG_RUN(r, &s.c, SIGNAL(each[i].target, a.c.id));
        rig_expect(r, each[i].id, CSB_DONE, a.c.id);
        assert_int_equal(rig_r32(r, a.data[0] + 4), 7);
    }
}

/* A signal that comes before memory says so is no reason to go on, and none is needed by a context
 * that looks for the first time, or again after a switch. */
static void signal_before_its_time(void **state)
{
    struct rig *r = *state;
    static struct ctx a, b, s;

    ctx_make(r, &a, ENGINE_BCS);
    ctx_make(r, &b, ENGINE_BCS);
    ctx_make(r, &s, ENGINE_VCS);
    RIG_EMIT(r, &a.c, WAIT(0, DATA, 1), MI_SDI(DATA + 4, 7));
    rig_submit(r, ENGINE_BCS, a.c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait_reg(r, 0x2203c, 1 << 10, 1 << 10));
    RIG_RUN(r, &s.c, SIGNAL(2, a.c.id));
    assert_true(rig_quiet(r, ENGINE_BCS));
    rig_w32(r, a.data[0], 1);
    RIG_EMIT(r, &b.c, MI_SDI(DATA, 2));
    rig_submit(r, ENGINE_BCS, b.c.desc, a.c.desc);
    rig_expect(r, ENGINE_BCS, CSB_PREEMPTED, a.c.id);
    rig_expect(r, ENGINE_BCS, CSB_SWITCH, b.c.id);
    rig_expect(r, ENGINE_BCS, CSB_DONE, a.c.id);
    assert_int_equal(rig_r32(r, a.data[0] + 4), 7);
}

static void poll_interval_is_kept(void **state)
{
    struct rig *r = *state;
    static struct ctx a;

    ctx_make(r, &a, ENGINE_BCS);
    engines_mmio_write(r->engines, 0x2224c, 0xffffffff); /* as long as can be: still ends */
    RIG_EMIT(r, &a.c, WAIT(POLL, DATA, 1));
    rig_submit(r, ENGINE_BCS, a.c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    rig_w32(r, a.data[0], 1);
    rig_expect(r, ENGINE_BCS, CSB_DONE, a.c.id);
}

/* --- arbitration ------------------------------------------------------------------------------ */

/* A waits in its second-level batch, b comes and goes, a goes on there and comes back through both.
 */
static void switch_in_a_second_level_batch(void **state)
{
    struct rig *r = *state;
    static struct batch first, second;
    static struct ctx a, b;
    uint32_t inner = BATCH + 7 * 4096;

    ctx_make(r, &a, ENGINE_RCS);
    ctx_make(r, &b, ENGINE_RCS);
    first.n = second.n = 0;
    ADD(&second, MI_SDI(DATA, 1), WAIT(POLL, DATA + 64, 1), MI_SDI(DATA + 4, 2), MI_BBE);
    for (unsigned i = 0; i < second.n; i++)
        rig_w32(r, a.batch[7] + i * 4, second.dw[i]);
    ADD(&first, MI(0x31, 0x101) | 1 << 22, inner, 0, MI_SDI(DATA + 8, 3));
    ctx_load(r, &a, &first);
    RIG_EMIT(r, &a.c, MI_BBS(BATCH), MI_SDI(DATA + 12, 4));
    RIG_EMIT(r, &b.c, MI_SDI(DATA, 2));
    rig_submit(r, ENGINE_RCS, a.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, a.data[0], 1));
    rig_submit(r, ENGINE_RCS, b.c.desc, a.c.desc);
    rig_expect(r, ENGINE_RCS, CSB_PREEMPTED, a.c.id);
    rig_expect(r, ENGINE_RCS, CSB_SWITCH, b.c.id);
    assert_int_equal(rig_r32(r, b.data[0]), 2);
    assert_int_equal(rig_r32(r, a.data[0] + 4), 0);
    rig_w32(r, a.data[0] + 64, 1);
    rig_expect(r, ENGINE_RCS, CSB_DONE, a.c.id);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(rig_r32(r, a.data[0] + 4 * i), i + 1);
}

/* A batch that loops for ever, with or without MI_ARB_CHECK in the loop. */
static void spin(struct rig *r, struct ctx *a, bool arb)
{
    static struct batch b;

    ctx_make(r, a, ENGINE_BCS);
    b.n = 0;
    ADD(&b, MI_SDI(DATA, 1), arb ? ARB : MI(0, 0), MI_BBS(BATCH));
    ctx_load(r, a, &b);
    RIG_EMIT(r, &a->c, MI_BBS(BATCH));
    rig_submit(r, ENGINE_BCS, a->c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, a->data[0], 1));
}

static void loop_with_a_check_gives_way(void **state)
{
    struct rig *r = *state;
    static struct ctx a, b;

    spin(r, &a, true);
    ctx_make(r, &b, ENGINE_BCS);
    RIG_EMIT(r, &b.c, MI_SDI(DATA, 2));
    rig_submit(r, ENGINE_BCS, b.c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_PREEMPTED, a.c.id);
    rig_expect(r, ENGINE_BCS, CSB_DONE, b.c.id);
}

/* The other kind holds the engine, through as many rounds as one likes, until software ends it or
 * the loop. */
static void loop_without_one_does_not(void **state)
{
    struct rig *r = *state;
    static struct ctx a, b;
    uint64_t rounds;

    spin(r, &a, false);
    ctx_make(r, &b, ENGINE_BCS);
    RIG_EMIT(r, &b.c, MI_SDI(DATA, 2));
    rig_submit(r, ENGINE_BCS, b.c.desc, 0);
    rounds = rig_stats(r).batches[ENGINE_BCS] + 1000;
    while (rig_stats(r).batches[ENGINE_BCS] < rounds)
        assert_true(rig_quiet(r, ENGINE_BCS));
    assert_true(rig_quiet(r, ENGINE_BCS));
    assert_true(engines_mmio_read(r->engines, 0x22234) & 1 << 2); /* still queued */
    rig_w32(r, a.batch[0], MI_BBE);
    rig_expect(r, ENGINE_BCS, CSB_PREEMPTED, a.c.id); /* on the ring */
    rig_expect(r, ENGINE_BCS, CSB_DONE, b.c.id);
    assert_int_equal(rig_r32(r, b.data[0]), 2);
}

/* MI_ARB_ON_OFF does nothing in a user's batch, and what a context's workaround batch says counts
 * for the ring that follows. */
static void who_holds_arbitration(void **state)
{
    struct rig *r = *state;
    static struct batch bb;
    static struct ctx a, b;
    uint64_t wa = rig_page(r);
    uint32_t at = rig_ggtt_map(r, 0, wa);
    const uint32_t off[16] = {MI(8, 0)};

    ctx_make(r, &a, ENGINE_RCS);
    ctx_make(r, &b, ENGINE_RCS);
    bb.n = 0;
    ADD(&bb, MI(8, 0), MI_SDI(DATA, 1), WAIT(POLL, DATA + 64, 1));
    ctx_load(r, &a, &bb);
    RIG_EMIT(r, &a.c, MI_BBS(BATCH));
    rig_submit(r, ENGINE_RCS, a.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, a.data[0], 1));
    rig_submit(r, ENGINE_RCS, b.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_PREEMPTED, a.c.id);
    rig_expect(r, ENGINE_RCS, CSB_DONE, b.c.id);

    rig_write(r, wa, off, 16);
    rig_w32(r, b.c.image + 0x1a * 4, 0x21c4); /* INDIRECT_CTX: one cache line */
    rig_w32(r, b.c.image + 0x1b * 4, at | 1);
    RIG_EMIT(r, &b.c, MI_SDI(DATA, 5), WAIT(POLL, DATA + 64, 1), MI_SDI(DATA + 4, 6), MI(8, 1),
             WAIT(POLL, DATA + 64, 2));
    rig_submit(r, ENGINE_RCS, b.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, b.data[0], 5));
    rig_submit(r, ENGINE_RCS, a.c.desc, 0);
    assert_true(engines_mmio_read(r->engines, 0x2234) & 1 << 2);
    assert_true(rig_quiet(r, ENGINE_RCS));
    rig_w32(r, b.data[0] + 64, 1);
    rig_expect(r, ENGINE_RCS, CSB_PREEMPTED, b.c.id);
    assert_int_equal(rig_r32(r, b.data[0] + 4), 6); /* not before */
    rig_w32(r, a.data[0] + 64, 1);
    rig_expect(r, ENGINE_RCS, CSB_DONE, a.c.id);
}

/* --- watchdog --------------------------------------------------------------------------------- */

#define CTR_CTL   0x2178
#define CTR_THRSH 0x217c
#define TICKS_MS  12500 /* ticks of 80 ns in a millisecond */

/* The context that started it hears it again and again while it runs; not while another runs, and
 * anew when it is back. */
static void watchdog_barks_for_its_context(void **state)
{
    struct rig *r = *state;
    static struct ctx a, b;

    ctx_make(r, &a, ENGINE_RCS);
    ctx_make(r, &b, ENGINE_RCS);
    RIG_EMIT(r, &a.c, MI_LRI1(CTR_THRSH, TICKS_MS), MI_LRI1(CTR_CTL, 0), WAIT(POLL, DATA, 1),
             MI_LRI1(CTR_CTL, 1), MI_SDI(DATA + 4, 1), WAIT(POLL, DATA + 8, 1));
    rig_submit(r, ENGINE_RCS, a.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(rig_wait_raised(r, ENGINE_RCS, EVENT_WATCHDOG));
        atomic_fetch_and(&r->raised[ENGINE_RCS], ~EVENT_WATCHDOG);
    }
    RIG_EMIT(r, &b.c, MI_SDI(DATA, 1), WAIT(POLL, DATA + 64, 1));
    rig_submit(r, ENGINE_RCS, b.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_PREEMPTED, a.c.id);
    assert_true(rig_wait32(r, b.data[0], 1));
    assert_int_equal(engines_mmio_read(r->engines, CTR_CTL), 1); /* b's own */
    assert_int_equal(engines_mmio_read(r->engines, 0x2190), 0);
    atomic_fetch_and(&r->raised[ENGINE_RCS], ~EVENT_WATCHDOG);
    rig_w32(r, b.data[0] + 64, 1);
    rig_expect(r, ENGINE_RCS, CSB_DONE, b.c.id);
    assert_int_equal(atomic_load(&r->raised[ENGINE_RCS]) & EVENT_WATCHDOG, 0);
    rig_submit(r, ENGINE_RCS, a.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait_raised(r, ENGINE_RCS, EVENT_WATCHDOG));
    assert_int_equal(engines_mmio_read(r->engines, CTR_THRSH), TICKS_MS);
    rig_w32(r, a.data[0], 1);
    assert_true(rig_wait32(r, a.data[0] + 4, 1));
    assert_int_equal(engines_mmio_read(r->engines, CTR_CTL), 1);
    assert_int_equal(engines_mmio_read(r->engines, 0x2190), 0);
    rig_w32(r, a.data[0] + 8, 1);
    rig_expect(r, ENGINE_RCS, CSB_DONE, a.c.id);
}

static void watchdog_of_an_engine_that_hangs(void **state)
{
    struct rig *r = *state;
    static struct ctx a;

    ctx_make(r, &a, ENGINE_RCS);
    RIG_EMIT(r, &a.c, MI_LRI1(CTR_THRSH, TICKS_MS), MI_LRI1(CTR_CTL, 0), MI(0x3f, 0));
    rig_submit(r, ENGINE_RCS, a.c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait_reg(r, 0x20b0, 1, 1)); /* EIR */
    for (int i = 0; i < 2; i++) {
        atomic_fetch_and(&r->raised[ENGINE_RCS], ~EVENT_WATCHDOG);
        assert_true(rig_wait_raised(r, ENGINE_RCS, EVENT_WATCHDOG));
        assert_int_equal(engines_mmio_read(r->engines, 0x20b0), 1);
    }
    engines_mmio_write(r->engines, 0x20d0, 0x00010001);
    engines_mmio_write(r->engines, 0x941c, 2);
    assert_true(rig_wait_reg(r, 0x941c, 2, 0));
    atomic_fetch_and(&r->raised[ENGINE_RCS], ~EVENT_WATCHDOG);
    assert_int_equal(engines_mmio_read(r->engines, CTR_CTL), 1);
    assert_int_equal(engines_mmio_read(r->engines, 0x2190), 0);
    assert_int_equal(atomic_load(&r->raised[ENGINE_RCS]) & EVENT_WATCHDOG, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ctx_setup, ctx_teardown)
    const struct CMUnitTest tests[] = {
        T(waiting_shows),
        T(no_event_without_a_wait),
        T(signal_mode),
        T(signal_before_its_time),
        T(poll_interval_is_kept),
        T(switch_in_a_second_level_batch),
        T(loop_with_a_check_gives_way),
        T(loop_without_one_does_not),
        T(who_holds_arbitration),
        T(watchdog_barks_for_its_context),
        T(watchdog_of_an_engine_that_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
