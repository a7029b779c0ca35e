/* SPDX-License-Identifier: MIT */
/*
 * Haswell: a guest that hangs an engine again and again, on softgpu's engines, which cannot be
 * preempted: its neighbour keeps its share. Time is virtual: while an engine gets somewhere, it
 * stands still.
 */
#include "gen/cmds_gen7.h"
#include "tests/unit/sched_ring_rig.h"

#include <sched.h>

#define S        (1000 * MS)
#define QUANTUM  (10 * MS)
#define WATCHDOG (100 * MS)
#define MOST     (ENGINE_DEBT_MOST * WATCHDOG)
#define E        GEN8_BCS
#define BATCH    128u /* dwords */

enum kind {
    IDLE,
    BUSY,  /* a batch of 5 ms after the other, the next in the ring when one ends */
    HANG,  /* one that never ends */
    MOVES, /* the same, and whenever somebody looks it is elsewhere */
    CLING, /* batches that end just before the watchdog barks */
};

static enum kind kind[GUESTS];
static uint64_t since[GUESTS]; /* its batch runs; 0: it does not */
static unsigned batch[GUESTS]; /* the last it put into its ring, of two */

static struct player *player(unsigned n)
{
    return &ring_rig.player[n];
}

static struct guest *guest(unsigned n)
{
    return &player(n)->guest;
}

static struct engine *engine(void)
{
    return &ring_rig.machine.engine[E];
}

static uint64_t time_of(unsigned n)
{
    return guest(n)->engine[E].gpu_ns;
}

static bool has_work(unsigned n)
{
    const struct sched_vring *r = guest(n)->engine[E].r;

    return r->chunks || r->given != r->tail;
}

static void put(unsigned n, const uint32_t *dw, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ring_driver_put(&player(n)->driver, E, dw[i]);
    ring_driver_tail(&player(n)->driver, E);
}

/* A batch that goes round until end(). */
static void submit(unsigned n)
{
    struct ring_port *p = &player(n)->driver.port[E];
    uint32_t *dw = p->user_at + (batch[n] ^= 1) * BATCH;
    const uint32_t start[] = {MI_BB_START_GEN7 | MI_BB_PPGTT, 4 * BATCH * batch[n]};
    const uint32_t load[] = {MI_LRI | 1, gen8_engine_base(E) + 0x228, p->directory << 12};

    dw[0] = start[0];
    dw[1] = start[1];
    put(n, load, 3);
    put(n, start, 2);
}

static int runs(void)
{
    return engine()->running ? (int)engine()->now.guest->c.domid - 1 : -1;
}

/* The one that runs. */
static void end(unsigned n)
{
    uint32_t *dw = player(n)->driver.port[E].user_at + batch[n] * BATCH;
    uint64_t batches = guest(n)->engine[E].batches;

    if (kind[n] == BUSY)
        submit(n);
    machine_turn(&ring_rig.machine);
    __atomic_store_n(dw, MI_BB_END, __ATOMIC_RELEASE);
    for (uint64_t until = silicon_now() + LIMIT; guest(n)->engine[E].batches == batches;) {
        assert_true(silicon_now() < until);
        sched_yield();
        machine_turn(&ring_rig.machine);
    }
    since[n] = runs() == (int)n ? ring_rig.machine.time : 0;
}

static void reset(unsigned n)
{
    struct mmio_sched m = {.kind = MMIO_SCHED_RESET, .engine = GEN8_M(E)};

    m.seq = ++player(n)->driver.seq;
    assert_int_equal(lane_tx_put(&player(n)->driver.tx, &m, sizeof m), 0);
    machine_turn(&ring_rig.machine);
    ring_driver_start(&player(n)->driver, E);
    machine_turn(&ring_rig.machine);
}

static void drive(unsigned n)
{
    ring_driver_events(&player(n)->driver);
    if (guest(n)->engine[E].v->hung)
        reset(n);
    if (kind[n] != IDLE && !has_work(n))
        submit(n);
}

static uint64_t length(unsigned n)
{
    if (kind[n] == HANG || kind[n] == MOVES)
        return UINT64_MAX;
    return kind[n] == CLING ? WATCHDOG - 10 * MS : 5 * MS;
}

static void pass(uint64_t ns)
{
    for (uint64_t until = ring_rig.machine.time + ns; ring_rig.machine.time < until;
         ring_rig.machine.time += MS) {
        for (unsigned n = 0; n < GUESTS; n++)
            drive(n);
        if (runs() >= 0 && kind[runs()] == MOVES)
            engine()->seen.acthd++;
        machine_turn(&ring_rig.machine);
        for (int n = 0; n < (int)GUESTS; n++) {
            if (runs() != n)
                since[n] = 0;
            else if (!since[n])
                since[n] = ring_rig.machine.time;
            else if (ring_rig.machine.time - since[n] >= length((unsigned)n))
                end((unsigned)n);
        }
    }
}

static void begin(enum kind first, enum kind second)
{
    ring_rig_start(QUANTUM, WATCHDOG);
    ring_rig.machine.time = silicon_now();
    kind[0] = first;
    kind[1] = second;
    for (unsigned n = 0; n < GUESTS; n++)
        since[n] = 0;
}

static void finish(void)
{
    for (unsigned n = 0; n < GUESTS; n++)
        reset(n); /* of what it has there */
    machine_turn(&ring_rig.machine);
    ring_rig_stop();
}

/* What the second gets beside the first. */
static uint64_t gets(enum kind first, uint64_t ns)
{
    uint64_t got;

    begin(first, BUSY);
    pass(ns);
    got = time_of(1);
    assert_int_equal(guest(1)->w.hangs, 0);
    assert_false(guest_hung(guest(1)));
    finish();
    return got;
}

static void expect_share(enum kind bad)
{
    uint64_t beside = gets(bad, 10 * S), busy = gets(BUSY, 10 * S);

    print_message("%llu beside it, %llu beside a harmless one\n", (unsigned long long)beside,
                  (unsigned long long)busy);
    assert_true(beside * 10 >= busy * 8);
}

static void a_neighbour_keeps_its_share(void **state)
{
    (void)state;
    expect_share(HANG);
}

/* Going round is no progress. */
static void beside_one_that_moves(void **state)
{
    (void)state;
    expect_share(MOVES);
}

static void just_in_time(void **state)
{
    (void)state;
    expect_share(CLING);
}

/* Nobody is kept waiting for longer than a turn, the quantum to finish and the watchdog's time. */
static void found_in_time(void **state)
{
    uint64_t from;

    (void)state;
    begin(MOVES, IDLE);
    pass(10 * WATCHDOG);
    assert_int_equal(runs(), 0);
    assert_int_equal(engine()->resets, 0);
    kind[1] = BUSY;
    for (from = ring_rig.machine.time; runs() != 1; pass(MS))
        assert_true(ring_rig.machine.time - from <= 2 * QUANTUM + WATCHDOG + 2 * ENGINE_POLL_NS);
    assert_int_equal(guest(0)->w.hangs, 1);
    assert_int_equal(guest(1)->w.hangs, 0);
    assert_int_equal(player(0)->account.count[ACCOUNT_ENGINE_HANG], 1);
    machine_nothing_counted(&player(1)->account);
    finish();
}

/* Who came and went again was not kept waiting since. */
static void who_waited_is_gone(void **state)
{
    (void)state;
    begin(MOVES, IDLE);
    pass(5 * QUANTUM);
    kind[1] = BUSY;
    pass(5 * QUANTUM);
    assert_int_equal(runs(), 0);
    assert_true(engine()->drain_since);
    kind[1] = IDLE;
    reset(1);
    pass(5 * WATCHDOG);
    kind[1] = BUSY;
    pass(WATCHDOG / 2);
    assert_int_equal(runs(), 0);
    assert_int_equal(guest(0)->w.hangs, 0);
    finish();
}

static void until_throttled(void)
{
    uint64_t until = ring_rig.machine.time + 60 * S;

    while (runs() != 1 || engine_throttled(guest(0), ring_rig.machine.time) < 10 * WATCHDOG) {
        assert_true(ring_rig.machine.time < until);
        pass(MS);
    }
}

static void it_recovers(void **state)
{
    uint64_t had;

    (void)state;
    begin(HANG, BUSY);
    until_throttled();
    had = time_of(0);
    pass(engine_throttled(guest(0), ring_rig.machine.time) - 2 * MS);
    assert_int_equal(time_of(0), had); /* it waits */
    kind[0] = BUSY;
    pass(WATCHDOG);
    assert_int_equal(engine_throttled(guest(0), ring_rig.machine.time), 0);
    had = time_of(0);
    pass(S);
    assert_in_range((time_of(0) - had) / MS, 420, 580);
    pass(MOST);
    assert_int_equal(guest(0)->w.hung_lately, 0);
    finish();
}

/* What has no end is nobody's business while nobody waits. */
static void alone(void **state)
{
    (void)state;
    begin(HANG, BUSY);
    until_throttled();
    kind[1] = IDLE;
    pass(QUANTUM + WATCHDOG + ENGINE_POLL_NS);
    assert_int_equal(runs(), 0);
    assert_true(engine_throttled(guest(0), ring_rig.machine.time) > 0);
    pass(2 * S);
    assert_int_equal(runs(), 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_neighbour_keeps_its_share),
        cmocka_unit_test(beside_one_that_moves),
        cmocka_unit_test(just_in_time),
        cmocka_unit_test(found_in_time),
        cmocka_unit_test(who_waited_is_gone),
        cmocka_unit_test(it_recovers),
        cmocka_unit_test(alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
