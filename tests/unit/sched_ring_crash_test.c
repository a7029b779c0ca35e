/* SPDX-License-Identifier: MIT */
/*
 * The whole of vgt-sched dies on a Haswell, hundreds of times: before or after any access to a
 * register, or at one of its crash points (lib/crash.h), and the next one goes on while the engines
 * run. In the end every request of both guests has run, once, in its own context, with its own
 * registers; and when the guests have left nothing of the arena is lost.
 * A death is a jump out of the process's code, as in sched_eng_crash_test.c.
 */
#include "lib/crash.h"
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_wire.h"
#include "tests/unit/sched_ring_driver.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define GUESTS      2u
#define PAGE        4096u
#define MS          1000000ull
#define DEATHS      600u
#define LIMIT       (20000 * MS)
#define MASK        (GEN8_M_RCS | GEN8_M_BCS)
#define ENTRIES     (1u << 19)
#define DIRECTORIES (ENTRIES - (WIRE_HOST_HIGH + WIRE_HOST_DIRECTORIES) / PAGE)
#define ARENA_PAGES (2 * ARENA_BLOCK_PAGES)
#define OURS        (GEN8_ENGINES + RING_ENGINES * HW_RING_BYTES / PAGE) /* numbers, rings */

struct seat {
    struct ring_driver driver;
    struct wire_fds fds; /* the broker's copies */
    struct region vggtt, map, inval;
    bool known; /* to the living process */
    bool met;   /* to any */
};

static struct world {
    struct silicon silicon;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own;
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct seat seat[GUESTS];
    jmp_buf death;
    bool armed;
    unsigned left, deaths, gone; /* passings until the next death; how many there were */
    unsigned at_points;          /* of them at crash points */
    unsigned rhythm;             /* passings between deaths, at most */
    uint32_t random;
} w;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

/* Who dies frees nothing: its loop, and a guest that it was attaching. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t roll(uint32_t n)
{
    w.random = w.random * 1664525u + 1013904223u;
    return (w.random >> 8) % n;
}

/* ---- what the process meets */

static void passing(bool point)
{
    if (!w.armed || w.deaths >= DEATHS || --w.left)
        return;
    w.at_points += point;
    longjmp(w.death, 1);
}

static void on_access(void *ctx)
{
    (void)ctx;
    passing(false);
}

/* In the place of lib/crash.c's, for the files that are built with points. */
void crash_pass(const struct crash_point *point)
{
    (void)point;
    passing(true);
}

static void on_up(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, int err)
{
    (void)ctx;
    fail_msg("failed: %d", err);
}

static void on_gone(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    (void)ctx;
    (void)domid;
    assert_true(final);
    assert_int_equal(id, 7);
    w.gone++;
}

static void on_broken(void *ctx, uint32_t domid, const char *lane)
{
    (void)ctx;
    fail_msg("broken: %u %s", domid, lane);
}

/* Directories are all known: what comes says that one is in use. */
static void gtt_serves(void)
{
    uint32_t start = ENTRIES * PAGE - WIRE_HOST_HIGH;
    struct gtt_sched done = {.kind = GTT_SCHED_DONE};
    struct lane_slot slot;
    struct sched_gtt m;

    while (lane_rx_next(&w.gtt_rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        done.seq = m.seq;
        if (m.kind == SCHED_GTT_ROOT)
            assert_int_equal(m.count, 2);
        for (uint32_t i = 0; i < m.count && m.kind == SCHED_GTT_MAP; i++)
            silicon_ggtt(&w.silicon, start + (m.first + i) * PAGE, m.dma[i]);
    }
    lane_rx_advance(&w.gtt_rx);
    if (done.seq)
        lane_tx_put(&w.gtt_tx, &done, sizeof done);
}

/* ---- a process's life */

static void begin(void)
{
    struct sched_config config = {
        .log = &quiet,
        .vmm = &silicon_vmm,
        .quantum_ns = MS / 20,
        .watchdog_ns = 20000 * MS,
        .arena_pages = ARENA_PAGES,
        .no_quarantine = true, /* it would take two deaths in one request for the request's fault */
        .events = {on_up, on_failed, on_gone, on_broken, NULL},
    };
    struct wire_fds fds;

    assert_int_equal(loop_new(&w.loop), 0);
    config.loop = w.loop;
    assert_int_equal(sched_new(&config, &w.s), 0);
    fds = copies(&w.own);
    w.armed = true;
    assert_int_equal(sched_device(w.s, &w.silicon.gpu, &fds, MASK), 0);
}

static void end(void)
{
    w.armed = false;
    sched_free(w.s);
    w.s = NULL;
    w.loop = NULL;
    for (unsigned n = 0; n < GUESTS; n++)
        w.seat[n].known = false;
}

static void add(unsigned n)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources resources = VGT__RESOURCES__INIT;
    struct seat *seat = &w.seat[n];
    struct wire_fds fds = copies(&seat->fds);

    add.domid = n + 1;
    add.name = (char *)"guest";
    add.resources = &resources;
    resources.low_base = (n + 1) * RING_PARTITION;
    resources.low_size = RING_PARTITION;
    add.weight = 1;
    add.generation = 3;
    add.restart = seat->met;
    seat->known = seat->met = true;
    assert_int_equal(sched_guest_add(w.s, &add, &fds), 0);
}

/* The broker tells of the guests in any order, some time after the start. */
static bool tells(void)
{
    unsigned n = roll(GUESTS);

    if (w.seat[n].known || roll(3))
        return false;
    add(n);
    return true;
}

/* One turn of the process, which it may not survive. */
static void turn(void)
{
    if (setjmp(w.death)) {
        w.deaths++;
        w.left = 1 + roll(w.rhythm);
        end();
        return;
    }
    if (!w.s)
        begin();
    else if (!tells())
        assert_int_equal(loop_turn(w.loop, 0), 0);
}

/* ---- the world */

static void make_seat(unsigned n)
{
    struct seat *s = &w.seat[n];

    give_guest(&s->fds, 512);
    assert_int_equal(
        wire_region(&s->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, 0, true, &s->vggtt), 0);
    wire_region(&s->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, 0, true, &s->map);
    wire_region(&s->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, 0, true, &s->inval);
    ring_driver_init(&s->driver, &w.silicon, s->vggtt.data, s->map.data, n, DIRECTORIES + 512);
    wire_producer(&s->fds, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, &s->driver.tx);
    wire_consumer(&s->fds, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, &s->driver.rx);
    for (unsigned e = 0; e < RING_ENGINES; e++)
        ring_driver_start(&s->driver, e);
}

static void more_files(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files); /* loops that died keep theirs */
}

static void setup(uint32_t random, unsigned rhythm)
{
    more_files();
    memset(&w, 0, sizeof w);
    w.random = random;
    w.rhythm = rhythm;
    w.left = 300;
    silicon_setup_hsw(&w.silicon);
    silicon_share(&w.silicon);
    w.silicon.on_access = on_access;
    give_own(&w.own, 16);
    assert_int_equal(wire_consumer(&w.own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &w.gtt_rx), 0);
    assert_int_equal(wire_producer(&w.own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &w.gtt_tx), 0);
    for (unsigned n = 0; n < GUESTS; n++)
        make_seat(n);
}

static void teardown(void)
{
    struct loop *loop = w.loop;

    end();
    loop_free(loop);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct seat *s = &w.seat[n];

        lane_producer_detach(&s->driver.tx);
        lane_consumer_detach(&s->driver.rx);
        region_unmap(&s->vggtt);
        region_unmap(&s->map);
        region_unmap(&s->inval);
        wire_fds_close(&s->fds);
    }
    lane_consumer_detach(&w.gtt_rx);
    lane_producer_detach(&w.gtt_tx);
    wire_fds_close(&w.own);
    silicon_teardown(&w.silicon);
}

static bool all_done(void)
{
    bool done = true;

    for (unsigned n = 0; n < GUESTS; n++)
        done &= w.s && w.seat[n].known && ring_driver_done(&w.seat[n].driver);
    return done;
}

static void show_and_fail(void)
{
    for (unsigned n = 0; n < GUESTS; n++)
        for (unsigned e = 0; e < RING_ENGINES; e++) {
            const struct ring_port *p = &w.seat[n].driver.port[e];
            const struct sched_journal *j = w.s->journal;
            const struct sched_vring *r = &j->guest[n].state.ring[e];

            print_message("guest %u engine %u: emitted %u number %u head %#x tail %#x; given %#x "
                          "chunks %u hung %u; engine has %u, number %u owner %u\n",
                          n, e, p->emitted, p->hwsp_at[0x40], p->head, p->tail, r->given, r->chunks,
                          j->guest[n].state.engine[e].hung, j->ring[e].count, j->ring[e].number,
                          j->ring[e].owner);
        }
    fail_msg("not done in time; deaths: %u", w.deaths);
}

static void play(void)
{
    uint64_t until = now_ns() + LIMIT;

    while (!all_done()) {
        if (now_ns() > until)
            show_and_fail();
        for (unsigned n = 0; n < GUESTS; n++) {
            ring_driver_submit(&w.seat[n].driver);
            ring_driver_events(&w.seat[n].driver);
        }
        gtt_serves();
        turn();
    }
}

static void check_guests(void)
{
    for (unsigned n = 0; n < GUESTS; n++) {
        const struct sched_guest *sg = sched_guest_find(w.s, n + 1);

        assert_false(guest_hung(&sg->guest));
        for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
            assert_int_equal(sg->account.count[i], 0);
        ring_driver_check(&w.seat[n].driver);
    }
    assert_int_equal(judge_violations(w.silicon.judge), 0);
}

/* All leave, and nothing of the arena is anybody's. */
static void leave(void)
{
    uint64_t until = now_ns() + LIMIT;
    unsigned known = 0;

    w.armed = false;
    for (unsigned n = 0; n < GUESTS; n++) {
        if (!w.seat[n].known)
            continue;
        known++;
        sched_guest_remove(w.s, sched_guest_find(w.s, n + 1), true, 7);
    }
    while (w.gone < known) {
        assert_true(now_ns() < until);
        assert_int_equal(loop_turn(w.loop, 0), 0);
    }
    assert_int_equal(arena_free_pages(w.s->arena), ARENA_PAGES - OURS);
}

static void survive(uint32_t random, unsigned rhythm)
{
    setup(random, rhythm);
    play();
    print_message("deaths: %u, at points: %u\n", w.deaths, w.at_points);
    assert_true(w.deaths > 50 && w.at_points > 20);
    check_guests();
    leave();
    teardown();
}

static void it_dies_often(void **state)
{
    (void)state;
    for (uint32_t random = 11; random < 14; random++)
        survive(random, 200);
}

static void it_dies_now_and_then(void **state)
{
    (void)state;
    for (uint32_t random = 3; random < 5; random++)
        survive(random, 800);
}

/* ---- what the next process finds is not what it should be */

static void play_until_death(unsigned deaths)
{
    while (w.deaths < deaths && !all_done()) {
        for (unsigned n = 0; n < GUESTS; n++) {
            ring_driver_submit(&w.seat[n].driver);
            ring_driver_events(&w.seat[n].driver);
        }
        gtt_serves();
        turn();
    }
    if (w.s)
        end();
}

static void begin_for_good(void)
{
    w.left = 1u << 30;
    begin();
    w.armed = false;
}

static void some_turns(void)
{
    for (unsigned i = 0; i < 100; i++) {
        gtt_serves();
        for (unsigned n = 0; n < GUESTS; n++)
            ring_driver_events(&w.seat[n].driver);
        assert_int_equal(loop_turn(w.loop, 0), 0);
    }
}

/* One guest is gone by then: whatever the engines have of it, and it has of the arena, goes too. */
static void one_never_comes_back(void **state)
{
    (void)state;
    for (uint32_t random = 1; random < 25; random++) {
        unsigned here = random % GUESTS;

        setup(random, 300);
        play_until_death(8 + random);
        begin_for_good();
        add(here);
        if (random % 3)
            some_turns();
        sched_guest_stale(w.s, 2 - here);
        some_turns();
        leave();
        assert_int_equal(judge_violations(w.silicon.judge), 0);
        teardown();
    }
}

/* The same name, and another guest: it starts with nothing of that one. */
static void another_comes_by_its_name(void **state)
{
    (void)state;
    for (uint32_t random = 1; random < 10; random++) {
        setup(random, 300);
        play_until_death(8 + random);
        begin_for_good();
        w.seat[0].met = false;
        add(0);
        add(1);
        some_turns();
        assert_int_equal(sched_guest_find(w.s, 1)->guest.w.ring[GEN8_BCS].kept, 0);
        leave();
        teardown();
    }
}

static void spoil(struct sched_journal *j, uint32_t how)
{
    struct sched_journal_ring *ring = &j->ring[roll(RING_ENGINES)];
    struct sched_journal_guest *g = &j->guest[roll(GUESTS)];
    struct sched_vring *r = &g->state.ring[roll(RING_ENGINES)];
    uint32_t *const words[] = {&ring->count,
                               &ring->chunk[0].end,
                               &ring->head,
                               &ring->chunk[0].save,
                               &ring->chunk[0].batches,
                               &r->kept,
                               &ring->chunk[0].guest_end,
                               &r->chunks,
                               &r->given,
                               &ring->chunk[1].save,
                               &ring->number};

    if (how % 12 < 11)
        *words[how % 12] = roll(2) ? roll(1u << 24) : 3 + roll(40);
    for (unsigned i = 0; i < CONTEXT_MAX && how % 12 == 11; i++)
        g->context[i].mem_pages = 1;
}

/* Nobody's pages are lost, and nobody else's are touched. */
static void the_journal_is_damaged(void **state)
{
    struct region journal;

    (void)state;
    for (uint32_t random = 1; random < 49; random++) {
        setup(random, 300);
        play_until_death(6 + random % 16);
        wire_region(&w.own, WIRE_JOURNAL, WIRE_REGION_JOURNAL, SCHED_JOURNAL_LAYOUT, 0, true,
                    &journal);
        spoil(journal.data, random);
        region_unmap(&journal);
        begin_for_good();
        add(0);
        add(1);
        some_turns();
        leave();
        teardown();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_dies_often),          cmocka_unit_test(it_dies_now_and_then),
        cmocka_unit_test(one_never_comes_back),   cmocka_unit_test(another_comes_by_its_name),
        cmocka_unit_test(the_journal_is_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
