/* SPDX-License-Identifier: MIT */
/*
 * Real shadow contexts on softgpu's engines, submitted by small drivers that keep their books as
 * the stock one does: a list is taken once, every completion belongs to the list taken last, and
 * in the end every request has run, once. Two guests on two engines, slices of a fraction of a
 * millisecond.
 */
#include "services/sched/engine.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_driver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GUESTS  2u
#define ENGINES DRIVER_ENGINES
#define PAGE    4096u
#define MS      1000000ull

struct player {
    struct driver driver;
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct vggtt *vggtt;
    struct gtt_map *map;
    struct gtt_inval inval;
    int fd[6];
    struct lane_tx tx;
    struct lane_rx rx;
};

static struct world {
    struct silicon silicon;
    struct hw hw;
    struct arena *arena;
    struct arena_range hwsp[GEN8_ENGINES];
    struct sched_journal *journal;
    struct engine engine[ENGINES];
    struct engine_guests ring;
    struct player player[GUESTS];
} w;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

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

static void no_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    (void)ctx;
    (void)level;
    (void)pdp;
    fail_msg("root");
}

static void on_reset(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    if (engine < ENGINES)
        assert_int_equal(engine_evict(&w.engine[engine], g, driver_now()), 0);
    else
        guest_reset_done(g, engine);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    (void)g;
    (void)engine;
}

static void make_lanes(struct player *p)
{
    lane_create("up", LANE_STREAM, 64, MMIO_SCHED_LAYOUT, &p->fd[0]);
    lane_create("down", LANE_STREAM, 4, MMIO_SCHED_LAYOUT, &p->fd[3]);
    for (unsigned i = 0; i < 6; i++)
        if (i % 3)
            p->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane_producer_attach(&p->driver.tx, p->fd[0], MMIO_SCHED_LAYOUT, p->fd[1], p->fd[2]);
    lane_consumer_attach(&p->rx, p->fd[0], MMIO_SCHED_LAYOUT, p->fd[1], p->fd[2]);
    lane_producer_attach(&p->tx, p->fd[3], MMIO_SCHED_LAYOUT, p->fd[4], p->fd[5]);
    lane_consumer_attach(&p->driver.rx, p->fd[3], MMIO_SCHED_LAYOUT, p->fd[4], p->fd[5]);
}

static void make_root(struct player *p)
{
    p->map = aligned_alloc(128, sizeof *p->map);
    memset(p->map, 0, sizeof *p->map);
    p->map->root[0].level = 4;
    p->map->root[0].guest[0] = DRIVER_ROOT;
    p->map->root[0].shadow[0] = silicon_pages(&w.silicon, 1);
}

static void make_contexts(struct player *p, unsigned n, uint32_t base)
{
    const struct context_config config = {.arena = w.arena,
                                          .ops = &silicon_vmm,
                                          .vggtt = p->vggtt,
                                          .map = p->map,
                                          .low_base = base,
                                          .low_size = DRIVER_PARTITION,
                                          .account = &p->account,
                                          .number = n,
                                          .records = w.journal->guest[n].context,
                                          .need_root = no_root,
                                          .ctx = p};

    assert_int_equal(context_set_new(&config, &p->contexts), 0);
}

static void commit(void *ctx)
{
    (void)ctx;
    engines_commit(w.journal, w.engine, ENGINES, &w.ring);
}

static void make_player(unsigned n)
{
    struct player *p = &w.player[n];
    struct guest_config config = {.domid = n + 1,
                                  .weight = 1,
                                  .restart = true,
                                  .account = &p->account,
                                  .journal = &w.journal->guest[n],
                                  .inval = &p->inval,
                                  .rx = &p->rx,
                                  .tx = &p->tx,
                                  .hooks = {on_reset, on_work, commit, NULL}};

    p->vggtt = calloc(1, sizeof *p->vggtt);
    driver_init(&p->driver, &w.silicon, p->vggtt, n);
    w.journal->guest[n].state.domid = n + 1;
    for (unsigned e = 0; e < ENGINES; e++)
        w.journal->guest[n].state.engine[e].hwsp = p->driver.port[e].hwsp;
    account_init(&p->account, n + 1, "guest", &quiet);
    make_lanes(p);
    make_root(p);
    make_contexts(p, n, (n + 1) * DRIVER_PARTITION);
    config.contexts = p->contexts;
    config.map = p->map;
    guest_init(&p->guest, &config);
    w.ring.guest[w.ring.count++] = &p->guest;
}

static void make_engines(uint64_t quantum, uint64_t watchdog)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        const struct engine_config config = {.id = e,
                                             .hw = &w.hw,
                                             .guests = &w.ring,
                                             .log = &quiet,
                                             .quantum_ns = quantum,
                                             .watchdog_ns = watchdog,
                                             .commit = commit};

        engine_init(&w.engine[e], &config);
    }
}

static void start(uint64_t quantum, uint64_t watchdog)
{
    uint32_t gma[GEN8_ENGINES] = {0};

    memset(&w, 0, sizeof w);
    w.journal = calloc(1, sizeof *w.journal);
    silicon_setup(&w.silicon);
    silicon_share(&w.silicon);
    hw_init(&w.hw, &w.silicon.gpu, 0xf);
    assert_int_equal(hw_halt(&w.hw), 0);
    assert_int_equal(arena_new(&w.silicon.gpu, 2 * ARENA_BLOCK_PAGES, &w.arena), 0);
    assert_int_equal(arena_map(w.arena, 0, SCHED_GTT_MAP_PAGES, emit, NULL), 0);
    for (unsigned e = 0; e < 4; e++) {
        assert_int_equal(arena_alloc(w.arena, 1, &w.hwsp[e]), 0);
        gma[e] = w.hwsp[e].gma;
    }
    assert_int_equal(hw_up(&w.hw, gma), 0);
    make_engines(quantum, watchdog);
    for (unsigned n = 0; n < GUESTS; n++)
        make_player(n);
}

static void stop(void)
{
    hw_halt(&w.hw);
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
    arena_forget(w.arena);
    free(w.journal);
    silicon_teardown(&w.silicon);
}

/* ---- the service's loop */

static void sched_turn(void)
{
    uint32_t bits[GEN8_ENGINES];
    uint64_t now = driver_now();

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

static void play(void)
{
    uint64_t until = driver_now() + 60000 * MS;
    bool busy = true;

    while (busy) {
        assert_true(driver_now() < until);
        busy = false;
        for (unsigned n = 0; n < GUESTS; n++) {
            driver_submit(&w.player[n].driver);
            driver_events(&w.player[n].driver);
            driver_permit(&w.player[n].driver);
            busy |= !driver_done(&w.player[n].driver);
        }
        sched_turn();
    }
}

/* ---- tests */

static void books_balance(void **state)
{
    uint64_t preemptions = 0, errors = 0;

    (void)state;
    start(MS / 50, 20000 * MS);
    play();
    for (unsigned n = 0; n < GUESTS; n++) {
        struct player *p = &w.player[n];

        preemptions += p->guest.stats.preemptions;
        assert_false(guest_hung(&p->guest));
        for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
            assert_int_equal(p->account.count[i], 0);
        for (unsigned e = 0; e < ENGINES; e++)
            for (unsigned i = 0; i < DRIVER_CONTEXTS; i++)
                assert_in_range(p->driver.port[e].work[i].state[CTX_RING_HEAD],
                                p->driver.port[e].work[i].tail - 8, p->driver.port[e].work[i].tail);
    }
    for (unsigned e = 0; e < ENGINES; e++)
        errors += w.engine[e].errors + w.engine[e].resets;
    assert_int_equal(errors, 0);
    assert_true(preemptions);
    print_message("preemptions %u, submissions %u\n", (unsigned)preemptions,
                  (unsigned)(w.engine[0].submissions + w.engine[1].submissions));
    stop();
}

/* One guest loops for ever in its ring's batch; the other one's requests all run. */
static void one_hangs(void **state)
{
    struct driver *d = &w.player[0].driver;
    struct work *k;
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = GEN8_RCS, .seq = 1};

    (void)state;
    start(MS, 500 * MS); /* honest work takes less, however busy the machine */
    k = &d->port[GEN8_RCS].work[0];
    /* A semaphore that never comes true: polls, never arbitrates. */
    driver_put(d, k, 8u << 23); /* MI_ARB_ON_OFF: off */
    driver_put(d, k, 0);
    driver_put(d, k, 0x1cu << 23 | 1u << 22 | 1u << 15 | 4u << 12 | 2); /* until *mark == 99 */
    driver_put(d, k, 99);
    driver_put(d, k, k->mark);
    driver_put(d, k, 0);
    k->state[CTX_RING_TAIL] = k->tail;
    m.desc[0] = k->desc;
    assert_int_equal(lane_tx_put(&w.player[0].driver.tx, &m, sizeof m), 0);
    for (uint64_t until = driver_now() + 30000 * MS; !w.engine[GEN8_RCS].running;) {
        assert_true(driver_now() < until);
        sched_turn();
    }
    for (uint64_t until = driver_now() + 30000 * MS; !driver_done(&w.player[1].driver);) {
        assert_true(driver_now() < until);
        driver_submit(&w.player[1].driver);
        driver_events(&w.player[1].driver);
        driver_permit(&w.player[1].driver);
        sched_turn();
    }
    assert_int_equal(w.engine[GEN8_RCS].resets, 1);
    assert_int_equal(w.player[0].account.count[ACCOUNT_ENGINE_HANG], 1);
    assert_true(guest_hung(&w.player[0].guest));
    assert_false(guest_hung(&w.player[1].guest));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_balance),
        cmocka_unit_test(one_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
