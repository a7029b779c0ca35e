/* SPDX-License-Identifier: MIT */
/*
 * Haswell: two guests' rings on softgpu's engines, through the audit, render images, chunks and
 * turns: every request runs once, in its own context, whoever else has the engine meanwhile; one
 * that hangs loses what ran, and goes on after its reset.
 */
#include "gen/cmds_gen7.h"
#include "services/sched/engine.h"
#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_ring_driver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define GUESTS      2u
#define ENGINES     RING_ENGINES
#define PAGE        4096u
#define MS          1000000ull
#define LIMIT       (60000 * MS)
#define ENTRIES     (1u << 19)
#define DIRECTORIES (ENTRIES - (WIRE_HOST_HIGH + WIRE_HOST_DIRECTORIES) / PAGE)

struct player {
    struct ring_driver driver;
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct vggtt *vggtt;
    struct gtt_map *map;
    struct gtt_inval inval;
    unsigned asked;
    int fd[6];
    struct lane_tx tx;
    struct lane_rx rx;
};

static struct world {
    struct silicon silicon;
    struct hw hw;
    struct arena *arena;
    struct arena_range hwsp[GEN8_ENGINES], pages[GEN8_ENGINES];
    struct sched_journal *journal;
    struct engine engine[ENGINES];
    struct engine_guests ring;
    struct player player[GUESTS];
} w;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- set-up */

static int emit(void *ctx, uint32_t first, uint32_t count, const uint64_t *dma)
{
    uint32_t start, size;

    (void)ctx;
    arena_bounds(w.arena, &start, &size);
    for (uint32_t i = 0; i < count; i++)
        silicon_ggtt(&w.silicon, start + (first + i) * PAGE, dma[i]);
    return 0;
}

/* A directory that is known is told to be in use when the engine changes hands; no other is named.
 */
static void on_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    struct player *p = ctx;

    assert_int_equal(level, 2);
    assert_true(pdp[0] == p->driver.port[0].directory || pdp[0] == p->driver.port[1].directory);
    p->asked++;
}

static void on_reset(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    if (engine < ENGINES)
        assert_int_equal(engine_evict(&w.engine[engine], g, now_ns()), 0);
    else
        guest_reset_done(g, engine);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    (void)g;
    (void)engine;
}

static void commit(void *ctx)
{
    (void)ctx;
    engines_commit(w.journal, w.engine, ENGINES, &w.ring);
}

static void make_lanes(struct player *p)
{
    lane_create("up", LANE_STREAM, 64, MMIO_SCHED_LAYOUT, &p->fd[0]);
    lane_create("down", LANE_STREAM, 16, MMIO_SCHED_LAYOUT, &p->fd[3]);
    for (unsigned i = 0; i < 6; i++)
        if (i % 3)
            p->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane_producer_attach(&p->driver.tx, p->fd[0], MMIO_SCHED_LAYOUT, p->fd[1], p->fd[2]);
    lane_consumer_attach(&p->rx, p->fd[0], MMIO_SCHED_LAYOUT, p->fd[1], p->fd[2]);
    lane_producer_attach(&p->tx, p->fd[3], MMIO_SCHED_LAYOUT, p->fd[4], p->fd[5]);
    lane_consumer_attach(&p->driver.rx, p->fd[3], MMIO_SCHED_LAYOUT, p->fd[4], p->fd[5]);
}

static void make_player(unsigned n)
{
    struct player *p = &w.player[n];
    struct context_config contexts = {.arena = w.arena,
                                      .ops = &silicon_vmm,
                                      .low_base = (n + 1) * RING_PARTITION,
                                      .low_size = RING_PARTITION,
                                      .account = &p->account,
                                      .number = n,
                                      .records = w.journal->guest[n].context,
                                      .need_root = on_root,
                                      .ctx = p,
                                      .rings = true,
                                      .empty_directory = DIRECTORIES};
    struct guest_config config = {.domid = n + 1,
                                  .weight = 1,
                                  .rings = true,
                                  .account = &p->account,
                                  .journal = &w.journal->guest[n],
                                  .inval = &p->inval,
                                  .rx = &p->rx,
                                  .tx = &p->tx,
                                  .hooks = {on_reset, on_work, commit, NULL}};

    contexts.vggtt = p->vggtt = calloc(1, sizeof *p->vggtt);
    contexts.map = config.map = p->map = aligned_alloc(128, sizeof *p->map);
    memset(p->map, 0, sizeof *p->map);
    ring_driver_init(&p->driver, &w.silicon, p->vggtt, p->map, n, DIRECTORIES + 512);
    account_init(&p->account, n + 1, "guest", &quiet);
    make_lanes(p);
    assert_int_equal(context_set_new(&contexts, &p->contexts), 0);
    config.contexts = p->contexts;
    guest_init(&p->guest, &config);
    w.ring.guest[w.ring.count++] = &p->guest;
    for (unsigned e = 0; e < ENGINES; e++)
        ring_driver_start(&p->driver, e);
}

static void make_engine(unsigned e, uint64_t quantum, uint64_t watchdog)
{
    const struct engine_config config = {.id = e,
                                         .hw = &w.hw,
                                         .guests = &w.ring,
                                         .log = &quiet,
                                         .quantum_ns = quantum,
                                         .watchdog_ns = watchdog,
                                         .commit = commit};

    engine_init(&w.engine[e], &config);
    engine_set_ring(&w.engine[e], &w.pages[e], &w.hwsp[e], &(struct sched_journal_ring){0});
}

static void start(uint64_t quantum, uint64_t watchdog)
{
    uint32_t gma[GEN8_ENGINES] = {0};

    memset(&w, 0, sizeof w);
    w.journal = calloc(1, sizeof *w.journal);
    silicon_setup_hsw(&w.silicon);
    silicon_share(&w.silicon);
    hw_init(&w.hw, &w.silicon.gpu, GEN8_M_RCS | GEN8_M_BCS);
    assert_int_equal(hw_halt(&w.hw), 0);
    assert_int_equal(arena_new(&w.silicon.gpu, 2 * ARENA_BLOCK_PAGES, &w.arena), 0);
    assert_int_equal(arena_map(w.arena, 0, SCHED_GTT_MAP_PAGES, emit, NULL), 0);
    for (unsigned e = 0; e < ENGINES; e++) {
        assert_int_equal(arena_alloc(w.arena, 1, &w.hwsp[e]), 0);
        assert_int_equal(arena_alloc(w.arena, HW_RING_BYTES / PAGE, &w.pages[e]), 0);
        gma[e] = w.hwsp[e].gma;
        w.hw.ring[e] = w.pages[e].gma;
        make_engine(e, quantum, watchdog);
    }
    assert_int_equal(hw_up(&w.hw, gma), 0);
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(engine_started(&w.engine[e]), 0);
    for (unsigned n = 0; n < GUESTS; n++)
        make_player(n);
}

static void leave(struct player *p)
{
    guest_leave(&p->guest);
    commit(NULL);
    for (unsigned e = 0; e < ENGINES; e++) {
        assert_false(engine_uses(&w.engine[e], &p->guest));
        engine_forget(&w.engine[e], &p->guest);
    }
}

/* Nobody keeps anything. */
static void stop(void)
{
    uint32_t ours = ENGINES * (1 + HW_RING_BYTES / PAGE);

    for (unsigned n = 0; n < GUESTS; n++)
        leave(&w.player[n]);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct player *p = &w.player[n];

        context_set_free(p->contexts);
        lane_producer_detach(&p->driver.tx);
        lane_consumer_detach(&p->driver.rx);
        lane_producer_detach(&p->tx);
        lane_consumer_detach(&p->rx);
        for (unsigned i = 0; i < 6; i++)
            close(p->fd[i]);
        free(p->vggtt);
        free(p->map);
    }
    assert_int_equal(arena_free_pages(w.arena), 2 * ARENA_BLOCK_PAGES - ours);
    hw_halt(&w.hw);
    arena_forget(w.arena);
    free(w.journal);
    silicon_teardown(&w.silicon);
}

/* ---- the service's loop */

static void sched_turn(void)
{
    uint32_t bits[GEN8_ENGINES];
    uint64_t now = now_ns();

    assert_int_equal(hw_interrupts(&w.hw, bits), 0);
    for (unsigned e = 0; e < ENGINES; e++) {
        if (bits[e])
            assert_int_equal(engine_interrupt(&w.engine[e], bits[e], now), 0);
        else if (engine_deadline(&w.engine[e], now) <= now)
            assert_int_equal(engine_tick(&w.engine[e], now), 0);
    }
    for (unsigned n = 0; n < GUESTS; n++) {
        while (guest_take(&w.player[n].guest) == GUEST_MORE)
            ;
        for (unsigned e = 0; e < ENGINES; e++)
            w.player[n].guest.engine[e].blocked = false;
    }
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(engine_kick(&w.engine[e], now), 0);
    commit(NULL);
    for (unsigned n = 0; n < GUESTS; n++)
        assert_int_equal(guest_flush(&w.player[n].guest), 0);
    commit(NULL);
}

static void show_and_fail(void)
{
    for (unsigned n = 0; n < GUESTS; n++)
        for (unsigned e = 0; e < ENGINES; e++) {
            const struct ring_port *p = &w.player[n].driver.port[e];
            const struct sched_vring *r = w.player[n].guest.engine[e].r;

            print_message("guest %u engine %u: emitted %u number %u head %#x tail %#x; given %#x "
                          "done %#x hung %u\n",
                          n, e, p->emitted, p->hwsp_at[0x40], p->head, p->tail, r->given, r->head,
                          w.player[n].guest.engine[e].v->hung);
        }
    fail_msg("not done in a minute");
}

/* Those of the mask. */
static void play(uint32_t players)
{
    uint64_t until = now_ns() + LIMIT;
    bool busy = true;

    while (busy) {
        if (now_ns() > until)
            show_and_fail();
        busy = false;
        for (unsigned n = 0; n < GUESTS; n++) {
            if (!(players & 1u << n))
                continue;
            ring_driver_submit(&w.player[n].driver);
            ring_driver_events(&w.player[n].driver);
            busy |= !ring_driver_done(&w.player[n].driver);
        }
        sched_turn();
    }
}

static void nothing_counted(const struct player *p)
{
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        assert_int_equal(p->account.count[i], 0);
}

/* ---- tests */

static void everything_runs(void **state)
{
    (void)state;
    start(MS / 5, 20000 * MS);
    play(3);
    for (unsigned n = 0; n < GUESTS; n++) {
        assert_false(guest_hung(&w.player[n].guest));
        nothing_counted(&w.player[n]);
        ring_driver_check(&w.player[n].driver);
        assert_true(w.player[n].driver.interrupts);
        assert_in_range(w.player[n].asked, 1, 2 * w.player[n].guest.stats.slices);
        assert_true(w.player[n].guest.stats.slices > 1);
        assert_true(w.player[n].driver.port[0].idle);
    }
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(w.engine[e].resets + w.engine[e].errors, 0);
    assert_int_equal(judge_violations(w.silicon.judge), 0);
    stop();
}

/* A batch of its PPGTT that starts itself again. */
static void loop_for_ever(struct ring_driver *d)
{
    struct ring_port *p = &d->port[GEN8_BCS];

    p->user_at[0] = MI_BB_START_GEN7 | MI_BB_PPGTT;
    p->user_at[1] = 0;
    ring_driver_put(d, GEN8_BCS, MI_LRI | 1);
    ring_driver_put(d, GEN8_BCS, gen8_engine_base(GEN8_BCS) + 0x228);
    ring_driver_put(d, GEN8_BCS, p->directory << 12);
    ring_driver_put(d, GEN8_BCS, MI_BB_START_GEN7 | MI_BB_PPGTT);
    ring_driver_put(d, GEN8_BCS, 0);
    ring_driver_tail(d, GEN8_BCS);
}

static void one_hangs(void **state)
{
    struct player *bad = &w.player[0];
    struct mmio_sched reset = {.kind = MMIO_SCHED_RESET, .engine = GEN8_M_BCS};

    (void)state;
    start(MS, 300 * MS);
    loop_for_ever(&bad->driver);
    for (uint64_t until = now_ns() + 30000 * MS; !w.engine[GEN8_BCS].running;) {
        assert_true(now_ns() < until);
        sched_turn();
    }
    play(2);
    ring_driver_check(&w.player[1].driver);
    nothing_counted(&w.player[1]);
    assert_int_equal(w.engine[GEN8_BCS].resets, 1);
    assert_int_equal(bad->account.count[ACCOUNT_ENGINE_HANG], 1);
    assert_true(guest_hung(&bad->guest));
    /* Its driver resets the engine, and starts again. */
    reset.seq = ++bad->driver.seq;
    assert_int_equal(lane_tx_put(&bad->driver.tx, &reset, sizeof reset), 0);
    ring_driver_start(&bad->driver, GEN8_BCS);
    play(1);
    ring_driver_check(&bad->driver);
    assert_false(guest_hung(&bad->guest));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_runs),
        cmocka_unit_test(one_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
