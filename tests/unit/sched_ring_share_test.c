/* SPDX-License-Identifier: MIT */
/*
 * Haswell: what two guests' rings have to do with each other, and one guest's engines with each
 * other, on softgpu's engines: mailboxes, a guest that leaves or resets while another's work takes
 * its state out of the engine, the TLB rule, a ring that is rewritten at work.
 */
#include "gen/cmds_gen7.h"
#include "services/sched/vring.h"
#include "tests/unit/sched_ring_rig.h"

#define LATE    (30000 * MS)
#define GPR0    0x2600u
#define STORE   (0x20u << 23 | 2u | 1u << 22)
#define SIGNAL  (MI_SEMAPHORE_MBOX | MI_MBOX_REGISTER | MI_MBOX_UPDATE)
#define WAIT(m) (MI_SEMAPHORE_MBOX | MI_MBOX_REGISTER | MI_MBOX_COMPARE | (m) << 16)

static struct player *player(unsigned n)
{
    return &ring_rig.player[n];
}

static struct engine *engine(unsigned e)
{
    return &ring_rig.machine.engine[e];
}

static void put(unsigned n, unsigned e, const uint32_t *dw, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ring_driver_put(&player(n)->driver, e, dw[i]);
    ring_driver_tail(&player(n)->driver, e);
}

#define PUT(n, e, ...)                                                                             \
    put(n, e, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* A dword of the mark page, whose address it also is in. */
static uint32_t *mark(unsigned n, unsigned e, unsigned i)
{
    return &player(n)->driver.port[e].mark_at[i];
}

static void store(unsigned n, unsigned e, unsigned i, uint32_t value)
{
    PUT(n, e, STORE, 0, player(n)->driver.port[e].mark + 4 * i, value);
}

static uint32_t seen(const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void turns_until(const uint32_t *at, uint32_t value)
{
    for (uint64_t until = silicon_now() + LATE; seen(at) != value; machine_turn(&ring_rig.machine))
        assert_true(silicon_now() < until);
}

static void some_turns(void)
{
    for (unsigned i = 0; i < 50; i++)
        machine_turn(&ring_rig.machine);
}

/* Until all that was put into its ring is done. */
static void turns_until_idle(unsigned n, unsigned e)
{
    const struct sched_vring *r = player(n)->guest.engine[e].r;

    const struct ring_port *p = &player(n)->driver.port[e];

    for (uint64_t until = silicon_now() + LATE; r->head != p->tail || r->chunks;
         machine_turn(&ring_rig.machine))
        assert_true(silicon_now() < until);
}

/* It loads its directory, and goes round in a batch until end_loop(). */
static void loop_in(unsigned n, unsigned e)
{
    struct ring_port *p = &player(n)->driver.port[e];

    p->user_at[0] = MI_BB_START_GEN7 | MI_BB_PPGTT | (e == GEN8_RCS ? MI_BB_UNPRIVILEGED : 0);
    p->user_at[1] = 0;
    PUT(n, e, MI_LRI | 1, gen8_engine_base(e) + 0x228, p->directory << 12);
    PUT(n, e, p->user_at[0], 0);
    for (uint64_t until = silicon_now() + LATE; engine(e)->now.guest != &player(n)->guest;) {
        assert_true(silicon_now() < until);
        machine_turn(&ring_rig.machine);
    }
}

static void end_loop(unsigned n, unsigned e)
{
    __atomic_store_n(&player(n)->driver.port[e].user_at[0], MI_BB_END, __ATOMIC_RELEASE);
}

/* ---- mailboxes */

/* BCS's register of what RCS tells it, and the other way round. */
static void a_wait_ends_with_the_signal(void **state)
{
    (void)state;
    ring_rig_start(MS, 20000 * MS);
    PUT(0, GEN8_BCS, WAIT(2), 4, 0);
    store(0, GEN8_BCS, 0, 77);
    some_turns();
    assert_int_equal(seen(mark(0, GEN8_BCS, 0)), 0);
    assert_false(vring_idle(player(0)->guest.engine[GEN8_BCS].r));
    PUT(0, GEN8_RCS, SIGNAL, 4, 0x22044); /* not greater */
    turns_until_idle(0, GEN8_RCS);
    some_turns();
    assert_int_equal(seen(mark(0, GEN8_BCS, 0)), 0);
    PUT(0, GEN8_RCS, SIGNAL, 5, 0x22044);
    turns_until(mark(0, GEN8_BCS, 0), 77);
    machine_nothing_counted(&player(0)->account);
    ring_rig_stop();
}

static void a_signal_before_the_wait(void **state)
{
    (void)state;
    ring_rig_start(MS, 20000 * MS);
    PUT(0, GEN8_BCS, MI_LRI | 1, 0x2040, 9);
    turns_until_idle(0, GEN8_BCS);
    assert_int_equal(player(0)->guest.engine[GEN8_RCS].r->mailbox[0], 9);
    assert_int_equal(player(1)->guest.engine[GEN8_RCS].r->mailbox[0], 0); /* each has its own */
    PUT(0, GEN8_RCS, WAIT(0), 8, 0);
    store(0, GEN8_RCS, 0, 78);
    turns_until(mark(0, GEN8_RCS, 0), 78);
    ring_rig_stop();
}

/* A guest that waits holds up nobody else. */
static void who_waits_gives_the_engine_away(void **state)
{
    (void)state;
    ring_rig_start(MS / 5, 20000 * MS);
    PUT(0, GEN8_RCS, WAIT(0), 100, 0);
    store(0, GEN8_RCS, 0, 1);
    ring_rig_play(2);
    ring_driver_check(&player(1)->driver);
    assert_int_equal(seen(mark(0, GEN8_RCS, 0)), 0);
    assert_int_equal(engine(GEN8_RCS)->resets, 0);
    ring_rig_stop();
}

/* ---- a guest whose state another's work takes out of the engine */

static void settle(unsigned n)
{
    for (uint64_t until = silicon_now() + LATE; machine_turn(&ring_rig.machine), true;) {
        bool used = false;

        for (unsigned e = 0; e < ENGINES; e++)
            used |= engine_uses(engine(e), &player(n)->guest);
        if (!used)
            return;
        assert_true(silicon_now() < until);
    }
}

static void first_one_then_the_other_loops(uint64_t watchdog)
{
    ring_rig_start(MS, watchdog);
    store(0, GEN8_RCS, 0, 1);
    turns_until(mark(0, GEN8_RCS, 0), 1);
    turns_until_idle(0, GEN8_RCS);
    loop_in(1, GEN8_RCS);
    assert_int_equal(engine(GEN8_RCS)->ring.w.chunk[0].from, 1);
    assert_true(engine_uses(engine(GEN8_RCS), &player(0)->guest));
}

static void it_leaves_when_the_others_chunk_is_done(void **state)
{
    (void)state;
    first_one_then_the_other_loops(20000 * MS);
    guest_leave(&player(0)->guest);
    some_turns();
    assert_true(engine_uses(engine(GEN8_RCS), &player(0)->guest));
    assert_non_null(player(0)->guest.engine[GEN8_RCS].ctx[0]); /* the engine may be saving it */
    end_loop(1, GEN8_RCS);
    settle(0);
    assert_null(player(0)->guest.engine[GEN8_RCS].ctx[0]);
    assert_int_equal(engine(GEN8_RCS)->resets, 0);
    assert_false(guest_hung(&player(1)->guest));
    ring_rig_stop();
}

/* The other one's hang is not for ever. */
static void it_leaves_although_the_other_hangs(void **state)
{
    (void)state;
    first_one_then_the_other_loops(200 * MS);
    guest_leave(&player(0)->guest);
    settle(0);
    assert_int_equal(engine(GEN8_RCS)->resets, 1);
    assert_true(guest_hung(&player(1)->guest));
    ring_rig_stop();
}

static void its_reset_ends_although_the_other_hangs(void **state)
{
    struct mmio_sched reset = {.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS};

    (void)state;
    first_one_then_the_other_loops(200 * MS);
    reset.seq = ++player(0)->driver.seq;
    assert_int_equal(lane_tx_put(&player(0)->driver.tx, &reset, sizeof reset), 0);
    some_turns();
    settle(0);
    ring_driver_start(&player(0)->driver, GEN8_RCS);
    store(0, GEN8_RCS, 1, 2);
    turns_until(mark(0, GEN8_RCS, 1), 2);
    ring_rig_stop();
}

/* Its image is whole before the other's reset takes the engine away. */
static void the_others_reset_loses_nothing_of_it(void **state)
{
    struct ring_driver *d = &player(0)->driver;
    uint32_t into;

    (void)state;
    ring_rig_start(MS, 20000 * MS);
    into = d->port[GEN8_RCS].mark + 4;
    PUT(0, GEN8_RCS, MI_LRI | 1, GPR0, 0x1234);
    turns_until_idle(0, GEN8_RCS);
    loop_in(1, GEN8_RCS);
    assert_int_equal(engine_evict(engine(GEN8_RCS), &player(1)->guest, silicon_now()), 0);
    assert_int_equal(engine(GEN8_RCS)->resets, 1);
    assert_false(guest_hung(&player(0)->guest));
    PUT(0, GEN8_RCS, 0x24u << 23 | 1 | 1u << 22, GPR0, into);
    turns_until(mark(0, GEN8_RCS, 1), 0x1234);
    ring_rig_stop();
}

/* ---- the TLB rule */

static void a_flush_waits_for_what_may_use_the_old(void **state)
{
    struct engine *e;
    uint32_t number;

    (void)state;
    ring_rig_start(MS, 20000 * MS);
    e = engine(GEN8_BCS);
    loop_in(0, GEN8_BCS);
    number = engine_flush(e, &player(0)->guest);
    assert_true(e->ring.flush);
    assert_false(engine_flushed(e, &player(0)->guest, number));
    assert_true(engine_flushed(e, &player(1)->guest, engine_flush(e, &player(1)->guest)));
    store(0, GEN8_BCS, 0, 5); /* another chunk, behind it: with an invalidation */
    some_turns();
    assert_false(e->ring.flush);
    assert_false(engine_flushed(e, &player(0)->guest, number));
    end_loop(0, GEN8_BCS);
    turns_until(mark(0, GEN8_BCS, 0), 5);
    turns_until_idle(0, GEN8_BCS);
    assert_true(engine_flushed(e, &player(0)->guest, number));
    ring_rig_stop();
}

/* Of an idle engine at once: what comes next begins with one. */
static void an_idle_engine_is_flushed_by_what_comes(void **state)
{
    struct engine *e;
    uint32_t number;

    (void)state;
    ring_rig_start(MS, 20000 * MS);
    e = engine(GEN8_BCS);
    store(0, GEN8_BCS, 0, 5);
    turns_until_idle(0, GEN8_BCS);
    number = engine_flush(e, &player(0)->guest);
    assert_true(e->ring.flush);
    assert_true(engine_flushed(e, &player(0)->guest, number));
    store(0, GEN8_BCS, 0, 6);
    turns_until_idle(0, GEN8_BCS);
    assert_false(e->ring.flush);
    engine_flush(e, &player(1)->guest); /* it has nothing there */
    assert_false(e->ring.flush);
    ring_rig_stop();
}

/* ---- a ring that is rewritten */

static void a_ring_is_rewritten_at_work(void **state)
{
    struct ring_port *p = &player(0)->driver.port[GEN8_BCS];
    struct mmio_sched ring = {.kind = MMIO_SCHED_RING, .engine = GEN8_BCS, .offset = 0x22034};

    (void)state;
    ring_rig_start(MS, 20000 * MS);
    loop_in(0, GEN8_BCS);
    ring.ring = (struct mmio_sched_ring){.start = p->ring, .ctl = 1}; /* a page less */
    ring.seq = ++player(0)->driver.seq;
    p->head = p->tail = 0;
    assert_int_equal(lane_tx_put(&player(0)->driver.tx, &ring, sizeof ring), 0);
    PUT(0, GEN8_BCS, 0x21u << 23 | 1, 0x40 * 4, 9); /* its status page is where it was */
    turns_until(&p->hwsp_at[0x40], 9);
    turns_until_idle(0, GEN8_BCS);
    assert_int_equal(engine(GEN8_BCS)->resets, 1);
    assert_int_equal(player(0)->guest.stats.resets, 0);
    machine_nothing_counted(&player(0)->account);
    ring_rig_stop();
}

/* Numbers of chunks go through zero. */
static void numbers_go_round(void **state)
{
    struct sched_journal_ring *w;

    (void)state;
    ring_rig_start(MS / 5, 20000 * MS);
    for (unsigned e = 0; e < ENGINES; e++) {
        w = &engine(e)->ring.w;
        w->number = UINT32_MAX - 5;
        *engine(e)->ring.number = w->number;
    }
    ring_rig_play(3);
    for (unsigned n = 0; n < GUESTS; n++)
        ring_driver_check(&player(n)->driver);
    assert_in_range(engine(0)->ring.w.number, 1, 10000);
    assert_int_equal(judge_violations(ring_rig.machine.silicon.judge), 0);
    ring_rig_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_with_the_signal),
        cmocka_unit_test(a_signal_before_the_wait),
        cmocka_unit_test(who_waits_gives_the_engine_away),
        cmocka_unit_test(it_leaves_when_the_others_chunk_is_done),
        cmocka_unit_test(it_leaves_although_the_other_hangs),
        cmocka_unit_test(its_reset_ends_although_the_other_hangs),
        cmocka_unit_test(the_others_reset_loses_nothing_of_it),
        cmocka_unit_test(a_flush_waits_for_what_may_use_the_old),
        cmocka_unit_test(an_idle_engine_is_flushed_by_what_comes),
        cmocka_unit_test(a_ring_is_rewritten_at_work),
        cmocka_unit_test(numbers_go_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
