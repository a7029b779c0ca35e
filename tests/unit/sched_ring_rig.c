/* SPDX-License-Identifier: MIT */
/* sched_ring_rig.c: see sched_ring_rig.h. */
#include "tests/unit/sched_ring_rig.h"

#include "services/wire/sched_gtt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct ring_rig ring_rig;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

uint64_t ring_rig_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t time_told(void)
{
    return ring_rig.time ? ring_rig.time : ring_rig_now();
}

/* ---- set-up */

static int emit(void *ctx, uint32_t first, uint32_t count, const uint64_t *dma)
{
    uint32_t start, size;

    (void)ctx;
    arena_bounds(ring_rig.arena, &start, &size);
    for (uint32_t i = 0; i < count; i++)
        silicon_ggtt(&ring_rig.silicon, start + (first + i) * PAGE, dma[i]);
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
        assert_int_equal(engine_evict(&ring_rig.engine[engine], g, time_told()), 0);
    else
        guest_reset_done(g, engine);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    (void)g;
    (void)engine;
}

void ring_rig_commit(void *ctx)
{
    (void)ctx;
    engines_commit(ring_rig.journal, ring_rig.engine, ENGINES, &ring_rig.ring);
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
    struct player *p = &ring_rig.player[n];
    struct context_config contexts = {.arena = ring_rig.arena,
                                      .ops = &silicon_vmm,
                                      .low_base = (n + 1) * RING_PARTITION,
                                      .low_size = RING_PARTITION,
                                      .account = &p->account,
                                      .number = n,
                                      .records = ring_rig.journal->guest[n].context,
                                      .need_root = on_root,
                                      .ctx = p,
                                      .rings = true,
                                      .empty_directory = DIRECTORIES};
    struct guest_config config = {.domid = n + 1,
                                  .weight = 1,
                                  .rings = true,
                                  .account = &p->account,
                                  .journal = &ring_rig.journal->guest[n],
                                  .inval = &p->inval,
                                  .rx = &p->rx,
                                  .tx = &p->tx,
                                  .hooks = {on_reset, on_work, ring_rig_commit, NULL}};

    contexts.vggtt = p->vggtt = calloc(1, sizeof *p->vggtt);
    contexts.map = config.map = p->map = aligned_alloc(128, sizeof *p->map);
    memset(p->map, 0, sizeof *p->map);
    ring_driver_init(&p->driver, &ring_rig.silicon, p->vggtt, p->map, n, DIRECTORIES + 512);
    account_init(&p->account, n + 1, "guest", &quiet);
    make_lanes(p);
    assert_int_equal(context_set_new(&contexts, &p->contexts), 0);
    config.contexts = p->contexts;
    guest_init(&p->guest, &config);
    ring_rig.ring.guest[ring_rig.ring.count++] = &p->guest;
    for (unsigned e = 0; e < ENGINES; e++)
        ring_driver_start(&p->driver, e);
}

static void make_engine(unsigned e, uint64_t quantum, uint64_t watchdog)
{
    const struct engine_config config = {.id = e,
                                         .hw = &ring_rig.hw,
                                         .guests = &ring_rig.ring,
                                         .log = &quiet,
                                         .quantum_ns = quantum,
                                         .watchdog_ns = watchdog,
                                         .commit = ring_rig_commit};

    engine_init(&ring_rig.engine[e], &config);
    engine_set_ring(&ring_rig.engine[e], &ring_rig.pages[e], &ring_rig.hwsp[e],
                    &(struct sched_journal_ring){0});
}

void ring_rig_start(uint64_t quantum, uint64_t watchdog)
{
    uint32_t gma[GEN8_ENGINES] = {0};

    memset(&ring_rig, 0, sizeof ring_rig);
    ring_rig.journal = calloc(1, sizeof *ring_rig.journal);
    silicon_setup_hsw(&ring_rig.silicon);
    silicon_share(&ring_rig.silicon);
    hw_init(&ring_rig.hw, &ring_rig.silicon.gpu, GEN8_M_RCS | GEN8_M_BCS);
    assert_int_equal(hw_halt(&ring_rig.hw), 0);
    assert_int_equal(arena_new(&ring_rig.silicon.gpu, 2 * ARENA_BLOCK_PAGES, &ring_rig.arena), 0);
    assert_int_equal(arena_map(ring_rig.arena, 0, SCHED_GTT_MAP_PAGES, emit, NULL), 0);
    for (unsigned e = 0; e < ENGINES; e++) {
        assert_int_equal(arena_alloc(ring_rig.arena, 1, &ring_rig.hwsp[e]), 0);
        assert_int_equal(arena_alloc(ring_rig.arena, HW_RING_BYTES / PAGE, &ring_rig.pages[e]), 0);
        gma[e] = ring_rig.hwsp[e].gma;
        ring_rig.hw.ring[e] = ring_rig.pages[e].gma;
        make_engine(e, quantum, watchdog);
    }
    assert_int_equal(hw_up(&ring_rig.hw, gma), 0);
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(engine_started(&ring_rig.engine[e]), 0);
    for (unsigned n = 0; n < GUESTS; n++)
        make_player(n);
}

void ring_rig_leave(struct player *p)
{
    guest_leave(&p->guest);
    ring_rig_commit(NULL);
    for (unsigned e = 0; e < ENGINES; e++) {
        assert_false(engine_uses(&ring_rig.engine[e], &p->guest));
        engine_forget(&ring_rig.engine[e], &p->guest);
    }
}

/* Nobody keeps anything. */
void ring_rig_stop(void)
{
    uint32_t ours = ENGINES * (1 + HW_RING_BYTES / PAGE);

    for (unsigned n = 0; n < GUESTS; n++)
        ring_rig_leave(&ring_rig.player[n]);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct player *p = &ring_rig.player[n];

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
    assert_int_equal(arena_free_pages(ring_rig.arena), 2 * ARENA_BLOCK_PAGES - ours);
    hw_halt(&ring_rig.hw);
    arena_forget(ring_rig.arena);
    free(ring_rig.journal);
    silicon_teardown(&ring_rig.silicon);
}

/* ---- the service's loop */

void ring_rig_turn(void)
{
    uint32_t bits[GEN8_ENGINES];
    uint64_t now = time_told();

    assert_int_equal(hw_interrupts(&ring_rig.hw, bits), 0);
    for (unsigned e = 0; e < ENGINES; e++) {
        if (bits[e])
            assert_int_equal(engine_interrupt(&ring_rig.engine[e], bits[e], now), 0);
        else if (engine_deadline(&ring_rig.engine[e], now) <= now)
            assert_int_equal(engine_tick(&ring_rig.engine[e], now), 0);
    }
    for (unsigned n = 0; n < GUESTS; n++) {
        while (guest_take(&ring_rig.player[n].guest) == GUEST_MORE)
            ;
        for (unsigned e = 0; e < ENGINES; e++)
            ring_rig.player[n].guest.engine[e].blocked = false;
    }
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(engine_kick(&ring_rig.engine[e], now), 0);
    ring_rig_commit(NULL);
    for (unsigned n = 0; n < GUESTS; n++)
        assert_int_equal(guest_flush(&ring_rig.player[n].guest), 0);
    ring_rig_commit(NULL);
}

static void show_and_fail(void)
{
    for (unsigned n = 0; n < GUESTS; n++)
        for (unsigned e = 0; e < ENGINES; e++) {
            const struct ring_port *p = &ring_rig.player[n].driver.port[e];
            const struct sched_vring *r = ring_rig.player[n].guest.engine[e].r;

            print_message("guest %u engine %u: emitted %u number %u head %#x tail %#x; given %#x "
                          "done %#x hung %u\n",
                          n, e, p->emitted, p->hwsp_at[0x40], p->head, p->tail, r->given, r->head,
                          ring_rig.player[n].guest.engine[e].v->hung);
        }
    fail_msg("not done in a minute");
}

/* Those of the mask. */
void ring_rig_play(uint32_t players)
{
    uint64_t until = ring_rig_now() + LIMIT;
    bool busy = true;

    while (busy) {
        if (ring_rig_now() > until)
            show_and_fail();
        busy = false;
        for (unsigned n = 0; n < GUESTS; n++) {
            if (!(players & 1u << n))
                continue;
            ring_driver_submit(&ring_rig.player[n].driver);
            ring_driver_events(&ring_rig.player[n].driver);
            busy |= !ring_driver_done(&ring_rig.player[n].driver);
        }
        ring_rig_turn();
    }
}

void ring_rig_nothing_counted(const struct player *p)
{
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        assert_int_equal(p->account.count[i], 0);
}
