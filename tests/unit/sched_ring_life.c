/* SPDX-License-Identifier: MIT */
/* sched_ring_life.c: see sched_ring_life.h. */
#include "tests/unit/sched_ring_life.h"

#include "lib/crash.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_wire.h"

#include <string.h>
#include <sys/resource.h>

struct ring_life ring_life;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

/* Who dies frees nothing: its loop, and a guest that it was attaching. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

uint32_t ring_life_roll(uint32_t n)
{
    ring_life.random = ring_life.random * 1664525u + 1013904223u;
    return (ring_life.random >> 8) % n;
}

/* ---- what the process meets */

static void passing(bool point)
{
    if (!ring_life.armed || ring_life.deaths >= DEATHS || --ring_life.left)
        return;
    ring_life.at_points += point;
    longjmp(ring_life.death, 1);
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
    ring_life.gone++;
}

static void on_broken(void *ctx, uint32_t domid, const char *lane)
{
    (void)ctx;
    fail_msg("broken: %u %s", domid, lane);
}

/* Directories are all known: what comes says that one is in use. */
static void ring_life_gtt_serves(void)
{
    uint32_t start = ENTRIES * PAGE - WIRE_HOST_HIGH;
    struct gtt_sched done = {.kind = GTT_SCHED_DONE};
    struct lane_slot slot;
    struct sched_gtt m;

    while (lane_rx_next(&ring_life.gtt_rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        done.seq = m.seq;
        if (m.kind == SCHED_GTT_ROOT)
            assert_int_equal(m.count, 2);
        for (uint32_t i = 0; i < m.count && m.kind == SCHED_GTT_MAP; i++)
            silicon_ggtt(&ring_life.silicon, start + (m.first + i) * PAGE, m.dma[i]);
    }
    lane_rx_advance(&ring_life.gtt_rx);
    if (done.seq)
        lane_tx_put(&ring_life.gtt_tx, &done, sizeof done);
}

/* ---- a process's life */

static void ring_life_begin(void)
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

    assert_int_equal(loop_new(&ring_life.loop), 0);
    config.loop = ring_life.loop;
    assert_int_equal(sched_new(&config, &ring_life.s), 0);
    fds = copies(&ring_life.own);
    ring_life.armed = true;
    assert_int_equal(sched_device(ring_life.s, &ring_life.silicon.gpu, &fds, MASK), 0);
}

void ring_life_end(void)
{
    ring_life.armed = false;
    sched_free(ring_life.s);
    ring_life.s = NULL;
    ring_life.loop = NULL;
    for (unsigned n = 0; n < GUESTS; n++)
        ring_life.seat[n].known = false;
}

void ring_life_add(unsigned n)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources resources = VGT__RESOURCES__INIT;
    struct seat *seat = &ring_life.seat[n];
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
    assert_int_equal(sched_guest_add(ring_life.s, &add, &fds), 0);
}

/* The broker tells of the guests in any order, some time after the start. */
static bool tells(void)
{
    unsigned n = ring_life_roll(GUESTS);

    if (ring_life.seat[n].known || ring_life_roll(3))
        return false;
    ring_life_add(n);
    return true;
}

/* One turn of the process, which it may not survive. */
void ring_life_turn(void)
{
    if (setjmp(ring_life.death)) {
        ring_life.deaths++;
        ring_life.left = 1 + ring_life_roll(ring_life.rhythm);
        ring_life_end();
        return;
    }
    if (!ring_life.s)
        ring_life_begin();
    else if (!tells())
        assert_int_equal(loop_turn(ring_life.loop, 0), 0);
}

/* ---- the world */

static void make_seat(unsigned n)
{
    struct seat *s = &ring_life.seat[n];

    give_guest(&s->fds, 512);
    assert_int_equal(
        wire_region(&s->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, 0, true, &s->vggtt), 0);
    wire_region(&s->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, 0, true, &s->map);
    wire_region(&s->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, 0, true, &s->inval);
    ring_driver_init(&s->driver, &ring_life.silicon, s->vggtt.data, s->map.data, n,
                     DIRECTORIES + 512);
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

void ring_life_setup(uint32_t random, unsigned rhythm)
{
    more_files();
    memset(&ring_life, 0, sizeof ring_life);
    ring_life.random = random;
    ring_life.rhythm = rhythm;
    ring_life.left = 300;
    silicon_setup_hsw(&ring_life.silicon);
    silicon_share(&ring_life.silicon);
    ring_life.silicon.on_access = on_access;
    give_own(&ring_life.own, 16);
    assert_int_equal(
        wire_consumer(&ring_life.own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &ring_life.gtt_rx), 0);
    assert_int_equal(
        wire_producer(&ring_life.own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &ring_life.gtt_tx), 0);
    for (unsigned n = 0; n < GUESTS; n++)
        make_seat(n);
}

void ring_life_teardown(void)
{
    struct loop *loop = ring_life.loop;

    ring_life_end();
    loop_free(loop);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct seat *s = &ring_life.seat[n];

        lane_producer_detach(&s->driver.tx);
        lane_consumer_detach(&s->driver.rx);
        region_unmap(&s->vggtt);
        region_unmap(&s->map);
        region_unmap(&s->inval);
        wire_fds_close(&s->fds);
    }
    lane_consumer_detach(&ring_life.gtt_rx);
    lane_producer_detach(&ring_life.gtt_tx);
    wire_fds_close(&ring_life.own);
    silicon_teardown(&ring_life.silicon);
}

static bool ring_life_all_done(void)
{
    bool done = true;

    for (unsigned n = 0; n < GUESTS; n++)
        done &=
            ring_life.s && ring_life.seat[n].known && ring_driver_done(&ring_life.seat[n].driver);
    return done;
}

static void show_engine(unsigned n, unsigned e, const struct sched_vring *r, bool hung)
{
    const struct ring_port *p = &ring_life.seat[n].driver.port[e];
    const struct sched_journal_ring *w = &ring_life.s->journal->ring[e];

    print_message("guest %u engine %u: emitted %u number %u head %#x tail %#x; given %#x chunks %u "
                  "hung %u; engine has %u, number %u of guest %d\n",
                  n, e, p->emitted, p->hwsp_at[0x40], p->head, p->tail, r->given, r->chunks, hung,
                  w->count, w->number, (int)w->owner - 1);
}

/* The journal's places are not the guests' numbers. */
static void show_place(const struct sched_journal_state *j)
{
    for (unsigned e = 0; e < RING_ENGINES && j->domid - 1 < GUESTS; e++)
        show_engine(j->domid - 1, e, &j->ring[e], j->engine[e].hung);
}

static void show_and_fail(void)
{
    for (unsigned i = 0; i < SCHED_JOURNAL_GUESTS && ring_life.s; i++)
        show_place(&ring_life.s->journal->guest[i].state);
    fail_msg("not done in time; deaths: %u%s", ring_life.deaths,
             ring_life.s ? "" : ", and just dead");
}

void ring_life_play(void)
{
    uint64_t until = silicon_now() + LIMIT;

    while (!ring_life_all_done()) {
        if (silicon_now() > until)
            show_and_fail();
        for (unsigned n = 0; n < GUESTS; n++) {
            ring_driver_submit(&ring_life.seat[n].driver);
            ring_driver_events(&ring_life.seat[n].driver);
        }
        ring_life_gtt_serves();
        ring_life_turn();
    }
}

void ring_life_check_guests(void)
{
    for (unsigned n = 0; n < GUESTS; n++) {
        const struct sched_guest *sg = sched_guest_find(ring_life.s, n + 1);

        assert_false(guest_hung(&sg->guest));
        for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
            assert_int_equal(sg->account.count[i], 0);
        ring_driver_check(&ring_life.seat[n].driver);
    }
    assert_int_equal(judge_violations(ring_life.silicon.judge), 0);
}

/* All leave, and nothing of the arena is anybody's. */
void ring_life_leave(void)
{
    uint64_t until = silicon_now() + LIMIT;
    unsigned known = 0;

    ring_life.armed = false;
    for (unsigned n = 0; n < GUESTS; n++) {
        if (!ring_life.seat[n].known)
            continue;
        known++;
        sched_guest_remove(ring_life.s, sched_guest_find(ring_life.s, n + 1), true, 7);
    }
    while (ring_life.gone < known) {
        assert_true(silicon_now() < until);
        assert_int_equal(loop_turn(ring_life.loop, 0), 0);
    }
    assert_int_equal(arena_free_pages(ring_life.s->arena), ARENA_PAGES - OURS);
}

void ring_life_play_until_death(unsigned deaths)
{
    while (ring_life.deaths < deaths && !ring_life_all_done()) {
        for (unsigned n = 0; n < GUESTS; n++) {
            ring_driver_submit(&ring_life.seat[n].driver);
            ring_driver_events(&ring_life.seat[n].driver);
        }
        ring_life_gtt_serves();
        ring_life_turn();
    }
    if (ring_life.s)
        ring_life_end();
}

void ring_life_begin_for_good(void)
{
    ring_life.left = 1u << 30;
    ring_life_begin();
    ring_life.armed = false;
}

void ring_life_some_turns(void)
{
    for (unsigned i = 0; i < 100; i++) {
        ring_life_gtt_serves();
        for (unsigned n = 0; n < GUESTS; n++)
            ring_driver_events(&ring_life.seat[n].driver);
        assert_int_equal(loop_turn(ring_life.loop, 0), 0);
    }
}
