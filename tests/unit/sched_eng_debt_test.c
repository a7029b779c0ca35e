/* SPDX-License-Identifier: MIT */
/*
 * A guest that hangs the render engine again and again beside others that work: they keep their
 * share, it is throttled and named, and is as before some time after it stopped. In virtual time.
 */
#include "tests/unit/sched_eng_rig.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define S    (1000 * MS)
#define MOST (ENGINE_DEBT_MOST * WATCHDOG)

enum kind {
    IDLE,
    BUSY,   /* work without end that lets go when it is asked to */
    FRAMES, /* 3 ms of it in every 8 */
    HANG,   /* stands still as soon as it has the engine, and is there again after its reset */
    CLING,  /* never lets go before the watchdog is about to bark */
};

static struct rig r;
static enum kind kind[RIG_GUESTS];
static uint64_t since[RIG_GUESTS]; /* it runs; or, FRAMES, when it last began */
static uint64_t ran[RIG_GUESTS];   /* of its frame */
static uint64_t frames[RIG_GUESTS];

static struct guest *guest(unsigned n)
{
    return &r.g[n].guest;
}

static struct sched_vexec *virtual(unsigned n)
{
    return guest(n)->engine[GEN8_RCS].v;
}

static uint64_t time_of(unsigned n)
{
    return guest(n)->engine[GEN8_RCS].gpu_ns;
}

static void start(unsigned guests)
{
    rig_setup(&r, guests, 64);
    memset(kind, 0, sizeof kind);
    memset(since, 0, sizeof since);
    memset(ran, 0, sizeof ran);
    memset(frames, 0, sizeof frames);
}

/* What vgt-mmio would take from its lane, and the driver from its status page. */
static void drain(unsigned n)
{
    struct lane_slot slot;

    while (!lane_rx_next(&r.g[n].mmio_rx, &slot, NULL))
        lane_rx_advance(&r.g[n].mmio_rx);
    r.g[n].contexts->csbs = 0;
}

static bool has_work(unsigned n)
{
    return virtual(n)->active || virtual(n)->count;
}

/* What its driver does. */
static void drive(unsigned n)
{
    drain(n);
    if (virtual(n)->hung) {
        rig_post(&r, n, (struct mmio_sched){.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS});
        rig_step(&r);
    }
    if (kind[n] == IDLE || has_work(n) || (kind[n] == FRAMES && r.now < since[n] + 8 * MS))
        return;
    since[n] = r.now;
    rig_elsp(&r, n, DESC(n + 1), 0);
}

/* A millisecond of the engine. */
static void work(unsigned n)
{
    struct sim_engine *e = &r.sim.engine[GEN8_RCS];

    if (kind[n] == HANG || (kind[n] == CLING && r.now < since[n] + WATCHDOG - 10 * MS))
        return;
    if (kind[n] == CLING || (kind[n] == FRAMES && (ran[n] += MS) == 3 * MS)) {
        ran[n] = 0;
        frames[n]++;
        sim_complete(&r.sim, GEN8_RCS);
    } else if (e->has_pending) {
        sim_take(&r.sim, GEN8_RCS);
    }
    sim_move(&r.sim, GEN8_RCS);
}

static void pass(uint64_t ns)
{
    for (uint64_t until = r.now + ns; r.now < until;) {
        int was = rig_runs(&r);

        for (unsigned n = 0; n < r.ring.count; n++)
            drive(n);
        if (rig_runs(&r) >= 0 && rig_runs(&r) != was && kind[rig_runs(&r)] == CLING)
            since[rig_runs(&r)] = r.now;
        if (rig_runs(&r) >= 0)
            work((unsigned)rig_runs(&r));
        rig_pass(&r, MS);
    }
}

/* What guest n gets in that time beside the others. */
static uint64_t gets(unsigned n, unsigned guests, const enum kind *kinds, uint64_t ns)
{
    uint64_t got;

    start(guests);
    memcpy(kind, kinds, guests * sizeof *kinds);
    pass(ns);
    got = kind[n] == FRAMES ? frames[n] : time_of(n);
    rig_teardown(&r);
    return got;
}

#define GETS(n, ns, ...)                                                                           \
    gets(n, sizeof((enum kind[]){__VA_ARGS__}) / sizeof(enum kind), (enum kind[]){__VA_ARGS__}, ns)

static void expect_share(uint64_t beside_bad, uint64_t beside_busy)
{
    print_message("%llu beside it, %llu beside a harmless one\n", (unsigned long long)beside_bad,
                  (unsigned long long)beside_busy);
    assert_true(beside_bad * 10 >= beside_busy * 8);
}

static void a_neighbour_keeps_its_share(void **state)
{
    (void)state;
    expect_share(GETS(1, 20 * S, HANG, BUSY), GETS(1, 20 * S, BUSY, BUSY));
    expect_share(GETS(0, 20 * S, BUSY, HANG), GETS(0, 20 * S, BUSY, BUSY));
}

/* Already after the first few hangs. */
static void soon(void **state)
{
    (void)state;
    expect_share(GETS(1, 2 * S, HANG, BUSY), GETS(1, 2 * S, BUSY, BUSY));
}

/* One that leaves the engine idle between its frames is not frozen in each gap. */
static void nobody_hangs_in_the_gaps(void **state)
{
    (void)state;
    expect_share(GETS(1, 20 * S, HANG, FRAMES), GETS(1, 20 * S, BUSY, FRAMES));
}

static void three(void **state)
{
    (void)state;
    expect_share(GETS(1, 20 * S, HANG, BUSY, BUSY), GETS(1, 20 * S, BUSY, BUSY, BUSY));
    expect_share(GETS(2, 20 * S, HANG, BUSY, BUSY), GETS(2, 20 * S, BUSY, BUSY, BUSY));
    expect_share(GETS(2, 20 * S, HANG, HANG, BUSY), GETS(2, 20 * S, BUSY, BUSY, BUSY));
    expect_share(GETS(0, 20 * S, FRAMES, HANG, BUSY), GETS(0, 20 * S, FRAMES, BUSY, BUSY));
}

/* Who lets go just in time never hangs, and owes the time all the same. */
static void just_in_time(void **state)
{
    (void)state;
    expect_share(GETS(1, 20 * S, CLING, BUSY), GETS(1, 20 * S, BUSY, BUSY));
    start(2);
    kind[0] = CLING;
    kind[1] = BUSY;
    pass(5 * S);
    assert_int_equal(guest(0)->w.hangs, 0);
    assert_false(guest(0)->w.throttled);
    assert_in_range(time_of(0), 2 * S, 3 * S); /* it has its share, no less */
    rig_teardown(&r);
}

static void a_heavy_neighbour_keeps_its_share(void **state)
{
    uint64_t busy, beside;

    (void)state;
    for (unsigned bad = 0; bad < 2; bad++) {
        start(2);
        guest(1)->c.weight = 4;
        kind[0] = bad ? HANG : BUSY;
        kind[1] = BUSY;
        pass(20 * S);
        *(bad ? &beside : &busy) = time_of(1);
        rig_teardown(&r);
    }
    expect_share(beside, busy);
}

static void start_hang_beside_busy(void)
{
    start(2);
    kind[0] = HANG;
    kind[1] = BUSY;
}

static void until_hang(void)
{
    uint64_t until = r.now + 60 * S;

    for (uint32_t hangs = guest(0)->w.hangs; guest(0)->w.hangs == hangs;) {
        assert_true(r.now < until);
        pass(MS);
    }
}

/* For a good while, and the other one runs. */
static void until_throttled(void)
{
    uint64_t until = r.now + 60 * S;

    while (rig_runs(&r) != 1 || engine_throttled(guest(0), r.now) <= 25 * WATCHDOG) {
        assert_true(r.now < until);
        pass(MS);
    }
}

/* What the others lost, as they would have shared it; the next one twice that. */
static void the_price(void **state)
{
    uint64_t price = (WATCHDOG + 3 * QUANTUM) * 4 / 2, now;

    (void)state;
    start(3);
    kind[0] = HANG;
    kind[1] = kind[2] = BUSY;
    guest(0)->c.weight = 2;
    guest(2)->c.weight = 3;
    until_hang();
    now = r.now;
    assert_in_range(guest(0)->w.debt_until - now, 4 / 2 * WATCHDOG, price + 2 * MS);
    until_hang();
    assert_in_range(guest(0)->w.debt_until - r.now, 2 * 4 / 2 * WATCHDOG, 2 * price + 2 * MS);
    assert_true(r.now - now > 4 / 2 * WATCHDOG);
    rig_teardown(&r);
}

/* Once may happen to anybody: it pays for it, and is not named. */
static void one_hang(void **state)
{
    (void)state;
    start_hang_beside_busy();
    until_hang();
    kind[0] = BUSY;
    assert_int_equal(guest(0)->w.hangs, 1);
    assert_int_equal(engine_throttled(guest(0), r.now), 0);
    pass(3 * WATCHDOG);
    assert_true(guest(0)->w.debt_until <= r.now);
    assert_int_equal(rig_runs(&r) >= 0, 1);
    rig_teardown(&r);
}

/* No later than the most it can owe after its last hang it has its share again; as long after that
 * a hang is a first one. */
static void it_recovers(void **state)
{
    uint64_t had;

    (void)state;
    start_hang_beside_busy();
    pass(20 * S);
    assert_true(guest(0)->w.hangs > 4);
    until_throttled();
    kind[0] = BUSY;
    pass(MOST);
    assert_int_equal(engine_throttled(guest(0), r.now), 0);
    had = time_of(0);
    pass(2 * S);
    assert_in_range((time_of(0) - had) / MS, 900, 1100);
    assert_true(guest(0)->w.throttled);
    pass(MOST);
    assert_false(guest(0)->w.throttled);
    kind[0] = HANG;
    until_hang();
    assert_int_equal(guest(0)->w.hung_lately, 1);
    assert_false(guest(0)->w.throttled);
    rig_teardown(&r);
}

/* It has the engine once nobody else has used it for the watchdog's time; and may stand still on it
 * as long as it likes. */
static void alone(void **state)
{
    uint32_t hangs;
    unsigned resets;

    (void)state;
    start_hang_beside_busy();
    pass(10 * S);
    until_throttled();
    hangs = guest(0)->w.hangs;
    kind[1] = IDLE;
    sim_complete(&r.sim, GEN8_RCS);
    resets = r.sim.engine[GEN8_RCS].resets;
    pass(WATCHDOG - 10 * MS);
    assert_int_equal(rig_runs(&r), -1);
    pass(20 * MS);
    assert_int_equal(rig_runs(&r), 0);
    assert_true(engine_throttled(guest(0), r.now) > 20 * WATCHDOG);
    pass(10 * S);
    assert_int_equal(rig_runs(&r), 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets);
    assert_int_equal(guest(0)->w.hangs, hangs);
    rig_teardown(&r);
}

/* However long its turns are: who comes to it there waits for a quantum, not for a turn. */
static void it_has_no_turn(void **state)
{
    (void)state;
    start_hang_beside_busy();
    until_throttled();
    kind[0] = BUSY;
    kind[1] = IDLE;
    guest(0)->c.weight = 100;
    sim_complete(&r.sim, GEN8_RCS);
    pass(WATCHDOG + 2 * QUANTUM);
    assert_int_equal(rig_runs(&r), 0);
    kind[1] = BUSY;
    pass(QUANTUM + 3 * MS);
    assert_int_equal(rig_runs(&r), 1);
    rig_teardown(&r);
}

/* One that never had a neighbour never waits. */
static void always_alone(void **state)
{
    (void)state;
    start(2);
    kind[0] = HANG;
    pass(10 * S);
    assert_int_equal(rig_runs(&r), 0);
    assert_int_equal(guest(0)->w.hangs, 0);
    assert_int_equal(r.engine.resets, 0);
    rig_teardown(&r);
}

/* What its guest has beside it, and what the other has, is not lost. */
static void only_what_hangs_is_lost(void **state)
{
    (void)state;
    start(2);
    kind[1] = BUSY;
    pass(5 * MS);
    kind[0] = HANG;
    rig_elsp(&r, 0, DESC(1), DESC(3));
    until_hang();
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(1))->killed, 1);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(3))->killed, 0);
    assert_int_equal(stub_context(r.g[1].contexts, GEN8_RCS, DESC(2))->killed, 0);
    assert_int_equal(guest(1)->stats.preemptions, 1); /* it was on the shelf */
    assert_int_equal(rig_runs(&r), 1);
    assert_false(guest_hung(guest(1)));
    assert_int_equal(guest(1)->w.hangs, 0);
    rig_teardown(&r);
}

/* The next process knows: nothing is gained by a restart. */
static void a_restart_changes_nothing(void **state)
{
    uint64_t left, had;

    (void)state;
    start_hang_beside_busy();
    pass(10 * S);
    until_throttled();
    left = engine_throttled(guest(0), r.now);
    rig_crash(&r, true);
    assert_int_equal(engine_throttled(guest(0), r.now), left);
    kind[1] = IDLE; /* it has not been seen to work by the new one */
    sim_complete(&r.sim, GEN8_RCS);
    pass(WATCHDOG / 2);
    assert_int_equal(rig_runs(&r), -1);
    kind[1] = BUSY;
    had = time_of(0);
    pass(left - WATCHDOG);
    assert_int_equal(time_of(0), had);
    rig_teardown(&r);
}

/* A damaged journal keeps nobody out for ever. */
static void no_debt_is_endless(void **state)
{
    (void)state;
    start(2);
    kind[0] = kind[1] = BUSY;
    guest(0)->w.debt_until = UINT64_MAX;
    pass(MOST + WATCHDOG);
    assert_true(guest(0)->w.debt_until < r.now);
    rig_teardown(&r);
}

/* While nothing is on the engine a timer sees to it that the debtor gets it, and that its end is
 * said. */
static void somebody_looks(void **state)
{
    (void)state;
    start(2);
    assert_int_equal(engine_deadline(&r.engine, r.now), UINT64_MAX);
    guest(0)->w.debt_until = r.now + 50 * MS;
    guest(0)->w.throttled = 1;
    guest(0)->w.hung_lately = 2;
    guest(0)->w.hang_until = guest(0)->w.debt_until;
    assert_int_equal(engine_deadline(&r.engine, r.now), r.now + 50 * MS + MOST);
    guest(1)->engine[GEN8_RCS].wanted = r.now;
    kind[0] = HANG;
    drive(0);
    assert_int_equal(rig_runs(&r), -1);
    rig_pass(&r, MS);
    assert_in_range(engine_deadline(&r.engine, r.now), r.now, r.now + ENGINE_POLL_NS);
    rig_pass(&r, 50 * MS);
    assert_int_equal(rig_runs(&r), 0);
    rig_teardown(&r);
}

static unsigned lines(const char *text, const char *with)
{
    unsigned n = 0;

    for (; (text = strstr(text, with)); text++)
        n++;
    return n;
}

static void the_log_names_it_once(void **state)
{
    static char text[65536];
    struct log log = {.fd = memfd_create("log", MFD_CLOEXEC), .level = LOG_INFO, .name = "test"};

    (void)state;
    start(2);
    r.engine.c.log = &log;
    kind[0] = HANG;
    kind[1] = BUSY;
    pass(20 * S);
    kind[0] = BUSY;
    pass(3 * MOST);
    assert_true(guest(0)->w.hangs > 6);
    assert_in_range(pread(log.fd, text, sizeof text - 1, 0), 1, sizeof text - 1);
    assert_int_equal(lines(text, "<4>test: guest hangs again and again: throttled domid=1 hangs=2"),
                     1);
    assert_int_equal(lines(text, "<6>test: guest is throttled no longer domid=1"), 1);
    assert_in_range(lines(text, "engine hangs"), 2, guest(0)->w.hangs);
    close(log.fd);
    rig_teardown(&r);
}

#define T cmocka_unit_test

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_neighbour_keeps_its_share),
        T(soon),
        T(nobody_hangs_in_the_gaps),
        T(three),
        T(just_in_time),
        T(a_heavy_neighbour_keeps_its_share),
        T(the_price),
        T(one_hang),
        T(it_recovers),
        T(alone),
        T(it_has_no_turn),
        T(always_alone),
        T(only_what_hangs_is_lost),
        T(a_restart_changes_nothing),
        T(no_debt_is_endless),
        T(somebody_looks),
        T(the_log_names_it_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
